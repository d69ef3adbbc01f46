from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.inbox import inbox_of
from ingest.routes import ROUTES, under
from ingest.routes.health import version
from store.access import Served, access_of, served_of
from store.connection import Store, StoreBusy, open_store
from store.dashboard import answers, running
from store.process import process_store
from tests.factories import rows, usage_record
from tests.ingest.routes.asked import left_in_inbox, server, until


@pytest.fixture(autouse=True)
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "usage.duckdb"
    monkeypatch.setenv("SPENDGLASS_DB", str(path))
    monkeypatch.setattr("ingest.routes.lifespan.LOOKS", (0.01,) * 20)
    monkeypatch.setattr("ingest.routes.lifespan.OPEN_AGAIN", 0.01)
    yield path
    assert sorted(tmp_path.glob("usage.duckdb.*")) in ([], [tmp_path / "usage.duckdb.access.json"])


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode() + b"\n"


def test_a_server_says_where_it_listens_as_long_as_it_does(db: Path) -> None:
    with server() as ask:
        until(lambda: served_of(db))
        found = running(db)
        assert found is not None
        assert found[0].url == f"http://127.0.0.1:{ask.port}"
    assert served_of(db) is None
    assert not answers(*found)


def test_it_opens_the_store_before_anybody_asks_and_lets_go_of_it_at_the_end(db: Path) -> None:
    with server() as ask:
        until(db.exists)
        ask.post(_line(usage_record(message_id="m")))
    assert not db.with_name("usage.duckdb.wal").exists()
    with open_store(db) as store:
        assert rows(store, "SELECT request_key FROM usage") == [("m",)]


def test_below_a_path_it_answers_there_alone(db: Path) -> None:
    with server(under("/spend/glass", ROUTES), "/spend/glass") as ask:
        until(lambda: served_of(db))
        found = running(db)
        assert found is not None
        assert found[0].base == "/spend/glass"
        assert ask("GET", "/spend/glass/api/health").json == {"spendglass": version()}
        assert ask("GET", "/api/health").status == 404
    assert [route.path for route in under("", ROUTES)] == [route.path for route in ROUTES]
    assert [route.methods for route in under("/x", ROUTES)] == [route.methods for route in ROUTES]


def test_at_a_port_that_is_not_its_own_it_finds_nobody_and_says_nothing(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bool] = []

    def look(*args: object) -> bool:
        looked.append(answers(*args))  # type: ignore[arg-type]
        return looked[-1]

    monkeypatch.setattr("ingest.routes.lifespan.answers", look)
    with server(port=lambda port: port - 1 if port > 2000 else port + 1) as ask:
        until(lambda: len(looked) == 20)
        assert ask("GET", "/api/health").status == 200
    assert looked == [False] * 20
    assert served_of(db) is None


def test_a_store_that_cannot_be_opened_at_first_is_opened_later(db: Path) -> None:
    db.write_text("no database")
    with server() as ask:
        assert ask("GET", "/api/health").status == 200
        assert ask.post(_line(usage_record())).status == 503
        db.unlink()
        until(db.exists)
        until(lambda: served_of(db))
        assert ask.post(_line(usage_record())).status == 200


def test_what_a_killed_server_left_of_a_post_is_swept_and_nothing_else(db: Path) -> None:
    inbox = inbox_of(db)
    inbox.mkdir(parents=True)
    (inbox / f"post-{'a' * 16}-{'b' * 16}").write_text("the text of a prompt")
    (inbox / "mine.txt").write_text("not a post")
    with server():
        until(lambda: len(left_in_inbox()) == 1)
        assert left_in_inbox() == [inbox / "mine.txt"]


def test_who_knows_the_owners_secret_can_tell_that_it_is_the_right_server(db: Path) -> None:
    with server() as ask:
        access = access_of(db)
        said = ask("GET", "/api/health?nonce=n-1_x").json
        assert said == {"spendglass": version(), "nonce": "n-1_x", "proof": access.proof("n-1_x")}
        assert not {access.ingest, access.owner} & set(said.values())
        for wrong in ("", "x" * 65, "%3Cscript%3E", "a%0Ab"):
            answer = ask("GET", f"/api/health?nonce={wrong}")
            assert (answer.status, answer.error) == (400, "wrong_nonce")
        assert ask("POST", "/api/health").status == 405
        assert ask("GET", "/api/health", None, {"Origin": "http://elsewhere.example"}).status == 403


def test_who_finds_the_store_taken_finds_by_whom_even_while_it_is_being_opened(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[object] = []

    def opening() -> Store:
        found.append(served_of(db))
        return process_store()

    monkeypatch.setattr("ingest.routes.lifespan.process_store", opening)
    with server():
        until(lambda: found)
    assert isinstance(found[0], Served)


def test_beside_another_dashboard_over_the_same_store_the_second_says_nothing(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy() -> Store:
        tried.append(served_of(db))
        raise StoreBusy

    tried: list[object] = []
    with server() as first:
        until(lambda: served_of(db))
        monkeypatch.setattr("ingest.routes.lifespan.process_store", busy)
        monkeypatch.setattr("ingest.routes.lifespan.close_process_store", lambda: True)
        monkeypatch.setattr("ingest.routes.lifespan.withdraw", lambda _: None)  # both are this process
        with server():
            until(lambda: len(tried) > 3)
        monkeypatch.undo()
        monkeypatch.setenv("SPENDGLASS_DB", str(db))
        assert {found.url for found in tried if isinstance(found, Served)} == {f"http://127.0.0.1:{first.port}"}
