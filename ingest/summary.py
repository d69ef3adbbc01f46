"""What a load did, in the words of `python -m ingest` and of the HTTP routes: the one place that says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ingest.load import LoadSummary
from ingest.record import Rejected
from store.money import usd

SHOWN_REJECTS = 10  # by the command line
ANSWERED_REJECTS = 20  # by a route


@dataclass(frozen=True, slots=True)
class Line:
    """A rejected line of a file, with the log's own field and what is wrong with it."""

    file: str
    line: int
    field: str | None
    found: str
    reason: str
    advice: str

    def __str__(self) -> str:
        why = Rejected(field=self.field, found=self.found, reason=self.reason, advice=self.advice)
        return f"{self.file}:{self.line}: {why}"


@dataclass(frozen=True, slots=True)
class Summary:
    """A load as it is told, whoever made it. Money is decimal dollars, None when nothing of the load is priced.

    ``load_id`` is 0 when every file was ``unchanged`` and so nothing was loaded; ``findings`` are (file, sentence);
    ``rejected_lines`` the first of the ``rejected``.
    """

    load_id: int
    files: int
    lines: int
    requests: int
    duplicates: int
    ignored: int
    rejected: int
    unpriced: int
    cost_usd: str | None
    seconds: float
    unchanged: int = 0
    findings: tuple[tuple[str, str], ...] = ()
    rejected_lines: tuple[Line, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The counts, the cost and the time, as `python -m ingest --json` prints them."""
        whole = asdict(self)
        return {name: whole[name] for name in COUNTED}

    def as_answer(self) -> dict[str, object]:
        """The same for an app that posted lines, which has no file to name and wants to know what it did wrong."""
        lines = [asdict(line) for line in self.rejected_lines[:ANSWERED_REJECTS]]
        for line in lines:
            del line["file"]
        return {**self.as_json(), "load_id": self.load_id, "rejected_lines": lines}

    def as_text(self) -> str:
        """The same for a reader at a terminal."""
        files = f"{self.files:,} {'file' if self.files == 1 else 'files'}"
        unpriced = f", {self.unpriced:,} requests unpriced" if self.unpriced else ""
        shown = self.rejected_lines[:SHOWN_REJECTS]
        counts = (
            f"{self.lines:,} lines of {files}: {self.requests:,} requests, {self.duplicates:,} duplicates, "
            f"{self.ignored:,} not usage records, {self.rejected:,} rejected, in {self.seconds:.1f} s"
        )
        said = [counts, f"cost {'unknown' if self.cost_usd is None else f'${self.cost_usd}'}{unpriced}"]
        if self.unchanged:
            said.append(f"note: {self.unchanged:,} of {files} held nothing new and were not read again")
        said += [f"note: {file}: {finding}" for file, finding in self.findings]
        said += [f"rejected: {line}" for line in shown]
        if self.rejected > len(shown):
            said.append(f"and {self.rejected - len(shown):,} more rejected lines; the Data page lists them")
        return "\n".join(said)

    def to_wire(self) -> dict[str, object]:
        """All of it as JSON values, for another process to say."""
        return asdict(self)

    @classmethod
    def from_wire(cls, told: Mapping[str, Any]) -> Summary:
        """What ``to_wire`` told. Raises KeyError, TypeError or ValueError for anything else."""
        findings = tuple((str(file), str(finding)) for file, finding in told["findings"])
        lines = tuple(Line(**line) for line in told["rejected_lines"])
        return cls(**{**told, "findings": findings, "rejected_lines": lines})


# what `--json` prints, in this order
COUNTED = ("files", "lines", "requests", "duplicates", "ignored", "rejected", "unpriced", "cost_usd", "seconds")


def told(load: LoadSummary) -> Summary:
    """A load in these words; of its rejected lines only as many as anybody shows."""
    rejects = [(result.path, line, why) for result in load.files for line, why in result.rejects]
    return Summary(
        load_id=load.load_id,
        files=len(load.files),
        lines=load.lines,
        requests=load.requests,
        duplicates=load.duplicates,
        ignored=load.ignored,
        rejected=load.rejected,
        unpriced=load.unpriced,
        cost_usd=usd(load.cost) if load.cost_known else None,
        seconds=round(load.seconds, 3),
        unchanged=load.unchanged,
        findings=tuple((str(result.path), finding) for result in load.files for finding in result.findings),
        rejected_lines=tuple(
            Line(str(path), line, why.field, why.found, why.reason, why.advice)
            for path, line, why in rejects[:ANSWERED_REJECTS]
        ),
    )
