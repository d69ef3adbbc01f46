"""A scenario on one page, with all it takes to compute it again."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from spend.breakdown import period
from spend.filters import Filters
from spend.levers.lever import Pulled, told
from spend.what_if.answer import Answer, in_order, what_if
from spend.what_if.evidence import Replayed, evidence
from spend.what_if.gains import Gain, gains
from spend.what_if.month import a_month
from spend.what_if.sampling import Sampling, sampling
from spend.what_if.scene import Scene
from store.connection import Store

_ROOT = Path(__file__).parents[2]
_FINGERPRINT = (_ROOT / "spend" / "sql" / "data_fingerprint.sql").read_text()
_ROWS = 6  # requests that are shown


@dataclass(frozen=True, slots=True)
class Report:
    """What the page says: money in pico-dollars, the days [since, until) it is about, and where it comes from."""

    title: str
    made_on: date
    filters: Filters
    since: date
    until: date
    prices: str
    levers: tuple[Pulled, ...]
    answer: Answer
    sampling: Mapping[str, Sampling]
    gains: tuple[Gain, ...]
    evidence: tuple[Replayed, ...]
    price_list: str
    code: str
    data: str
    command: str

    @property
    def days(self) -> int:
        return (self.until - self.since).days

    def month(self, picos: int) -> int:
        """What is that for thirty days?"""
        return a_month(picos, self.days)


def report(store: Store, scene: Scene, levers: Sequence[Pulled], *, title: str, today: date) -> Report:
    """The report of a scenario; ``today`` is the day it bears. Raises WrongQuestion."""
    pulled = in_order(levers)
    since, until = period(scene.con, scene.filters)
    return Report(
        title=title,
        made_on=today,
        filters=scene.filters,
        since=since,
        until=until,
        prices=scene.prices,
        levers=tuple(pulled),
        answer=what_if(scene, pulled),
        sampling=sampling(scene, pulled),
        gains=tuple(gains(scene, pulled)),
        evidence=tuple(evidence(scene, pulled, limit=_ROWS)),
        price_list=store.prices.fingerprint[:16],
        code=code_version(),
        data=data_fingerprint(scene),
        command=command(scene.filters, pulled, db=store.path, prices=scene.prices),
    )


def command(filters: Filters, levers: Sequence[Pulled], *, db: str, prices: str) -> str:
    """The command line that computes the same scenario, for a shell where the project is."""
    near = os.path.relpath(db, _ROOT)
    words = ["python", "-m", "spend", "what-if", "--db", db if near.startswith("..") else near]
    for one in levers:
        words += ["--lever", told(one)]
    for name, day in (("--since", filters.since), ("--until", filters.until)):
        words += [name, day.isoformat()] if day else []
    words += ["--timezone", filters.timezone]
    for dimension, value in filters.where:
        words += ["--where", f"{dimension}={value or ''}"]
    if prices != "then":
        words += ["--prices", prices]
    return shlex.join(words)


def data_fingerprint(scene: Scene) -> str:
    """Twelve digits that change with any fact of the requests."""
    which, params = scene.filters.sql()
    found = scene.con.execute(_FINGERPRINT.replace("{which}", which), params).fetchall()
    return hashlib.sha256(repr(found).encode()).hexdigest()[:12]


@cache
def code_version() -> str:
    """Twelve digits that change with the code that computes scenarios."""
    paths = sorted(path for folder in ("spend", "store") for path in (_ROOT / folder).rglob("*"))
    code = b"".join(path.read_bytes() for path in paths if path.suffix in (".py", ".sql"))
    return hashlib.sha256(code).hexdigest()[:12]
