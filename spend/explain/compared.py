"""The requests of some hours beside those of the same hours of a usual night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from spend.explain.why import CLASSES, FeatureUse, ModelUse, rounded
from spend.filters import Filters
from spend.spikes.night import DAY, Clock, local_time
from spend.spikes.series import DIMENSIONS
from spend.spikes.usual import PRIOR, weights

Spans = tuple[tuple[int, int], ...]
LEAVES = (*DIMENSIONS, "tier")
_TOKENS = (*(f"{name}_tokens" for name in CLASSES), "output_tokens")
_COSTS = (*(f"{name}_cost" for name in CLASSES), "output_cost", "web_search_cost")
_PLACED = """
    FROM usage JOIN (
        SELECT unnest(range(first, past)) AS at, now, weight FROM (
            SELECT unnest(?::INTEGER[]) AS first, unnest(?::INTEGER[]) AS past, unnest(?::BOOLEAN[]) AS now,
                   unnest(?::DOUBLE[]) AS weight)
    ) AS placed ON placed.at = quarter
"""


@dataclass(frozen=True)
class Compared:
    """Hours and their usual. ``spans`` are quarters; ``prior`` those of the nights it is compared with, each with its
    weight, which add up to 1."""

    filters: Filters
    spans: Spans
    prior: tuple[tuple[int, int, float], ...]

    def times(self) -> list[str]:
        """The spans as parameters of a query, as text, which DuckDB takes far quicker than lists of Python's."""
        rows = [(first, past, True, 1.0) for first, past in self.spans]
        rows += [(first, past, False, weight) for first, past, weight in self.prior]
        columns = list(zip(*rows, strict=True))
        return [str(list(column)) for column in columns]

    def bounds(self) -> str:
        """Quarters outside of which nothing of it is."""
        firsts = [first for first, _, _ in self.prior] + [first for first, _ in self.spans]
        return f"quarter >= {min(firsts)} AND quarter < {self.spans[-1][1]}"


def compared(filters: Filters, spans: Spans, known_from: int, planned: Spans = ()) -> Compared:
    """``spans`` beside the same hours of up to 28 days before, as far back as quarter ``known_from``, without what was
    planned; nearer and more alike days weigh more."""
    on = local_time(spans[0][0], filters.timezone).date()
    length = -(-(spans[-1][1] - spans[0][0]) // (4 * DAY))
    clock = Clock(filters.timezone, on - timedelta(days=PRIOR), PRIOR + length + 2)
    weight = weights(np.array([PRIOR]), np.array([0]), clock.weekday)[0, 0]
    hours = [(clock.hour_of(first), clock.hour_of(past - 1) + 1) for first, past in spans]
    prior: list[tuple[int, int, float]] = []
    for back in range(length, PRIOR + 1):
        days = [(clock.starts[a - back * DAY], clock.starts[b - back * DAY]) for a, b in hours if a >= back * DAY]
        moved = [(int(first), int(past)) for first, past in days if first < past]
        fits = len(days) == len(hours) and moved and moved[0][0] >= known_from and weight[back - 1] > 0
        if fits and not any(first < b and a < past for first, past in moved for a, b in planned):
            prior += [(first, past, float(weight[back - 1])) for first, past in moved]
    whole = sum(share for first, _, share in prior) / max(1, len(hours))
    return Compared(filters, spans, tuple((first, past, share / whole) for first, past, share in prior))


def use_of(con: DuckDBPyConnection, asked: Compared) -> tuple[FeatureUse, FeatureUse, dict[str | None, int]]:
    """Usual and actual use by feature and model (costs in pico-dollars), and the exact actual cost of each feature."""
    sums = [f"sum(weight * {name})" for name in (*_TOKENS, *_COSTS)]
    where, params = _where(asked)
    rows = con.execute(
        f"SELECT feature, model, now, sum(cost)::HUGEINT, sum(weight), {', '.join(sums)} {_PLACED}"
        f" WHERE {where} GROUP BY ALL ORDER BY ALL",
        [*asked.times(), *params],
    ).fetchall()
    sides: dict[bool, dict[str | None, dict[str | None, ModelUse]]] = {False: {}, True: {}}
    exact: dict[str | None, int] = {}
    for feature, model, now, cost, requests, *numbers in rows:
        amounts = [float(number or 0) for number in numbers]
        tokens, costs = amounts[:5], amounts[5:10]
        use = ModelUse(requests, tuple(tokens), tuple(costs), amounts[10])  # type: ignore[arg-type]
        sides[now].setdefault(feature, {})[model] = use
        if now:
            exact[feature] = exact.get(feature, 0) + int(cost)
    return sides[False], sides[True], exact


def scaled(usual: FeatureUse, whole: int) -> tuple[dict[str | None, dict[str | None, ModelUse]], dict[str | None, int]]:
    """The usual use with as many requests as make it cost ``whole`` pico-dollars, and each feature's exact cost."""
    costs = [sum(use.cost for use in models.values()) for models in usual.values()]
    times = whole / sum(costs) if sum(costs) else 0.0
    found = {
        feature: {model: _times(use, times) for model, use in models.items() if times}
        for feature, models in usual.items()
    }
    return found, dict(zip(usual, rounded([cost * times for cost in costs], whole), strict=True))


def _times(use: ModelUse, times: float) -> ModelUse:
    tokens, costs = (tuple(times * number for number in numbers) for numbers in (use.tokens, use.costs))
    return replace(use, requests=times * use.requests, tokens=tokens, costs=costs, searches=times * use.searches)  # type: ignore[arg-type]


def leaves(
    con: DuckDBPyConnection, asked: Compared
) -> tuple[list[tuple[str | None, ...]], NDArray[np.float64], NDArray[np.float64]]:
    """Names of the leaves (feature, model, user, tier), and their actual and usual cost in pico-dollars."""
    where, params = _where(asked)
    rows = con.execute(
        f"""
        SELECT feature, model, user_id, service_tier, sum(CASE WHEN now THEN cost ELSE 0 END)::DOUBLE AS actual,
               sum(CASE WHEN now THEN 0 ELSE weight * cost END) AS usual
        {_PLACED} WHERE {where} GROUP BY ALL ORDER BY ALL
        """,
        [*asked.times(), *params],
    ).fetchall()
    money = np.array([row[4:] for row in rows], dtype=np.float64).reshape(-1, 2)
    return [row[:4] for row in rows], money[:, 0], money[:, 1]


def _where(asked: Compared) -> tuple[str, Sequence[Any]]:
    where, params = replace(asked.filters, since=None, until=None).sql()
    return f"{asked.bounds()} AND cost IS NOT NULL AND failed = 0 AND {where}", params


def seen_before(con: DuckDBPyConnection, dimension: str, past: int, days: int = PRIOR) -> Mapping[str | None, int]:
    """Names of a dimension that had requests in so many days before a quarter, and how many."""
    rows = con.execute(
        f"SELECT {dimension}, sum(requests)::BIGINT FROM rollup"
        f" WHERE quarter >= {past - days * 96} AND quarter < {past} GROUP BY ALL"
    ).fetchall()
    return {name: int(count) for name, count in rows if count}
