"""How far a saving hangs on the days and the users that happened to be in the period: a bootstrap of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from spend.breakdown import period
from spend.calendar import buckets
from spend.levers.lever import Pulled
from spend.what_if.answer import both_sides
from spend.what_if.limits import Limits
from spend.what_if.plan import Plan, Seen, counted_of, keys_of
from spend.what_if.scene import Scene
from spend.what_if.unit_prices import COUNTED

DRAWS = 500
LEAST_DAYS = 14
_SEED = 20_261_120  # any number, but always the same: the same question has the same answer
_PICOS_A_NANO = 1000
_DAY = "(SELECT day, unnest(range(first, past)) AS quarter FROM what_if_day) d"


@dataclass(frozen=True, slots=True)
class Sampling:
    """Eight in ten resampled periods save between ``low`` and ``high``: pico-dollars, to the nearest 1,000."""

    low: int
    high: int


def sampling(scene: Scene, levers: Sequence[Pulled]) -> dict[str, Sampling]:
    """The range by whole local days ("days") and by users ("users"); empty for a period of less than LEAST_DAYS."""
    since, until = period(scene.con, scene.filters)
    if (until - since).days < LEAST_DAYS:
        return {}
    limits, plan, sides = both_sides(scene, levers)
    write_prices(limits)
    query = savings_of(plan, *sides)
    days = buckets("day", since, until, scene.filters.timezone)
    numbers = [list(range(len(days))), [first for _, first, _ in days], [past for _, _, past in days]]
    scene.con.execute(
        "CREATE OR REPLACE TEMP TABLE what_if_day AS SELECT unnest(?::INTEGER[]) AS day,"
        " unnest(?::INTEGER[]) AS first, unnest(?::INTEGER[]) AS past",
        numbers,
    )
    by_day = f"SELECT sum(saving) FROM what_if_day LEFT JOIN ({query} JOIN {_DAY} USING (quarter)) USING (day)"
    by_user = f"SELECT sum(saving) FROM ({query} JOIN usage u ON u.rowid = s.n)"
    queries = {"days": f"{by_day} GROUP BY day ORDER BY day", "users": f"{by_user} GROUP BY user_id ORDER BY user_id"}
    return {
        name: _resampled([row[0] or 0 for row in scene.con.execute(query).fetchall()])
        for name, query in queries.items()
    }


def write_prices(limits: Limits) -> None:
    """What a token costs by kind, target, batch and band, in pico-dollars: rounded, which a range bears."""
    prices = [
        (
            number,
            target,
            batch,
            place,
            *(int((rate or 0) * factor) for rate, factor in zip(band.rates, of, strict=True)),
        )
        for (number, target), moved in limits.moved.items()
        for of in [[*[moved.prompt] * 4, moved.output, Fraction(1)]]
        for batch, kind in enumerate((moved.kind, moved.batched))
        for place, band in enumerate(limits.rates[kind])
    ]
    names = ("kind", "target", "batch", "band", *(f"{name}_price" for name in COUNTED))
    limits.scene.write("what_if_price", names, prices)


def savings_of(plan: Plan, before: Seen, after: Seen) -> str:
    """Each request's saving, as a query without its end: the relation is called s."""
    sides = {"b": before, "a": after}
    relation = plan.relation(*(name for seen in sides.values() for name in (*keys_of(seen), *counted_of(seen))))
    joins = " ".join(
        f"JOIN what_if_price {name} ON {name}.kind = s.kind AND {name}.target = s.{name}_target"
        f" AND {name}.batch = s.{name}_batch AND {name}.band = s.{name}_band"
        for name in sides
    )
    columns = ", ".join(
        f"{column} AS {name}_{title}"
        for name, seen in sides.items()
        for column, title in zip(
            (*keys_of(seen), *counted_of(seen)), ("target", "batch", "band", *COUNTED), strict=True
        )
    )
    costs = (" + ".join(f"{name}_{title}::BIGINT * {name}.{title}_price" for title in COUNTED) for name in sides)
    saving = f"({next(costs)}) - ({next(costs)})"
    return f"SELECT *, {saving} AS saving FROM (SELECT n, quarter, kind, {columns} FROM ({relation})) s {joins}"


def _resampled(savings: Sequence[int]) -> Sampling:
    values = np.array([round(saving / _PICOS_A_NANO) for saving in savings] or [0], dtype=np.int64)
    dice = np.random.default_rng(_SEED)
    sums = sorted(int(values[dice.integers(0, len(values), len(values))].sum()) for _ in range(DRAWS))
    tenth = DRAWS // 10
    return Sampling(sums[tenth] * _PICOS_A_NANO, sums[-tenth - 1] * _PICOS_A_NANO)
