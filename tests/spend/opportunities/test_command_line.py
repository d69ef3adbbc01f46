from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest.load import load
from store.connection import open_store
from tests.factories import usage_record, write_log
from tests.spend.questions import as_json, asked

NAME = "a,b \x1b[31m"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("opportunities")
    records = [usage_record(feature=NAME, model="claude-opus-4-8", output_tokens=4) for _ in range(20)]
    with open_store(folder / "usage.duckdb") as store:
        load(store, [write_log(folder / "log.jsonl", records)])
    return folder / "usage.duckdb"


def test_each_finding_is_a_scenario_that_what_if_answers_alike(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found: list[dict[str, Any]] = as_json("opportunities", db, capsys)
    ready = [one for one in found if one["levers"]]
    assert [one["kind"] for one in ready] == ["smaller_model"]
    assert ready[0]["feature"] == NAME
    for one in ready:
        levers = [word for lever in one["levers"] for word in ("--lever", lever)]
        again = as_json("what-if", db, capsys, *levers)
        assert again["saving_usd"] == one["saving_usd"]


def test_the_table_moves_no_cursor_and_says_the_levers(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = asked("opportunities", db, capsys)
    assert "\x1b" not in text
    assert "--lever swap:from=claude-opus-4-8,to=claude-haiku-5-5,feature=a%2Cb" in text
    assert text.splitlines()[0].split() == ["USD", "a", "month", "adds", "confidence"]


def test_nothing_found_is_said(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked("opportunities", db, capsys, "--where", "feature=none") == "Nothing found.\n"
