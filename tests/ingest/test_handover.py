from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ingest.__main__ import main
from ingest.handover import HandOverFailed, hand_over
from ingest.options import LoadOptions
from store.access import Served, access_of, announce, served_of
from store.dashboard import running
from tests.conftest import ROOT
from tests.e2e.served import served
from tests.factories import usage_record, write_log
from tests.impostor import holding, impostor
from tests.ingest.routes.asked import until

Captured = pytest.CaptureFixture[str]
OLD = {"time": "2023-01-05T10:00:00Z"}  # before the model's first price


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store that a dashboard of its own holds while these tests run."""
    path = tmp_path_factory.mktemp("held") / "usage.duckdb"
    with served(path):
        until(lambda: running(path))
        until(path.exists)
        yield path
    assert sorted(child.name for child in path.parent.iterdir()) == [
        "inbox",
        "usage.duckdb",
        "usage.duckdb.access.json",
        "usage.log",
    ]


def said(captured: str) -> str:
    return re.sub(r"in \d+\.\d s", "in a moment", captured)


@pytest.mark.parametrize("flags", [[], ["--strict"], ["--json"], ["--map", "feature=app.name"]])
def test_the_dashboard_loads_and_the_summary_is_as_if_it_did_not_run(
    db: Path, tmp_path: Path, capsys: Captured, flags: list[str]
) -> None:
    twice = usage_record()
    lines: list[dict[str, Any] | str] = [twice, usage_record(**OLD), usage_record(output_tokens=-5), *["no"] * 12]
    log = write_log(tmp_path / "a" / "log.jsonl", lines)
    write_log(tmp_path / "a" / "b" / "more.jsonl.gz", [twice, usage_record()])
    (tmp_path / "a" / "notes.txt").write_text("no log\n")
    told = []
    for store in (db, tmp_path / "own.duckdb"):
        status = main([str(log), str(log.parent), "--db", str(store), *flags])
        captured = capsys.readouterr()
        assert captured.err == ""
        told.append((status, captured.out))
    (status, out), (own_status, own_out) = told
    assert status == own_status == (1 if "--strict" in flags else 0)
    if "--json" in flags:
        assert {**json.loads(out), "seconds": 0} == {**json.loads(own_out), "seconds": 0}
    else:
        assert said(out) == said(own_out)
        assert f"rejected: {log}:3: usage.output_tokens: a negative token count (found -5)." in out


@pytest.mark.parametrize(
    "args",
    [
        ["missing.jsonl"],
        ["log.jsonl", "missing.jsonl"],
        ["empty"],
        ["log.jsonl", "--format", "usage-recrd"],
        ["log.jsonl", "--map", "featur=x"],
    ],
)
def test_a_wrong_call_says_the_same_too(
    db: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, args: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_log(tmp_path / "log.jsonl", [usage_record()])
    (tmp_path / "empty").mkdir()
    found = []
    for store in (db, tmp_path / "own.duckdb"):
        assert main([*args, "--db", str(store)]) == 2
        found.append(capsys.readouterr())
    assert found[0] == found[1]
    assert found[0].err.startswith("ingest: ")


def test_another_spelling_of_the_stores_path_is_the_same_store(
    db: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link.duckdb"
    link.symlink_to(db)
    monkeypatch.chdir(db.parent)
    write_log(tmp_path / "log.jsonl", [usage_record()])
    for number, spelling in enumerate([link, Path("usage.duckdb"), Path("..", db.parent.name, "usage.duckdb")]):
        log = write_log(tmp_path / f"{number}.jsonl", [usage_record()])
        assert main([os.path.relpath(log), "--db", str(spelling)]) == 0
        assert "1 requests" in capsys.readouterr().out
    assert not list(tmp_path.glob("link.duckdb.*"))


def test_at_a_terminal_it_tells_how_far_it_is(db: Path, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    terminal, other_end = os.openpty()
    command = [sys.executable, "-W", "error", "-m", "ingest", str(log), "--db", str(db)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=other_end, check=True)
    os.close(other_end)
    shown = os.read(terminal, 65536)
    os.close(terminal)
    assert b"1 requests" in done.stdout
    assert re.search(rb"\r\x1b\[K(waiting for another load|log\.jsonl, 1 of 1|sorting out)", shown)
    assert shown.endswith(b"\r\x1b[K")


def test_a_token_and_an_address_are_printed_that_an_app_can_post_to(db: Path, capsys: Captured) -> None:
    assert main(["--token", "--db", str(db)]) == 0
    captured = capsys.readouterr()
    post, authorization = captured.out.splitlines()
    assert captured.err == ""
    url = urlsplit(post.removeprefix("POST "))
    name, _, value = authorization.partition(": ")
    wire = HTTPConnection(url.netloc, timeout=60)
    wire.request("POST", url.path, json.dumps(usage_record()), {name: value})
    answer = wire.getresponse()
    assert (answer.status, json.loads(answer.read())["requests"]) == (200, 1)
    wire.close()


def test_it_is_found_by_a_private_file_that_names_loopback(db: Path) -> None:
    found = running(db)
    assert found is not None
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", found[0].url)
    for what in ("access", "served"):
        assert (db.parent / f"usage.duckdb.{what}.json").stat().st_mode & 0o777 == 0o600


def test_nothing_but_loopback_is_asked_whatever_the_environment_says(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    connect = socket.create_connection

    def watched(address: tuple[str, int], *args: object, **kwargs: object) -> socket.socket:
        asked.append(address[0])
        return connect(address, *args, **kwargs)  # type: ignore[arg-type]

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    monkeypatch.setattr(socket, "create_connection", watched)
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    summary = hand_over(db, [log], LoadOptions())
    assert summary is not None
    assert summary.requests == 1
    assert set(asked) == {"127.0.0.1"}


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A store that another process holds, which is no dashboard."""
    path = tmp_path / "held" / "usage.duckdb"
    with holding(path):
        yield path


def refused(store: Path, log: Path, capsys: Captured) -> bool:
    """Was it said that another process has the store?"""
    assert main([str(log), "--db", str(store)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return "open in another process" in captured.err


def test_where_no_dashboard_says_that_it_runs_the_store_is_busy(held: Path, tmp_path: Path, capsys: Captured) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    assert refused(held, log, capsys)
    assert hand_over(held, [log], LoadOptions()) is None


def test_a_dashboard_that_was_killed_is_none(held: Path, tmp_path: Path, capsys: Captured) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    announce(held, Served(f"http://127.0.0.1:{port}", os.getpid()))
    assert refused(held, log, capsys)
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    announce(held, Served(f"http://127.0.0.1:{port}", gone.pid))
    assert served_of(held) is None
    assert refused(held, log, capsys)


def test_a_dashboard_of_another_store_is_told_nothing(db: Path, held: Path, tmp_path: Path, capsys: Captured) -> None:
    """Both files were copied with the store: the dashboard there knows the secrets, but holds another store."""
    for what in ("access", "served"):
        shutil.copy(f"{db}.{what}.json", f"{held}.{what}.json")
    assert running(held) is not None
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    assert refused(held, log, capsys)


@pytest.mark.parametrize(
    "answer",
    [
        '{"spendglass": "0.1.0", "nonce": "NONCE"}',
        '{"spendglass": "0.1.0", "nonce": "NONCE", "proof": "NONCE"}',
        '{"proof": null}',
        "[1]",
        "hello",
        "",
    ],
)
def test_who_cannot_prove_to_be_the_dashboard_never_sees_the_secret(
    held: Path, tmp_path: Path, capsys: Captured, answer: str
) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    owner = access_of(held).owner

    def health(handler: http.server.BaseHTTPRequestHandler, nonce: str) -> None:
        handler.wfile.write(answer.replace("NONCE", nonce).encode())

    with impostor(held, health=health) as heard:
        assert refused(held, log, capsys)
    assert len(heard) == 1
    assert owner not in str(heard)
    assert "Authorization" not in heard[0]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("", "all of it is loaded, or nothing"),
        ('{"store": "STORE"}\n{"progress": null}\n', "all of it is loaded, or nothing"),
        ('{"store": "STORE"}\n{"summary": {"lines": 1}}\n', "all of it is loaded, or nothing"),
        ('{"store": "STORE"}\n{"prog', "all of it is loaded, or nothing"),
        ('{"error": {"code": "not_loaded", "message": "the disk is full", "exit": 2}}\n', "the disk is full"),
    ],
)
def test_a_dashboard_that_fails_half_way_is_said(
    held: Path, tmp_path: Path, capsys: Captured, said: str, message: str
) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    with impostor(held, said=said.replace("STORE", str(held))) as heard:
        assert main([str(log), "--db", str(held)]) == 2
    captured = capsys.readouterr()
    assert (captured.out, heard[-1]["Authorization"]) == ("", f"Bearer {access_of(held).owner}")
    assert message in captured.err


def test_a_dashboard_that_speaks_of_another_store_is_not_believed(held: Path, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    with impostor(held, said='{"store": "/elsewhere/usage.duckdb"}\n{"summary": {}}\n'):
        assert hand_over(held, [log], LoadOptions()) is None


def test_who_stops_waiting_hears_that_the_load_goes_on(db: Path, tmp_path: Path) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    with pytest.raises(HandOverFailed, match="goes on loading"):
        hand_over(db, [log], LoadOptions(), progress=stop)
