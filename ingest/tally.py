"""What became of a file's lines that were read one by one, as far as it is read."""

from __future__ import annotations

from collections.abc import Iterable

from ingest.documents import Document
from ingest.formats import Reader, record_of
from ingest.record import Rejected, UsageRecord
from ingest.rows import Rows

# Rejected lines are all counted; of one file the first so many are kept with their reasons, and the last.
KEPT_REJECTS = 1000


class Tally:
    """Counts the lines; their records go to ``rows``. ``last`` is the last line taken."""

    def __init__(self, rows: Rows, reader: Reader) -> None:
        self.rows = rows
        self.ignored = 0
        self.rejected = 0
        self.rejects: list[tuple[int, Rejected]] = []
        self.one_a_line = True
        self.last = 0
        self._reader = reader

    def take_all(self, entries: Iterable[Document]) -> None:
        for entry in entries:
            self.take(entry)

    def take(self, document: Document) -> None:
        self.last = document.line
        self.one_a_line = self.one_a_line and b"\n" not in document.raw.strip()
        try:
            record = record_of(document.value, document.line, self._reader)
        except Rejected as rejected:
            self.reject(document.line, rejected)
            return
        if record is None:
            self.ignored += 1
        else:
            self.rows.add(record, document.line, document.raw)

    def reject(self, line: int, why: Rejected) -> None:
        self.rejected += 1
        if len(self.rejects) > KEPT_REJECTS:  # the last is kept too: it may say why the file ended there
            self.rejects.pop()
        self.rejects.append((line, why))

    def late(self, record: UsageRecord) -> None:
        """A record known only at the end, for a line that was passed over."""
        self.rows.add(record, None, repr(record).encode())
        self.ignored -= 1
