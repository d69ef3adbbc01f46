"""Damaged logs: the samples of every format with values, lines and bytes changed, as hypothesis draws it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from hypothesis import strategies as st

from ingest.documents import read_documents
from tests.ingest.formats.reading import CORPORA

SECRET = "xyzzy the secret prompt"  # stands where prompts and answers stand, and nowhere else
SAMPLES = sorted(path.name for path in CORPORA.iterdir() if path.is_file())

TIMES = ('"2026-11-18T09:00:00Z"', '"2026-13-18"', "0", "1794992400", "1794992400250000000000", '"1e999999999"')
COUNTS = ("0", "-1", "1", "1.5", "100000000", "100000001", "9223372036854775807", "9223372036854775808", "9" * 400)
NUMBERS = ("-0", "1e2", "1e400", "-1e400", "1e-300", "NaN", "-Infinity", "9" * 5000)
TEXTS = ('""', '" "', '"x"', '"12"', '"-1"', '"NaN"', '"null"', '"msg_1"', '"req_1"', '"' + "x" * 5000 + '"')
ODD_TEXTS = (
    '"\\ud83d"',
    '"\\ud83d\\ude00"',
    '"\\u0000"',
    '"\\u001b[31m"',
    '"\\u202e"',
    '"é"',
    '"a\\nb"',
    '"{"',
    '"[]"',
)
OTHERS = ("null", "true", "false", "[]", "{}", "[[]]", "[null]", '{"a":1}', '{"type":"message"}', '[{"type":[]}]')
DEEP = "[" * 300 + "]" * 300
ODD = (*TIMES, *COUNTS, *NUMBERS, *TEXTS, *ODD_TEXTS, *OTHERS, DEEP)
BYTES = b'\x00\xff\xc3\xed\xef"\\{}[],:\n\r\t 0-eE.x'
INDENTED = 2


@dataclass(frozen=True)
class Log:
    """A damaged log. ``mixed``: pieces of it were moved so that a text may stand in another field than it did."""

    content: bytes
    mixed: bool


class Pairs(list[tuple[str, Any]]):
    """An object of JSON, whose names may stand in it twice."""


class Raw(str):
    """A value as it is written."""


@cache
def pieces(sample: str) -> tuple[str, ...]:
    """The lines of a sample of events, else its values as they are written, with prompts in them."""
    path = CORPORA / sample
    text = path.read_text(encoding="utf-8-sig").replace("…", SECRET)
    if text.startswith(("event:", "data:")):
        return tuple(text.split("\n"))
    values = [document.raw.decode().replace("…", SECRET) for document in read_documents(path)]
    return tuple(_with_prompt(value) for value in values)


def _with_prompt(text: str) -> str:
    value = json.loads(text, object_pairs_hook=Pairs)
    assert isinstance(value, Pairs)
    prompt = Pairs([("role", "user"), ("content", SECRET)])
    return written(Pairs([*value, ("messages", [prompt]), ("text", SECRET)]), INDENTED if "\n" in text else 0)


def written(value: Any, indent: int = 0, depth: int = 1) -> str:
    """A value as JSON, over several lines if it is to be indented."""
    if isinstance(value, Raw):
        return value
    if not isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    start, end = ("{", "}") if isinstance(value, Pairs) else ("[", "]")
    between = "\n" + " " * indent * depth if indent and value else ""
    inner = [_item(item, indent, depth) for item in value]
    return start + between + f",{between}".join(inner) + between[: len(between) - indent] + end


def _item(item: Any, indent: int, depth: int) -> str:
    if isinstance(item, tuple):
        return f"{json.dumps(item[0])}:{written(item[1], indent, depth + 1)}"
    return written(item, indent, depth + 1)


Place = tuple[int, ...]


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """Where there are values in a value: the number of each item on the way."""
    for number, item in enumerate(value if isinstance(value, list) else ()):
        yield (*above, number)
        yield from places(_inner(item), (*above, number))


@st.composite
def damaged(draw: st.DrawFn, sample: str) -> Log:
    """A sample with some values, lines and bytes changed."""
    lines = list(pieces(sample))
    for _ in range(draw(st.integers(0, 3))):
        number = draw(st.integers(0, len(lines) - 1))
        lines[number] = _changed_line(draw, lines[number])
    lines, ends = _changed_lines(draw, lines)
    if lines and draw(st.integers(0, 9)) == 0 and not lines[0].startswith(("event:", "data:")):
        lines, ends = ["[", *lines, "]"], ["", *([",\n"] * (len(lines) - 1)), "", ""]
    content = "".join(line + end for line, end in zip(lines, ends, strict=True)).encode("utf-8", "surrogatepass")
    mixed = False
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        content, moved = _changed_bytes(draw, content)
        mixed = mixed or moved
    if draw(st.integers(0, 9)) == 0:
        content = gzip.compress(content, mtime=0)
        content = content[: len(content) - draw(st.sampled_from([0, 1, 8, 20]))]
    return Log(content, mixed)


def _changed_line(draw: st.DrawFn, line: str) -> str:
    start = "data: " if line.startswith("data: ") else ""
    text = line.removeprefix(start)
    value = _parsed(text)
    if value is None:
        return line
    return start + written(_changed(draw, value), INDENTED if "\n" in text else 0)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=Pairs)
    except ValueError:
        return None


def _changed(draw: st.DrawFn, value: Any) -> Any:
    """A value with one of the values in it changed, or left out, or repeated."""
    found = list(places(value))
    if not found:
        return Raw(draw(st.sampled_from(ODD)))
    *way, last = draw(st.sampled_from(found))
    holder = value
    for number in way:
        holder = _inner(holder[number])
    item = holder[last]
    how = draw(st.sampled_from(["odd", "odd", "odd", "drop", "repeat", "wrap", "text"]))
    if how == "drop":
        del holder[last]
    elif how == "repeat":
        holder.insert(last + 1, _with(item, Raw(draw(st.sampled_from(ODD)))) if draw(st.booleans()) else item)
    else:
        holder[last] = _with(item, _other(draw, _inner(item), how))
    return value


def _other(draw: st.DrawFn, value: Any, how: str) -> Any:
    inside = _parsed(value) if isinstance(value, str) and value.startswith(("{", "[")) else None
    if inside is not None and draw(st.booleans()):
        return written(_changed(draw, inside))
    if how == "wrap":
        return [value] if draw(st.booleans()) else Pairs([("value", value)])
    if how == "text":
        return value if isinstance(value, str) else written(value)
    return Raw(draw(st.sampled_from(ODD)))


def _inner(item: Any) -> Any:
    return item[1] if isinstance(item, tuple) else item


def _with(item: Any, value: Any) -> Any:
    return (item[0], value) if isinstance(item, tuple) else value


def _changed_lines(draw: st.DrawFn, lines: list[str]) -> tuple[list[str], list[str]]:
    """Lines shuffled, repeated, left out or cut, and how each ends."""
    how = draw(st.sampled_from(["as it is", "as it is", "shuffle", "repeat", "drop", "cut"]))
    if how == "shuffle":
        lines = draw(st.permutations(lines))
    elif lines and how != "as it is":
        number = draw(st.integers(0, len(lines) - 1))
        line = lines[number]
        some = {"repeat": [line, line], "drop": []}.get(how, [line[: draw(st.integers(0, len(line)))]])
        lines = [*lines[:number], *some, *lines[number + 1 :]]
    end = draw(st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n"]))
    ends = [end] * len(lines)
    if ends and draw(st.integers(0, 4)) == 0:
        ends[draw(st.integers(0, len(ends) - 1))] = draw(st.sampled_from(["", " ", ",", "\r", ",\n", "\x00"]))
    return list(lines), ends


def _changed_bytes(draw: st.DrawFn, content: bytes) -> tuple[bytes, bool]:
    """Content with a byte or a stretch of it changed, and whether what is left may have come together anew."""
    at = draw(st.integers(0, len(content)))
    how = draw(st.sampled_from(["flip", "delete", "insert", "truncate", "zero", "repeat", "remove"]))
    if how == "insert":
        return content[:at] + bytes([draw(st.sampled_from(BYTES))]) + content[at:], False
    if how == "truncate":
        return content[:at], False
    end = at + (draw(st.integers(1, 200)) if how in ("zero", "repeat", "remove") else 1)
    stretch = content[at:end]
    if how == "flip":
        other = bytes(byte ^ (1 << draw(st.integers(0, 7))) for byte in stretch)
    else:
        other = {"zero": bytes(len(stretch)), "repeat": stretch * 2}.get(how, b"")
    return content[:at] + other + content[end:], how in ("repeat", "remove")
