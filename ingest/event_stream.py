"""Server-sent events as text (``event:`` and ``data:`` lines): each data line is a value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from ingest.json_values import (
    CUT_OFF,
    LONG_NUMBER,
    NESTED,
    NOT_UTF8,
    TRAILING,
    UTF8_ADVICE,
    Document,
    is_cut_off,
    not_json,
    rejected,
    without_halves,
)
from ingest.window import ByteStream

OTHER_FIELDS = (b"event:", b"id:", b"retry:", b":")
ADVICE = "Log the events as they came, each data field on one line."


def documents_of_events(stream: ByteStream, max_bytes: int) -> Iterator[Document]:
    """The values of the data lines; names, ids, comments and blank lines are not counted."""
    number = 0
    while line := stream.readline(max_bytes + 8):
        number += 1
        whole = line.endswith(b"\n") or len(line) < max_bytes + 8
        while not whole:
            whole = (rest := stream.readline(1 << 20)).endswith(b"\n") or not rest
            if whole:
                reason = f"longer than {max_bytes:,} bytes"
                yield rejected(number, line[:4096], found="a longer line", reason=reason, advice=ADVICE)
                line = b""
        for part in line.removeprefix(b"\xef\xbb\xbf").split(b"\r"):  # which may end a line alone
            part = part.strip()
            data = part.removeprefix(b"data:").lstrip()
            if part and not part.startswith(OTHER_FIELDS) and data not in (b"", b"[DONE]"):
                yield _document(number, part, data)


def _document(number: int, line: bytes, data: bytes) -> Document:
    value = _value(data) if line.startswith((b"data:", b"{")) else NO_EVENT
    if isinstance(value, _Problem):
        return rejected(number, data[:4096], found=value.found, reason=value.reason, advice=value.advice)
    return Document(number, data, value)


class _Problem(NamedTuple):
    found: str
    reason: str
    advice: str = ADVICE


NO_EVENT = _Problem("a line of another kind", "not a server-sent event")


def _value(data: bytes) -> object:
    """The value of a data field, or what is wrong with it."""
    constants: list[str] = []
    try:
        text = without_halves(data.decode())
        value: object = json.loads(text, parse_constant=constants.append)
    except UnicodeDecodeError as error:
        return _Problem(f"byte 0x{data[error.start]:02x}", NOT_UTF8, UTF8_ADVICE)
    except json.JSONDecodeError as error:
        if is_cut_off(error.doc, 0, error.pos, len(error.doc), error.msg):
            return _Problem("end of line", CUT_OFF)
        reason = TRAILING if error.msg == "Extra data" else not_json(error.msg)
        return _Problem(f"column {error.colno}", reason)
    except RecursionError:
        return _Problem("a value inside hundreds of others", NESTED)
    except ValueError:
        return _Problem("a number too long to read", LONG_NUMBER)
    return _Problem(constants[0], "a number that JSON does not have") if constants else value
