"""Who costs what: the dearest names of a dimension beside what they cost before, and the bars that show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from spend.breakdown import Spend, amounts, breakdown, costs, total
from spend.filters import Filters
from ui import charts, drill, names, numbers
from ui.cached import ask
from ui.colours import GREY, OTHER, TOKEN_CLASSES, Fill, colours_for
from ui.plot import draw

CLASS_WORDS = {
    "output": "Output",
    "uncached_input": "Uncached input",
    "cache_write_5m": "Cache writes, 5 minutes",
    "cache_write_1h": "Cache writes, 1 hour",
    "cache_read": "Cache reads",
    "web_search": "Web searches",
}


@dataclass(frozen=True, slots=True)
class Ranked:
    """One name with its spend, and that of the equal period before where there is one."""

    name: str | None
    spend: Spend
    before: int | None

    @property
    def cost(self) -> int | None:
        """None where nothing of it is priced: unknown is not zero."""
        return self.spend.cost if self.spend.cost_known else None

    @property
    def each(self) -> int | None:
        """Unit cost of the requests that are priced."""
        return numbers.each(self.spend.cost, self.spend.requests - self.spend.unpriced_requests)

    @property
    def change(self) -> str:
        return numbers.change(self.spend.cost, self.before)


def dearest(filters: Filters, before: Filters | None, dimension: str, limit: int) -> list[Ranked]:
    """The dearest names of ``dimension``, dearest first."""
    rows = ask(breakdown, filters, (dimension,), limit=limit)
    then = _then(before, dimension, [row.key[0] for row in rows])
    return [Ranked(row.key[0], row.spend, then.get(row.key[0])) for row in rows]


def _then(before: Filters | None, dimension: str, found: Sequence[str | None]) -> dict[str | None, int]:
    """What names cost before; nothing where there is no period before."""
    if before is None or not found:
        return {}
    cost = ask(amounts, only(before, dimension, found), (dimension,))
    return {name: cost.get((name,), 0) for name in found}


def only(filters: Filters, dimension: str, found: Sequence[str | None]) -> Filters:
    """The same question of these names only."""
    kept = [pair for pair in filters.where if pair[0] != dimension]
    return replace(filters, where=(*kept, *((dimension, name) for name in found)))


def ranked_list(filters: Filters, before: Filters | None, dimension: str, *, key: str, limit: int = 6) -> None:
    """The dearest names as bars, what is left of the whole as "Other"; a click on a bar opens its page."""
    found = {name: cost for (name,), cost in ask(costs, filters, (dimension,), limit=limit).items()}
    then = _then(before, dimension, list(found))
    whole = ask(total, filters).cost
    colours = colours_for(dimension)
    bars = [_bar(name, cost, then.get(name), whole, colours.of(name)) for name, cost in found.items()]
    rest = whole - sum(cost or 0 for cost in found.values())
    if len(found) == limit and rest > 0:
        bars.append(charts.Bar(None, OTHER, rest, _said(rest, whole, ""), Fill(GREY), is_other=True))
    said = ", ".join(f"{names.shown(name)} {numbers.usd(cost)}" for name, cost in list(found.items())[:3])
    opened = drill.bar_picked(key, lambda name: drill.open_entity(dimension, name))
    draw(charts.ranked_bars(bars), key=key, alt=f"Dearest by {dimension}: {said}", on_select=opened)


def token_classes(spend: Spend, *, key: str) -> None:
    """What is being paid for: the cost of each token class as bars, dearest first."""
    each = {name: int(getattr(spend, f"{name}_cost")) for name in CLASS_WORDS}
    bars = [
        charts.Bar(name, CLASS_WORDS[name], cost, _said(cost, spend.cost, ""), Fill(TOKEN_CLASSES[name]))
        for name, cost in sorted(each.items(), key=lambda pair: -pair[1])
        if cost
    ]
    if not bars:
        st.caption("Nothing of this is priced.")
        return
    said = ", ".join(f"{bar.label} {numbers.usd(bar.cost)}" for bar in bars)
    draw(charts.ranked_bars(bars), key=key, alt=f"What is paid for: {said}")


def _bar(name: str | None, cost: int | None, before: int | None, whole: int, fill: Fill) -> charts.Bar:
    label = names.plotly(names.short(name))
    if cost is None:
        return charts.Bar(name, label, 0, f"unpriced  ·  <b>{numbers.UNKNOWN}</b>", fill)
    change = "" if before is None else numbers.change(cost, before)
    return charts.Bar(name, label, cost, _said(cost, whole, change), fill)


def _said(cost: int, whole: int, change: str) -> str:
    return "  ·  ".join(part for part in (change, numbers.percent(cost, whole), f"<b>{numbers.usd(cost)}</b>") if part)
