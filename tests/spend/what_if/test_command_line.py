from __future__ import annotations

from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from ingest.load import load
from spend.__main__ import main
from store.connection import open_store
from tests.factories import usage_record, write_log
from tests.spend import questions

asked, as_json = partial(questions.asked, "what-if"), partial(questions.as_json, "what-if")


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("what-if")
    opus = {"model": "claude-opus-4-8"}
    records = [
        *(
            usage_record(feature="triage", user="u_1", time=f"2026-11-{day:02}T09:00:00Z", **opus)
            for day in range(1, 21)
        ),
        *(usage_record(feature="<b>chat</b>", output_tokens=day * 10) for day in range(1, 11)),
        usage_record(feature="lab", model="claude-haiku-9"),
        usage_record(feature="fast", speed="fast", **opus),
    ]
    with open_store(folder / "usage.duckdb") as store:
        load(store, [write_log(folder / "log.jsonl", records)])
    return folder / "usage.duckdb"


def test_json_has_the_joint_scenario_and_each_levers_part(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    levers = (
        "--lever",
        "batch:share=1.0",
        "--lever",
        "swap:to=claude-haiku-4-5",
        "--lever",
        "cap:max_output_tokens=50",
    )
    found = as_json(db, capsys, *levers)
    assert list(found) == [
        *("baseline_usd", "scenario_usd", "saving_usd", "saving_low_usd", "saving_high_usd", "sampling", "requests"),
        *("unchanged", "levers", "cache_bounds", "caveats"),
    ]
    assert [one["lever"] for one in found["levers"]] == ["cap", "swap", "batch"]
    assert found["requests"] == 32
    assert found["unchanged"] == {"no_price": 1, "fast_mode": 1, "unpriced": 1}
    shares = [Decimal(one["saving_usd"]) for one in found["levers"]]
    assert sum(shares) == Decimal(found["saving_usd"])
    assert Decimal(found["baseline_usd"]) - Decimal(found["scenario_usd"]) == Decimal(found["saving_usd"])
    assert Decimal(found["saving_low_usd"]) < Decimal(found["saving_usd"]) < Decimal(found["saving_high_usd"])
    assert len(found["caveats"]) == 3


def test_a_lever_has_requests_of_its_own(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    all_of_it = as_json(db, capsys, "--lever", "batch")
    triage = as_json(db, capsys, "--lever", "batch:feature=triage")
    only = as_json(db, capsys, "--lever", "batch", "--where", "feature=triage")
    assert Decimal(triage["saving_usd"]) == Decimal(only["saving_usd"]) == Decimal("0.075")
    assert triage["baseline_usd"] == all_of_it["baseline_usd"] != only["baseline_usd"]
    assert Decimal(all_of_it["saving_usd"]) > Decimal(triage["saving_usd"])


def test_two_levers_of_a_kind_are_for_their_own_requests(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = "cap:max_output_tokens=20,feature=<b>chat</b>", "cap:max_output_tokens=40,feature=triage"
    both = as_json(db, capsys, "--lever", one, "--lever", other)
    alone = [as_json(db, capsys, "--lever", lever) for lever in (one, other)]
    assert Decimal(both["saving_usd"]) == sum(Decimal(found["saving_usd"]) for found in alone)
    assert {lever["cut_share"] for lever in both["levers"]} == {0.8, 1.0}


def test_sampling_ranges_need_fourteen_days(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lever = ("--lever", "batch", "--where", "feature=triage")
    found = as_json(db, capsys, *lever, "--since", "2026-11-01", "--until", "2026-11-15")
    assert Decimal(found["saving_usd"]) == Decimal("0.0525")
    # the same every day and all of one user: however it is drawn, it is the same
    assert {Decimal(usd) for one in found["sampling"].values() for usd in one.values()} == {Decimal("0.0525")}
    assert as_json(db, capsys, *lever, "--since", "2026-11-01", "--until", "2026-11-14")["sampling"] == {}


def test_a_table_says_the_same_for_people(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(db, capsys, "--lever", "cap:max_output_tokens=50,feature=<b>chat</b>") == (
        "USD\n"
        "baseline  0.17775  32 requests\n"
        "scenario    0.177\n"
        "saving    0.00075\n"
        "                   resampled days: 0.00 to 0.0015\n"
        "                   resampled users: 0.00 to 0.0015\n"
        "  cap     0.00075  cuts 50.0% of answers\n"
        "1 requests left as they were: unpriced\n"
        "A capped answer ends in mid-sentence, and thinking counts as output: see the share of answers cut.\n"
    )


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "give at least one --lever"),
        (["--lever", "pull"], "no lever 'pull'; there are trim, cap, swap, uncache, cache, batch"),
        (["--lever", "swap"], "swap: give to="),
        (["--lever", "swap:to=claude-haiku-45"], "did you mean claude-haiku-4-5?"),
        (["--lever", "swap:to=claude-haiku-4-5,from=claude-haiku-4-5"], "the same model"),
        (["--lever", "swap:to=claude-haiku-4-5,tokenizer=nan"], "tokenizer=nan: write a number"),
        (["--lever", "swap:to=claude-haiku-4-5,tokenizer=1/0"], "write a number"),
        (["--lever", "swap:to=claude-haiku-4-5,tokenizer=9"], "between 0.5 and 2"),
        (["--lever", "cache:ttl=2h"], "choose one of 5m, 1h, best"),
        (["--lever", "cap:max_output_tokens=1.5"], "a whole number of tokens"),
        (["--lever", "cap:max_output_tokens=0"], "between 1 and 10,000,000"),
        (["--lever", "cap:max=4"], "no 'max'; there are max_output_tokens, share, feature"),
        (["--lever", "batch:share=1.1"], "between 0 and 1"),
        (["--lever", "batch:share"], "not KEY=VALUE"),
        (["--lever", "batch"] * 9, "at most 8 levers"),
        (["--lever", "batch", "--where", "colour=red"], "no dimension 'colour'"),
    ],
)
def test_a_wrong_lever_is_2_and_said(db: Path, capsys: pytest.CaptureFixture[str], args: list[str], said: str) -> None:
    assert main(["what-if", "--db", str(db), *args]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
