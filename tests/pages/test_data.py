"""The Data page as its user meets it: files in, preview, load, undo, rejected lines, unpriced models, prices."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from shutil import copy
from typing import Any

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ingest.inbox import load_uploads, spool_of
from ingest.load import load
from ingest.spool import Spool
from ingest.upload_tickets import mint, owner_of
from spend.coverage import PriceListError, listed_prices, unpriced
from store.connection import Store
from store.prices import read_price_lists
from store.process import close_process_store
from tests.factories import usage_record, write_log
from tests.ingest.small_disk import disk_that_takes
from ui import cached, tables, uploader
from ui.data_coverage import days_figure, gaps_said
from ui.data_rejected import export_columns
from ui.data_shapes import Sent
from ui.data_unpriced import own_prices, toml_text
from ui.data_upload import Running

HOSTILE = "<b>[x](javascript:alert(1))</b> :red[y] $z$"
HOME_MADE = {"ts": "2026-11-05T10:00:00Z", "llm": {"name": "claude-haiku-4-5"}, "tokens_in": 1000, "tokens_out": 300}


def script() -> None:
    from pages.data import page

    page()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store the page opens."""
    monkeypatch.setenv("SPENDGLASS_DB", str(tmp_path / "usage.duckdb"))
    yield cached.the_store()
    assert close_process_store()


Open = Callable[..., AppTest]


@pytest.fixture
def opened(store: Store) -> Open:
    def run(**params: str) -> AppTest:
        app = AppTest.from_function(script, default_timeout=60)
        for name, value in params.items():
            app.query_params[name] = value
        return checked(app.run())

    return run


def checked(app: AppTest) -> AppTest:
    assert [problem.value for problem in app.exception] == []
    return app


def lines(*rows: dict[str, Any] | str) -> bytes:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()


@pytest.fixture(autouse=True)
def browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest runs no JavaScript: what the uploader in a browser tells the page is in the session instead."""
    monkeypatch.setattr(uploader, "sent", lambda: st.session_state.get("told", []))


def uploaded(app: AppTest, **files: bytes) -> AppTest:
    """The page once these files have come in with its ticket, and the browser says so."""
    ticket = app.session_state["upload-ticket"]
    app.session_state["told"] = [Sent(ticket, spooled(ticket, *file)) for file in files.items()]
    return checked(app.run())


def spooled(ticket: str, name: str, content: bytes, *, cut: int = 0) -> str:
    """The id of a file of which all but the last ``cut`` bytes have come in."""
    owner = owner_of(ticket) or ""
    upload = inbox().begin(owner, name, len(content), 1)
    with inbox().appending(owner, upload.upload_id, 0) as piece:
        piece.write(content[: len(content) - cut])
    return upload.upload_id


def inbox() -> Spool:
    return spool_of(cached.the_store().path)


def said(app: AppTest) -> str:
    """Every text on the page that is shown as it is."""
    return "\n".join(element.value for element in (*app.text, *app.success, *app.header))


def mapped(app: AppTest, ours: str) -> Any:
    """Where the reader says which field of the log is one of ours."""
    (found,) = [box for box in app.selectbox if re.fullmatch(f"map-.*-{ours}", box.key or "")]
    return found


FRAMES = {
    "preview-rows": "Uncached",
    "preview-rejects": "What to do",
    "rejected": "What to do",
    "loads": "origin",
    "load-files": "Size",
    "unpriced": "Why",
    "prices": "Speed",
}


def frame(app: AppTest, name: str) -> pd.DataFrame:
    """A table of the page, told by a column that only it has."""
    (found,) = [table.value for table in app.dataframe if FRAMES[name] in table.value.columns]
    return found


def counted(store: Store) -> int:
    return int(store.cursor().execute("SELECT count(*) FROM usage").fetchall()[0][0])


def test_an_empty_store_offers_upload_and_sample(opened: Open) -> None:
    app = opened()

    assert [header.value for header in app.header] == ["No usage loaded yet"]
    assert len(app.get("bidi_component")) == 1
    assert app.button(key="load-sample").label == "Load the sample"


def test_the_sample_loads_with_one_click(opened: Open, store: Store) -> None:
    app = checked(opened().button(key="load-sample").click().run())

    assert "20,544 lines = 20,544 requests" in said(app)
    assert store.cursor().execute("SELECT origin FROM load").fetchall() == [("sample",)]
    assert [metric.label for metric in app.metric] == [
        "Time covered, UTC",
        "Requests held",
        "Rejected lines",
        "Unpriced requests",
    ]
    assert app.metric[0].value == "21 Oct to 19 Nov 2026"
    assert not [button for button in app.button if button.key == "load-sample"]


def test_what_is_on_the_machine_already_can_be_loaded_from_a_shell(opened: Open, store: Store) -> None:
    commands = [code.value for code in opened().code]
    assert commands == [f"python -m ingest PATH --db {store.path}"]


def test_an_upload_is_shown_first_and_loaded_on_the_button(opened: Open, store: Store, tmp_path: Path) -> None:
    content = lines(
        usage_record(feature="triage", user="u1"),
        usage_record(model="claude-unheard-of"),
        usage_record(output_tokens=-1),
    )

    app = uploaded(opened(), **{"app.jsonl": content})

    assert "The whole file: 3 lines = 2 requests + 0 duplicates + 0 not usage records + 1 rejected." in said(app)
    rows = frame(app, "preview-rows")
    assert list(rows["Cost"]) == ["$0.00150", "—"]  # 1,000 x $1 + 100 x $5 a million
    assert list(rows["Note"]) == ["", "unknown model"]
    assert list(frame(app, "preview-rejects")["Line"]) == [3]
    assert counted(store) == 0

    app = checked(app.button(key="load-uploads").click().run())

    assert "3 lines = 2 requests" in said(app)
    assert app.success[0].value.startswith("Loaded")
    assert store.cursor().execute("SELECT path FROM load_file").fetchall() == [("app.jsonl",)]
    assert not [button for button in app.button if button.key == "load-uploads"]
    assert list((tmp_path / "inbox" / "usage.duckdb").iterdir()) == []


def test_several_files_are_looked_at_in_turn_and_loaded_as_one(opened: Open, store: Store) -> None:
    files = {"a.jsonl": lines(usage_record()), "b.jsonl": lines(usage_record(), usage_record())}

    app = uploaded(opened(), **files)
    (choice,) = [box for box in app.selectbox if box.label == "Look at"]
    assert [option.split("  ·  ")[0] for option in choice.options] == ["a.jsonl", "b.jsonl"]
    app = checked(choice.select_index(1).run())
    assert "2 lines = 2 requests" in said(app)
    checked(app.button(key="load-uploads").click().run())

    assert store.cursor().execute("SELECT load_id, path FROM load_file ORDER BY path").fetchall() == [
        (1, "a.jsonl"),
        (1, "b.jsonl"),
    ]


def test_saying_which_field_is_which_changes_the_preview_at_once(opened: Open, store: Store) -> None:
    app = uploaded(opened(), **{"app.jsonl": lines({**HOME_MADE, "app": {"id": "triage"}})})
    assert mapped(app, "time").value == 1  # recognised: the first of the log's fields
    assert "1 rejected" in said(app)

    model = mapped(app, "model")
    app = checked(model.select_index(model.options.index("llm.name")).run())

    assert list(frame(app, "preview-rows")["Model"]) == ["claude-haiku-4-5"]
    assert "python -m ingest app.jsonl --map model=llm.name" in [code.value for code in app.code]
    checked(app.button(key="load-uploads").click().run())
    assert store.cursor().execute("SELECT model_logged, line FROM usage").fetchall() == [("claude-haiku-4-5", 1)]


def test_records_without_a_time_ask_for_one(opened: Open, store: Store) -> None:
    usage = {"input_tokens": 1000, "output_tokens": 300, "service_tier": "batch"}
    message = {"id": "msg_1", "type": "message", "model": "claude-haiku-4-5", "content": [], "usage": usage}
    content = lines({"custom_id": "a", "result": {"type": "succeeded", "message": message}})

    app = uploaded(opened(timezone="Europe/Paris"), **{"results.jsonl": content})
    (moment,) = app.datetime_input
    assert "carry no time" in moment.label
    app = checked(moment.set_value(pd.Timestamp("2026-11-04 12:00").to_pydatetime()).run())
    assert list(frame(app, "preview-rows")["Cost"]) == ["$0.00125"]
    checked(app.button(key="load-uploads").click().run())

    found = store.cursor().execute("SELECT started_at FROM usage").fetchall()
    assert [str(time) for (time,) in found] == ["2026-11-04 11:00:00"]


def test_a_file_that_is_no_log_says_so(opened: Open) -> None:
    app = uploaded(opened(), **{"picture.png": b"\x89PNG\r\n\x1a\n not json"})

    assert any("No known format" in caption.value for caption in app.caption)
    assert any("Nothing of this would be loaded" in caption.value for caption in app.caption)


def test_the_browsers_word_on_what_it_sent_is_checked(opened: Open, store: Store) -> None:
    app = opened()
    mine, theirs = app.session_state["upload-ticket"], mint("somebodyelse")
    whole = spooled(mine, "app.jsonl", lines(usage_record()))
    half = spooled(mine, "half.jsonl", lines(usage_record()), cut=5)
    other = spooled(theirs, "other.jsonl", lines(usage_record()))

    app.session_state["told"] = [
        Sent(mine, half),
        Sent(mine, other),
        Sent("", other),
        Sent(f"somebodyelse.{'9' * 12}.0", other),
        Sent(mine, "../../usage.duckdb"),
        Sent(mine, whole),
        Sent(mine, whole),
    ]
    app = checked(app.run())

    assert app.button(key="load-uploads").label == "Load this file"
    checked(app.button(key="load-uploads").click().run())
    assert store.cursor().execute("SELECT path FROM load_file").fetchall() == [("app.jsonl",)]
    assert {path.name for path in inbox().folder.iterdir()} == {f"upload-{half}", f"upload-{other}"}


def test_a_ticket_from_before_a_reload_still_brings_its_files(opened: Open, store: Store) -> None:
    before = opened().session_state["upload-ticket"]
    upload = spooled(before, "app.jsonl", lines(usage_record()))

    app = opened()
    assert app.session_state["upload-ticket"] != before
    app.session_state["told"] = [Sent(before, upload)]
    app = checked(app.run())

    checked(app.button(key="load-uploads").click().run())
    assert counted(store) == 1


def test_discarded_files_are_gone_and_nothing_is_loaded(opened: Open, store: Store) -> None:
    app = uploaded(opened(), **{"app.jsonl": lines(usage_record()), "b.jsonl": lines(usage_record())})

    app = checked(app.button(key="discard-uploads").click().run())

    assert not [button for button in app.button if button.key == "load-uploads"]
    assert list(inbox().folder.iterdir()) == []
    assert counted(store) == 0


def test_a_load_that_fails_says_why_and_the_files_stay(opened: Open) -> None:
    app = uploaded(opened(), **{"app.jsonl": lines(usage_record())})
    (upload,) = [inbox().find(owner_of(one.ticket) or "", one.upload_id) for one in app.session_state["told"]]

    with suppress(ZeroDivisionError), inbox().loading([upload]):
        app = checked(app.button(key="load-uploads").click().run())
        raise ZeroDivisionError
    assert "being loaded at this moment" in app.error[0].value
    app = checked(app.button(key="load-uploads").click().run())

    assert "1 line = 1 request" in said(app)


def test_a_full_disk_is_said_and_the_files_stay(opened: Open, store: Store) -> None:
    many = [usage_record() for _ in range(3000)]
    app = uploaded(opened(), **{"app.jsonl": lines(*many)})

    with disk_that_takes(0):
        app = checked(app.button(key="load-uploads").click().run())
    assert app.error[0].value.startswith("Nothing was loaded")
    assert counted(store) == 0
    app = checked(app.button(key="load-uploads").click().run())

    assert counted(store) == 3000


def test_a_reader_who_turned_away_finds_the_load_ended(opened: Open, store: Store) -> None:
    app = uploaded(opened(), **{"app.jsonl": lines(usage_record())})
    (upload,) = [inbox().find(owner_of(one.ticket) or "", one.upload_id) for one in app.session_state["told"]]
    load_id = load_uploads(store, inbox(), [upload]).load_id
    ended: Future[int] = Future()
    ended.set_result(load_id)
    app.session_state["data-loading"] = Running("app.jsonl", ended, [])

    app = checked(app.run())

    assert app.success[0].value.startswith("Loaded")


@pytest.mark.parametrize(
    "told",
    [None, 5, {}, {"sent": None}, {"sent": "abc"}, {"sent": [5, None, [], {}, {"ticket": 1, "id": "a"}, {"id": "a"}]}],
)
def test_whatever_a_browser_says_is_taken_for_what_it_is(told: object) -> None:
    assert uploader.sent_files(told) == []


def test_undo_asks_says_what_goes_and_does_it(opened: Open, store: Store, tmp_path: Path) -> None:
    same = usage_record()
    load(store, [write_log(tmp_path / "a.jsonl", [same, usage_record()])])
    load(store, [write_log(tmp_path / "b.jsonl", [same, usage_record()])])

    app = checked(opened(load="1").button(key="undo").click().run())
    assert "2 requests and $0.003 leave every total." in said(app)
    assert "Later loads skipped 1 line that this one held already" in said(app)
    assert counted(store) == 3
    app = checked(app.button(key="undo-confirmed").click().run())

    assert counted(store) == 1
    assert list(frame(app, "loads")["files"]) == ["b.jsonl"]


def test_an_undo_that_finds_no_room_says_so_and_changes_nothing(opened: Open, store: Store, tmp_path: Path) -> None:
    load(store, [write_log(tmp_path / "a.jsonl", [usage_record() for _ in range(3000)])])

    app = checked(opened(load="1").button(key="undo").click().run())
    with disk_that_takes(0):
        app = checked(app.button(key="undo-confirmed").click().run())
    assert app.error[0].value.startswith("Nothing was undone")
    assert counted(store) == 3000


def test_undo_can_be_thought_better_of(opened: Open, store: Store, tmp_path: Path) -> None:
    load(store, [write_log(tmp_path / "a.jsonl", [usage_record()])])

    app = checked(opened(load="1").button(key="undo").click().run())
    app = checked(app.button(key="undo-kept").click().run())

    assert counted(store) == 1
    assert not [button for button in app.button if button.key == "undo-confirmed"]


def test_a_load_shows_its_files_and_what_was_noticed(opened: Open, store: Store, tmp_path: Path) -> None:
    load(
        store, [write_log(tmp_path / "a.jsonl", [{**HOME_MADE, "model": "claude-haiku-4-5", "ts": "2026-11-05 10:00"}])]
    )

    app = opened(load="1")

    files = frame(app, "load-files")
    assert list(files["Format"]) == ["home made"]
    assert (files["Lines"] == files["Requests"] + files["Duplicates"] + files["Not usage"] + files["Rejected"]).all()
    assert any("bears no zone" in caption.value for caption in app.caption)


def test_a_dear_load_is_still_a_number_a_browser_can_hold(opened: Open, store: Store, tmp_path: Path) -> None:
    dear = [usage_record(model="claude-opus-4-8", output_tokens=100_000_000) for _ in range(5)]
    load(store, [write_log(tmp_path / "a.jsonl", dear)])

    (cost,) = frame(opened(), "loads")["cost"]

    assert cost == pytest.approx(12_500.025)
    assert max(cost, 1) < 2**53


def test_rejected_lines_can_be_seen_by_load(opened: Open, store: Store, tmp_path: Path) -> None:
    load(store, [write_log(tmp_path / "a.jsonl", ["{no json", usage_record()])])
    load(store, [write_log(tmp_path / "b.jsonl", [usage_record(output_tokens=-1)])])

    app = opened(show="Rejected lines")
    assert [Path(path).name for path in frame(app, "rejected")["File"]] == ["b.jsonl", "a.jsonl"]
    app = checked(app.selectbox(key="rejected-load").select_index(2).run())
    assert [Path(path).name for path in frame(app, "rejected")["File"]] == ["a.jsonl"]

    app = checked(opened(load="2").button(key="see-its-rejected").click().run())
    assert list(frame(app, "rejected")["Line"]) == [1]
    assert list(frame(app, "rejected")["Field"]) == ["usage.output_tokens"]


def test_no_spreadsheet_takes_an_exported_rejected_line_for_a_formula(store: Store, tmp_path: Path) -> None:
    load(store, [write_log(tmp_path / "a.jsonl", [usage_record(time="=HYPERLINK(1)")])])
    from ingest.history import rejected_lines

    csv = tables.to_csv(export_columns(rejected_lines(store.cursor()))).decode()

    assert "'=HYPERLINK(1)" in csv
    assert ",=HYPERLINK" not in csv


def test_names_from_files_are_never_taken_for_markdown(opened: Open, store: Store, tmp_path: Path) -> None:
    record = usage_record(feature=HOSTILE, model=HOSTILE, user=HOSTILE)
    files = {f"{HOSTILE}.jsonl": lines(record, "{"), "other.jsonl": lines({**HOME_MADE, HOSTILE: 1, "model": HOSTILE})}

    app = uploaded(opened(), **files)
    apps = [app, checked(app.button(key="load-uploads").click().run())]
    apps += [opened(load="1"), *(opened(show=section) for section in ("Rejected lines", "Unpriced", "Price list"))]

    for one in apps:
        shown = [*one.markdown, *one.caption, *one.success, *one.error, *one.subheader, *one.header, *one.metric]
        labels = [element.label for element in (*one.button, *one.selectbox, *one.metric, *one.expander)]
        for text in [*(element.value for element in shown), *labels]:
            assert "[x](" not in text
            assert "<b>" not in text
            assert ":red[" not in text


def test_what_has_no_price_comes_with_text_for_the_price_file(
    opened: Open, store: Store, tmp_path: Path, tracked_prices: Path
) -> None:
    load(store, [write_log(tmp_path / "a.jsonl", [usage_record(model='my "own" \U0001f600\x7f'), usage_record()])])

    app = opened(show="Unpriced")

    assert list(frame(app, "unpriced")["Requests"]) == [1]
    (snippet,) = [code.value for code in app.code if code.language == "toml"]
    copy(tracked_prices / "anthropic.toml", tmp_path)
    own = tmp_path / "mine.toml"
    own.write_text(snippet)
    with pytest.raises(PriceListError):
        read_price_lists(tmp_path)  # "?" is no amount: nothing is priced by accident
    own.write_text(snippet.replace('"?"', '"2"'))
    store.reprice(read_price_lists(tmp_path))
    assert unpriced(store.cursor()) == []


def test_a_near_name_is_offered_but_not_taken(store: Store, tmp_path: Path) -> None:
    load(store, [write_log(tmp_path / "a.jsonl", [usage_record(model="claude-haiku-4.5-x")])])

    text = own_prices(unpriced(store.cursor()), listed_prices(store.cursor()))

    assert list(tomllib.loads(text)["models"]) == ["claude-haiku-4.5-x"]
    assert '# aliases = ["claude-haiku-4.5-x"]' in text


@pytest.mark.parametrize("name", ["plain", 'quo"te\\', "line\nbreak\x00\x7f", "\U0001f600 é", "a.b c"])
def test_any_name_is_a_toml_key(name: str) -> None:
    assert tomllib.loads(f"{toml_text(name)} = 1") == {name: 1}


def test_the_price_list_can_be_searched_and_read_again(opened: Open, store: Store, tmp_path: Path) -> None:
    load(store, [write_log(tmp_path / "a.jsonl", [usage_record()])])
    version = store.data_version

    app = opened(show="Price list")
    assert set(frame(app, "prices")["Model"]) == {"Claude Haiku 4.5"}
    assert list(frame(app, "prices")["Uncached input"]) == ["$1.00"]
    app = checked(app.toggle(key="only-used").set_value(False).run())
    assert len(frame(app, "prices")) == len(store.prices.prices)
    app = checked(app.text_input(key="price-search").set_value("haiku 5.5").run())
    assert list(frame(app, "prices")["Prompt"]) == ["to 100,000", "over 100,000"]

    app = checked(app.button(key="reread-prices").click().run())
    assert "price rows read" in said(app)
    assert store.data_version == version + 1


def test_a_spool_file_of_a_killed_process_goes_when_the_page_is_opened(opened: Open, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox" / "usage.duckdb"
    inbox.mkdir(parents=True)
    (inbox / f"upload-{'0' * 32}").write_text("a prompt")

    opened()

    assert list(inbox.iterdir()) == []


def test_gaps_are_hatched_and_said() -> None:
    from datetime import date

    days = {date(2026, 11, n): (0 if n == 4 else 9) for n in range(2, 9)}

    figure = days_figure(days, [(date(2026, 11, 4), date(2026, 11, 4))])

    assert list(figure.data[1].x) == ["2026-11-04"]
    assert gaps_said([(date(2026, 11, 4), date(2026, 11, 5))]) == (
        "No requests on 4 Nov to 5 Nov 2026: was a log not loaded?"
    )
