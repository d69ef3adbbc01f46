"""Reading takes work in proportion to what is read, whatever it is: counted in characters looked at, not in time."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from ingest import window
from ingest.event_stream import documents_of_events
from ingest.json_values import _Values

CHUNK = 256
SIZE = 32 * CHUNK
# Left out: lists begun on each line and never ended. Each is read as deep as values may be nested.
UNITS = [
    *(b'{"a":tru}', b'{"a":tru},', b'{"a":1}', b'{"a":1},', b'{"a":1} x', b'{"a":1}}', b'{"a":NaN}', b'{"a":\xff}'),
    *(b'{"a":"', b'{"a":', b"{", b"[", b"[{", b'"', b"\\", b"}", b"[1],", b"nul", b"\0", b" ", b"\n", b"\xef\xbb\xbf"),
    *(b"{\n", b'{"a":"\n', b'{"a":1}}\n', b"  {\n", b"x\n", b'{"a":"\\ud800"}', b'{"a":1,\n', b"{}", b"[]", b"1\n"),
]
HEADS = [b"", b"[", b'{"a":"LONG"}', b'[{"a":"LONG"},']


class Looked(str):
    """A text that counts how many of its characters are looked at."""

    total = 0

    def find(self, part: Any, start: Any = 0, end: Any = None, /) -> int:
        found = super().find(part, start, end)
        Looked.total += (len(self) if found < 0 else found) - start
        return found

    def count(self, part: Any, start: Any = 0, end: Any = None, /) -> int:
        Looked.total += (len(self) if end is None else end) - start
        return super().count(part, start, end)

    def __getitem__(self, key: Any, /) -> str:
        found = super().__getitem__(key)
        Looked.total += len(found)
        return found


class Counting(_Values):
    """Reads values, and counts what it looks at."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), 1 << 24)
        self._scan, self.scan = self.scan, self.counted

    def counted(self, text: str, pos: int) -> tuple[object, int]:
        try:
            value, end = self._scan(text, pos)
        except json.JSONDecodeError as error:
            Looked.total += error.pos - pos
            raise
        Looked.total += end - pos
        return value, end

    def more(self) -> bool:
        read = super().more()
        Looked.total += len(self.text)
        self.text = Looked(self.text)
        return read

    def narrow(self) -> None:
        super().narrow()
        self.text = Looked(self.text)


def looked_at(data: bytes) -> int:
    """How many characters are looked at to read all values."""
    Looked.total = 0
    assert sum(1 for _ in Counting(data).documents()) >= 0
    return Looked.total


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("head", HEADS)
def test_twice_as_much_takes_twice_the_work(monkeypatch: pytest.MonkeyPatch, head: bytes, unit: bytes) -> None:
    monkeypatch.setattr(window, "CHUNK", CHUNK)
    logs = [head.replace(b"LONG", b"x" * size) + unit * (size // len(unit)) for size in (SIZE, 2 * SIZE)]
    once, twice = map(looked_at, logs)
    assert once >= SIZE // 3
    assert twice <= 2.2 * once


class Lines(io.BytesIO):
    """A stream that counts what is asked of it."""

    asked = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        self.asked += 1
        return super().readline(size)


@pytest.mark.parametrize(
    "unit", [b"data: {\n", b'data: "x', b"data:\r", b": \n", b"\n", b"data: [\n", b"x", b"event: x\r"]
)
def test_of_events_every_byte_is_read_once(unit: bytes) -> None:
    data = unit * (SIZE // len(unit))
    stream = Lines(data)
    documents = list(documents_of_events(stream, CHUNK))
    assert stream.tell() == len(data)
    assert stream.asked <= data.count(b"\n") + len(data) // CHUNK + 2
    assert len(documents) <= SIZE // len(unit)
