from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingest.load import load
from spend.__main__ import main
from spend.filters import Filters
from spend.spikes.found import incidents
from spend.spikes.settings import Mark, SpikeSettings, keep_mark, keep_settings
from spend.spikes.skill import backtest
from store.connection import Store, open_store
from tests.conftest import ROOT, SAMPLE
from tests.factories import usage_record, write_log

PARIS = Filters(timezone="Europe/Paris")
FIELDS = [
    "kind",
    "level",
    "scope",
    "night",
    "from",
    "until",
    "actual_usd",
    "expected_usd",
    "excess_usd",
    "z",
    "drivers",
]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory, tracked_prices: Path) -> Path:
    path = tmp_path_factory.mktemp("sample") / "usage.duckdb"
    with open_store(path) as store:
        load(store, [SAMPLE])
    return path


def told(capsys: pytest.CaptureFixture[str], db: Path, *args: str, status: int = 0) -> str:
    assert main(["spikes", "--db", str(db), *args]) == status
    return capsys.readouterr().out


def records(capsys: pytest.CaptureFixture[str], db: Path, *args: str, status: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(told(capsys, db, "--format", "json", *args, status=status))
    return found


def test_the_planted_night_is_flagged_and_no_other(sample_store: Store) -> None:
    found = incidents(sample_store.cursor(), PARIS, SpikeSettings(), date(2026, 10, 21), date(2026, 11, 19))
    assert [(one.finding.night, one.finding.kind) for one in found if one.level == "flag"] == [
        (date(2026, 11, 12), "overnight")
    ]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"])
def test_in_no_zone_is_anything_else_flagged(sample_store: Store, zone: str) -> None:
    asked = Filters(timezone=zone)
    found = incidents(sample_store.cursor(), asked, SpikeSettings(), date(2026, 10, 21), date(2026, 11, 19))
    [flag] = [one for one in found if one.level == "flag"]
    assert flag.finding.scope == (("feature", "document-search"),)
    assert abs(flag.finding.from_ - datetime(2026, 11, 13, tzinfo=UTC)) <= timedelta(hours=1)


def test_the_incident_names_the_loop_its_feature_its_user_and_its_dollars(
    db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = records(capsys, db, "--timezone", "Europe/Paris")[0]
    assert list(found)[: len(FIELDS)] == FIELDS
    assert found["scope"] == {"feature": "document-search"}
    assert found["night"] == "2026-11-12"
    assert (found["from"], found["until"]) == ("2026-11-13T01:00:00+01:00", "2026-11-13T04:00:00+01:00")
    assert found["where"][0]["scope"] == {"user": "u_4630"}
    assert found["where"][0]["share"] > 0.95
    assert found["drivers"][0]["driver"] == "requests"
    [changed] = found["changed"]
    assert changed == (
        "A retry loop: user u_4630 sent feature document-search 423 requests alike in 3 hours, 394 of them just after"
        " a 529; usually fewer than one in these hours."
    )
    assert found["sentence"].startswith(
        "In the night of 12 November, 01:00 to 04:00, feature document-search cost $31.27,"
    )
    excess = Decimal(found["actual_usd"]) - Decimal(found["expected_usd"])
    assert Decimal(found["excess_usd"]) == excess
    assert sum(Decimal(bar["change_usd"]) for bar in found["drivers"]) == excess


def test_incidents_come_by_excess_and_one_night_can_be_asked_for(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    month = records(capsys, db, "--timezone", "Europe/Paris")
    excess = [Decimal(one["excess_usd"]) for one in month]
    assert excess == sorted(excess, reverse=True)
    [night] = records(capsys, db, "--timezone", "Europe/Paris", "--on", "2026-11-12")
    assert night == month[0]
    between = records(capsys, db, "--timezone", "Europe/Paris", "--since", "2026-11-12", "--until", "2026-11-13")
    assert between == [night]
    assert records(capsys, db, "--timezone", "Europe/Paris", "--on", "2026-11-11") == []


def test_the_exit_status_says_whether_there_was_one(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paris = ("--timezone", "Europe/Paris")
    told(capsys, db, *paris, "--fail-on", "flag", status=1)
    told(capsys, db, *paris, "--fail-on", "watch", status=1)
    told(capsys, db, *paris, "--fail-on", "watch", "--on", "2026-11-11")
    told(capsys, db, *paris, "--fail-on", "flag", "--on", "2026-11-08")  # only one to watch
    told(capsys, db, *paris, "--fail-on", "watch", "--on", "2026-11-08", status=1)


def test_the_table_says_it_in_words_and_what_it_could_not_judge(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(capsys, db, "--timezone", "Europe/Paris")
    assert "FLAG overnight 2026-11-12: $31.23 more" in said
    assert "why: usual $0.04 | document-search: requests +$21.66" in said
    assert "Nights before 2026-10-29 have too little history" in said
    assert told(capsys, db, "--on", "2026-11-17").strip() == "Nothing unusual in the night of 2026-11-17."
    assert told(capsys, db, "--on", "2026-10-24").startswith("Not enough history before 2026-10-29")


def test_the_night_and_zone_are_those_of_the_store_unless_they_are_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "usage.duckdb"
    with open_store(path) as store:
        load(store, [SAMPLE])
        keep_settings(store, SpikeSettings(timezone="Europe/Paris"))
    [kept] = records(capsys, path, "--on", "2026-11-12")
    assert kept["from"] == "2026-11-13T01:00:00+01:00"
    [given] = records(capsys, path, "--on", "2026-11-12", "--timezone", "UTC")
    assert given["from"] == "2026-11-13T00:00:00+00:00"
    by_day = records(capsys, path, "--on", "2026-11-12", "--night", "8-20")
    assert {one["kind"] for one in by_day} == {"morning"}
    with open_store(path) as store:
        [found] = incidents(store.cursor(), PARIS, SpikeSettings(), date(2026, 11, 12), date(2026, 11, 12))
        keep_mark(store, Mark(found.key, found.finding.spans, planned=True, note="load test"))
    [planned] = records(capsys, path, "--on", "2026-11-12", "--fail-on", "watch")
    assert (planned["planned"], planned["note"]) == (True, "load test")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--night", "25-6"), "a night goes from an hour to an hour"),
        (("--night", "late"), "is no night"),
        (("--timezone", "Mars/Phobos"), "no time zone"),
        (("--on", "2026-11-12", "--since", "2026-11-01"), "give one or the other"),
        (("--since", "2026-11-12", "--until", "2026-11-12"), "no night is in it"),
    ],
)
def test_a_wrong_question_is_answered_in_words_with_status_two(
    db: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], said: str
) -> None:
    assert main(["spikes", "--db", str(db), *args]) == 2
    assert said in capsys.readouterr().err


def test_nights_long_before_and_after_the_data_are_quiet(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert records(capsys, db, "--on", "2020-01-01") == []
    assert records(capsys, db, "--on", "2030-01-01") == []
    assert records(capsys, db, "--since", "2026-12-01", "--until", "2026-12-05") == []
    assert "The last night that has begun" in told(capsys, db, "--on", "2026-12-24")


@pytest.mark.parametrize("args", [("--on", "0001-01-01"), ("--on", "9999-12-31"), ("--until", "0001-01-01")])
def test_nights_at_the_ends_of_the_calendar_are_quiet_too(
    db: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, ...]
) -> None:
    assert records(capsys, db, *args) == []


def test_asking_since_long_ago_finds_what_asking_for_the_data_finds(
    db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert records(capsys, db, "--since", "1900-01-01") == records(capsys, db, "--since", "2026-10-01")


def test_a_store_without_requests_has_no_spikes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_store(tmp_path / "usage.duckdb"):
        pass
    assert records(capsys, tmp_path / "usage.duckdb") == []
    assert told(capsys, tmp_path / "usage.duckdb") == "No request has a time, so there are no nights to compare.\n"


def test_names_from_logs_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hours = [f"2026-11-{day:02}T{hour:02}:10:00Z" for day in range(1, 16) for hour in range(24)]
    log = [usage_record(time=time, feature="plain", input_tokens=2_000_000) for time in hours]
    name = "\x1b[2Jevil\nFLAG overnight 2026-11-14: $9,999.99 more"
    log += [usage_record(time="2026-11-14T02:20:00Z", feature=name, input_tokens=90_000_000)]
    with open_store(tmp_path / "usage.duckdb") as store:
        load(store, [write_log(tmp_path / "log.jsonl", log)])
    said = told(capsys, tmp_path / "usage.duckdb")
    assert "evil" in said
    assert "\x1b" not in said
    assert "\nFLAG overnight 2026-11-14: $9,999.99 more" not in said


def test_skill_is_measured_on_this_history(db: Path, sample_store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    skill = json.loads(told(capsys, db, "--timezone", "Europe/Paris", "--backtest", "--seed", "5", "--format", "json"))
    again = backtest(sample_store.cursor(), PARIS, SpikeSettings(timezone="Europe/Paris"), seed=5)
    assert [size["recall"] for size in skill["sizes"]] == [size.recall for size in again.sizes]
    assert skill["sizes"][-1]["recall"] > 0.95
    assert skill["flags"] == 3  # everything, the feature and the model of the planted night


def test_the_command_runs_from_a_shell(db: Path) -> None:
    command = [sys.executable, "-m", "spend", "spikes", "--db", str(db), "--on", "2026-11-12", "--fail-on", "flag"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "u_4630" in done.stdout
    assert done.stderr == ""
