from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from tests.factories import usage_record
from tests.pages.opened import Opened, dashboard_over

HOSTILE = [
    '<a href="http://evil.example">x</a>',
    ":red[x]",
    "$x$",
    "=HYPERLINK(1)",
    "www.evil.example",
    "long-" * 40,
    "(not logged)",
    "line\nbreak",
]
PAGES = ("overview", "features", "models", "users")


def metrics(test: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in test.metric}


def texts(test: AppTest) -> str:
    return "\n".join([*(one.value for one in test.text), *(one.value for one in test.caption)])


def table(test: AppTest, place: int = 0) -> pd.DataFrame:
    return test.dataframe[place].value


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """Two features, two days: search 2 x $0.0015 by ada, triage 1 x $0.0015 by bob, and one of no known model."""
    records = [
        usage_record(message_id="m1", time="2026-11-09T12:00:00Z", feature="search", user="ada"),
        usage_record(message_id="m2", time="2026-11-10T12:00:00Z", feature="search", user="ada"),
        usage_record(message_id="m3", time="2026-11-10T13:00:00Z", feature="triage", user="bob"),
        usage_record(message_id="m4", time="2026-11-10T14:00:00Z", feature="lab", model="claude-unheard-of"),
    ]
    with dashboard_over(tmp_path, monkeypatch, records) as made:
        yield made


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    records = [usage_record(feature=name, user=name, session=name) for name in HOSTILE] + [usage_record()]
    with dashboard_over(tmp_path, monkeypatch, records) as made:
        yield made


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    with dashboard_over(tmp_path, monkeypatch, []) as made:
        yield made


def test_overview_gives_the_answer_first_and_names_what_is_not_in_it(opened: Opened) -> None:
    test = opened("overview", period="Everything")
    assert not test.exception
    assert metrics(test)["Spend, all time"] == r"\$0\.0045"
    assert metrics(test)["Unpriced"] == "1 requests"
    assert "4 requests · 4.4 k tokens" in texts(test)


def test_the_change_is_against_the_equal_period_before(opened: Opened) -> None:
    test = opened("overview", period="Custom range", dates=["2026-11-10", "2026-11-10"])
    spend = test.metric[0]
    assert (spend.label, spend.value) == ("Spend, 10 Nov 2026", r"\$0\.003")
    assert spend.delta == r"↑ \+100 %"


def test_without_an_equal_period_before_it_says_so(opened: Opened) -> None:
    test = opened("overview", period="Custom range", dates=["2026-11-09", "2026-11-10"])
    assert test.metric[0].delta == ""
    assert "Logs begin on 9 Nov 2026, no equal period before" in texts(test)


@pytest.mark.parametrize(
    ("page", "first", "spend"),
    [("features", "search", 0.003), ("models", "claude-haiku-4-5", 0.0045), ("users", "ada", 0.003)],
)
def test_the_list_is_dearest_first(opened: Opened, page: str, first: str, spend: float) -> None:
    rows = table(opened(page, period="Everything"))
    assert (rows["name"].iloc[0], rows["spend"].iloc[0]) == (first, spend)


def test_a_deep_link_opens_one_feature_with_its_requests(opened: Opened) -> None:
    test = opened("features", period="Everything", feature_focus="search")
    assert metrics(test)["Spend, all time"] == r"\$0\.003"
    assert metrics(test)["Share of all spend"] == "67 %"
    requests = table(test)
    assert list(requests["User"]) == ["ada", "ada"]
    assert list(requests["Cost"]) == ["$0.00150", "$0.00150"]


def test_a_request_is_laid_out_as_arithmetic_down_to_its_line(opened: Opened) -> None:
    test = opened("features", feature_focus="triage", request="m3")
    rows = [list(row) for row in test.table[0].value.to_numpy()]
    assert rows[0] == ["1,000", "uncached input", r"× \$1\.00 per million", r"= \$0\.001"]
    assert rows[1] == ["100", "output", r"× \$5\.00 per million", r"= \$0\.0005"]
    assert rows[2][3] == r"**\$0\.0015**"
    assert "app.jsonl, line 3" in texts(test)


def test_an_unpriced_request_says_why_and_costs_no_zero(opened: Opened) -> None:
    test = opened("models", request="m4")
    assert test.metric[0].value == "—"
    assert "No price: its model is not in the price list." in texts(test)


def test_the_way_back_leads_to_the_entity_and_to_the_list(opened: Opened) -> None:
    test = opened("features", period="Everything", feature_focus="search", request="m1")
    test.button(key="crumb-entity").click().run()
    assert "request" not in test.query_params
    assert metrics(test)["Share of all spend"] == "67 %"
    test.button(key="crumb-list").click().run()
    assert "feature_focus" not in test.query_params
    assert "trend" in table(test)


def test_filters_in_the_url_hold_on_the_page(opened: Opened) -> None:
    test = opened("overview", period="Everything", feature="triage", timezone="Asia/Kolkata")
    assert metrics(test)["Spend, all time"] == r"\$0\.0015"
    assert test.selectbox(key="timezone").value == "Asia/Kolkata"


def test_filters_that_hold_nothing_offer_everything(opened: Opened) -> None:
    test = opened("features", feature="unheard-of")
    assert "No requests here" in [header.value for header in test.header]
    test.button(key="show-everything").click().run()
    assert table(test)["requests"].sum() == 4


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_store_says_how_to_begin(nothing: Opened, page: str) -> None:
    test = nothing(page)
    assert not test.exception
    assert [header.value for header in test.header] == ["No usage loaded yet"]
    assert "python -m ingest data/sample/*.jsonl.gz" in [code.value for code in test.code]


@pytest.mark.parametrize("page", PAGES)
def test_hostile_names_stay_text(hostile: Opened, page: str) -> None:
    test = hostile(page, period="Everything")
    assert not test.exception
    drawn: list[Any] = [element.proto.spec for element in test.get("plotly_chart")]
    assert not any("<a href" in spec for spec in drawn)
    told = [*(one.value for one in test.markdown), *(one.label for one in test.button)]
    assert not any(name in text for name in (":red[x]", "$x$", "www.evil.example") for text in told)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_feature_has_a_page_of_its_own(hostile: Opened, name: str) -> None:
    focus = f"\\{name}" if name == "(not logged)" else name
    test = hostile("features", period="Everything", feature_focus=focus)
    assert not test.exception
    assert len(table(test)) == 1


def test_what_was_not_logged_is_another_feature_than_one_called_so(hostile: Opened) -> None:
    test = hostile("features", period="Everything", feature_focus="(not logged)")
    assert list(table(test)["User"]) == ["(not logged)"]
    assert len(table(hostile("features", period="Everything"))) == len(HOSTILE) + 1
