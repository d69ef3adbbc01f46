"""The answer first: spend of the period, where the month is going, what moved most, what has no price."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from spend.breakdown import Spend, amounts
from spend.filters import Filters
from spend.forecast import month_end
from ui import drill, names, numbers
from ui.cached import ask
from ui.filters import Asked
from ui.movers import top_mover
from ui.periods import day_words

Tone = Literal["red", "green", "gray"]


def headline(asked: Asked, spend: Spend) -> None:
    """Four figures in a row, one below the other on a phone; each leads to what is behind it."""
    with st.container(key="headline"):
        answer, month, mover, unpriced = st.columns([1.35, 1.15, 1, 1], gap="medium")
    with answer, st.container(key="answer", gap="xsmall"):
        _spend(asked, spend)
    with month, st.container(key="month", gap="xsmall"):
        month_figure(asked, asked.filters)
    with mover, st.container(key="mover", gap="xsmall"):
        _mover(asked)
    with unpriced, st.container(key="unpriced", gap="xsmall"):
        _unpriced(spend)


def figure(label: str, value: str, delta: str | None = None, tone: Tone = "gray", beside: str | None = None) -> None:
    """One figure of the statement: plain text in, nothing of it taken for Markdown."""
    st.metric(
        names.markdown(label),
        names.markdown(value),
        names.markdown(delta) if delta else None,
        delta_color=tone,
        delta_arrow="off",
        delta_description=names.markdown(beside) if beside else None,
    )


def tone_of(now: int, before: int | None) -> Tone:
    """Cost up is red, cost down green; a sign always goes with it."""
    if before is None or now == before:
        return "gray"
    return "red" if now > before else "green"


def spend_figure(asked: Asked, filters: Filters, before: Filters | None, spend: Spend) -> None:
    """Spend of the period and its change against the equal period before."""
    label, value = f"Spend, {asked.words}", numbers.usd(spend.cost if spend.cost_known else None)
    if before is not None:
        then = ask(amounts, before, ())[()]
        figure(label, value, numbers.change(spend.cost, then), tone_of(spend.cost, then), _compared(before, asked))
    elif filters.since is None:
        figure(label, value)
    else:
        figure(label, value)
        st.caption(f"Logs begin on {day_words(asked.first_day)}, no equal period before")


def _spend(asked: Asked, spend: Spend) -> None:
    spend_figure(asked, asked.filters, asked.before, spend)
    st.caption(
        f"{numbers.count(spend.requests)} requests · {numbers.tokens(spend.prompt_tokens + spend.output_tokens)} tokens"
    )


def _compared(before: Filters | None, asked: Asked) -> str | None:
    if before is None or before.since is None or before.until is None:
        return None
    length = (before.until - before.since).days
    so_far = ", today not over" if asked.unfinished_day else ""
    return f"on the {length} days before{so_far}" if length > 1 else f"on the day before{so_far}"


def month_figure(asked: Asked, filters: Filters) -> None:
    """What the month cost so far and where it is going, of the requests that meet ``filters.where``."""
    label = f"{asked.today:%B} to the {_ordinal(asked.today.day)}"
    end = ask(month_end, filters, asked.today)
    if end is None:
        figure(label, numbers.usd(0))
        return
    figure(label, numbers.usd(end.month_to_date), f"→ about {numbers.about(end.projected)} by its end")
    if end.low is not None and end.high is not None:
        rough = ", rough" if end.rough else ""
        st.caption(names.markdown(f"80 %: between {numbers.about(end.low)} and {numbers.about(end.high)}{rough}"))
    elif end.rough:
        st.caption("Rough: too few days yet for a range.")


def _mover(asked: Asked) -> None:
    """Against the equal period before; where the logs do not reach back so far, in the last seven days."""
    within, label = (asked, "Moved most") if asked.before else (asked.last_week, "Moved most, last 7 days")
    found = top_mover(within)
    if found is None:
        figure(label, "Nothing" if within.before else numbers.UNKNOWN)
        return
    now, then = found.now, found.before
    moved = numbers.usd(found.change, signed=True)
    figure(label, names.short(found.key, 20), moved, tone_of(now, then), numbers.change(now, then))
    drill.link("features", "Open this feature →", query=drill.focus_query("feature", found.key))


def _unpriced(spend: Spend) -> None:
    if not spend.unpriced_requests:
        figure("Unpriced", "None", "every request has a price")
        return
    share = numbers.percent(spend.unpriced_requests, spend.requests)
    figure(
        "Unpriced",
        f"{numbers.count(spend.unpriced_requests)} requests",
        share,
        "gray",
        f"{numbers.tokens(spend.unpriced_tokens)} tokens, in no sum",
    )
    drill.link("data", "Why, and what to do →", query={"show": "Unpriced"})


def _ordinal(day: int) -> str:
    suffix = "th" if 10 < day % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{suffix}"
