"""Stores with a night in which something costs more and more, hour by hour, and what a look makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from notify.delivery import Delivery
from notify.destinations import Address, Destinations
from notify.look import Asked, look
from spend.filters import Filters
from spend.spikes.settings import SpikeSettings
from store.connection import Store
from tests.factories import emptied, loaded, usage_record
from tests.notify.receivers import Webhook

FIRST = date(2026, 9, 17)
DAYS = 14
NIGHT = FIRST + timedelta(days=DAYS - 1)  # that of the last whole day
_UNREST = np.random.default_rng(5).lognormal(0, 0.1, (60, 24))
_files = count()


def usual(hour: int) -> dict[str, float]:
    """Dollars of an hour, by feature."""
    return {"search": 2 * float(_UNREST[hour // 24, hour % 24]), "triage": 0.5 * float(_UNREST[hour % 60, hour % 24])}


def records(hours: range, more: Mapping[int, float] | None = None, feature: str = "search") -> list[dict[str, Any]]:
    """A request of each feature in each hour since the first day began; ``more`` dollars in some hours in one."""
    begin = datetime(FIRST.year, FIRST.month, FIRST.day, 0, 50, tzinfo=UTC)
    made = []
    for hour in hours:
        spent = usual(hour)
        spent[feature] = spent.get(feature, 0) + (more or {}).get(hour, 0)
        for name, dollars in spent.items():
            at = (begin + timedelta(hours=hour)).isoformat()
            made.append(usage_record(time=at, feature=name, input_tokens=round(1e6 * dollars), output_tokens=0))
    return made


def add(store: Store, folder: Path, hours: range, more: Mapping[int, float] | None = None, **over: Any) -> None:
    """Loads these hours."""
    loaded(store, folder / f"{next(_files)}.jsonl", records(hours, more, **over))


MIDNIGHT = DAYS * 24  # the hour that the last whole day ends with


def night_until(folder: Path, past: int, more: Mapping[int, float], **over: Any) -> Store:
    """A store with 14 days, and the hours of the night that follows them up to ``past`` after midnight."""
    store = emptied(8)
    add(store, folder, range(MIDNIGHT + past), {MIDNIGHT + hour: dollars for hour, dollars in more.items()}, **over)
    return store


def asked(**over: Any) -> Asked:
    """The last night and the day after it, in UTC."""
    return replace(Asked(Filters(), SpikeSettings(), NIGHT, NIGHT), **over)


def to(hook: Webhook) -> Destinations:
    """That webhook alone."""
    return Destinations(webhook=Address(False, "127.0.0.1", hook.port, "/hook/s3cret-path"))


def looked(store: Store, *hooks: Webhook, **over: Any) -> list[Delivery]:
    """A look that tells a webhook, without pauses between tries."""
    [hook] = hooks
    return look(store, asked(**over), to(hook), pauses=(0, 0))
