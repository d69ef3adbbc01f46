"""Server-sent events as text (``event:`` and ``data:`` lines): each data line is a value."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ingest.json_values import NOT_UTF8, UTF8_ADVICE, Document, rejected
from ingest.window import ByteStream

OTHER_FIELDS = (b"event:", b"id:", b"retry:", b":")
ADVICE = "Log the events as they came, each data field on one line."


def documents_of_events(stream: ByteStream, max_bytes: int) -> Iterator[Document]:
    """The values of the data lines; names, ids, comments and blank lines are not counted."""
    number = 0
    while line := stream.readline(max_bytes + 8):
        number += 1
        whole = line.endswith(b"\n") or len(line) < max_bytes + 8
        line = line.removeprefix(b"\xef\xbb\xbf").strip()
        while not whole:
            whole = (rest := stream.readline(1 << 20)).endswith(b"\n") or not rest
            if whole:
                reason = f"longer than {max_bytes:,} bytes"
                yield rejected(number, line[:4096], found="a longer line", reason=reason, advice=ADVICE)
                line = b""
        data = line.removeprefix(b"data:").lstrip()
        if line and not line.startswith(OTHER_FIELDS) and data not in (b"", b"[DONE]"):
            yield _document(number, line, data)


def _document(number: int, line: bytes, data: bytes) -> Document:
    if not line.startswith((b"data:", b"{")):
        found = "a line of another kind"
        return rejected(number, line[:4096], found=found, reason="not a server-sent event", advice=ADVICE)
    constants: list[str] = []
    try:
        value = json.loads(data.decode(), parse_constant=constants.append)
    except UnicodeDecodeError as error:
        found = f"byte 0x{data[error.start]:02x}"
        return rejected(number, data[:4096], found=found, reason=NOT_UTF8, advice=UTF8_ADVICE)
    except json.JSONDecodeError as error:
        found, reason = f"column {error.colno}", f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        return rejected(number, data[:4096], found=found, reason=reason, advice=ADVICE)
    except (ValueError, RecursionError):
        return rejected(number, data[:4096], found="the value", reason="nested too deeply", advice=ADVICE)
    if constants:
        reason = "a number that JSON does not have"
        return rejected(number, data[:4096], found=constants[0], reason=reason, advice=ADVICE)
    return Document(number, data, value)
