"""The scenario as it is built: levers under the hand, the joint figures at once, the rest after them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from spend.filters import Filters, WrongQuestion
from spend.levers import LEVERS, PRESETS
from spend.levers.lever import Pulled
from spend.what_if import Answer, Bounds, BreakEven, Scene, bounds, break_even, gains, joint_cost, sampling, what_if
from spend.what_if.answer import MOST_LEVERS
from spend.what_if.month import days_of
from ui import names
from ui.cached import ask
from ui.filters import Asked
from ui.lever_controls import controls, fresh
from ui.what_if_answer import as_it_was, costs, left, ranges, shares, who_gains
from ui.what_if_evidence import behind
from ui.what_if_kept import actions, kept_scenarios
from ui.what_if_more import when_it_pays, without_fingerprints
from ui.what_if_scene import PRICES, Placed, add, changed, placed, pull, scene_of

_PRICED = {"then": "Prices as then", "today": "As today", "announced": "As announced"}


@st.fragment
def scenario(asked: Asked) -> None:
    """Runs by itself when a lever moves; the page around it stays."""
    with st.container(
        key="what-if-title", horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.subheader("Scenario", anchor=False)
        prices = st.segmented_control(
            "Prices",
            list(_PRICED),
            format_func=_PRICED.__getitem__,
            default="then",
            required=True,
            key=PRICES,
            bind="query-params",
            label_visibility="collapsed",
        )
    with scene_of(asked.filters, prices or "then") as scene:
        _drawn(asked, scene)


def _drawn(asked: Asked, scene: Scene) -> None:
    found, days = placed(), ask(days_of, asked.filters)
    top = st.container(key="what-if-top")
    pulled = _levers(scene, found)
    if not pulled:
        with top:
            baseline, _ = joint_cost(scene, [])
            as_it_was(baseline, days)
        kept_scenarios(scene, days)
        return
    with top:
        try:
            baseline, cost = joint_cost(scene, pulled)
        except WrongQuestion as error:
            st.error(names.markdown(str(error)))
            return
        costs(baseline, cost, days, asked.words)
        below = st.container(key="what-if-below", gap="xsmall")
    answer = what_if(scene, pulled)
    with below:
        sure = st.container(key="what-if-sure")
        left(answer)
        unknown = st.container(key="what-if-unknown")
        actions(asked, scene, pulled)
    _details(scene, answer, pulled)
    with sure:
        ranges(answer, sampling(scene, pulled), days)
    if "no_fingerprint" in answer.unchanged:
        with unknown:
            without_fingerprints(ask(_bounds, scene.filters, scene.prices), days)
    behind(scene, pulled)
    kept_scenarios(scene, days)


def _details(scene: Scene, answer: Answer, pulled: Sequence[Pulled]) -> None:
    one, other = st.columns(2, gap="large")
    with one:
        shares(answer)
    with other:
        who_gains(gains(scene, pulled))
    if any("ttl" in dict(lever.values) for lever in pulled):
        when_it_pays(*ask(_break_even, scene.filters, scene.prices))


def _bounds(con: Any, filters: Filters, prices: str) -> list[Bounds]:
    with Scene(con, filters, prices=prices) as scene:
        return bounds(scene)


def _break_even(con: Any, filters: Filters, prices: str) -> tuple[list[BreakEven], list[BreakEven]]:
    with Scene(con, filters, prices=prices) as scene:
        return break_even(scene)


def _levers(scene: Scene, found: list[Placed]) -> list[Pulled]:
    """Draws the levers' controls and what adds one; gives them as they are set."""
    models = sorted(scene.models)
    now: list[Placed] = []
    if found:
        now = [Placed(one.number, controls(one, models)) for one in found]
        changed(now)
    with st.container(key="levers-add", horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Pull a lever:", width="content")
        full = len(found) >= MOST_LEVERS
        for name, lever in LEVERS.items():
            st.button(
                names.markdown(lever.label),
                key=f"levers-add-{name}",
                type="tertiary",
                disabled=full,
                on_click=_added,
                args=(name, models),
            )
        for place, (title, preset) in enumerate(PRESETS.items()):
            st.button(title, key=f"levers-preset-{place}", type="tertiary", on_click=add, args=([preset],))
        if found:
            st.button("Start over", key="levers-clear", type="tertiary", on_click=pull, args=([],))
    return [one.pulled for one in now]


def _added(name: str, models: Sequence[str]) -> None:
    add([fresh(name, models)])
