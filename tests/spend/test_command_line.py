from __future__ import annotations

import csv
import os
import subprocess
import sys
from decimal import Decimal
from functools import partial
from io import StringIO
from pathlib import Path

import pytest

from ingest.load import load
from spend.__main__ import main
from spend.breakdown import Row, Spend
from spend.report import render, safe_cell
from store.connection import open_store
from tests.conftest import ROOT
from tests.factories import usage_record, write_log
from tests.spend import questions

TOKENS = [
    *("uncached_input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens"),
    *("reasoning_tokens", "prompt_tokens", "unpriced_tokens"),
]
USD = [f"{name}_usd" for name in ("uncached_input", "cache_read", "cache_write_5m", "cache_write_1h", "output")]
KEYS = ["requests", "unpriced_requests", "failed_requests", *TOKENS, "web_search_requests", *USD, "web_search_usd"]

report, as_json = partial(questions.asked, "report"), partial(questions.as_json, "report")


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    records = [
        usage_record(feature="a", time="2026-10-25T00:30:00Z"),
        usage_record(feature="a", time="2026-10-25T01:30:00Z"),
        usage_record(feature="=1+1", time="2026-10-25T23:30:00Z", tags={"env": "prod"}),
        usage_record(feature="lost", model="claude-haiku-9", time="2026-10-26T12:00:00Z"),
        usage_record(feature=None, time="2026-10-26T12:00:00Z"),
    ]
    with open_store(folder / "usage.duckdb") as store:
        load(store, [write_log(folder / "log.jsonl", records)])
    return folder / "usage.duckdb"


def test_json_is_a_list_of_objects_with_exact_money(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = as_json(db, capsys, "--by", "feature,model")
    assert [list(row) for row in rows] == [["feature", "model", *KEYS, "cost_usd"]] * 4
    by_feature = {row["feature"]: row for row in rows}
    assert {name: row["cost_usd"] for name, row in by_feature.items()} == {
        "a": "0.003",
        "=1+1": "0.0015",
        None: "0.0015",
        "lost": None,
    }
    assert {by_feature["lost"][name] for name in [*USD, "web_search_usd"]} == {None}
    assert (by_feature["lost"]["unpriced_requests"], by_feature["lost"]["unpriced_tokens"]) == (1, 1100)
    assert sum(Decimal(row["cost_usd"] or 0) for row in rows) == Decimal("0.006")


def test_without_a_breakdown_there_is_one_row(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [row] = as_json(db, capsys)
    assert (row["requests"], row["unpriced_requests"], row["cost_usd"]) == (5, 1, "0.006")


def test_nothing_but_unpriced_requests_has_no_cost(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [row] = as_json(db, capsys, "--where", "feature=lost")
    assert row["cost_usd"] is None
    [row] = as_json(db, capsys, "--where", "feature=nobody")
    assert row["cost_usd"] == "0.00"


def test_days_of_25_hours(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = as_json(db, capsys, "--by", "day", "--timezone", "Europe/Paris")
    assert [(row["day"], row["requests"]) for row in rows] == [("2026-10-25", 2), ("2026-10-26", 3)]
    rows = as_json(db, capsys, "--by", "hour", "--timezone", "Europe/Paris", "--until", "2026-10-26")
    assert [row["hour"] for row in rows] == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]


@pytest.mark.parametrize(
    ("args", "requests"),
    [
        (["--where", "feature=a"], 2),
        (["--where", "feature=a", "--where", "feature=lost"], 3),
        (["--where", "feature="], 1),
        (["--where", "feature==1+1"], 1),
        (["--where", "tag:env=prod"], 1),
        (["--where", "tag:env="], 4),
        (["--since", "2026-10-26"], 2),
        (["--since", "2026-10-25", "--until", "2026-10-26"], 3),
        (["--since", "2026-10-26", "--timezone", "Europe/Paris"], 3),
    ],
)
def test_only_what_was_asked_for(db: Path, capsys: pytest.CaptureFixture[str], args: list[str], requests: int) -> None:
    assert as_json(db, capsys, *args)[0]["requests"] == requests


def test_a_table_ends_with_the_total_and_says_what_is_unpriced(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(db, capsys, "--by", "feature") == (
        "feature  requests  unpriced  prompt tokens  output tokens  cost USD\n"
        "a               2         0          2,000            200     0.003\n"
        "=1+1            1         0          1,000            100    0.0015\n"
        "—               1         0          1,000            100    0.0015\n"
        "lost            1         1          1,000            100         —\n"
        "total           5         1          5,000            500     0.006\n"
    )


def test_csv_is_read_back_and_holds_no_formula(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(StringIO(report(db, capsys, "--by", "feature", "--format", "csv"))))
    assert list(rows[0]) == ["feature", *KEYS, "cost_usd"]
    assert [(row["feature"], row["cost_usd"]) for row in rows] == [
        ("a", "0.003"),
        ("'=1+1", "0.0015"),
        ("", "0.0015"),
        ("lost", ""),
    ]


@pytest.mark.parametrize("value", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_text_a_spreadsheet_would_calculate_is_made_a_text(value: str) -> None:
    assert safe_cell(value) == f"'{value}"
    assert f"'{value[0]}" in render("csv", ("feature",), [Row((value,), Spend())], Spend())


@pytest.mark.parametrize("value", ["x", "", "a=b", -1, None])
def test_other_values_are_left_as_they_are(value: str | int | None) -> None:
    assert safe_cell(value) == value


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--by", "colour"], "no dimension 'colour'"),
        (["--where", "colour=red"], "no dimension 'colour'"),
        (["--where", "feature"], "write DIMENSION=VALUE"),
        (["--timezone", "Mars/Olympus"], "no time zone"),
        (["--since", "2026-11-02", "--until", "2026-11-01"], "the period is empty"),
    ],
)
def test_a_wrong_call_is_2_and_said(db: Path, capsys: pytest.CaptureFixture[str], args: list[str], said: str) -> None:
    assert main(["report", "--db", str(db), *args]) == 2
    captured = capsys.readouterr()
    assert (captured.out, said in captured.err) == ("", True)


@pytest.mark.parametrize("args", [["--since", "yesterday"], ["--format", "xml"], ["--colour"]])
def test_a_call_that_cannot_be_read_is_2(db: Path, capsys: pytest.CaptureFixture[str], args: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["report", "--db", str(db), *args])
    assert stopped.value.code == 2
    assert args[0] in capsys.readouterr().err


def test_a_store_that_is_not_there_is_said_and_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--db", str(tmp_path / "none.duckdb")]) == 2
    assert "python -m ingest" in capsys.readouterr().err
    assert not (tmp_path / "none.duckdb").exists()


def test_it_runs_as_a_module(db: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "spend", "report", "--db", str(db), "--format", "csv"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout.splitlines()[1].endswith(",0.006")
    assert done.stderr == ""


def test_whoever_reads_no_further_ends_it_quietly(db: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    question = [sys.executable, "-m", "spend", "report", "--by", "feature,model,day", "--db", str(db)]
    try:
        asked = subprocess.run(question, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(write)
    assert (asked.returncode, asked.stderr) == (0, "")


def test_what_the_terminal_has_no_sign_for_is_spelt_out(tmp_path: Path) -> None:
    store = tmp_path / "usage.duckdb"
    with open_store(store) as opened:
        load(opened, [write_log(tmp_path / "log.jsonl", [usage_record(feature="€")])])
    question = [sys.executable, "-m", "spend", "report", "--by", "feature", "--db", str(store)]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    asked = subprocess.run(question, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "\\u20ac" in asked.stdout
