"""The requests behind a scenario's saving: what each was, what it became, what both cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from spend.levers.lever import Pulled
from spend.what_if.answer import both_sides
from spend.what_if.cells import Prices
from spend.what_if.limits import Limits
from spend.what_if.sampling import savings_of, write_prices
from spend.what_if.scene import Scene
from spend.what_if.unit_prices import COUNTED


@dataclass(frozen=True, slots=True)
class Side:
    """A request before or after: its cost in pico-dollars, its tokens as the model it was made with counts them."""

    model: str | None
    batch: bool
    cost: int
    uncached_input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int


@dataclass(frozen=True, slots=True)
class Replayed:
    """A billed part of a request, started at a UTC time, before and after the levers."""

    request_key: str
    part: int
    started_at: datetime | None
    feature: str | None
    user: str | None
    before: Side
    after: Side


def evidence(scene: Scene, levers: Sequence[Pulled], *, limit: int = 25) -> list[Replayed]:
    """The parts of requests that a joint scenario saves most on, largest saving first."""
    limits, plan, sides = both_sides(scene, levers)
    write_prices(limits)
    names = [f"{side}_{name}" for side in "ba" for name in ("target", "batch", "band", *COUNTED)]
    found = scene.con.execute(
        "SELECT u.request_key, u.part, u.started_at, u.feature, u.user_id, s.kind,"
        f" {', '.join(f's.{name}' for name in names)} FROM ({savings_of(plan, *sides)}) s"
        " JOIN usage u ON u.rowid = s.n ORDER BY s.saving DESC, u.request_key, u.part LIMIT ?",
        [limit],
    ).fetchall()
    width = 3 + len(COUNTED)
    return [
        Replayed(*row[:5], *(_side(limits, row[5], row[first : first + width]) for first in (6, 6 + width)))
        for row in found
    ]


def _side(limits: Limits, kind: int, values: Sequence[int]) -> Side:
    target, batch, band, *tokens = values
    moved = limits.moved[kind, target]
    cost = Prices(limits).of((kind, target, batch, band), tokens)
    return Side(moved.kind.model, bool(batch) or moved.kind.service_tier == "batch", round(cost), *tokens[:5])
