"""JSON to values, by the SDK's own quick parser where it is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_quick: Callable[..., Any] | None = None
_sought = False


def parsed(text: bytes) -> Any:
    """The value of a JSON text. Raises ``ValueError``."""
    global _quick, _sought
    if not _sought:
        try:
            from jiter import from_json as _quick
        except ImportError:
            _quick = None
        _sought = True
    return json.loads(text) if _quick is None else _quick(text)


def parsed_object(text: bytes) -> dict[str, Any] | None:
    """A JSON object, ``None`` for anything else."""
    try:
        value = parsed(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
