"""What became of one log file in a load."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from ingest.record import Rejected
from ingest.seen import Identity


@dataclass(frozen=True)
class Before:
    """What an earlier load made of the part of a file that was not read again."""

    lines: int = 0
    ignored: int = 0
    rejected: int = 0

    @property
    def duplicates(self) -> int:
        return self.lines - self.ignored - self.rejected


@dataclass(frozen=True)
class Found:
    """How a file was found and how far it was read, for the next load: see `load_file`."""

    identity: Identity
    place: int | None
    place_line: int | None
    seal: str | None


@dataclass(frozen=True)
class FileResult:
    """What became of one file's lines; ``read`` are the usage records found, before duplicates are settled.

    ``before`` counts the lines that were not read again since an earlier load had read them; ``rereads`` is that load's
    file id where all of them were, since what a line means hangs on the others.
    """

    file_id: int
    path: Path
    format: str | None
    bytes: int
    read: int = 0
    ignored: int = 0
    rejected: int = 0
    requests: int = 0
    duplicates: int = 0
    findings: tuple[str, ...] = ()
    rejects: tuple[tuple[int, Rejected], ...] = field(default=(), repr=False)
    before: Before = field(default_factory=Before)
    found: Found | None = None
    rereads: int | None = None

    @property
    def lines(self) -> int:
        return self.read + self.ignored + self.rejected

    def settled(self, kept: int, finding: str | None) -> FileResult:
        """The same once it is known how many of its records stayed, and what their costs turned out to be."""
        findings = (*self.findings, finding) if finding else self.findings
        return replace(self, requests=kept, duplicates=self.read - kept, findings=findings)
