"""A lever's controls, drawn from the inputs it declares: no lever is known here by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial

import streamlit as st

from spend.filters import DIMENSIONS
from spend.levers import LEVERS, PRESETS
from spend.levers.lever import Input, Pulled, Value, complete
from ui import names, numbers
from ui.filters import DIMENSIONS as DIMENSIONS_OF_BAR
from ui.filters import offered
from ui.what_if_scene import Placed, remove

_STEPS = (1, 2, 3, 5, 8)
_LONGEST = 1_000_000  # tokens
_KINDS = frozenset(DIMENSIONS) - {"tag"}
Wish = Callable[[], Value | None]
Where = tuple[tuple[str, str | None], ...]


def controls(one: Placed, models: Sequence[str]) -> Pulled:
    """Draws a lever and gives it as it is set."""
    lever = LEVERS[one.pulled.lever]
    with st.container(key=f"lever-{one.number}", border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{names.markdown(lever.label)}**")
            st.button("Remove", key=f"lever-{one.number}-remove", type="tertiary", on_click=remove, args=(one.number,))
        wishes: list[tuple[str, Wish]] = [(each.name, partial(_input, each, one, models)) for each in lever.inputs]
        found: dict[str, Value | None] = {}
        where, share = one.pulled.where, one.pulled.share
        places = [*wishes, ("", None), ("", None)]
        for first in range(0, len(places), 3):
            columns = st.columns(3, gap="small")
            for column, (place, (name, wish)) in zip(columns, list(enumerate(places))[first : first + 3], strict=False):
                with column:
                    if wish is not None:
                        found[name] = wish()
                    elif place == len(wishes):
                        where = _where(one)
                    else:
                        share = _share(one)
        values = tuple((name, value) for name, value in found.items() if value is not None)
    return replace(one.pulled, values=values, where=where, share=share)


def fresh(name: str, models: Sequence[str]) -> Pulled:
    """A lever as it begins: its defaults, and what a preset of it says where one has to be given."""
    given: dict[str, Value] = {}
    for preset in PRESETS.values():
        given = (dict(preset.values) if preset.lever == name else {}) | given
    for one in LEVERS[name].inputs:
        if one.required and one.default is None and one.name not in given and models:
            given[one.name] = models[0]
    return complete(Pulled(name, tuple(given.items())), LEVERS)


def _input(one: Input, at: Placed, models: Sequence[str]) -> Value | None:
    key, now = f"lever-{at.number}-{one.name}", at.pulled.value(one.name)
    label, said = names.markdown(one.label), names.markdown(one.hint) or None
    if one.kind == "model":
        return _chosen(one, key, label, said, now, models)
    if one.kind == "choice":
        return st.selectbox(label, one.choices, index=one.choices.index(str(now)), key=key, help=said)
    if one.kind == "tokens":
        assert isinstance(now, int)
        return int(st.select_slider(label, _lengths(now), value=now, format_func=numbers.count, key=key, help=said))
    low, high = (None if end is None else float(end) for end in (one.low, one.high))
    found = st.number_input(
        label,
        min_value=low,
        max_value=high,
        value=None if now is None else float(Fraction(now)),
        step=0.05,
        format="%.4g",
        placeholder="as usual",
        key=key,
        help=said,
    )
    if found is None or (now is not None and found == float(Fraction(now))):
        return None if found is None else now
    return one.read(f"{found:.4f}")


def _chosen(one: Input, key: str, label: str, said: str | None, now: Value | None, models: Sequence[str]) -> str | None:
    options = [*models, *([str(now)] if now is not None and now not in models else [])]
    return st.selectbox(
        label,
        options,
        index=None if now is None else options.index(str(now)),
        placeholder="Every model",
        key=key,
        help=said,
    ) or (str(now) if one.required else None)


def _lengths(now: int) -> list[int]:
    """Round lengths, close together where they are short, and the one that is set."""
    round_ones = {step * 10**size for size in range(1, 6) for step in _STEPS} | {_LONGEST}
    return sorted({*round_ones, *range(100, 1000, 50), *range(1000, 5000, 250), now})


def _where(one: Placed) -> Where:
    """The requests it is for: names of one kind are alternatives, kinds all have to hold."""
    known = {
        _named(pair): pair
        for dimension in DIMENSIONS_OF_BAR
        for pair in [(dimension, names.from_url(text)) for text in offered(dimension)]
    }
    now = {_named(pair): pair for pair in one.pulled.where}
    chosen = st.multiselect(
        "For",
        list(known | now),
        default=list(now),
        key=f"lever-{one.number}-for",
        placeholder="All requests",
        help="Features, models and users to choose from; session=, tier=, stop_reason= or tag:NAME= can be typed.",
        accept_new_options=True,
    )
    found = {(known | now).get(text) or typed(text) for text in chosen}
    return tuple(sorted(found, key=repr))


def _named(pair: tuple[str, str | None]) -> str:
    dimension, name = pair
    return names.to_url(name) if dimension == "feature" else f"{dimension}={names.to_url(name)}"


def typed(text: str) -> tuple[str, str | None]:
    """What a text asks for: of a kind that it names, else a feature."""
    dimension, equals, name = text.partition("=")
    if equals and (dimension in _KINDS or dimension.startswith("tag:")):
        return dimension, names.from_url(name)
    return "feature", names.from_url(text)


def _share(one: Placed) -> Fraction:
    now = float(one.pulled.share * 100)
    found = st.slider(
        "Share of them", 0.0, 100.0, value=now, step=5.0, format="%.0f %%", key=f"lever-{one.number}-share"
    )
    return one.pulled.share if found == now else Fraction(round(found * 100), 10_000)
