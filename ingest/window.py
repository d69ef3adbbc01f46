"""A window on the text of a byte stream: what is read and not yet used, and the ways to move on in it."""

from __future__ import annotations

import codecs
import re
from typing import Protocol

from store.unpacked import Damaged

CHUNK = 1 << 16

SPACE = re.compile("[ \t\r\n\v\f\ufeff]*")
STRUCTURE = re.compile(r'[\\"{}\[\]\n]')


class ByteStream(Protocol):
    """What is read from: a file, plain or unzipped."""

    def read1(self, size: int = -1, /) -> bytes: ...

    def readline(self, size: int = -1, /) -> bytes: ...


class Window:
    """``text[pos:]`` is not yet used; ``line`` (1-based) is the line of ``pos``, ``indent`` the blanks before it.

    Bytes that are not UTF-8 stand in the text as lone surrogates. ``ended``: nothing comes after the text.
    """

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self.text, self.pos, self.line = "", 0, 1
        self.indent: str | None = ""
        self.ended = False
        self._ahead: list[tuple[str, int]] = []  # read and set aside, the next last: a text, and how much of it is used
        self._damage: Damaged | None = None

    def more(self) -> bool:
        """Reads on, dropping what is used; false at the end of the stream."""
        if self.ended:
            return False
        size = max(CHUNK, len(self.text) - self.pos)
        if self._ahead:
            text, used = self._ahead.pop()
            if used + size < len(text):
                self._ahead.append((text, used + size))
            further = text[used : used + size]
        else:
            chunk = self._read(size)
            self.ended = not chunk
            further = self.decode(chunk, self.ended)
        self.text = self.text[self.pos :] + further
        self.pos = 0
        return True

    def _read(self, size: int) -> bytes:
        """So many bytes, fewer at the end; what stands before damage comes before it is raised."""
        if self._damage:
            raise self._damage
        found = bytearray()
        while len(found) < size:
            try:
                chunk = self.stream.read1(size - len(found))
            except Damaged as damaged:
                self._damage = damaged
                if not found:
                    raise
                break
            if not chunk:
                break
            found += chunk
        return bytes(found)

    def narrow(self) -> None:
        """Drops what is used and sets aside what stands far ahead: behind a long value nobody is to look through it."""
        if len(self.text) - self.pos > 4 * CHUNK:
            self._ahead.append((self.text, self.pos + CHUNK))
            self.text = self.text[self.pos : self.pos + CHUNK]
            self.pos, self.ended = 0, False
        elif self.pos > CHUNK:
            self.text, self.pos = self.text[self.pos :], 0

    def skip_space(self) -> bool:
        """To the next value; false if there is none."""
        while True:
            start = SPACE.match(self.text, self.pos).end()  # type: ignore[union-attr]
            breaks = self.text.count("\n", self.pos, start)
            if breaks:
                self.indent = self.text[self.text.rfind("\n", self.pos, start) + 1 : start]
            self.line += breaks
            self.pos = start
            if start < len(self.text):
                return True
            if not self.more():
                return False

    def next_line(self) -> bool:
        """To the beginning of the next line; false if this is the last."""
        while (end := self.text.find("\n", self.pos)) < 0:
            self.pos = len(self.text)
            if not self.more():
                return False
        self.pos = end + 1
        self.line += 1
        return True

    def skip_nested(self) -> bool:
        """Past the closing bracket of the value at ``pos``; false if its line or the file ends before."""
        depth, in_string, skip = 0, False, -1
        while True:
            for match in STRUCTURE.finditer(self.text, self.pos):
                at, mark = match.start(), match.group()
                if at == skip:
                    continue
                if mark == "\n":
                    self.pos = at
                    return False
                if in_string:
                    in_string = mark != '"'
                    skip = at + 1 if mark == "\\" else skip
                elif mark == '"':
                    in_string = True
                elif mark != "\\":
                    depth += 1 if mark in "{[" else -1
                    if depth <= 0:
                        self.pos = at + 1
                        return True
            skip = 0 if skip == len(self.text) else -1
            self.pos = len(self.text)
            if not self.more():
                return False
