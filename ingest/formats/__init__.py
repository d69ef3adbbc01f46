"""The log formats that can be read, in the order in which a file is tried for them."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from ingest.formats import (
    batch_results,
    bedrock,
    claude_code,
    helicone,
    home_made,
    langfuse,
    litellm,
    messages_api,
    otlp,
    stream_events,
    usage_record,
    vertex,
)
from ingest.formats.reading import Format, Reader, ReadOptions, WrongFormat, entries_of, record_of

__all__ = [
    "FORMATS",
    "Format",
    "ReadOptions",
    "Reader",
    "WrongFormat",
    "by_name",
    "claude_code",
    "detect",
    "entries_of",
    "home_made",
    "record_of",
]

FORMATS: Sequence[Format] = (
    usage_record,
    claude_code,
    otlp,
    bedrock,
    vertex,
    litellm,
    langfuse,
    helicone,
    batch_results,
    stream_events,
    messages_api,
    home_made,
)


def detect(values: list[object]) -> Format | None:
    """The format of a file by its first values."""
    return next((format_ for format_ in FORMATS if format_.recognises(values)), None)


def by_name(name: str) -> Format:
    """The format of a name. Raises ``WrongFormat`` naming the nearest one."""
    names = {format_.NAME: format_ for format_ in FORMATS}
    key = name.strip().lower().replace("-", "_")
    if key in names:
        return names[key]
    near = get_close_matches(key, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(names)}."
    raise WrongFormat(f"no log format is called {name!r}; {hint}")
