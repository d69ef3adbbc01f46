"""What a scenario comes to: the figures, the levers' shares, who gains, what stayed as it was, and the caveats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import streamlit as st

from spend.levers import LEVERS
from spend.what_if import Answer, Gain, Sampling
from spend.what_if.month import a_month
from spend.what_if.report_words import REASONS, said
from ui import charts, names, numbers, tables
from ui.colours import COST_UP, SAVING, Fill
from ui.headline import figure
from ui.look import heading
from ui.plot import draw
from ui.what_if_more import written


def costs(baseline: int, scenario: int, days: int, period: str) -> None:
    """The answer first: what it saves a month, and both sides of the period to the cent."""
    saving = baseline - scenario
    with st.container(key="headline"):
        answer, before, after = st.columns([1.35, 1, 1], gap="medium")
    with answer, st.container(key="answer", gap="xsmall"):
        label = "Saves a month" if saving >= 0 else "Costs more a month"
        sign = "↓" if saving > 0 else "↑" if saving < 0 else "="
        figure(
            label,
            numbers.usd(abs(a_month(saving, days))),
            f"{sign} {numbers.percent(abs(saving), baseline)}",
            "green" if saving > 0 else "red" if saving < 0 else "gray",
            f"{numbers.about(a_month(baseline, days))} → {numbers.about(a_month(scenario, days))}",
        )
    with before, st.container(key="as-it-was", gap="xsmall"):
        figure("As it was", numbers.usd(baseline))
        st.caption(names.markdown(period))
    with after, st.container(key="in-the-scenario", gap="xsmall"):
        figure("In the scenario", numbers.usd(scenario))
        st.caption(names.markdown(f"saves {numbers.usd(saving)}, the same requests"))


def as_it_was(baseline: int, days: int) -> None:
    """What there is to save on, while no lever is pulled."""
    with st.container(key="answer", gap="xsmall"):
        figure("A month, as it was", numbers.usd(a_month(baseline, days)))
        st.caption("Nothing is changed yet: try a finding below, or pull a lever.")


def ranges(answer: Answer, sampled: Mapping[str, Sampling], days: int) -> None:
    """How sure that is: the two kinds of range, apart."""
    parts = []
    if numbers.usd(answer.saving_low) != numbers.usd(answer.saving_high):
        parts.append(f"{_between(answer.saving_low, answer.saving_high, days)} by tokenizer and length of answers")
    words = {"days": "had other days come", "users": "had other users come"}
    parts += [f"{_between(one.low, one.high, days)} {words[name]}" for name, one in sampled.items()]
    if parts:
        st.caption(names.markdown(f"A month saves {'; '.join(parts)}."))


def _between(low: int, high: int, days: int) -> str:
    return f"{numbers.about(a_month(low, days))} to {numbers.about(a_month(high, days))}"


def shares(answer: Answer) -> None:
    """What each lever saves of the whole; they add up."""
    with heading("What each lever saves", key="shares"):
        pass
    bars, hovers = [], []
    for place, one in enumerate(answer.levers):
        label, how = said(one.pulled)
        whom = ", ".join(names.short(value, 24) for name, value in one.pulled.where if name == "feature")
        cut = "" if one.cut_share is None else f"cuts {_share(one.cut_share)}  ·  "
        text = f"{cut}<b>{numbers.usd(one.saving, signed=True)}</b>"
        title = f"{names.plotly(label)}{f' · {names.plotly(names.short(whom, 30))}' if whom else ''}"
        hovers.append(f"{names.plotly(label)}: {names.plotly(how)}")
        fill = Fill(SAVING if one.saving >= 0 else COST_UP)
        bars.append(charts.Bar(str(place), title, abs(one.saving), text, fill))
    alt = ", ".join(f"{LEVERS[one.pulled.lever].label} {numbers.usd(one.saving)}" for one in answer.levers)
    picture = charts.ranked_bars(bars)
    picture.update_traces(hovertext=hovers)
    draw(picture, key="shares", alt=f"What each lever saves: {alt}")


def _share(share: Fraction) -> str:
    return numbers.percent(share.numerator, share.denominator)


def who_gains(found: Sequence[Gain]) -> None:
    """Features whose bill changes, as it was and in the scenario."""
    with heading("Who gains", key="gains"):
        tables.export("who-gains", lambda: _exported(found), key="gains")
    moved = [one for one in found if one.saving][:12]
    if not moved:
        st.caption("Nobody: no request costs anything else than it did.")
        return
    columns = {
        "Feature": [names.short(one.feature) for one in moved],
        "As it was": [numbers.usd(one.before) for one in moved],
        "Scenario": [numbers.usd(one.after) for one in moved],
        "Saves": [numbers.usd(one.saving) for one in moved],
    }
    written(columns, "gains-rows", "Who gains, largest saving first", text=("Feature",))


def left(answer: Answer) -> None:
    """What was left unchanged and why, and the caveats: beside the numbers, not below the page."""
    with st.container(key="left", gap="xsmall"):
        for caveat in answer.caveats:
            st.caption(names.markdown(caveat))
        if answer.unchanged:
            parts = [
                f"{numbers.count(count)} {REASONS.get(reason, reason)}" for reason, count in answer.unchanged.items()
            ]
            st.caption(names.markdown(f"Left as they were: {'; '.join(parts)}."))


def _exported(found: Sequence[Gain]) -> tables.Columns:
    return {
        "feature": [one.feature for one in found],
        "baseline_usd": tables.money([one.before for one in found]),
        "scenario_usd": tables.money([one.after for one in found]),
        "saving_usd": tables.money([one.saving for one in found]),
    }
