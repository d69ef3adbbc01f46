from __future__ import annotations

import pytest

from spend.filters import DIMENSIONS
from spend.levers import LEVERS
from spend.levers.lever import pulled_from, told
from ui.lever_controls import fresh


@pytest.mark.parametrize("name", LEVERS)
def test_a_lever_begins_complete_whatever_it_is(name: str) -> None:
    one = fresh(name, ["claude-haiku-4-5"])
    assert pulled_from(told(one), LEVERS, tuple(DIMENSIONS)) == one
    required = {each.name for each in LEVERS[name].inputs if each.required}
    assert required <= dict(one.values).keys()
