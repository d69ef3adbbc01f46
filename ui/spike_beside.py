"""What is behind a bar beside the same of a usual night: calls, tokens, models, cost."""

from __future__ import annotations

import streamlit as st

from spend.explain.beside import Billed
from ui import names, numbers

_MODELS = 2


def beside_shown(usual: Billed, actual: Billed) -> None:
    """A line for the incident's hours and one for the same hours of a usual night."""
    st.markdown(
        f"**In these hours**  {names.markdown(billed_said(actual))}  \n"
        f"**On a usual night**  {names.markdown(billed_said(usual))}"
    )


def billed_said(one: Billed) -> str:
    """All that a bar can be about, in words."""
    calls = numbers.count(round(one.calls)) if one.calls >= 10 else f"{one.calls:.1f}".removesuffix(".0")
    said = [f"{calls} billed {'call' if calls == '1' else 'calls'}"]
    if one.prompt_each is not None and one.output_each is not None:
        said.append(f"{numbers.count(round(one.prompt_each))} prompt tokens each")
        said += [f"{_share(one.read, one.prompt)} of them from the cache"] if one.read >= 1 else []
        said.append(f"{numbers.count(round(one.output_each))} output tokens each")
        said += [f"{names.short(model, 24)} {_share(own, one.calls)}" for model, own in one.models[:_MODELS]]
        more = len(one.models) - _MODELS
        said += [f"{more} more {'model' if more == 1 else 'models'}"] if more > 0 else []
    return f"{', '.join(said)}: {numbers.usd(round(one.cost))}"


def _share(part: float, whole: float) -> str:
    return numbers.percent(round(1000 * part), round(1000 * whole))
