"""An incident explained: where it was, why it cost more, exactly to the last pico-dollar, and what plainly changed."""

from __future__ import annotations

from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from spend.explain.beside import Billed, billed
from spend.explain.changes import Change, changes
from spend.explain.compared import LEAVES, Compared, Spans, compared, leaves, scaled, seen_before, use_of
from spend.explain.where import Part, parts
from spend.explain.why import FeatureUse, rounded, shares_of
from spend.filters import Filters
from spend.spikes.incidents import Finding
from spend.spikes.settings import marks_of, planned_spans

OTHER = "other changes"
LEAST_DRAWN = 0.01


@dataclass(frozen=True)
class Bar:
    """One bar of the waterfall from usual to actual. ``change`` is pico-dollars; ``filters`` and ``spans`` (quarters)
    are the requests behind it. ``feature`` says whose change it is; ``of_one`` False: of several together."""

    driver: str
    feature: str | None
    change: int
    filters: Filters
    spans: Spans
    of_one: bool = True


@dataclass(frozen=True)
class Explanation:
    """``usual`` and the changes of ``bars`` add up to ``actual``, in pico-dollars. ``before`` and ``after`` are what
    was used on a usual night and in the hours of the incident."""

    actual: int
    usual: int
    bars: tuple[Bar, ...]
    where: tuple[Part, ...]
    changed: tuple[Change, ...]
    before: FeatureUse
    after: FeatureUse

    def beside(self, bar: Bar | None = None) -> tuple[Billed, Billed]:
        """What was billed on a usual night, and in these hours: of a bar's feature, or of all of it."""
        if bar is None or not bar.of_one:
            return billed(self.before.values()), billed(self.after.values())
        usual, actual = (side.get(bar.feature, {}) for side in (self.before, self.after))
        return billed([usual]), billed([actual])

    def drawn(self, limit: int = 8) -> tuple[Bar, ...]:
        """At most ``limit`` bars, largest first, the last of them all the small ones together; the sum is the same."""
        least = LEAST_DRAWN * sum(abs(bar.change) for bar in self.bars)
        kept = tuple(bar for bar in self.bars[: limit - 1] if abs(bar.change) >= least)
        rest = self.bars[len(kept) :]
        if len(rest) < 2:
            return self.bars
        together = sum(bar.change for bar in rest)
        return (*kept, Bar(OTHER, None, together, _whole(rest[0].filters), rest[0].spans, of_one=False))


def _whole(filters: Filters) -> Filters:
    return Filters(timezone=filters.timezone)


def explain(con: DuckDBPyConnection, filters: Filters, finding: Finding) -> Explanation:
    """Explains a finding by comparing its hours with the same hours of a usual night.

    ``filters`` are those it was found with; its own scope narrows them.
    """
    for dimension, name in finding.scope:
        filters = filters.narrowed(dimension, name)
    filters = Filters(timezone=finding.timezone, where=filters.where)
    asked = compared(filters, finding.spans, _known_from(con), planned_spans(marks_of(con)))
    before, after, exact = use_of(con, asked)
    usual, usual_costs = scaled(before, finding.expected)
    gap = finding.expected - sum(usual_costs.values())  # where the usual hours had nothing to scale
    bars = _bars(con, asked, usual, after, usual_costs, exact)
    if gap:
        bars.append(Bar(OTHER, None, -gap, filters, asked.spans, of_one=False))
    names, actual, expected = leaves(con, asked)
    whole = expected.sum()
    where = parts(LEAVES, names, actual, expected * (finding.expected / whole if whole else 0.0))
    ordered = tuple(sorted(bars, key=lambda bar: -abs(bar.change)))
    changed = tuple(changes(con, asked, usual, after))
    return Explanation(sum(exact.values()), finding.expected, ordered, where, changed, usual, after)


def _bars(
    con: DuckDBPyConnection,
    asked: Compared,
    usual: FeatureUse,
    after: FeatureUse,
    usual_costs: dict[str | None, int],
    exact: dict[str | None, int],
) -> list[Bar]:
    start = asked.spans[0][0]
    seen, going = seen_before(con, "feature", start), seen_before(con, "feature", asked.spans[-1][1] + 96, days=1)
    known: tuple[FeatureUse, FeatureUse] = (
        {**{name: {} for name in after if name in seen}, **usual},
        {**{name: {} for name in usual if name in going}, **after},
    )
    shares = shares_of(*known)
    bars: list[Bar] = []
    for feature in {**usual, **after}:
        drivers = {driver: change for (name, driver), change in shares.items() if name == feature}
        whole = exact.get(feature, 0) - usual_costs.get(feature, 0)
        narrowed = asked.filters.narrowed("feature", feature)
        for driver, change in zip(drivers, rounded(list(drivers.values()), whole), strict=True):
            if change:
                bars.append(Bar(driver, feature, change, narrowed, asked.spans))
    return bars


def _known_from(con: DuckDBPyConnection) -> int:
    first = con.execute("SELECT min(quarter) FROM rollup").fetchall()[0][0]
    return int(first) if first is not None else 0
