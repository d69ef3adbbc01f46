"""What the command line says of the same store, the measure of every figure on screen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.e2e.served import ROOT

Report = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """A filter bar's state: [since, until) local days or all time, and (dimension, name) pairs."""

    timezone: str
    since: date | None = None
    until: date | None = None
    where: tuple[tuple[str, str], ...] = ()

    @property
    def query(self) -> dict[str, Any]:
        """It as the query of a page's address."""
        query: dict[str, Any] = {"timezone": self.timezone, "period": "Everything"}
        if self.since and self.until:
            last = self.until - timedelta(days=1)
            query |= {"period": "Custom range", "dates": [self.since.isoformat(), last.isoformat()]}
        for dimension, name in self.where:
            query.setdefault(dimension, []).append(name)
        return query

    @property
    def before(self) -> Question | None:
        """The equal period before."""
        if not self.since or not self.until:
            return None
        return replace(self, since=self.since - (self.until - self.since), until=self.since)


def report(db: Path, question: Question, by: Sequence[str] = ()) -> list[Report]:
    """`python -m spend report --format json`; the store must not be served."""
    command = [sys.executable, "-m", "spend", "report", "--db", str(db), "--format", "json"]
    command += ["--timezone", question.timezone, *(["--by", ",".join(by)] if by else [])]
    if question.since and question.until:
        command += ["--since", question.since.isoformat(), "--until", question.until.isoformat()]
    for dimension, name in question.where:
        command += ["--where", f"{dimension}={name}"]
    environment = {name: value for name, value in os.environ.items() if name != "SPENDGLASS_DB"}
    found = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    rows: list[Report] = json.loads(found.stdout)
    return rows


def whole(db: Path, question: Question) -> Report:
    (row,) = report(db, question)
    return row


def picos(usd: str | None) -> int | None:
    """The command line's dollars as whole pico-dollars."""
    if usd is None:
        return None
    scaled = Decimal(usd).scaleb(12)
    assert scaled == int(scaled)
    return int(scaled)
