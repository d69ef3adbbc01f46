"""What a load added, and how `python -m ingest --follow` says it: a line a load, and a total at the end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from ingest.file_result import Before
from ingest.load import LoadSummary
from ingest.summary import SHOWN_REJECTS, Summary
from store.money import PICOS_PER_USD, usd

_SAID = (
    ("duplicates", "duplicate", "duplicates"),
    ("ignored", "not a usage record", "not usage records"),
    ("rejected", "rejected", "rejected"),
    ("unpriced", "unpriced", "unpriced"),
)
_COUNTS = ("lines", "requests", "duplicates", "ignored", "rejected", "unpriced")


def only_new(load: LoadSummary) -> LoadSummary:
    """A load without what earlier loads had read of its files, and without the files that held nothing new."""
    read = tuple(replace(result, before=Before()) for result in load.files if result.file_id)
    return replace(load, files=read)


@dataclass
class Total:
    """What all loads of a follower added. ``cost`` in pico-dollars, of what is priced."""

    loads: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))
    cost: int = 0
    cost_known: bool = False

    def add(self, load: Summary) -> None:
        self.loads += 1
        for name in _COUNTS:
            self.counts[name] += getattr(load, name)
        if load.cost_usd is not None and load.requests:
            self.cost_known = True
            self.cost += int(Decimal(load.cost_usd) * PICOS_PER_USD)

    @property
    def cost_usd(self) -> str | None:
        """Decimal dollars; None when there were requests and not one of them is priced."""
        return usd(self.cost) if self.cost_known or not self.counts["requests"] else None


class News:
    """Says each load on standard output, for a reader or as JSON."""

    def __init__(self, *, as_json: bool) -> None:
        self.total = Total()
        self._as_json = as_json
        self._said: set[tuple[str, str]] = set()

    def loaded(self, load: Summary, paths: Sequence[Path]) -> None:
        """A load has ended, and what it added is in the store."""
        self.total.add(load)
        now = datetime.now(UTC)
        if self._as_json:
            _say(json.dumps(_as_json(load, paths, now)))
            return
        _say(_line(f"{now.astimezone():%H:%M:%S}", _name(load, paths), asdict(load), load.cost_usd))
        for file, finding in load.findings:
            if (kind := (file, finding.partition(": ")[2] or finding)) not in self._said:
                self._said.add(kind)
                _say(f"note: {file}: {finding}")
        shown = load.rejected_lines[:SHOWN_REJECTS]
        for line in shown:
            _say(f"rejected: {line}")
        if load.rejected > len(shown):
            _say(f"and {load.rejected - len(shown):,} more rejected lines; the Data page lists them")

    def over(self) -> None:
        """Says what all the loads added."""
        total = self.total
        if self._as_json:
            _say(json.dumps({"total": {"loads": total.loads, **total.counts, "cost_usd": total.cost_usd}}))
        else:
            _say(
                _line(
                    "total", f"{total.loads:,} {'load' if total.loads == 1 else 'loads'}", total.counts, total.cost_usd
                )
            )


def _as_json(load: Summary, paths: Sequence[Path], now: datetime) -> dict[str, object]:
    lines = [asdict(line) for line in load.rejected_lines[:SHOWN_REJECTS]]
    at = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
    return {"at": at, "load_id": load.load_id, "file": _name(load, paths), **load.as_json(), "rejected_lines": lines}


def _name(load: Summary, paths: Sequence[Path]) -> str:
    """The file, or how many there were of those that might have held something new."""
    if load.files == len(paths) <= 2:
        return " and ".join(path.name for path in paths)
    return f"{load.files:,} {'file' if load.files == 1 else 'files'}"


def _line(when: str, what: str, counts: dict[str, int], cost: str | None) -> str:
    requests = counts["requests"]
    said = [when, what, f"+{requests:,} {'request' if requests == 1 else 'requests'}"]
    if requests:
        said.append("cost unknown" if cost is None else f"${cost}")
    for name, one, several in _SAID:
        if number := counts[name]:
            said.append(f"{number:,} {one if number == 1 else several}")
    return "  ".join(said)


def _say(text: str) -> None:
    print(text, flush=True)
