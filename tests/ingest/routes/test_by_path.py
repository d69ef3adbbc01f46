from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ingest.routes import by_path
from store.process import process_path, process_store
from tests.factories import rows, usage_record, write_log
from tests.ingest.routes.asked import Answer, Asked, bearer, server, until


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SPENDGLASS_DB", str(tmp_path_factory.mktemp("by path") / "usage.duckdb"))
        with server() as running:
            yield running


def wanted(*paths: Path | str, **options: Any) -> str:
    return json.dumps({"store": str(process_path()), "paths": [str(path) for path in paths], "options": options})


def said(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200
    return [json.loads(line) for line in answer.body.splitlines()]


def loads_of(path: Path) -> int:
    query = "SELECT count(*) FROM load_file WHERE path = ?"
    return int(rows(process_store(), query, str(path))[0][0])


def test_files_are_loaded_in_place_and_the_answer_tells_how_far_it_is(ask: Asked, tmp_path: Path) -> None:
    logs = [write_log(tmp_path / f"{name}.jsonl", [usage_record(), "not json"]) for name in "ab"]
    told = said(ask("POST", "/api/load", wanted(tmp_path, origin="by hand"), bearer("owner")))
    assert told[0] == {"store": str(process_path())}
    assert all(set(line) == {"progress"} for line in told[1:-1])
    summary = told[-1]["summary"]
    assert (summary["files"], summary["requests"], summary["rejected"]) == (2, 2, 2)
    assert [(line["file"], line["line"]) for line in summary["rejected_lines"]] == [(str(log), 2) for log in logs]
    query = "SELECT origin FROM load WHERE load_id = ?"
    assert rows(process_store(), query, summary["load_id"]) == [("by hand",)]
    assert all(log.exists() for log in logs)


def test_while_others_load_it_waits_and_says_so(ask: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_path, "EVERY", 0.01)
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    with closing(ask.connected()) as wire:
        with process_store().writing():
            wire.request("POST", "/api/load", wanted(log), bearer("owner"))
            answer = wire.getresponse()
            assert json.loads(answer.readline()) == {"store": str(process_path())}
            assert json.loads(answer.readline()) == {"progress": None}
            assert ask("GET", "/api/health").status == 200
        assert "summary" in json.loads(answer.read().splitlines()[-1])


def test_a_load_ends_though_nobody_listens_any_more(ask: Asked, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    with process_store().writing():
        with closing(ask.connected()) as wire:
            wire.request("POST", "/api/load", wanted(log), bearer("owner"))
            answer = wire.getresponse()
            answer.readline()
            answer.close()
        assert loads_of(log) == 0
    until(lambda: loads_of(log) == 1)
    assert ask("GET", "/api/health").status == 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "is not there"),
        ({"format": "usage-recrd"}, "did you mean 'usage_record'?"),
        ({"field_map": {"featur": "x"}}, "did you mean 'feature'?"),
    ],
)
def test_a_wrong_call_is_an_error_with_its_exit_status(
    ask: Asked, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    before = rows(process_store(), "SELECT count(*) FROM load")
    paths = [log] if options else [log, tmp_path / "missing.jsonl"]
    error = said(ask("POST", "/api/load", wanted(*paths, **options), bearer("owner")))[-1]["error"]
    assert (error["code"], error["exit"]) == ("not_loaded", 2)
    assert message in error["message"]
    assert rows(process_store(), "SELECT count(*) FROM load") == before


def test_only_the_owner_may_name_files(ask: Asked, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    for headers in ({}, bearer("ingest"), {"Authorization": "Bearer x"}):
        answer = ask("POST", "/api/load", wanted(log), headers)
        assert (answer.status, answer.error) == (401, "wrong_token")
    answer = ask("POST", "/api/load", wanted(log), {**bearer("owner"), "Origin": "http://elsewhere.example"})
    assert (answer.status, answer.error) == (403, "other_origin")
    for proxied in ({"X-Forwarded-For": "192.0.2.7"}, {"X-Forwarded-For": "127.0.0.1, 192.0.2.7"}):
        answer = ask("POST", "/api/load", wanted(log), {**bearer("owner"), **proxied})
        assert (answer.status, answer.error) == (403, "not_from_here")
    assert ask("GET", "/api/load", None, bearer("owner")).status == 405
    assert loads_of(log) == 0


def test_what_is_meant_for_another_store_is_not_loaded(ask: Asked, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    body = json.dumps({"store": str(tmp_path / "other.duckdb"), "paths": [str(log)]})
    answer = ask("POST", "/api/load", body, bearer("owner"))
    assert (answer.status, answer.error) == (409, "other_store")
    assert loads_of(log) == 0


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"store": "/s", "paths": []}',
        '{"store": "/s", "paths": ["log.jsonl"]}',
        '{"store": "/s", "paths": [1]}',
        '{"store": "s", "paths": ["/log.jsonl"]}',
        '{"store": "/s", "paths": ["/log.jsonl"], "options": {"names": {}}}',
        '{"store": "/s", "paths": ["/log.jsonl"], "options": {"file_time": "now"}}',
        '{"store": "/s", "paths": ["/log.jsonl"], "options": {"format": 5}}',
        '{"store": "/s", "paths": ["/log.jsonl"], "options": {"field_map": []}}',
        '{"store": "/s", "paths": ["/log.jsonl"], "options": []}',
        b"\xff",
    ],
)
def test_what_cannot_be_understood_is_said(ask: Asked, body: str | bytes) -> None:
    answer = ask("POST", "/api/load", body, bearer("owner"))
    assert (answer.status, answer.error) == (400, "wrong_body")


def test_too_many_paths_are_refused(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_path, "MOST_BYTES", 1000)
    answer = ask("POST", "/api/load", wanted(*["/log.jsonl"] * 200), bearer("owner"))
    assert (answer.status, answer.error) == (413, "too_large")
