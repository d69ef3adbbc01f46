from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store import process
from store.connection import StoreUnusable, open_store
from store.process import close_process_store, process_path, process_store
from tests.factories import rows


@pytest.fixture(autouse=True)
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "usage.duckdb"
    monkeypatch.setenv("SPENDGLASS_DB", str(path))
    yield path
    assert close_process_store()


def test_whoever_asks_gets_the_same_store(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []

    def counted(path: Path) -> object:
        opened.append(path)
        return open_store(path)

    monkeypatch.setattr(process, "open_store", counted)
    with ThreadPoolExecutor(8) as pool:
        stores = {id(store) for store in pool.map(lambda _: process_store(), range(32))}
    assert len(stores) == len(opened) == 1


def test_one_file_has_one_name_however_it_is_spelled(db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = process_store()
    (tmp_path / "link.duckdb").symlink_to(db)
    monkeypatch.chdir(tmp_path)
    for spelling in (tmp_path / "link.duckdb", Path("usage.duckdb"), tmp_path / "x" / ".." / "usage.duckdb"):
        monkeypatch.setenv("SPENDGLASS_DB", str(spelling))
        assert process_store() is store
    assert store.path == str(process_path()) == str(db)


def test_another_path_is_another_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = process_store()
    monkeypatch.setenv("SPENDGLASS_DB", str(tmp_path / "other.duckdb"))
    assert process_store() is not first
    monkeypatch.setenv("SPENDGLASS_DB", str(first.path))
    assert process_store() is first


def test_a_store_that_cannot_be_opened_is_tried_again_the_next_time(db: Path) -> None:
    db.write_text("no database")
    for _ in range(2):
        with pytest.raises(StoreUnusable):
            process_store()
    db.unlink()
    assert rows(process_store(), "SELECT count(*) FROM usage") == [(0,)]


def test_a_closed_store_is_opened_again() -> None:
    store = process_store()
    store.close()
    assert process_store() is not store
    assert rows(process_store(), "SELECT count(*) FROM usage") == [(0,)]


def test_after_closing_the_file_alone_holds_everything(db: Path) -> None:
    store = process_store()
    with store.cursor() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM usage").fetchall()
        with store.writing() as con:  # which cannot be checkpointed while somebody reads
            con.execute("INSERT INTO setting VALUES ('a', '1')")
        assert db.with_name("usage.duckdb.wal").exists()
    assert close_process_store()
    assert not db.with_name("usage.duckdb.wal").exists()
    with open_store(db) as again:
        assert rows(again, "SELECT value FROM setting") == [("1",)]


def test_closing_waits_for_who_is_writing(db: Path) -> None:
    store = process_store()
    begun = threading.Event()

    def write() -> None:
        with store.writing() as con:
            con.execute("INSERT INTO setting VALUES ('a', '1')")
            begun.set()
            con.execute("CREATE TABLE t AS SELECT range AS n, md5(range::VARCHAR) AS h FROM range(2_000_000)")

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(30)
    assert close_process_store(patience=60)
    writer.join()
    with open_store(db) as again:
        assert rows(again, "SELECT value FROM setting") == [("1",)]
        assert rows(again, "SELECT count(*) FROM t") == [(2_000_000,)]
