from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from ingest.record import Part, UsageRecord
from ingest.rows import Rows
from spend.spikes.settings import SpikeSettings, marks_of, settings_of
from store.derive import complete
from store.model_names import LoggedModels
from store.process import close_process_store, process_store
from tests.factories import usage_record
from tests.pages.opened import Opened, dashboard_over
from tests.spend.spikes.made import unrest

FIRST, DAYS = date(2026, 9, 1), 30
SPIKE = date(2026, 9, 25)  # the night of that evening: its hours 1 to 3 are on the 26th
QUIET = date(2026, 9, 28)
HOSTILE = '<a href="http://evil.example">x</a> :red[x] $x$ [x](www.evil.example)'
Dollars = Callable[[int, int], float]


def calm(seed: int, dollars: float = 1) -> Dollars:
    wobble = unrest(seed, 0.1)
    return lambda day, hour: dollars * wobble(day, hour)


def spike(calm: Dollars, dollars: float, hours: range = range(1, 4), night: date = SPIKE) -> Dollars:
    on = (night - FIRST).days + 1
    return lambda day, hour: calm(day, hour) + (dollars if day == on and hour in hours else 0)


def records_of(features: Mapping[str, Dollars], *, days: int = DAYS, hours: int = 0) -> list[dict[str, Any]]:
    """One request of each feature in every UTC hour, and ``hours`` more; a token in is a millionth of a dollar."""
    begin = datetime(FIRST.year, FIRST.month, FIRST.day, 0, 30, tzinfo=UTC)
    return [
        usage_record(
            time=(begin + timedelta(hours=n)).isoformat(),
            feature=feature,
            user=f"u_{feature}",
            input_tokens=round(1e6 * dollars(n // 24, n % 24)),
            output_tokens=0,
        )
        for n in range(days * 24 + hours)
        for feature, dollars in features.items()
    ]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Search spiked by 8 dollars an hour in one night, chat never; the last night has run for an hour."""
    features = {"search": spike(calm(1), 8), "chat": calm(2, 2)}
    with (
        pytest.MonkeyPatch.context() as patch,
        dashboard_over(tmp_path_factory.mktemp("spikes"), patch, records_of(features)) as made,
    ):
        yield lambda **query: made("spikes", **{"timezone": "UTC", **query})


@pytest.fixture
def open_over(tmp_path: Path) -> Iterator[Callable[[list[dict[str, Any]]], Opened]]:
    """Over a store of the test's own."""
    with pytest.MonkeyPatch.context() as patch:
        held: list[Any] = []

        def over(records: list[dict[str, Any]]) -> Opened:
            close_process_store()
            context = dashboard_over(tmp_path, patch, records)
            held.append(context)
            made = context.__enter__()
            return lambda **query: made("spikes", timezone="UTC", **query)

        yield over
        for context in held:
            context.__exit__(None, None, None)


def figures(test: AppTest) -> dict[str, str]:
    assert not test.exception
    return {metric.label.partition(",")[0]: metric.value for metric in test.metric}


def told(test: AppTest) -> str:
    """All that is written, without what escapes it."""
    texts = [*(one.value for one in test.markdown), *(one.value for one in test.caption)]
    texts += [*(one.value for one in test.text), *(one.value for one in test.subheader)]
    return plain("\n".join(texts))


def plain(text: str) -> str:
    return text.replace("\\", "").replace("\N{WORD JOINER}", "")


def button(test: AppTest, key: str) -> AppTest:
    [one] = [one for one in test.button if (one.key or "").startswith(key)]
    return one.click().run()


def test_an_empty_store_says_how_to_begin(open_over: Callable[[list[dict[str, Any]]], Opened]) -> None:
    test = open_over([])()
    assert [header.value for header in test.header] == ["No usage loaded yet"]


def test_little_history_gives_dollars_and_says_from_when_on_there_is_a_verdict(
    open_over: Callable[[list[dict[str, Any]]], Opened],
) -> None:
    test = open_over(records_of({"search": spike(calm(1), 8, night=FIRST)}, days=3))()
    assert figures(test) == {r"Night of 2 Sep 2026": next(iter(figures(test).values()))}
    assert "Not enough history" in told(test)
    assert "that of 9 Sep 2026" in told(test)
    assert not [one for one in test.button if (one.key or "").startswith("plan-")]


def test_requests_without_a_time_have_no_nights(open_over: Callable[[list[dict[str, Any]]], Opened]) -> None:
    over = open_over([])
    with process_store().writing() as con:
        models = LoggedModels(con, process_store().prices)
        rows = Rows(con, 1, models)
        rows.add(
            UsageRecord(
                (Part("claude-haiku-4-5", uncached_input_tokens=10, output_tokens=5),), None, message_id="undated"
            ),
            None,
            b"",
        )
        rows.flush()
        complete(con, models, "file_id = 1")
    test = over()
    assert "No request has a time" in told(test)


def test_a_quiet_night_is_an_answer_with_what_would_have_been_caught(opened: Opened) -> None:
    test = opened(night=QUIET.isoformat())
    found = figures(test)
    assert found["Night of 28 Sep 2026"] == "Nothing unusual"
    assert found["Would have been flagged"].endswith(" more")
    assert found["Tested"] == "6 series"
    assert "by chance at most one flag in 7 nights" in [metric.delta for metric in test.metric]
    assert "25 Sep 2026: +$" in plain("".join(one.label for one in test.button))


def test_the_night_that_is_shown_first_is_the_last_that_has_ended(opened: Opened) -> None:
    assert next(iter(figures(opened()))) == "Night of 29 Sep 2026"


def test_a_running_night_is_so_far(opened: Opened) -> None:
    test = opened(night="2026-09-30")
    assert figures(test)["Night of 30 Sep 2026"] == "Nothing unusual so far"
    assert "Compared with the same hours of other nights." in told(test)


def test_an_incident_says_what_it_cost_why_and_where(opened: Opened) -> None:
    test = opened(night=SPIKE.isoformat())
    found = figures(test)
    assert found["Night of 25 Sep 2026"].startswith(r"\+\$2")
    assert "Another would be flagged" in found
    said = told(test)
    assert "In the night of 25 September, 01:00 to 04:00, feature search cost $" in said
    assert "The same event in" in said
    assert "3 requests; $" in said
    bars = test.selectbox(key=behind(test)).options
    assert bars[0].startswith("All of this incident, +$2")
    assert bars[1].startswith("Prompt length, +$2")


def test_a_night_in_which_the_clocks_change_says_so(opened: Opened) -> None:
    test = opened(timezone="Pacific/Auckland", night="2026-09-26")
    assert figures(test)["Night of 26 Sep 2026"]
    assert "The clocks changed: it had 7 real hours, compared by the hours of the clock." in told(test)


def test_a_new_level_is_told_once_and_then_only_as_what_goes_on(
    open_over: Callable[[list[dict[str, Any]]], Opened],
) -> None:
    plain = calm(1)
    made = open_over(records_of({"search": lambda day, hour: plain(day, hour) * (9 if day >= 20 else 1)}))
    begun = made(night="2026-09-20")
    assert "New level so far:] search" in told(begun)
    assert "all that can be tested is flagged" in [metric.delta for metric in begun.metric]
    test = made(night="2026-09-22")
    assert "Still at its new level since 2" in told(test)
    assert not [one for one in test.button if (one.key or "").startswith("plan-")]


def behind(test: AppTest) -> str:
    [box] = [box.key for box in test.selectbox if (box.key or "").startswith("behind-")]
    assert box
    return box


def test_a_bar_is_chosen_in_the_url_and_a_link_to_it_shows_it_again(opened: Opened) -> None:
    test = opened(night=SPIKE.isoformat())
    box = behind(test)
    test.selectbox(key=box).set_value(0).run()
    assert test.query_params["behind"] == "1"
    assert "longest prompt first" in told(test)
    [beside] = [plain(one.value) for one in test.markdown if one.value.startswith("**In these hours**")]
    actual, usual = beside.split("\n")
    assert actual.startswith("**In these hours**  3 billed calls, ")
    assert usual.startswith("**On a usual night**  3.1 billed calls, ")
    query = {name: test.query_params[name] for name in ("night", "incident", "behind")}
    again = opened(**query)
    assert again.selectbox(key=box).value == 0
    assert told(again) == told(test)


def test_a_request_behind_it_is_shown_with_the_way_back(opened: Opened) -> None:
    key = opened(night=SPIKE.isoformat()).dataframe[0].value["Time"].iloc[0]
    assert key.startswith("Sat 26 Sep 2026")
    with process_store().cursor() as con:
        [(request,)] = con.execute("SELECT request_key FROM usage ORDER BY cost DESC LIMIT 1").fetchall()
    test = opened(night=SPIKE.isoformat(), request=request)
    assert len(test.table) >= 1
    test.button(key="crumb-night").click().run()
    assert "request" not in test.query_params
    assert "feature search cost" in told(test)


@pytest.mark.parametrize(
    "query",
    [{"night": "tomorrow"}, {"night": "1999-01-01"}, {"night": "2099-01-01"}, {"incident": "x", "behind": "99"}],
)
def test_words_in_a_link_that_mean_nothing_are_left_out(opened: Opened, query: dict[str, str]) -> None:
    assert len(figures(opened(**query))) >= 1


def test_the_buttons_lead_from_night_to_night(opened: Opened) -> None:
    test = button(opened(night=QUIET.isoformat()), "night-before")
    assert test.query_params["night"] == "2026-09-27"
    test = button(test, "night-last")
    assert test.query_params["night"] == "2026-09-29"
    test = button(test, "go-2026-09-25")
    assert "feature search cost" in told(test)


def test_a_planned_incident_is_held_against_nobody_and_undone_it_is(opened: Opened) -> None:
    test = button(opened(night=SPIKE.isoformat()), "plan-")
    assert figures(test)["Night of 25 Sep 2026"] == "Nothing unusual"
    assert "1 planned below" in told(test)
    assert "Planned: search" in told(test).replace("gray[", "").replace("]", "").replace(":Planned", "Planned")
    assert "planned" in "".join(one.label for one in test.button if (one.key or "").startswith("go-"))
    test = button(test, "undo-")
    assert figures(test)["Night of 25 Sep 2026"].startswith(r"\+\$2")
    with process_store().cursor() as con:
        assert marks_of(con) == {}


def test_a_note_is_kept_and_shown_as_it_was_written(opened: Opened) -> None:
    test = opened(night=SPIKE.isoformat())
    [area] = test.text_area
    area.set_value(f"asked ops: {HOSTILE}")
    [keep] = [one for one in test.button if (one.key or "").startswith("FormSubmitter:note-form")]
    test = keep.click().run()
    [note] = [one.value for one in test.markdown if one.value.startswith("Note: ")]
    assert plain(note) == f"Note: asked ops: {HOSTILE}"
    assert "[x](" not in note
    button(test, "undo-")


def test_settings_are_kept_in_the_store_with_the_zone_of_the_bar(opened: Opened) -> None:
    test = opened(night=SPIKE.isoformat())
    test.selectbox(key="spike-start").set_value(23)
    test.selectbox(key="spike-end").set_value(5)
    test.text_input(key="spike-least").set_value("$30")
    [keep] = [one for one in test.button if (one.key or "").startswith("FormSubmitter:spike-settings")]
    test = keep.click().run()
    with process_store().cursor() as con:
        kept = settings_of(con)
    assert (str(kept.night), kept.minimum, kept.timezone) == ("23-5", 30 * 10**12, "UTC")
    assert figures(test)["Night of 25 Sep 2026"] == "Nothing unusual"  # 24 dollars are less than 30
    again = opened(night=SPIKE.isoformat())
    assert "A night is 23:00 to 05:00 in UTC; flags begin at $30.00; sensitivity normal." in told(again)
    restored(again)


def restored(test: AppTest) -> None:
    test.selectbox(key="spike-start").set_value(22)
    test.selectbox(key="spike-end").set_value(6)
    test.text_input(key="spike-least").set_value("")
    [keep] = [one for one in test.button if (one.key or "").startswith("FormSubmitter:spike-settings")]
    keep.click().run()
    with process_store().cursor() as con:
        assert settings_of(con) == SpikeSettings(timezone="UTC")


def test_an_amount_that_is_none_is_refused_in_words_and_nothing_is_kept(opened: Opened) -> None:
    test = opened(night=QUIET.isoformat())
    test.text_input(key="spike-least").set_value("a lot")
    [keep] = [one for one in test.button if (one.key or "").startswith("FormSubmitter:spike-settings")]
    test = keep.click().run()
    assert "are no dollars" in "".join(error.value for error in test.error)
    with process_store().cursor() as con:
        assert settings_of(con).minimum is None


def test_names_of_the_filter_bar_hide_no_spike(opened: Opened) -> None:
    test = opened(night=SPIKE.isoformat(), feature="chat")
    assert "feature search cost" in told(test)
    assert "play no part here" in told(test)


def test_two_incidents_are_two_cards_of_which_one_is_open_and_the_rest_can_be_folded(
    open_over: Callable[[list[dict[str, Any]]], Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    features = {"search": spike(calm(1), 9, range(4, 6)), "chat": spike(calm(2), 12, range(1)), "mail": calm(3)}
    records = records_of(features)
    test = open_over(records)(night=SPIKE.isoformat())
    assert "2 incidents" in "".join(figures(test).values())
    assert len([box for box in test.selectbox if (box.key or "").startswith("behind-")]) == 1
    before = behind(test)
    test = button(test, "open-")
    assert behind(test) != before
    monkeypatch.setattr("spend.spikes.verdict.SHOWN", 1)
    test = open_over(records)(night=SPIKE.isoformat())
    assert "1 more, at most +$" in test.button(key="spike-all").label.replace("\\", "")
    test = button(test, "spike-all")
    assert len([one for one in test.subheader if "Unusual" in one.value]) == 2


def test_hostile_names_stay_text(open_over: Callable[[list[dict[str, Any]]], Opened]) -> None:
    test = open_over(records_of({HOSTILE: spike(calm(1), 8), "chat": calm(2, 2)}))(night=SPIKE.isoformat())
    assert "feature <a href" in told(test)
    drawn = [element.proto.spec for element in test.get("plotly_chart")]
    assert not any("<a href" in spec for spec in drawn)
    written = [*(one.value for one in test.markdown), *(one.value for one in test.subheader)]
    written += [*(one.label for one in test.button), *(one.value for one in test.caption)]
    assert not any(word in text for word in (":red[x]", "$x$", "[x](", "www.evil") for text in written)


def test_a_backtest_runs_beside_the_page_and_says_what_it_saw(opened: Opened) -> None:
    test = button(opened(night=QUIET.isoformat()), "backtest")
    deadline = time.monotonic() + 60
    while not test.table and time.monotonic() < deadline:
        test = test.run()
    table = test.table[0].value
    assert list(table["A spike of"]) == ["25 % of a day", "50 % of a day", "100 % of a day", "200 % of a day"]
    assert table["Put in"].iloc[3] == "200"
    assert "nights of one series" in told(test)


def overview(folder: Path, features: Mapping[str, Dollars]) -> Iterator[AppTest]:
    with (
        pytest.MonkeyPatch.context() as patch,
        dashboard_over(folder, patch, records_of(features, hours=-12)) as made,
    ):
        yield made("overview", period="Everything", timezone="UTC")


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({"search": calm(1)}, "Nothing unusual last night →"),
        ({"search": spike(calm(1), 8, night=date(2026, 9, 29))}, "Unusual last night: search, +$"),
    ],
)
def test_overview_says_whether_the_last_night_was_unusual(
    tmp_path: Path, features: dict[str, Dollars], said: str
) -> None:
    for test in overview(tmp_path, features):
        assert not test.exception
        assert said in plain("\n".join(one.value for one in test.caption))


def test_the_month_of_one_feature_is_projected_with_its_range(tmp_path: Path) -> None:
    with (
        pytest.MonkeyPatch.context() as patch,
        dashboard_over(tmp_path, patch, records_of({"search": calm(1), "chat": calm(2)}, days=20)) as made,
    ):
        test = made("features", period="Everything", timezone="UTC", feature_focus="search")
    month = {metric.label: plain(metric.delta) for metric in test.metric}["September to the 20th"]
    assert month.startswith("→ about $7")  # a dollar an hour for 30 days
    assert "80 %: between $" in told(test)
