"""An incident's card: its sentence, its hours, why, where, what plainly changed, and the requests behind each bar."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from spend.explain.explanation import OTHER, Bar, Explanation, explain
from spend.spikes.found import incidents as incidents_of
from spend.spikes.hours import hours_of
from spend.spikes.incidents import Finding, Incident
from spend.spikes.night import DAY
from spend.spikes.verdict import Verdict
from spend.spikes.words import sentence
from ui import drill, names, numbers
from ui.cached import ask
from ui.plot import draw
from ui.spike_beside import beside_shown
from ui.spike_hours import night_hours
from ui.spike_marks import marks_row
from ui.spike_question import ALL, BEHIND, INCIDENT, Looked, short_key, show_incident
from ui.spike_requests import Behind, requests_shown
from ui.spike_words import level_said, safe, scope_said, scope_short
from ui.waterfall import Step, waterfall

DRAWN = 8


def cards(looked: Looked, verdicts: Sequence[Verdict]) -> None:
    """The incidents of a night and of the day after it, dearest first; one is open, the others say their sentence."""
    found = sorted(
        (one for told in verdicts for one in told.incidents), key=lambda one: (one.planned, -one.finding.excess)
    )
    folded = [told.folded for told in verdicts if told.folded[0]]
    if folded and st.query_params.get(ALL):
        shown = {one.key for one in found}
        every = ask(incidents_of, looked.filters, looked.settings, looked.night, looked.night)
        found += [one for one in every if one.key not in shown]
    chosen = st.query_params.get(INCIDENT)
    keys = [short_key(one.key) for one in found]
    chosen = chosen if chosen in keys else next(iter(keys), None)
    for key, one in zip(keys, found, strict=True):
        with st.container(key=f"incident-{key}", gap="small"):
            _head(one)
            if key == chosen:
                _body(looked, one, key)
            else:
                st.button(
                    "Why, where, requests", key=f"open-{key}", on_click=show_incident, args=(one.key, looked.night)
                )
    if folded and not st.query_params.get(ALL):
        count, excess = (sum(column) for column in zip(*folded, strict=True))
        label = names.markdown(f"{count} more, at most {numbers.usd(excess, signed=True)} together")
        st.button(label, key="spike-all", type="tertiary", on_click=_unfold)


def _unfold() -> None:
    st.query_params[ALL] = "1"


def _head(one: Incident) -> None:
    finding = one.finding
    colour = "gray" if one.planned else "red" if one.level == "flag" else "orange"
    more = names.markdown(numbers.usd(finding.excess, signed=True))
    level = level_said(one) + (" so far" if finding.running else "")
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        st.subheader(f":{colour}[{level}:] {names.markdown(scope_short(finding.scope, 48))}", anchor=False)
        st.markdown(f"**{more}**", width="content")
    st.markdown(safe(sentence(one)))


def _body(looked: Looked, one: Incident, key: str) -> None:
    finding = one.finding
    told = ask(explain, looked.filters, finding)
    bars = told.drawn(DRAWN)
    for change in told.changed:
        st.markdown(safe(change.sentence))
    left, right = st.columns(2, gap="large")
    with left:
        _hours(looked, finding, key)
        _where(told)
        _inside(one)
        _links(one)
    with right:
        _why(told, bars, key)
    marks_row(one, key)
    _requests(looked, finding, told, bars, key)


def _hours(looked: Looked, finding: Finding, key: str) -> None:
    around = _around(looked, finding)
    kind, night = finding.kind, looked.night
    hours = ask(hours_of, looked.filters, looked.settings, scope=finding.scope, night=night, kind=kind, around=around)
    st.caption(names.markdown(f"By the hour: {scope_said(finding.scope)}"))
    alt = f"Cost by the hour of {scope_said(finding.scope)}, over what such hours usually cost"
    draw(night_hours(hours, finding.spans), key=f"hours-{key}", alt=alt)
    st.caption("Red: the hours of this incident. Grey: what 8 of 10 such hours cost, and the usual in it.")


def _around(looked: Looked, finding: Finding) -> int:
    """Hours to show before and after the night, so that the incident's own are in sight, within a day."""
    own = [told.hour for told in (finding.from_, finding.until)]
    start, length = (
        (looked.settings.night.start, looked.settings.night.length) if finding.kind != "morning" else (0, DAY)
    )
    begins = (own[0] - start) % DAY
    outside = begins >= length or finding.past - finding.start > 4 * (length - begins)
    return min(DAY, max(4, -(-(finding.past - finding.start) // 4))) if outside else 0


def _why(told: Explanation, bars: Sequence[Bar], key: str) -> None:
    st.caption("Why: from the usual to what it cost. A bar opens the requests behind it.")
    labels = bar_labels(bars)
    steps = [Step(label, bar.change) for label, bar in zip(labels, bars, strict=True)]
    figure = waterfall(told.usual, steps, told.actual)
    said = "; ".join(f"{step.label} {numbers.usd(step.change, signed=True)}" for step in steps)
    alt = f"Usual {numbers.usd(told.usual)}; {said}; in all {numbers.usd(told.actual)}"
    chart = f"why-{key}"

    def picked() -> None:
        for point in st.session_state[chart]["selection"]["points"][:1]:
            [place] = point.get("customdata") or [-1]
            st.session_state[f"behind-{key}"] = place
            _keep_behind(key)

    draw(figure, key=chart, alt=alt, on_select=picked)


def bar_labels(bars: Sequence[Bar]) -> list[str]:
    """What each bar is, and of which feature where there are several."""
    several = len({bar.feature for bar in bars if bar.of_one}) > 1
    return [
        f"{names.short(bar.feature, 24)}: {bar.driver}" if several and bar.of_one else bar.driver.capitalize()
        for bar in bars
    ]


def _where(told: Explanation) -> None:
    if told.where:
        said = ", ".join(f"{scope_said(part.scope)} ({part.share:.0%})".replace("%", " %") for part in told.where)
        st.markdown(f"**Where**  {safe(said)}")


def _inside(one: Incident) -> None:
    """The same event in other series, parent or children of this one, and the page of each name."""
    if not one.inside:
        return
    said = [f"{scope_said(inner.scope)} {numbers.usd(inner.excess, signed=True)}" for inner in one.inside[:6]]
    more = f" and {len(one.inside) - 6} more" if len(one.inside) > 6 else ""
    st.markdown(f"**The same event in**  {safe(', '.join(said) + more)}")


def _links(one: Incident) -> None:
    """The page of each name the incident is seen in."""
    pairs = [pair for finding in (one.finding, *one.inside) for pair in finding.scope]
    with st.container(horizontal=True, gap="small"):
        for dimension, name in pairs[:3]:
            query = drill.focus_query(dimension, name)
            drill.link(drill.PAGE_OF[dimension], f"{dimension.capitalize()} {names.short(name, 24)} →", query=query)


def _requests(looked: Looked, finding: Finding, told: Explanation, bars: Sequence[Bar], key: str) -> None:
    labels = ["All of this incident", *bar_labels(bars)]
    changes = [finding.excess, *(bar.change for bar in bars)]
    box = f"behind-{key}"
    in_url = _place_in_url(len(bars))
    if st.session_state.get(f"_{box}") != in_url:  # a link, or a step back in the browser
        st.session_state[box] = st.session_state[f"_{box}"] = in_url
    place: int = st.selectbox(
        "Requests behind",
        range(-1, len(bars)),
        format_func=lambda at: f"{labels[at + 1]}, {numbers.usd(changes[at + 1], signed=True)}",
        key=box,
        on_change=_keep_behind,
        args=(key,),
        width=360,
    )
    beside_shown(*told.beside(bars[place] if place >= 0 else None))
    if place < 0:
        filters = looked.filters
        for dimension, name in finding.scope:
            filters = filters.narrowed(dimension, name)
        requests_shown(Behind(filters, finding.spans))
        return
    bar = bars[place]
    if bar.driver == OTHER:
        st.caption("Several small changes together: these are all requests they could be among.")
    requests_shown(Behind(bar.filters, bar.spans, bar.driver))


def _keep_behind(key: str) -> None:
    """The bar whose requests are shown, in the URL."""
    place = st.session_state[f"_behind-{key}"] = st.session_state[f"behind-{key}"]
    st.query_params[INCIDENT] = key
    if place < 0:
        drill.leave(BEHIND)
    else:
        st.query_params[BEHIND] = str(place + 1)


def _place_in_url(bars: int) -> int:
    said = st.query_params.get(BEHIND, "")
    return int(said) - 1 if said.isdecimal() and 0 < int(said) <= bars else -1
