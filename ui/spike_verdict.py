"""The verdict on a night: anything unusual, how sure that is, and what size would have been caught."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import streamlit as st

from spend.spikes.incidents import FLAG, Incident
from spend.spikes.judged import MORNING
from spend.spikes.verdict import Verdict, enough_on
from ui import names, numbers
from ui.cached import ask
from ui.headline import Tone, figure
from ui.periods import day_words
from ui.plot import draw
from ui.spike_hours import night_hours
from ui.spike_question import Looked
from ui.spike_words import hours_said, scope_said, scope_short, times_said


def verdict_shown(looked: Looked, told: Verdict) -> None:
    """Three figures: the answer, what would have been caught, what was tested."""
    if not told.enough_history:
        with st.container(key="answer", gap="xsmall"):
            _answer(looked, told)
        return
    with st.container(key="headline"):
        answer, caught, tested = st.columns([1.5, 1.15, 1], gap="medium")
    with answer, st.container(key="answer", gap="xsmall"):
        _answer(looked, told)
    with caught, st.container(key="caught", gap="xsmall"):
        _caught(told)
    with tested, st.container(key="tested", gap="xsmall"):
        _tested(told)


def _answer(looked: Looked, told: Verdict) -> None:
    label = f"Night of {day_words(told.night)}, {hours_said(looked.settings)}, {told.timezone}"
    actual = f"{numbers.usd(told.actual)}{' so far' if told.running else ''}"
    if not told.enough_history:
        figure(label, actual)
        st.caption(names.markdown(too_little(ask(enough_on, looked.filters, looked.settings))))
        return
    tone: Tone = "red" if told.unusual else "gray"
    usual = "" if told.expected is None else f"usually {numbers.usd(told.expected)}"
    head = next(iter(unusual_of(told)), None)
    if head is None:
        figure(label, in_a_word(told), actual, tone, usual)
    else:
        figure(label, in_a_word(told), scope_short(head.finding.scope, 24), tone, f"the night {actual}, {usual}")
    notes = [_watched(told.incidents), "Compared with the same hours of other nights." if told.running else ""]
    if told.real_hours != len(told.hours):
        notes.append(f"The clocks changed: it had {told.real_hours:g} real hours, compared by the hours of the clock.")
    if any(notes):
        st.caption(names.markdown(" ".join(note for note in notes if note)))


def in_a_word(told: Verdict) -> str:
    """The answer, as large as it gets."""
    found = unusual_of(told)
    so_far = " so far" if told.running else ""
    if not found:
        return f"Nothing unusual{so_far}"
    more = numbers.usd(found[0].finding.excess, signed=True)
    return f"{more}{so_far}" if len(found) == 1 else f"{len(found)} incidents{so_far}"


def unusual_of(told: Verdict) -> list[Incident]:
    """What was flagged and not planned, dearest first."""
    return [one for one in told.incidents if one.level == FLAG and not one.planned]


def too_little(enough: date | None) -> str:
    """Why there is no verdict, and from when on there is."""
    first = f" The first night that can be judged is that of {day_words(enough)}." if enough else ""
    return f"Not enough history: a night is compared with at least 7 days and 4 nights before it.{first}"


def _watched(incidents: Sequence[Incident]) -> str:
    watched = sum(one.level != FLAG and not one.planned for one in incidents)
    planned = sum(one.planned for one in incidents)
    said = [f"{watched} to watch" if watched else "", f"{planned} planned" if planned else ""]
    return f"{' and '.join(part for part in said if part)} below." if any(said) else ""


def _caught(told: Verdict) -> None:
    jumps = {"feature": "in any feature", "model": "in any model", "user": "by any user", None: OVER_ALL}
    known = [(jump, where) for name, where in jumps.items() if (jump := told.caught(name))]
    label = "Another would be flagged" if told.unusual else "Would have been flagged"
    if not known:
        why = "all that can be tested is flagged" if told.catchable else "nothing here can be tested"
        figure(label, numbers.UNKNOWN, why)
        return
    jump, where = known[0]
    figure(label, f"{numbers.usd(jump)} more", f"in one hour, {where}")
    if known[1:]:
        said = ", ".join(f"{numbers.usd(jump)} {where}" for jump, where in known[1:])
        st.caption(names.markdown(said))


OVER_ALL = "in everything together"


def _tested(told: Verdict) -> None:
    every = round(1 / told.expected_false_flags) if told.expected_false_flags else 0
    chance = f"by chance at most one flag in {every} nights" if every > 1 else "by chance about one flag a night"
    figure("Tested", f"{told.series} series", chance if told.series else None)
    rest = (
        f"; {numbers.count(told.by_dollars)} more, too new or seldom active, by dollars alone"
        if told.by_dollars
        else ""
    )
    st.caption(f"Everything, each feature, model and user{rest}")


def quiet_hours(told: Verdict) -> None:
    """A night that has no incident, hour by hour."""
    name = "day" if told.kind == MORNING else "night"
    st.caption("By the hour: everything together")
    draw(night_hours(told.hours), key=f"hours-{name}", alt=f"The {name} hour by hour, over what such hours cost")
    if told.enough_history:
        st.caption("Grey: what 8 of 10 such hours cost, and the usual in it.")


def day_after(told: Verdict, night: Verdict) -> None:
    """The calendar day after the night in a line; what was unusual in it has a card."""
    so_far = " so far" if told.running else ""
    said = (
        f"The day after, {day_words(told.night + timedelta(days=1))}: {times_said(told.actual, told.expected)}{so_far}"
    )
    if told.enough_history:
        found, quiet = (
            unusual_of(told),
            "; nothing unusual." if not night.incidents else "; no more than its night had.",
        )
        watched = _watched(told.incidents).replace("below", "above")
        said += f"; {len(found)} unusual, above." if found else f"; {watched}" if watched else quiet
    st.caption(names.markdown(said))


def ongoing_shown(told: Verdict) -> None:
    """New levels that began before, which are not told again."""
    for one in told.ongoing:
        since = day_words(one.finding.from_.date())
        more = numbers.usd(one.finding.excess, signed=True)
        st.caption(names.markdown(f"Still at its new level since {since}: {scope_said(one.finding.scope)}, {more}."))
