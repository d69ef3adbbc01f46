"""Around a scenario: the same requests at three prices, when caching pays, and caching as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pandas as pd
import streamlit as st

from spend.filters import Filters
from spend.what_if import Bounds, BreakEven, Caching, PricedAs, at_three_prices, caching
from spend.what_if.month import a_month
from ui import names, numbers, tables
from ui.cached import ask
from ui.look import heading
from ui.periods import day_words

_WORDS = {"then": "As then", "today": "As today", "announced": "As announced"}
_MOST = 12


def three_prices(filters: Filters) -> None:
    """What the period costs at the prices of its days, at today's, and after the last announced change."""
    with heading("The same requests at three prices", key="prices"):
        pass
    found = ask(at_three_prices, filters)
    for column, one in zip(st.columns(3, gap="medium"), found, strict=True):
        with column, st.container(gap="xsmall"):
            st.markdown(f"{_WORDS[one.prices]} · **{names.markdown(numbers.usd(one.cost))}**")
            st.caption(names.markdown(_priced_said(one, found[0])))


def _priced_said(one: PricedAs, then: PricedAs) -> str:
    said = "each at its own day's" if one.moment is None else f"{day_words(one.moment.date())}"
    if one.moment is not None:
        said += f", {numbers.change(one.cost, then.cost)}"
    return said + (f", {numbers.count(one.unpriced)} unpriced" if one.unpriced else "")


def when_it_pays(by_feature: Sequence[BreakEven], by_prefix: Sequence[BreakEven]) -> None:
    """Break-even of caching: how often a prefix has to be found again, and how often it was."""
    with heading("When caching pays", key="even"):
        pass
    if not by_feature:
        st.caption("No request that is not cached yet records a fingerprint of its prompt, so nobody can tell.")
        return
    st.caption("Replayed as the requests arrived. Marking pays once it is found more often than needed.")
    _even_table(by_feature, "even-features", "Break-even by feature", by_prefix=False)
    with st.expander("By prefix", key="even-prefixes-shown"):
        _even_table(by_prefix, "even-prefixes", "Break-even by prefix", by_prefix=True)


def _even_table(found: Sequence[BreakEven], key: str, alt: str, *, by_prefix: bool) -> None:
    shown = found[: 2 * _MOST]
    columns: dict[str, list[str]] = {"Feature": [names.short(one.feature) for one in shown]}
    if by_prefix:
        columns["Prefix"] = [names.short(one.prefix, 10) for one in shown]
    columns |= {
        "Kept for": ["5 minutes" if one.ttl == "5m" else "1 hour" for one in shown],
        "Requests": [numbers.count(one.requests) for one in shown],
        "Reads to pay": [f"{float(one.reuse):.2f}" for one in shown],
        "Needed": [_share(one.needed) for one in shown],
        "Found": [_share(one.reached) for one in shown],
        "Saves": [numbers.usd(one.saving) for one in shown],
    }
    _table(columns, key, alt, text=("Feature", "Prefix", "Kept for"))


def without_fingerprints(found: Sequence[Bounds], days: int) -> None:
    """One sentence about what caching might save where nothing tells."""
    five = [one for one in found if one.ttl == "5m"]
    upper = sum(one.upper for one in five)
    if not upper:
        return
    lower, loss = sum(one.lower for one in five), sum(one.loss for one in five)
    low, high, lost = (numbers.about(a_month(picos, days)) for picos in (lower, upper, -loss))
    st.caption(
        names.markdown(
            f"Requests without fingerprints are in no figure: caching them for five minutes would save between {low}"
            f" and {high} a month, and cost {lost} if nothing were ever found again."
        )
    )


def caching_as_it_was(filters: Filters) -> None:
    """By feature: how much was read from caches, what that saved, and what a longer life would have caught."""
    with heading("Caching, as it was", key="caching"):
        pass
    found = {name: one for name, one in ask(caching, filters).items() if one.read_tokens or one.cost_of_writes}
    if not found:
        st.caption("Nothing was read from a cache or written to one.")
        return
    rows = [("Together", _all(found.values())), *((names.short(name), one) for name, one in found.items())]
    shown = rows[: _MOST + 1]
    columns = {
        "Feature": [name for name, _ in shown],
        "Hit rate": [_share(one.hit_rate) for _, one in shown],
        "Reads saved": [numbers.usd(one.saved_by_reads) for _, one in shown],
        "Writes cost": [numbers.usd(one.cost_of_writes) for _, one in shown],
        "Net": [numbers.usd(one.saving, signed=True) for _, one in shown],
        "Read per written": [_ratio(one.reads_per_write) for _, one in shown],
        "Within 5 min": [numbers.count(one.quick) for _, one in shown],
        "5 to 60 min": [numbers.count(one.slow) for _, one in shown],
        "Later": [numbers.count(one.lapsed) for _, one in shown],
        "Misses": [numbers.count(one.misses) for _, one in shown],
    }
    _table(columns, "caching-rows", "Caching as it was, by feature", text=("Feature",))
    st.caption(
        "Hit rate is by prompt tokens, of all the feature's prompts. The gaps are between two uses of a prefix that has"
        " a fingerprint; a miss is a five-minute write that an hour's cache would have made a read."
    )


def _all(found: Any) -> Caching:
    whole = Caching()
    for one in found:
        whole = whole.with_(one)
    return whole


def written(columns: Mapping[str, Sequence[str]], key: str, alt: str, *, text: Sequence[str]) -> None:
    """A table of what is written out already: names on the left, figures on the right."""
    config: dict[str, Any] = {
        name: st.column_config.TextColumn(name, alignment="left" if name in text else "right") for name in columns
    }
    st.dataframe(
        pd.DataFrame(columns), key=key, hide_index=True, height="content", row_height=34, column_config=config, alt=alt
    )


def _table(columns: dict[str, list[str]], key: str, alt: str, *, text: Sequence[str]) -> None:
    written(columns, key, alt, text=text)
    tables.export(key, lambda: columns, key=key)


def _share(share: Fraction | None) -> str:
    return numbers.UNKNOWN if share is None else numbers.percent(share.numerator, share.denominator)


def _ratio(ratio: Fraction | None) -> str:
    return numbers.UNKNOWN if ratio is None else f"{float(ratio):.1f}"
