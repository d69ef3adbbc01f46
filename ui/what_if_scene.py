"""The scenario on the screen: its levers in the session and the address, its requests in one scene for each session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from threading import Lock

import streamlit as st

from spend.filters import Filters, WrongQuestion
from spend.levers.lever import Pulled
from spend.what_if import Scene
from spend.what_if.answer import in_order
from spend.what_if.saved import as_text, from_text
from ui import names
from ui.cached import the_store

PARAM, PRICES = "scenario", "prices"
_LEVERS, _TOLD, _SCENE = "_what-if-levers", "_what-if-told", "_what-if-scene"
_numbers = count(1)


@dataclass(slots=True)
class Placed:
    """A lever on the screen, with a number for its widgets' keys."""

    number: int
    pulled: Pulled


@dataclass(slots=True)
class _Held:
    store: object
    filters: Filters
    prices: str
    scene: Scene
    lock: Lock


def placed() -> list[Placed]:
    """The levers, read anew where the address says others than were written there last."""
    asked = st.query_params.get(PARAM)
    kept: list[Placed] = st.session_state.get(_LEVERS, [])
    if asked is not None and asked != st.session_state.get(_TOLD):
        try:
            found = from_text(asked)
            in_order(found)  # says what is wrong with them
            pull(found)
        except WrongQuestion as error:
            st.error(names.markdown(f"The scenario in this address is not one: {error}"))
            pull([])
    elif asked is None and kept:
        _tell(kept)
    return list(st.session_state.get(_LEVERS, []))


def pull(levers: Sequence[Pulled]) -> None:
    """Puts these levers on the screen in place of what is there; for a callback too."""
    found = [Placed(next(_numbers), one) for one in levers]
    st.session_state[_LEVERS] = found
    _tell(found)


def add(levers: Sequence[Pulled]) -> None:
    """Puts more levers beside those on the screen, each only once."""
    kept: list[Placed] = st.session_state.get(_LEVERS, [])
    there = [one.pulled for one in kept]
    found = [*kept, *(Placed(next(_numbers), one) for one in levers if one not in there)]
    st.session_state[_LEVERS] = found
    _tell(found)


def remove(number: int) -> None:
    found = [one for one in st.session_state.get(_LEVERS, []) if one.number != number]
    st.session_state[_LEVERS] = found
    _tell(found)


def changed(found: list[Placed]) -> None:
    """Keeps what hands have set."""
    st.session_state[_LEVERS] = found
    _tell(found)


def _tell(found: Sequence[Placed]) -> None:
    text = as_text([one.pulled for one in found])
    st.session_state[_TOLD] = text
    if text and st.query_params.get(PARAM) != text:
        st.query_params[PARAM] = text
    elif not text:
        st.query_params.pop(PARAM, None)


@contextmanager
def scene_of(filters: Filters, prices: str) -> Iterator[Scene]:
    """The session's scene, made anew when the filters, the prices or the open store are others."""
    held: _Held | None = st.session_state.get(_SCENE)
    store = the_store()
    if held is None or (held.store, held.filters, held.prices) != (store, filters, prices) or not held.scene.is_open:
        if held is not None:
            held.scene.close()
        held = _Held(store, filters, prices, Scene(store.cursor(), filters, prices=prices), Lock())
        st.session_state[_SCENE] = held
    with held.lock:
        yield held.scene
