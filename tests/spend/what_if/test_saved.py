from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spend.filters import DIMENSIONS, WrongQuestion
from spend.levers import LEVERS
from spend.levers.lever import Pulled, complete, pulled_from, told
from spend.what_if.saved import MOST_NAMED, as_text, forget, from_text, save, saved
from tests.factories import emptied

NAMES = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
CAP = (Pulled("cap", (("max_output_tokens", 500),)),)


@given(NAMES, NAMES, st.text("a=,;%\"'2C", min_size=1, max_size=8), st.integers(0, 100))
def test_a_lever_is_read_as_it_was_told_whatever_its_names_hold(
    feature: str | None, user: str | None, tag: str, share: int
) -> None:
    where = (("feature", feature), ("user", user), (f"tag:{tag}", feature))
    text = f"cap:max_output_tokens=7,share={share}/100"
    one = pulled_from(text, LEVERS, tuple(DIMENSIONS))
    one = complete(Pulled(one.lever, one.values, where, one.share), LEVERS)
    assert pulled_from(told(one), LEVERS, tuple(DIMENSIONS)) == one
    assert from_text(as_text([one, *CAP])) == [one, *CAP]


def test_a_scenario_is_saved_under_a_name_and_forgotten() -> None:
    store = emptied()
    save(store, "  shorter \n answers ", CAP)
    save(store, "other", from_text("batch;cache:ttl=1h"))
    assert saved(store.cursor()) == {"other": "batch;cache:ttl=1h", "shorter answers": "cap:max_output_tokens=500"}
    assert from_text(saved(store.cursor())["shorter answers"]) == list(CAP)
    forget(store, "other")
    forget(store, "never saved")
    assert list(saved(store.cursor())) == ["shorter answers"]
    forget(store, "shorter answers")
    assert saved(store.cursor()) == {}


def test_what_is_no_scenario_or_no_name_is_said() -> None:
    store = emptied()
    for name, levers in (("", CAP), (" ", CAP), ("x" * 81, CAP), ("none", ())):
        with pytest.raises(WrongQuestion):
            save(store, name, levers)
    for number in range(MOST_NAMED):
        save(store, f"{number}", CAP)
    with pytest.raises(WrongQuestion, match="forget one first"):
        save(store, "one too many", CAP)
    save(store, "7", CAP)


def test_a_text_that_is_no_scenario_is_said() -> None:
    for text in ("pull", "swap", "cap:max_output_tokens=x", "swap:to"):
        with pytest.raises(WrongQuestion):
            from_text(text)
    assert from_text("") == []
