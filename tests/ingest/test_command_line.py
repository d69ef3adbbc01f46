from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ingest.__main__ import main
from ingest.summary import SHOWN_REJECTS
from store.access import Served, access_of, announce
from store.connection import open_store
from tests.factories import rows, usage_record, write_log

Captured = pytest.CaptureFixture[str]


def test_json_has_exactly_these_keys_and_exact_money(tmp_path: Path, capsys: Captured) -> None:
    one = usage_record(message_id="m1")
    log = write_log(tmp_path / "log.jsonl", [one, one, usage_record(model="claude-haiku-9"), "not json"])
    assert main([str(log), "--db", str(tmp_path / "db"), "--json"]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert isinstance(found.pop("seconds"), float)
    assert found == {
        "files": 1,
        "lines": 4,
        "requests": 2,
        "duplicates": 1,
        "ignored": 0,
        "rejected": 1,
        "unpriced": 1,
        "cost_usd": "0.0015",
    }
    assert captured.err == ""


def test_the_summary_adds_up_and_names_every_rejected_line(tmp_path: Path, capsys: Captured) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record(), "not json", usage_record(output_tokens=-5)])
    assert main([str(log), "--db", str(tmp_path / "db")]) == 0
    said = capsys.readouterr().out
    assert said.startswith("3 lines of 1 file: 1 requests, 0 duplicates, 0 not usage records, 2 rejected, in ")
    assert "\ncost $0.0015\n" in said
    assert f"rejected: {log}:2: line: not JSON" in said
    assert f"rejected: {log}:3: usage.output_tokens: a negative token count (found -5)." in said


def test_of_many_rejected_lines_the_first_are_named_and_the_rest_counted(tmp_path: Path, capsys: Captured) -> None:
    logs = [write_log(tmp_path / f"{n}.jsonl", [usage_record(), *["not json"] * 700]) for n in range(2)]
    assert main([*map(str, logs), "--db", str(tmp_path / "db")]) == 0
    said = capsys.readouterr().out
    assert said.count("\nrejected: ") == SHOWN_REJECTS
    assert "and 1,390 more rejected lines" in said
    with open_store(tmp_path / "db") as store:
        assert rows(store, "SELECT sum(rejected) FROM load_file") == [(1400,)]


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([usage_record()], 0),
        ([usage_record(), "not json"], 1),
        ([usage_record(model="claude-haiku-9")], 1),
        ([usage_record(message_id="m"), usage_record(message_id="m")], 0),
    ],
)
def test_strict_is_1_for_a_rejected_line_or_an_unpriced_request(
    tmp_path: Path, capsys: Captured, lines: list[object], status: int
) -> None:
    log = write_log(tmp_path / "log.jsonl", lines)  # type: ignore[arg-type]
    assert main([str(log), "--db", str(tmp_path / "db"), "--strict"]) == status
    with open_store(tmp_path / "db") as store:
        assert rows(store, "SELECT count(*) FROM usage") == [(1,)]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["missing.jsonl"], "missing.jsonl is not there"),
        (["log.jsonl", "missing.jsonl"], "missing.jsonl is not there"),
        (["log.jsonl", "--format", "usage-recrd"], "did you mean 'usage_record'?"),
        (["log.jsonl", "--map", "feature"], "write OURS=THEIRS"),
        (["log.jsonl", "--map", "featur=x"], "did you mean 'feature'?"),
        (["log.jsonl", "--db", "log.jsonl"], "cannot be opened as a store"),
    ],
)
def test_a_wrong_call_is_2_and_said(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, args: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_log(tmp_path / "log.jsonl", [usage_record()])
    db = [] if "--db" in args else ["--db", "db"]
    assert main([*args, *db]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ingest: ")
    assert said in captured.err


def test_where_a_log_says_our_fields_can_be_told(tmp_path: Path, capsys: Captured) -> None:
    row = {"ts": "2026-11-10T12:00:00Z", "model": "claude-haiku-4-5", "input_tokens": 10, "output_tokens": 5}
    log = write_log(tmp_path / "log.jsonl", [row | {"who": {"id": f"u{n}"}} for n in range(3)])
    assert main([str(log), "--db", str(tmp_path / "db"), "--map", "user=who.id"]) == 0
    with open_store(tmp_path / "db") as store:
        assert rows(store, "SELECT user_id FROM usage ORDER BY 1") == [("u0",), ("u1",), ("u2",)]
    assert "3 requests" in capsys.readouterr().out


def test_it_runs_as_a_module_on_the_store_of_the_environment_and_is_silent_in_a_pipe(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl.gz", [usage_record()])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "ingest", str(log), "--json"],
        env={"SPENDGLASS_DB": str(tmp_path / "own" / "usage.duckdb"), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert json.loads(done.stdout)["cost_usd"] == "0.0015"
    assert done.stderr == ""
    assert (tmp_path / "own" / "usage.duckdb").exists()


def test_a_load_of_which_nothing_is_priced_has_no_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record(model="claude-haiku-9")])
    assert main([str(log), "--db", str(tmp_path / "a.duckdb"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["requests"], said["unpriced"], said["cost_usd"]) == (1, 1, None)
    assert main([str(log), "--db", str(tmp_path / "b.duckdb")]) == 0
    assert "cost unknown, 1 requests unpriced" in capsys.readouterr().out


def test_a_link_to_the_store_is_the_store(tmp_path: Path) -> None:
    link = tmp_path / "sub" / "link.duckdb"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "usage.duckdb")
    assert main([str(write_log(tmp_path / "log.jsonl", [usage_record()])), "--db", str(link)]) == 0
    assert list(link.parent.iterdir()) == [link]
    with open_store(tmp_path / "usage.duckdb") as store:
        assert rows(store, "SELECT count(*) FROM usage") == [(1,)]


def test_in_memory_a_log_is_checked_and_nothing_kept(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = write_log(tmp_path / "log.jsonl", [usage_record(), "no"])
    assert main([str(log), "--db", ":memory:", "--strict"]) == 1
    assert "1 rejected" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [log]


@pytest.mark.parametrize("as_json", [False, True])
def test_the_token_is_printed_and_made_where_there_is_none(tmp_path: Path, capsys: Captured, as_json: bool) -> None:
    db = tmp_path / "new" / "usage.duckdb"
    assert main(["--token", "--db", str(db), *(["--json"] if as_json else [])]) == 0
    captured = capsys.readouterr()
    url, token = "http://127.0.0.1:8501/api/ingest", access_of(db).ingest
    if as_json:
        assert json.loads(captured.out) == {"url": url, "token": token}
    else:
        assert captured.out == f"POST {url}\nAuthorization: Bearer {token}\n"
    assert "does not run" in captured.err
    assert access_of(db).owner not in captured.out + captured.err
    assert not db.exists()


def test_the_token_comes_without_the_address_of_who_has_stopped(tmp_path: Path, capsys: Captured) -> None:
    db = tmp_path / "usage.duckdb"
    announce(db, Served("http://127.0.0.1:1", os.getpid()))
    assert main(["--token", "--db", str(db)]) == 0
    assert "127.0.0.1:8501" in capsys.readouterr().out


@pytest.mark.parametrize("args", [[], ["log.jsonl", "--token"], ["--follow"], ["--follow", "--token"]])
def test_it_is_either_files_or_the_token(args: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(args)
    assert stopped.value.code == 2
    assert "name log files or folders to load, or ask for --token alone" in capsys.readouterr().err


def test_files_that_held_nothing_new_are_counted(tmp_path: Path, capsys: Captured) -> None:
    logs = [write_log(tmp_path / f"{n}.jsonl", [usage_record()]) for n in range(3)]
    for paths, said in ((logs[:2], None), (logs, "note: 2 of 3 files held nothing new and were not read again")):
        assert main([*map(str, paths), "--db", str(tmp_path / "db")]) == 0
        notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note: ")]
        assert notes == ([said] if said else [])


HOLD = """
import sys
from store.connection import open_store
with open_store(sys.argv[1]):
    print("open", flush=True)
    input()
"""


def test_a_store_that_another_process_holds_for_a_moment_is_waited_for(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.__main__.PATIENCE", 30)
    log, db = write_log(tmp_path / "log.jsonl", [usage_record()]), tmp_path / "usage.duckdb"
    command, pipe = [sys.executable, "-c", HOLD, str(db)], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=Path(__file__).parents[2]) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        letting_go = threading.Timer(0.3, holder.communicate, ["\n"])
        letting_go.start()
        assert main([str(log), "--db", str(db)]) == 0
        letting_go.join()
    assert "1 requests" in capsys.readouterr().out
