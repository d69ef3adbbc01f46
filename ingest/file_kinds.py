"""Files that are no logs, or none in UTF-8, told by how they begin."""

from __future__ import annotations

import re
from typing import NamedTuple


class Kind(NamedTuple):
    """What a file is, and what to do with it."""

    what: str
    advice: str


TO_UTF8 = "Convert it, such as with iconv -f {0} -t UTF-8, and load what comes out."
UNPACK = "Unpack it and load the logs in it."
NO_LOG = "Load the log files themselves."
KINDS = (
    (rb"\xff\xfe\0\0|\0\0\xfe\xff|[^\0]\0\0\0|\0\0\0[^\0]", Kind("UTF-32, not UTF-8", TO_UTF8.format("UTF-32"))),
    (rb"\xff\xfe|\xfe\xff|[^\0]\0[^\0]\0|\0[^\0]\0[^\0]", Kind("UTF-16, not UTF-8", TO_UTF8.format("UTF-16"))),
    (rb"\x1f\x8b|\x28\xb5\x2f\xfd", Kind("compressed twice", "Unpack it once, and load what comes out.")),
    (rb"BZh\d|\xfd7zXZ\0|7z\xbc\xaf|x[\x01\x9c\xda]", Kind("compressed in a way that is not read here", UNPACK)),
    (rb"PK[\x03\x05]", Kind("a zip archive", UNPACK)),
    (rb"[^{\[\s].{256}ustar", Kind("a tar archive", UNPACK)),
    (rb"SQLite format 3\0|[^{\[\s].{7}DUCK", Kind("a database", NO_LOG)),
    (rb"PAR1|Obj\x01|ARROW1", Kind("a table in a binary form", "Export it as JSON lines.")),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|%PDF-", Kind("an image or a document", NO_LOG)),
    (rb"[\x01-\x08\x0e-\x1f\x7f-\xff].*\0", Kind("of bytes, not of text", NO_LOG)),
    (rb"\s*<(!doctype html|html|\?xml)", Kind("a page of HTML or XML", "Download the log again.")),
)
_KINDS = tuple((re.compile(begins, re.DOTALL | re.IGNORECASE), kind) for begins, kind in KINDS)


def other_kind(start: bytes) -> Kind | None:
    """What a file is that begins so, if it is no log; ``start`` are its first 512 bytes without a byte-order mark."""
    return next((kind for begins, kind in _KINDS if begins.match(start)), None)
