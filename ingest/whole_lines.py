"""How much of a file that is being written can be loaded now: its whole lines, all of it, or nothing yet."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ingest.documents import read_head
from ingest.formats import claude_code, detect
from store.unpacked import packed

# seconds at most that a file being written is waited for, where it pays
FOR_A_LINE_END, FOR_A_DOCUMENT, FOR_A_PACKED_FILE = 1.0, 10.0, 60.0
_LONGEST = 16 << 20  # bytes: a longer last line is not looked into
_GLANCE, _HEAD = 1 << 16, 16 * 1024
_ONLY_CLOSERS = re.compile(rb"[\s\]}]+")


class Now(Enum):
    """What to do with a file."""

    NOTHING = "there is nothing new in it"
    LATER = "look again in a moment"
    LINES = "load its whole lines"
    ALL = "load all of it"


@dataclass(frozen=True)
class State:
    """A file's size and where its last whole line ends, in bytes; ``end`` is None for one that is packed."""

    bytes: int
    end: int | None


@dataclass(frozen=True)
class Waiting:
    """How long a file has been waited for since it changed, and for how long it has been left alone; in seconds."""

    waited: float
    quiet: bool

    def enough(self, seconds: float) -> bool:
        return self.quiet or self.waited >= seconds


def judged(path: Path, size: int, before: State | None, waiting: Waiting) -> tuple[Now, State]:
    """What to do with a file of ``size`` bytes that was in a state ``before``, and its state now. Raises OSError.

    Lines of JSON are loaded at once. Waited for, until nothing is written for a moment: packed files, documents of many
    lines, and a last line that may be whole though its line end is missing.
    """
    if packed(path):
        return Now.ALL if waiting.enough(FOR_A_PACKED_FILE) else Now.LATER, State(size, None)
    grown = before is not None and before.end is not None and size > before.bytes
    known, looked_at = (before.end or 0, before.bytes) if before and grown else (0, 0)
    end = _last_line_end(path, looked_at, size) or known
    state = State(size, end)
    if _may_end(path, end, size):
        if not waiting.enough(FOR_A_LINE_END):
            return Now.LATER, state
        if size - end > _LONGEST or _is_closed(_read(path, end, size)):
            return Now.ALL, state
    if end == known:
        return Now.NOTHING, state
    if waiting.quiet and size == end:
        return Now.ALL, state
    return Now.LINES if waiting.enough(FOR_A_DOCUMENT) or _is_line_of_json(path, end) else Now.LATER, state


def is_log(path: Path) -> bool:
    """Is a file that was not named itself of a format we know, as a load would find? Raises OSError."""
    with path.open("rb") as file:
        if claude_code.glance(file.read(_GLANCE)):
            return True
    return any(detect(read_head(path, *limit)) is not None for limit in ((_HEAD,), ()))


def _may_end(path: Path, end: int, size: int) -> bool:
    return size > end and _read(path, max(end, size - 64), size).rstrip().endswith((b"}", b"]"))


def _is_closed(tail: bytes) -> bool:
    """Is what stands behind the last line end a whole value, or the end of one?"""
    if _ONLY_CLOSERS.fullmatch(tail):
        return True
    return _value(tail) is not None


def _is_line_of_json(path: Path, end: int) -> bool:
    """Is the line that ends there an object or a list, as in a log of lines, rather than a part of one?"""
    lowest = max(0, end - _LONGEST)
    start = _last_line_end(path, lowest, end - 1) or lowest
    return bool(_value(_read(path, start, end)))


def _value(text: bytes) -> dict[str, object] | list[object] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _read(path: Path, start: int, stop: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(stop - start)


def _last_line_end(path: Path, start: int, stop: int) -> int:
    """Where the last line that ends between two bytes of a file does; 0 if none does."""
    with path.open("rb") as file:
        step = 1 << 12
        while stop > start:
            begin = max(start, stop - step)
            step = 1 << 20
            file.seek(begin)
            found = file.read(stop - begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            stop = begin
    return 0
