from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from ingest.load import load
from store.connection import open_store
from tests.factories import rows, usage_record
from tests.pages.opened import Opened, checked, dashboard_over, figures, words
from tests.usage_recorder.counting_server import Api, messages_api
from ui.estimate_try import plain
from usage_recorder import recorder

HAIKU = "claude-haiku-4-5"
KEY = "sk-ant-never-shown"
SECRET = "the-secret of a prompt"
ASKED = {"model": HAIKU, "max_tokens": 50, "messages": [{"role": "user", "content": " ".join(["word"] * 15)}]}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with messages_api() as served:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", served.address)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        yield served


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("estimate")


@pytest.fixture(scope="module")
def over(folder: Path) -> Iterator[Opened]:
    record = usage_record(model="claude-sonnet-4-6")
    with pytest.MonkeyPatch.context() as patch, dashboard_over(folder, patch, [record]) as made:
        yield made


@pytest.fixture
def opened(over: Opened, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """The page over one store for all, without a key, and without a log of earlier answers."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    yield over
    recorder.flush()
    rmtree(folder / "logs", ignore_errors=True)


def compared(test: AppTest) -> pd.DataFrame:
    return test.dataframe[0].value


def pasted(opened: Opened, text: str) -> AppTest:
    test = checked(opened("estimate"))
    test.text_area(key="estimate-text").set_value(text)
    return checked(test.run())


# ── without a key ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_key_it_says_what_to_set_and_takes_counts(opened: Opened) -> None:
    test = checked(opened("estimate"))
    assert "Set ANTHROPIC_API_KEY where the dashboard runs" in words(test)
    assert "Nothing to estimate yet" in words(test)
    test.number_input(key="estimate-tokens").set_value(15)
    test.number_input(key="estimate-max").set_value(50)
    test.selectbox(key="estimate-model").set_value(HAIKU)
    checked(test.run())
    assert figures(test) == {
        "Claude Haiku 4.5": "$0.000265",
        "At most": "$0.000265",
        "Runs for $1": "3,773",
        "Context window": "<1 %",
    }
    assert "15 in as typed, 50 out" in words(test)
    table = compared(test)
    assert len(table) > 10
    assert list(table["cost"]) == sorted(table["cost"])
    assert "another tokenizer" in words(test)


def test_the_model_most_is_spent_on_is_the_one_proposed(opened: Opened) -> None:
    assert checked(opened("estimate")).selectbox(key="estimate-model").value == "claude-sonnet-4-6"


def test_it_works_over_an_empty_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with dashboard_over(tmp_path, monkeypatch, []) as empty:
        assert "Nothing to estimate yet" in words(checked(empty("estimate")))


def test_many_of_the_same_cost_as_many_times_as_much(opened: Opened) -> None:
    test = checked(opened("estimate"))
    test.number_input(key="estimate-tokens").set_value(1000)
    test.number_input(key="estimate-copies").set_value(1000)
    test.number_input(key="estimate-max").set_value(100)
    test.selectbox(key="estimate-model").set_value(HAIKU)
    checked(test.run())
    assert figures(test)["Claude Haiku 4.5, 1,000 requests"] == "$1.50"


def test_a_text_without_a_key_needs_its_tokens_typed(opened: Opened) -> None:
    test = checked(opened("estimate"))
    test.button_group(key="estimate-way").set_value("From its text")
    checked(test.run())
    test.text_area(key="estimate-text").set_value(json.dumps(ASKED))
    checked(test.run())
    assert "Type how many input tokens it has" in words(test)
    test.number_input(key="estimate-tokens").set_value(15)
    checked(test.run())
    assert figures(test)["Claude Haiku 4.5"] == "$0.000265"
    assert "the request can be sent from here" in words(test)


def test_the_cached_part_and_the_expected_answer_count(opened: Opened) -> None:
    test = checked(opened("estimate"))
    test.selectbox(key="estimate-model").set_value(HAIKU)
    test.number_input(key="estimate-tokens").set_value(10_000)
    test.number_input(key="estimate-cached").set_value(8_000)
    test.number_input(key="estimate-answer").set_value(100)
    checked(test.run())
    assert (figures(test)["Claude Haiku 4.5"], figures(test)["At most"]) == ("$0.0105", "$0.0175")
    haiku = compared(test).set_index("model").loc["Claude Haiku 4.5"]
    assert (haiku["write"], haiku["read"]) == (0.0125, 0.0033)


def test_what_does_not_fit_is_said(opened: Opened) -> None:
    test = checked(opened("estimate"))
    test.selectbox(key="estimate-model").set_value(HAIKU)
    test.number_input(key="estimate-tokens").set_value(200_000)
    checked(test.run())
    assert figures(test)["Context window"] == "Does not fit"
    assert "the context window of claude-haiku-4-5 holds 200,000" in words(test)


# ── with a key ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_prompt_is_counted_once_however_often_the_page_runs(opened: Opened, api: Api) -> None:
    test = pasted(opened, " ".join(["word"] * 15))
    test.selectbox(key="estimate-model").set_value(HAIKU)
    test.number_input(key="estimate-max").set_value(50)
    checked(test.run())
    assert figures(test)["Claude Haiku 4.5"] == "$0.000265"
    assert "15 in, 50 out" in words(test)
    asked = len(api.asked)
    test.number_input(key="estimate-max").set_value(60)
    checked(test.run())
    assert len(api.asked) == asked
    assert api.sent == []


def test_a_request_is_estimated_as_written_unless_told_otherwise(opened: Opened, api: Api) -> None:
    test = pasted(opened, json.dumps(ASKED))
    assert figures(test)["Claude Haiku 4.5"] == "$0.000265"
    test.selectbox(key="estimate-model-over").set_value("claude-opus-5")
    checked(test.run())
    assert figures(test)["Claude Opus 5"] == "$0.00133"


def test_a_job_is_counted_when_asked_and_summed(opened: Opened, api: Api) -> None:
    test = pasted(opened, "\n".join(json.dumps({"custom_id": str(n), "params": ASKED}) for n in range(3)))
    assert api.asked == []
    test.button(key="estimate-count").click()
    checked(test.run())
    assert figures(test)["Claude Haiku 4.5, 3 requests"] == "$0.000795"
    assert not [button for button in test.button if button.key == "estimate-send"]


def test_a_job_comes_as_a_file(opened: Opened, api: Api) -> None:
    test = checked(opened("estimate"))
    test.file_uploader(key="estimate-file").upload("job.jsonl", f"{json.dumps(ASKED)}\n{json.dumps(ASKED)}".encode())
    checked(test.run())
    test.button(key="estimate-count").click()
    assert figures(checked(test.run()))["Claude Haiku 4.5, 2 requests"] == "$0.000530"


def test_what_cannot_be_read_or_counted_is_said_without_quoting_it(opened: Opened, api: Api) -> None:
    test = pasted(opened, f'{json.dumps(ASKED)}\n{{"x": "{SECRET}"}}')
    assert "Line 2: not a request" in words(test)
    api.counting_status = 401
    test.text_area(key="estimate-text").set_value(SECRET)
    checked(test.run())
    assert "the API answered 401" in words(test)
    assert SECRET not in words(test)
    assert KEY not in words(test)


# ── try it ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_answer_ends_with_its_exact_cost_and_is_recorded_without_a_word(
    opened: Opened, api: Api, folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    test = pasted(opened, SECRET)
    test.selectbox(key="estimate-model").set_value(HAIKU)
    checked(test.run())
    test.button(key="estimate-send").click()
    checked(test.run())
    assert "Four words, no more." in words(test)
    assert "**$0.000024** · 4 in, 4 out · claude-haiku-4-5 · end_turn" in words(test)
    assert [(body["model"], body["stream"]) for body in api.sent] == [(HAIKU, True)]
    recorder.flush()
    [log] = (folder / "logs").glob("*.jsonl")
    record = json.loads(log.read_text())
    assert (record["feature"], record["model"], record["usage"]["output_tokens"]) == ("spendglass", HAIKU, 4)
    everything = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    said = capfd.readouterr()
    for hidden in (SECRET, KEY, "Four words"):
        assert not any(hidden.encode() in content for content in everything)
        assert hidden not in said.out + said.err
    assert KEY not in words(test)
    with open_store(tmp_path / "other.duckdb") as store:
        load(store, [log])
        assert rows(store, "SELECT cost FROM usage WHERE feature = 'spendglass'") == [(24_000_000,)]


def test_an_answer_that_fails_is_said(opened: Opened, api: Api) -> None:
    test = pasted(opened, SECRET)
    api.status = 400
    test.button(key="estimate-send").click()
    checked(test.run())
    assert "the API answered 400 (overloaded_error)" in words(test)


def test_a_stream_that_breaks_off_is_said(opened: Opened, api: Api) -> None:
    test = pasted(opened, SECRET)
    api.breaks_off = True
    test.button(key="estimate-send").click()
    checked(test.run())
    assert "The answer broke off, and its last counts with it" in words(test)
    assert "Recorded" not in words(test)


def test_a_field_the_sdk_does_not_know_is_said(opened: Opened, api: Api) -> None:
    test = pasted(opened, json.dumps({**ASKED, SECRET: 1}))
    test.button(key="estimate-send").click()
    checked(test.run())
    assert "the SDK does not know one of its fields" in words(test)
    assert SECRET not in words(test)
    assert api.sent == []


HOSTILE = [
    "# heading\n\n> quote\n\n- list\n1. list\n\n---\n",
    "[x](http://evil.example) ![x](http://evil.example/x.png) <http://evil.example> www.evil.example a@evil.example",
    "<script>alert(1)</script> <b>x</b> &amp; **b** _i_ `c` ~~s~~ $x$ $$y$$ :red[z] :smile: :material/home:",
    "    four spaces\n\ttab\n```\nfence\n```\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    "Title\n=====\n\nwWw.evil.example https://evil.example\r\n",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_an_answer_is_plain_text_whatever_it_holds_and_however_it_comes(text: str, size: int) -> None:
    shown = "".join(plain(text[start : start + size] for start in range(0, len(text), size)))
    assert not re.search(r"(?<!\\)[`*_{}\[\]()#+\-.!|><~$:&@=]", shown)
    assert not re.search(r"www|:(?!\u2060)|@(?!\u2060)|(?m:^[ \t])", shown, re.IGNORECASE)
    seen = re.sub(r"\\(.)", r"\1", shown)
    for invisible in "\N{WORD JOINER}\N{NO-BREAK SPACE}\n\r\t ":
        seen, text = seen.replace(invisible, ""), text.replace(invisible, "")
    assert seen == text
