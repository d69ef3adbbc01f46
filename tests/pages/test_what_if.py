"""The What-if page without a browser: its states, its controls, and its figures against the core's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from spend.filters import Filters
from spend.levers import LEVERS
from spend.what_if import Scene, what_if
from spend.what_if.saved import from_text
from store.connection import open_store
from store.process import close_process_store
from tests.factories import usage_record
from tests.pages.opened import Opened, checked, dashboard_over, figures, words
from ui import numbers

HOSTILE = "<b>x</b>:red[a], b=c; $1$ [x](http://x.example)"
OPUS = "claude-opus-4-8"
ALL_TIME = {"period": "Everything", "timezone": "UTC"}


def records() -> list[dict[str, Any]]:
    triage = [
        usage_record(feature=HOSTILE, model=OPUS, output_tokens=4, time=f"2026-11-{day:02}T09:{n:02}:00Z")
        for day in range(1, 16)
        for n in range(2)
    ]
    chat = [
        usage_record(feature="chat", input_tokens=9000, output_tokens=900, time=f"2026-11-{day:02}T10:{n:02}:00Z")
        for day in range(1, 11)
        for n in range(2)
    ]
    return [*triage, *chat, usage_record(feature=None, user=None), usage_record(model="claude-haiku-9")]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("what-if")
    with pytest.MonkeyPatch.context() as patch, dashboard_over(folder, patch, records()) as made:
        yield made


def scenario(test: AppTest) -> str:
    found = test.query_params.get("scenario", "")
    return found if isinstance(found, str) else found[0]


def expected(text: str, prices: str = "then") -> dict[str, str]:
    """The core's figures of a scenario over this store, as the page writes them."""
    close_process_store()
    with (
        open_store(Path(os.environ["SPENDGLASS_DB"])) as store,
        Scene(store.cursor(), Filters(timezone="UTC"), prices=prices) as scene,
    ):
        answer = what_if(scene, from_text(text))
    return {"As it was": numbers.usd(answer.baseline), "In the scenario": numbers.usd(answer.scenario)}


def test_an_empty_store_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with dashboard_over(tmp_path, monkeypatch, []) as empty:
        assert "No usage loaded yet" in words(checked(empty("what_if")))


def test_without_any_price_nothing_can_be_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with dashboard_over(tmp_path, monkeypatch, [usage_record(model="claude-haiku-9")]) as unpriced:
        assert "no lever can save anything" in words(checked(unpriced("what_if", **ALL_TIME)))


def test_where_nothing_stands_out_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with dashboard_over(tmp_path, monkeypatch, [usage_record()]) as plain:
        said = words(checked(plain("what_if", **ALL_TIME)))
    assert "Nothing stands out" in said
    assert "Nothing is changed yet" in said
    assert "Nothing was read from a cache" in said


def test_a_finding_opens_as_a_scenario_with_the_cores_figures(opened: Opened) -> None:
    test = checked(opened("what_if", **ALL_TIME))
    checked(test.button(key="found-0-open").click().run())
    text = scenario(test)
    assert [one.where[0] for one in from_text(text)] == [("feature", HOSTILE)]
    shown = figures(test)
    assert shown["Saves a month"] != "$0.00"
    assert {name: shown[name] for name in ("As it was", "In the scenario")} == expected(text)


def test_a_scenario_in_the_address_is_on_the_screen(opened: Opened) -> None:
    text = "cap:max_output_tokens=300,feature=chat,share=0.5;batch"
    test = checked(opened("what_if", scenario=text, **ALL_TIME))
    shown = figures(test)
    assert test.select_slider[0].value == 300
    assert [one.value for one in test.slider] == [50.0, 100.0]
    assert {name: shown[name] for name in ("As it was", "In the scenario")} == expected(text)


def test_a_lever_can_be_for_a_model_a_user_or_a_tag_and_let_go_of_it(opened: Opened) -> None:
    test = checked(opened("what_if", scenario="cap:max_output_tokens=100,user=u_1", **ALL_TIME))
    (whom,) = [one for one in test.multiselect if one.key and one.key.startswith("lever-")]
    assert whom.value == ["user=u_1"]
    assert "model=claude-opus-4-8" in whom.options
    checked(whom.set_value(["model=claude-opus-4-8", "tag:env=prod"]).run())
    assert scenario(test) == "cap:max_output_tokens=100,model=claude-opus-4-8,tag:env=prod"
    (whom,) = [one for one in test.multiselect if one.key and one.key.startswith("lever-")]
    checked(whom.set_value(["model=claude-opus-4-8"]).run())
    shown = figures(test)
    assert {name: shown[name] for name in ("As it was", "In the scenario")} == expected(scenario(test))


def test_a_scenario_that_is_none_is_said_and_left_out(opened: Opened) -> None:
    test = checked(opened("what_if", scenario="pull:x", **ALL_TIME))
    assert "The scenario in this address is not one" in words(test)
    assert list(figures(test)) == ["A month, as it was"]


@pytest.mark.parametrize("name", LEVERS)
def test_every_lever_can_be_pulled_and_let_go(name: str, opened: Opened) -> None:
    test = checked(opened("what_if", **ALL_TIME))
    checked(test.button(key=f"levers-add-{name}").click().run())
    assert [one.lever for one in from_text(scenario(test))] == [name]
    assert "As it was" in figures(test)
    (gone,) = [one for one in test.button if one.key and one.key.endswith("-remove")]
    checked(gone.click().run())
    assert scenario(test) == ""
    assert list(figures(test)) == ["A month, as it was"]


def test_controls_change_the_scenario_its_address_and_its_figures(opened: Opened) -> None:
    test = checked(opened("what_if", scenario="cap:max_output_tokens=500", **ALL_TIME))
    checked(test.select_slider[0].set_value(100).run())
    assert scenario(test) == "cap:max_output_tokens=100"
    checked(test.slider[0].set_value(50.0).run())
    assert scenario(test) == "cap:max_output_tokens=100,share=1/2"
    (whom,) = [one for one in test.multiselect if one.key and one.key.startswith("lever-")]
    checked(whom.set_value(["chat"]).run())
    assert scenario(test) == "cap:max_output_tokens=100,feature=chat,share=1/2"
    shown = figures(test)
    assert {name: shown[name] for name in ("As it was", "In the scenario")} == expected(scenario(test))
    checked(test.select_slider[0].set_value(300).run())  # the store was closed in between
    shown = figures(test)
    assert {name: shown[name] for name in ("As it was", "In the scenario")} == expected(scenario(test))


def test_a_factor_left_out_is_a_range_and_one_given_is_not(opened: Opened) -> None:
    test = checked(opened("what_if", scenario=f"swap:from={OPUS},to=claude-haiku-4-5", **ALL_TIME))
    assert "by tokenizer and length of answers" in words(test)
    tokenizer, verbosity = (one for one in test.number_input if one.key and one.key.startswith("lever-"))
    tokenizer.set_value(0.75)
    verbosity.set_value(1.25)
    checked(test.run())
    assert scenario(test) == f"swap:from={OPUS},to=claude-haiku-4-5,tokenizer=3/4,verbosity=5/4"
    assert "by tokenizer and length of answers" not in words(test)


def test_a_lever_that_cannot_be_is_said_beside_its_controls(opened: Opened) -> None:
    test = checked(opened("what_if", scenario=f"swap:from={OPUS},to={OPUS}", **ALL_TIME))
    assert "from and to are the same model" in words(test)
    assert [one for one in test.selectbox if one.key and one.key.startswith("lever-")]


def test_other_prices_are_other_figures_with_the_same_levers(opened: Opened) -> None:
    text = f"swap:from={OPUS},to=claude-haiku-5-5"
    test = checked(opened("what_if", scenario=text, prices="announced", **ALL_TIME))
    shown = figures(test)
    assert {name: shown[name] for name in ("As it was", "In the scenario")} == expected(text, "announced")
    assert "As announced" in words(test)


def test_what_stayed_as_it_was_and_the_caveats_stand_beside_the_figures(opened: Opened) -> None:
    said = words(checked(opened("what_if", scenario="cache:ttl=5m", **ALL_TIME)))
    assert "no fingerprint tells how its prompt begins" in said
    assert "1 without a price to begin with" in said
    assert "Requests without fingerprints are in no figure" in said
    assert "Exact for requests that record fingerprints" in said


def test_a_scenario_is_saved_compared_opened_and_forgotten(opened: Opened) -> None:
    test = checked(opened("what_if", scenario="cap:max_output_tokens=100", **ALL_TIME))
    for name in (HOSTILE, "other"):
        test.text_input(key="what-if-name").set_value(name)
        checked(test.run())
        checked(test.button(key="what-if-save-now").click().run())
    compared = next(one.value for one in test.dataframe if "Scenario" in one.value and "Between" in one.value)
    shown = figures(test)["In the scenario"]
    assert list(compared["In the scenario"]) == [shown, shown]
    checked(test.button(key="levers-clear").click().run())
    checked(test.button(key="kept-0-open").click().run())
    assert scenario(test) == "cap:max_output_tokens=100"
    checked(test.button(key="kept-0-forget").click().run())
    checked(test.button(key="kept-0-forget").click().run())
    assert "Saved scenarios" not in words(test)


def test_the_requests_behind_the_saving_lead_to_themselves(opened: Opened) -> None:
    test = checked(opened("what_if", scenario="cap:max_output_tokens=100,feature=chat", **ALL_TIME))
    assert not [one for one in test.dataframe if "after" in one.value]
    checked(test.toggle(key="evidence-shown").set_value(True).run())
    (rows,) = [one.value for one in test.dataframe if "after" in one.value]
    assert set(rows["feature"]) == {"chat"}
    assert set(rows["output"]) == {"900 → 100"}
    assert all(before > after for before, after in zip(rows["before"], rows["after"], strict=True))


def test_more_levers_than_can_be_pulled_are_said(opened: Opened) -> None:
    test = checked(opened("what_if", scenario=";".join(["batch"] * 9), **ALL_TIME))
    assert "at most 8 levers at a time" in words(test)


def test_the_overview_leads_to_the_largest_finding(opened: Opened) -> None:
    test = checked(opened("overview", **ALL_TIME))
    assert "Worth a look" in words(test)
    assert "runs on Opus 4.8 for 4-token answers" in words(test)
