"""What was found unasked: opportunities in order of size, each a scenario to open."""

from __future__ import annotations

import streamlit as st

from spend.opportunities import Opportunity
from spend.opportunities.ranked import opportunities
from ui import names, numbers
from ui.cached import ask
from ui.filters import Asked
from ui.look import heading
from ui.what_if_scene import add, pull

_SHOWN = 5
_CONFIDENCE = {
    "high": "replayed exactly",
    "medium": "try it first",
    "low": "a guess to look into",
}


def found_unasked(asked: Asked) -> None:
    """The section of findings; a click opens one as a scenario or adds it to the one that is open."""
    found = ask(opportunities, asked.filters)
    ready = [one for one in found if one.levers]
    notes = [one for one in found if not one.levers]
    with heading("Worth a look", key="found"):
        if len(ready) > 1:
            st.button(
                f"Try the first {min(len(ready), 3)}",
                key="found-all",
                type="tertiary",
                on_click=pull,
                args=([lever for one in ready[:3] for lever in one.levers],),
            )
    if not ready:
        st.text("Nothing stands out: no finding would save a hundredth of a per cent of this spend.")
    for place, one in enumerate(ready[:_SHOWN]):
        _row(one, place)
    if len(ready) > _SHOWN or notes:
        with st.expander(f"{len(ready[_SHOWN:]) + len(notes)} more, smaller or less certain", key="found-more"):
            for place, one in enumerate(ready[_SHOWN:], start=_SHOWN):
                _row(one, place)
            for one in notes:
                _note(one)


def _row(one: Opportunity, place: int) -> None:
    with st.container(key=f"found-{place}", gap="xsmall"):
        said, money, buttons = st.columns([4.2, 1.9, 0.9], gap="small", vertical_alignment="center")
        with said:
            st.markdown(names.markdown(one.title))
            st.caption(names.markdown(one.why))
        with money:
            st.markdown(f"**{names.markdown(numbers.about(one.month))}** a month")
            st.caption(names.markdown(_beside(one)))
        with buttons, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
            st.button("Try", key=f"found-{place}-open", type="tertiary", on_click=pull, args=(one.levers,))
            st.button("Add", key=f"found-{place}-add", type="tertiary", on_click=add, args=(one.levers,))


def _beside(one: Opportunity) -> str:
    said = _CONFIDENCE[one.confidence]
    if one.adds == one.saving:
        return said
    return f"{numbers.about(one.adds_month)} on top of those above, {said}"


def _note(one: Opportunity) -> None:
    with st.container(gap="xsmall"):
        said, money = st.columns([4.2, 2.8], gap="small", vertical_alignment="center")
        with said:
            st.markdown(names.markdown(one.title))
            st.caption(names.markdown(one.why))
        with money:
            if one.at_most_month is not None:
                st.markdown(names.markdown(f"at most {numbers.about(one.at_most_month)} a month"))
            st.caption("in no sum")
