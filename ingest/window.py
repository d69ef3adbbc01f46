"""A window on the text of a byte stream: what is read and not yet used, and the ways to move on in it."""

from __future__ import annotations

import codecs
import re
from typing import Protocol

CHUNK = 1 << 16

SPACE = re.compile("[ \t\r\n\ufeff]*")
STRUCTURE = re.compile(r'[\\"{}\[\]\n]')


class ByteStream(Protocol):
    """What is read from: a file, plain or unzipped."""

    def read1(self, size: int = -1, /) -> bytes: ...

    def readline(self, size: int = -1, /) -> bytes: ...


class Window:
    """``text[pos:]`` is not yet used; ``line`` (1-based) is the line of ``pos``, ``indent`` the blanks before it.

    Bytes that are not UTF-8 stand in the text as lone surrogates.
    """

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self.text, self.pos, self.line = "", 0, 1
        self.indent: str | None = ""
        self.ended = False

    def more(self) -> bool:
        """Reads on, dropping what is used; false at the end of the stream."""
        if self.ended:
            return False
        chunk = self.stream.read1(max(CHUNK, len(self.text) - self.pos))  # what stands before damage comes first
        self.ended = not chunk
        self.text = self.text[self.pos :] + self.decode(chunk, self.ended)
        self.pos = 0
        return True

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
