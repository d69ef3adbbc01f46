"""JSON to values, by the SDK's own quick parser where it is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def _parser() -> Callable[[bytes], Any]:
    """Sought at the first text: it takes long to import."""
    try:
        from jiter import from_json
    except ImportError:
        return json.loads
    return from_json


def parsed(text: bytes) -> Any:
    """The value of a JSON text. Raises ``ValueError``."""
    return _parser()(text)


def parsed_object(text: bytes) -> dict[str, Any] | None:
    """A JSON object, ``None`` for anything else."""
    try:
        value = parsed(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
