from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from spend.budgets import Budget, budget_of, budgets_of, keep_budget
from store.money import PICOS_PER_USD
from store.process import process_store
from tests.factories import usage_record
from tests.pages.opened import Opened, dashboard_over
from ui.budgets import BOX

HOSTILE = "<b>_x_</b>:day=1"
RECORDS = [
    usage_record(
        model="claude-opus-4-8",
        feature=feature,
        user=f"u_{feature}",
        time=f"2026-10-{day:02}T10:00:00Z",
        output_tokens=n,
    )
    for day in range(1, 21)
    for feature, n in (("search", 4000), ("triage", 400), (HOSTILE, 40))
]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    with dashboard_over(tmp_path, monkeypatch, RECORDS) as made:
        yield made


def overview(opened: Opened) -> AppTest:
    return opened("overview", timezone="UTC", period="Everything")


def with_box(opened: Opened) -> AppTest:
    test = overview(opened)
    assert not any(one.key == "budget-keep" for one in test.button)
    test.session_state[BOX] = True
    return test.run()


def kept() -> tuple[Budget, ...]:
    with process_store().cursor() as con:
        return budgets_of(con)


def listed(test: AppTest) -> pd.DataFrame:
    assert [problem.value for problem in test.exception] == []
    found: pd.DataFrame = test.dataframe[0].value
    return found


def test_without_a_budget_it_says_so(opened: Opened) -> None:
    test = overview(opened)
    assert not test.dataframe
    assert any("None is set" in one.value for one in test.caption)


def test_budgets_stand_by_how_near_they_are_to_being_crossed(opened: Opened) -> None:
    for text in ("account:month=100", "feature=search:month=1", "user=u_triage:day=0.02", "feature=triage:month=0.4"):
        keep_budget(process_store(), budget_of(text))
    rows = listed(overview(opened))
    assert list(rows["budget"]) == [
        "feature search, by month",
        "feature triage, by month",
        "user u_triage, by day",
        "everything together, by month",
    ]
    assert list(rows["used"]) == [210, 75, 75, 2]
    assert list(rows["outlook"]) == [
        "crossed on 10 Oct 2026",
        "100 % likely to be crossed, on 27 Oct 2026",
        "0 % likely to be crossed",
        "0 % likely to be crossed",
    ]


def test_one_is_set_and_taken_away_in_the_box(opened: Opened) -> None:
    test = with_box(opened)
    test.text_input(key="budget-dollars").set_value("$1,000.50")
    test.button(key="budget-keep").click().run()
    assert kept() == (Budget("account", None, "month", 1_000_500_000_000_000),)
    assert list(listed(test)["budget"]) == ["everything together, by month"]
    test.button_group(key="budget-scope").set_value("feature").run()
    test.selectbox(key="budget-name-feature").select(HOSTILE)
    test.button_group(key="budget-period").set_value("day")
    test.text_input(key="budget-dollars").set_value("2").run()
    test.button(key="budget-keep").click().run()
    assert Budget("feature", HOSTILE, "day", 2 * PICOS_PER_USD) in kept()
    assert f"feature {HOSTILE}, by day" in list(listed(test)["budget"])
    test.button(key="budget-keep").click().run()  # without dollars
    assert [one.scope for one in kept()] == ["account"]


@pytest.mark.parametrize(
    ("typed", "said"), [("much", "are no dollars"), ("", "no budget for"), ("0", "more than nothing")]
)
def test_what_is_no_budget_is_said_and_nothing_is_kept(opened: Opened, typed: str, said: str) -> None:
    test = with_box(opened)
    test.text_input(key="budget-dollars").set_value(typed)
    test.button(key="budget-keep").click().run()
    assert said in test.error[0].value.replace("\\", "")
    assert kept() == ()
