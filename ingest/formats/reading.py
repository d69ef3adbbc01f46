"""What a log format offers and what its reader is given."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ingest.json_values import Document
from ingest.record import Rejected, UsageRecord


@dataclass(frozen=True)
class ReadOptions:
    """What a reader may need beside the values.

    ``path`` names the file as the user knows it, ``file`` is where its bytes are (``None``: at ``path``).
    ``field_map`` is ours -> theirs; ``file_time`` (UTC, without a zone) stands in where a format bears no time.
    """

    path: str = ""
    file: Path | None = None
    field_map: Mapping[str, str] = field(default_factory=dict)
    file_time: datetime | None = None

    @property
    def project(self) -> str | None:
        """A project's name from the folder the file lies in."""
        folders = [name for name in self.path.replace("\\", "/").split("/")[:-1] if name]
        if "projects" in folders[:-1]:
            return folders[folders.index("projects") + 1]
        return folders[-1] if folders else None


class Reader(Protocol):
    """Reads one file's values in order."""

    def read(self, value: object, line: int, /) -> UsageRecord | None:
        """The usage record of the value on a line, ``None`` if it is not one. Raises ``Rejected``."""

    def finish(self) -> list[UsageRecord]:
        """Records known only at the end of the file; each stands for one line that ``read`` passed over."""

    def findings(self) -> list[str]:
        """What the reader noticed, one sentence each; to be asked after ``finish``."""


def record_of(value: object, line: int, reader: Reader) -> UsageRecord | None:
    """What a reader makes of a value as it was read, or of the reason why it could not be. Raises ``Rejected``."""
    if isinstance(value, Rejected):
        raise value
    return reader.read(value, line)


class Format(Protocol):
    """A module of this folder that reads one log format. What it may have beside this:

    ``BULK``: a query that reads a whole file (`ingest/bulk.py`). ``BULK_LINES``: one that reads the lines of many files
    (`ingest/bulk_lines.py`), with ``glance(start)`` to tell such files by their first bytes and
    ``findings_in(con, table)`` for what a reader would notice. ``entries(value)``: the values inside one value of the
    file, each counted as a line, where one holds several requests. ``RETOLD = True``: somebody else's account of the
    API's counts, which gives way to the API's own of a finished message. ``EACH_ALONE = True``: what a value means does
    not hang on those before it, so that of a grown file only what was added has to be read.
    """

    @property
    def NAME(self) -> str:  # noqa: N802
        """The word for ``--format``."""

    @property
    def LABEL(self) -> str:  # noqa: N802
        """The name on the screen."""

    def recognises(self, values: list[object], /) -> bool:
        """Are the first values of a file of this format?"""

    def reader(self, options: ReadOptions, /) -> Reader:
        """A reader for one file."""


def entries_of(format_: Format, document: Document) -> Iterator[Document]:
    """The values that may stand for one request each: what the format finds in a document, else the document itself."""
    inside = getattr(format_, "entries", None)
    entries = [] if inside is None or isinstance(document.value, Rejected) else list(inside(document.value))
    if not entries:
        yield document
    for entry in entries:
        raw = json.dumps(entry, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
        yield Document(document.line, raw, entry)


class WrongFormat(ValueError):
    """A format or a field to map that does not exist; the message names the nearest one."""


class Counted:
    """Findings of a reader: how often each was made."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, finding: str) -> None:
        """One more request to which the finding applies."""
        self.counts[finding] = self.counts.get(finding, 0) + 1

    def sentences(self) -> list[str]:
        """One sentence a finding, with the number of requests."""
        return [counted(text, number) for text, number in self.counts.items()]


def counted(finding: str, number: int) -> str:
    """A finding as a sentence, with the number of requests."""
    return f"{number:,} {'request' if number == 1 else 'requests'}: {finding}."
