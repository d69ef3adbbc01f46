"""JSON values out of a byte stream, one at a time: one a line, concatenated, pretty-printed, or in one list."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.record import Rejected
from ingest.window import SPACE, ByteStream, Window

MAX_BYTES = 16 * 1024 * 1024
SHOWN = 4096  # bytes kept of a value that could not be read

REST_OF_LINE = re.compile("[ \t\r]*")
# what a cut may leave of a number, of true, false or null, or of an escape
BEGUN = re.compile(r"-|\.|[eE][+-]?|t(ru?)?|f(a(ls?)?)?|n(ul?)?|\\|u[0-9a-fA-F]{0,3}")
BROKEN = re.compile("[\udc80-\udcff]")
# a whole surrogate pair, or (as the group) half of one, or any other escape
ESCAPES = re.compile(r"\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|(\\u[dD][89a-fA-F]\w\w)|\\.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Document:
    """One value of a log: its first line (1-based), its exact bytes, and the value or why there is none."""

    line: int
    raw: bytes
    value: object


def without_halves(source: str) -> str:
    """JSON in which each half of a surrogate pair is a question mark, for it is no character and cannot be kept."""
    if "\\ud" not in source and "\\uD" not in source:
        return source
    return ESCAPES.sub(lambda escape: "?" if escape[1] else escape[0], source)


def not_json(problem: str) -> str:
    """The reason for what the JSON parser complains of; where, stands in what was found."""
    return f"not JSON: {problem[:1].lower()}{problem[1:].removesuffix(' at').removesuffix(' starting')}"


def is_cut_off(text: str, pos: int, at: int, end: int, problem: str) -> bool:
    """Is ``text[pos:end]``, wrong at ``at``, an object or a list of which the rest is missing?"""
    if text[pos : pos + 1] not in ("{", "["):
        return False
    if at >= end or problem.startswith("Unterminated"):
        return True
    return end - at < 32 and bool(BEGUN.fullmatch(text[at:end].rstrip()))


def rejected(line: int, raw: bytes, *, found: str, reason: str, advice: str) -> Document:
    """A document that could not be read."""
    return Document(line, raw, Rejected(field=None, found=found, reason=reason, advice=advice))


def documents_of_json(stream: ByteStream, max_bytes: int) -> Iterator[Document]:
    """The values of a stream. After a bad value reading goes on where the next one begins."""
    return _Values(stream, max_bytes).documents()


class _Values(Window):
    def __init__(self, stream: ByteStream, max_bytes: int) -> None:
        super().__init__(stream)
        self.max_bytes = max_bytes
        self.constants: list[str] = []
        self.scan = json.JSONDecoder(parse_constant=self.constants.append).scan_once  # type: ignore[attr-defined]
        self.in_list = False

    def documents(self) -> Iterator[Document]:
        while True:
            yield from self._lines()
            if not self.skip_space():
                break
            self.narrow()
            if not self._enters_or_leaves_list():
                yield self._value()
        if self.in_list:
            advice = "Copy the file again; the values before are loaded."
            yield rejected(self.line, b"", found="end of file", reason="the file ends inside its list", advice=advice)

    def _lines(self) -> Iterator[Document]:
        """The quick path: good objects, each followed by a line break, as long as they last."""
        text, pos, line, scan, constants = self.text, self.pos, self.line, self.scan, self.constants
        try:
            while text[pos] == "{":
                value, end = scan(text, pos)
                after = end if text[end] != "\r" else end + 1
                if text[after] != "\n" or constants or end - pos > self.max_bytes:
                    break
                raw = text[pos:end].encode()
                if b"\\ud" in raw or b"\\uD" in raw:
                    value = scan(without_halves(raw.decode()), 0)[0]
                yield Document(line, raw, value)
                line += text.count("\n", pos, after) + 1
                pos = after + 1
                self.pos, self.line = pos, line
        except (StopIteration, ValueError, IndexError, RecursionError):
            pass

    def _enters_or_leaves_list(self) -> bool:
        mark = self.text[self.pos]
        if self.in_list and mark in ",]":
            self.in_list = mark == ","
        elif not self.in_list and mark == "[" and self._list_of_objects():
            self.in_list = True
            self.indent = None
        else:
            return False
        self.pos += 1
        return True

    def _list_of_objects(self) -> bool:
        while True:
            first = SPACE.match(self.text, self.pos + 1).end()  # type: ignore[union-attr]
            if first < len(self.text):
                return self.text[first] in "{]"
            if not self.more():
                return False

    def _value(self) -> Document:
        while True:
            self.constants.clear()
            try:
                value, end = self.scan(self.text, self.pos)
            except StopIteration as stop:
                problem, at = "Expecting value", int(stop.value)
                cut = at + 12 >= len(self.text)
            except json.JSONDecodeError as error:
                problem, at = error.msg, error.pos
                cut = at + 12 >= len(self.text) or problem.startswith("Unterminated")
            except RecursionError:
                return self._bad(self.pos, NESTED, found="a value inside hundreds of others")
            except ValueError:
                return self._bad(self.pos, LONG_NUMBER, found="a number too long to read")
            else:
                if end < len(self.text) or self.ended:
                    return self._checked(value, end)
                cut = True
            if cut and len(self.text) - self.pos > self.max_bytes:
                return self._bad(self.pos, *self._too_large())
            if not cut or not self.more():
                return self._unreadable(problem, at)

    def _too_large(self) -> tuple[str, str]:
        size = len(self.text) - self.pos
        return f"longer than {self.max_bytes:,} bytes", f"{size:,} characters so far"

    def _checked(self, value: object, end: int) -> Document:
        """A value that could be read, unless what is in it or after it makes it a bad one."""
        while (after := REST_OF_LINE.match(self.text, end).end()) == len(self.text) and not self.ended:  # type: ignore[union-attr]
            end -= self.pos
            self.more()
        follower = self.text[after : after + 1]
        if follower not in ("", "\n", "{") and not (self.in_list and follower in ",]"):
            if isinstance(value, (dict, list)):
                return self._bad(after, TRAILING)
            return self._unreadable("Expecting value", self.pos)
        return self._taken(value, end)

    def _taken(self, value: object, end: int) -> Document:
        line, source = self.line, self.text[self.pos : end]
        self.line += source.count("\n")
        self.pos = end
        try:
            raw = source.encode()
        except UnicodeEncodeError as error:
            raw = source.encode("utf-8", "surrogateescape")
            return rejected(line, raw[:SHOWN], found=_byte(source, error.start), reason=NOT_UTF8, advice=UTF8_ADVICE)
        if self.constants:
            found, reason = self.constants[0], "a number that JSON does not have"
            return rejected(line, raw, found=found, reason=reason, advice="Log a number, or null where there is none.")
        if len(raw) > self.max_bytes:
            found, reason = f"{len(raw):,} bytes", f"longer than {self.max_bytes:,} bytes"
            return rejected(line, raw[:SHOWN], found=found, reason=reason, advice=ADVICE)
        if (whole := without_halves(source)) is not source:
            value = self.scan(whole, 0)[0]
        return Document(line, raw, value)

    def _unreadable(self, problem: str, at: int) -> Document:
        """A value that is not JSON, at ``text[at]``."""
        end = self.text.find("\n", self.pos)
        end = len(self.text) if end < 0 else end
        broken = BROKEN.search(self.text, self.pos, min(end, at + SHOWN))
        if broken:
            return self._bad(at, NOT_UTF8, found=_byte(self.text, broken.start()), advice=UTF8_ADVICE)
        if is_cut_off(self.text, self.pos, at, end, problem):
            found = "end of line" if end < len(self.text) else "end of file"
            return self._bad(at, CUT_OFF, found=found)
        return self._bad(at, not_json(problem))

    def _bad(self, at: int, reason: str, found: str | None = None, advice: str | None = None) -> Document:
        line, raw = self.line, self.text[self.pos : self.pos + SHOWN].split("\n", 1)[0]
        found = found or f"{self.text[at : at + 1]!r} at column {at - self.pos + 1}"
        self._resync(at, whole_line=reason == TRAILING and not self.in_list)
        bytes_ = raw.encode("utf-8", "surrogateescape").rstrip()
        return rejected(line, bytes_, found=found, reason=reason, advice=advice or ADVICE)

    def _resync(self, at: int, *, whole_line: bool) -> None:
        """To where the next value may begin, after a bad one at ``pos`` whose fault is at ``text[at]``."""
        nested = self.text[self.pos] in "{["
        end = self.text.find("\n", self.pos)
        one_line = whole_line or not nested
        if end < 0 and not one_line:
            if self.skip_nested():
                return
        elif not one_line and at <= end:
            one_line = self.text[self.pos : end].rstrip()[-1:] in ("},]" if self.in_list else "}]")
        while self.next_line() and not one_line and not self._begins_value():
            pass

    def _begins_value(self) -> bool:
        """Does the line at ``pos`` begin a value, and not go on with the bad one?"""
        while (start := REST_OF_LINE.match(self.text, self.pos).end()) == len(self.text):  # type: ignore[union-attr]
            if not self.more():
                return True
        mark, indent = self.text[start], self.text[self.pos : start]
        if self.in_list:
            return mark == "{" and self.indent in (None, indent)
        return not indent and mark not in '}]",\n'


TRAILING = "more text after the value"
CUT_OFF = "the value is cut off"
NESTED = "nested too deeply"
LONG_NUMBER = "a number of thousands of digits"
NOT_UTF8 = "not valid UTF-8"
UTF8_ADVICE = "Write the log as UTF-8."
ADVICE = "Write each record as one JSON object on a line of its own."


def _byte(text: str, at: int) -> str:
    return f"byte 0x{ord(text[at]) - 0xDC00:02x}"
