"""The requests behind a scenario's saving: before, after, and the way to each of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from spend.levers.lever import Pulled
from spend.what_if import Replayed, Scene, evidence
from ui import drill, names, numbers, tables
from ui.look import heading

_CHOSEN = "_evidence-chosen"


def behind(scene: Scene, pulled: Sequence[Pulled]) -> None:
    """The requests that change most, asked for only when they are to be seen; one of them opens on Features."""
    with heading("Requests that change most", key="evidence"):
        shown = st.toggle("Show them", key="evidence-shown")
    if not shown:
        return
    found = [one for one in evidence(scene, pulled) if one.before.cost != one.after.cost]
    if not found:
        st.caption("No request costs anything else than it did.")
        return
    zone = ZoneInfo(scene.filters.timezone)
    frame = pd.DataFrame(
        {
            "time": [_when(one, zone) for one in found],
            "feature": [names.short(one.feature, 24) for one in found],
            "model": [_models(one) for one in found],
            "prompt": [_prompt(one) for one in found],
            "output": [f"{numbers.count(one.before.output)} → {numbers.count(one.after.output)}" for one in found],
            "before": [float(one.before.cost) for one in found],
            "after": [float(one.after.cost) for one in found],
        }
    )
    texts = {side: [numbers.unit(getattr(one, side).cost) for one in found] for side in ("before", "after")}
    columns: dict[str, Any] = {
        "time": "Time",
        "feature": "Feature",
        "model": "Model",
        "prompt": "Cached of the prompt",
        "output": "Output",
        "before": tables.figures("As it was"),
        "after": tables.figures("In the scenario"),
    }
    st.session_state.setdefault(_CHOSEN, None)
    tables.choose(frame, texts, key="evidence-rows", columns=columns, opener="time",
                  then=lambda place: _choose(found[place]), alt="Requests that change most")  # fmt: skip
    chosen = next((one for one in found if one.request_key == st.session_state[_CHOSEN]), None)
    if chosen is not None:
        query = drill.focus_query("feature", chosen.feature) | {drill.REQUEST: chosen.request_key}
        query |= {drill.AT: chosen.started_at.isoformat()} if chosen.started_at else {}
        drill.link("features", f"Open the request of {_when(chosen, zone)} →", query=query)


def _choose(one: Replayed) -> None:
    st.session_state[_CHOSEN] = one.request_key


def _when(one: Replayed, zone: ZoneInfo) -> str:
    if one.started_at is None:
        return names.button(names.short(one.request_key))
    return f"{one.started_at.replace(tzinfo=UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _models(one: Replayed) -> str:
    before, after = names.short(one.before.model, 28), names.short(one.after.model, 28)
    text = before if before == after else f"{before} → {after}"
    return f"{text}, batch" if one.after.batch and not one.before.batch else text


def _prompt(one: Replayed) -> str:
    sides = (
        numbers.tokens(side.cache_read + side.cache_write_5m + side.cache_write_1h) for side in (one.before, one.after)
    )
    return " → ".join(sides)
