"""Who gains from a scenario: what each feature's requests cost before and after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from spend.levers.lever import Pulled
from spend.what_if.answer import both_sides
from spend.what_if.cells import Prices
from spend.what_if.plan import Seen, counted_of, keys_of
from spend.what_if.scene import Scene
from spend.what_if.shapley import whole


@dataclass(frozen=True, slots=True)
class Gain:
    """A feature's cost as it was and in the scenario, in pico-dollars; None is what was not logged."""

    feature: str | None
    before: int
    after: int

    @property
    def saving(self) -> int:
        return self.before - self.after


def gains(scene: Scene, levers: Sequence[Pulled]) -> list[Gain]:
    """Every feature, largest saving first; together exactly the scenario's baseline and cost."""
    limits, plan, sides = both_sides(scene, levers)
    columns = [column for seen in sides for column in _columns(seen)]
    relation = plan.relation(*(name for seen in sides for name in (*keys_of(seen), *counted_of(seen))))
    found = scene.con.execute(
        f"SELECT u.feature, s.kind, {', '.join(f'{column} AS s{n}' for n, column in enumerate(columns))}"
        f" FROM ({relation}) s JOIN usage u ON u.rowid = s.n GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    prices, width = Prices(limits), len(columns) // 2
    sums: tuple[dict[str | None, Fraction], ...] = (defaultdict(Fraction), defaultdict(Fraction))
    for feature, kind, *values in found:
        for side, first in enumerate((0, width)):
            target, batch, band, *tokens = values[first : first + width]
            sums[side][feature] += prices.of((kind, target, batch, band), tokens)
    names = list(sums[0])
    before, after = (whole([side[name] for name in names], round(sum(side.values(), Fraction(0)))) for side in sums)
    gained = [Gain(*one) for one in zip(names, before, after, strict=True)]
    return sorted(gained, key=lambda one: (-one.saving, one.feature is None, one.feature or ""))


def _columns(seen: Seen) -> list[str]:
    """What decides a price, and the sums of what is counted, as columns."""
    return [f"s.{name}" for name in keys_of(seen)] + [f"sum(s.{name})::BIGINT" for name in counted_of(seen)]
