from __future__ import annotations

import pytest

from spend.filters import DIMENSIONS
from spend.levers import LEVERS
from spend.levers.lever import pulled_from, told
from ui.lever_controls import fresh, typed


@pytest.mark.parametrize("name", LEVERS)
def test_a_lever_begins_complete_whatever_it_is(name: str) -> None:
    one = fresh(name, ["claude-haiku-4-5"])
    assert pulled_from(told(one), LEVERS, tuple(DIMENSIONS)) == one
    required = {each.name for each in LEVERS[name].inputs if each.required}
    assert required <= dict(one.values).keys()


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("user=u_1", ("user", "u_1")),
        ("tag:env=a=b", ("tag:env", "a=b")),
        ("model=(not logged)", ("model", None)),
        ("tag=x", ("feature", "tag=x")),
        ("colour=red", ("feature", "colour=red")),
        ("search", ("feature", "search")),
        ("=1+1", ("feature", "=1+1")),
    ],
)
def test_what_a_lever_is_for_can_be_typed(text: str, pair: tuple[str, str | None]) -> None:
    assert typed(text) == pair
