from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store import access
from store.access import Access, AccessError, Served, access_of, announce, same, served_of, withdraw


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "usage.duckdb"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_made_once_and_are_two(store: Path) -> None:
    made = access_of(store)
    assert made == access_of(store)
    assert len({made.ingest, made.owner}) == 2
    assert min(len(made.ingest), len(made.owner)) == 43  # 32 random bytes
    assert access_of(store.with_name("other.duckdb")).ingest != made.ingest


def test_nobody_else_can_read_them_at_any_moment(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    written = access._write

    def watched(path: Path, content: dict[str, object]) -> None:
        written(path, content)
        modes.append(mode(path))
        assert not path.with_name("usage.duckdb.access.json").exists()  # it appears whole, or not at all

    monkeypatch.setattr(access, "_write", watched)
    before = os.umask(0)
    try:
        access_of(store)
    finally:
        os.umask(before)
    path = store.with_name("usage.duckdb.access.json")
    assert [*modes, mode(path)] == [0o600, 0o600]
    assert [child.name for child in store.parent.iterdir()] == [path.name]


def test_of_many_who_make_them_at_once_all_get_the_same(store: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: access_of(store), range(64)))) == 1


def test_secrets_others_could_read_are_replaced(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    leaked = access_of(store)
    path = store.with_name("usage.duckdb.access.json")
    path.chmod(0o640)
    with caplog.at_level(logging.WARNING):
        renewed = access_of(store)
    assert {renewed.ingest, renewed.owner}.isdisjoint({leaked.ingest, leaked.owner})
    assert mode(path) == 0o600
    assert "could be read by others" in caplog.text
    assert leaked.ingest not in caplog.text
    assert renewed.ingest not in caplog.text


def test_where_nothing_can_be_kept_private_there_are_no_secrets(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = access._read
    monkeypatch.setattr(access, "_read", lambda path: (read(path)[0], 0o755))
    with pytest.raises(AccessError, match="cannot be kept from other users"):
        access_of(store)


def test_a_link_to_another_file_is_refused(store: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(json.dumps({"ingest": "a" * 43, "owner": "b" * 43}))
    elsewhere.chmod(0o600)
    store.with_name("usage.duckdb.access.json").symlink_to(elsewhere)
    with pytest.raises(AccessError, match="cannot be read"):
        access_of(store)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(store: Path) -> None:
    access_of(store)
    os.chown(store.with_name("usage.duckdb.access.json"), 12345, 12345)
    with pytest.raises(AccessError, match="not this user's own"):
        access_of(store)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"ingest": "short", "owner": "short"}', '{"ingest": 1}'])
def test_a_damaged_file_is_refused_in_words(store: Path, content: str) -> None:
    path = store.with_name("usage.duckdb.access.json")
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(AccessError, match="is damaged"):
        access_of(store)


def test_a_link_to_the_store_has_the_stores_secrets(store: Path, tmp_path: Path) -> None:
    store.touch()
    link = tmp_path / "sub" / "link.duckdb"
    link.parent.mkdir()
    link.symlink_to(store)
    assert access_of(link) == access_of(store)
    assert list(link.parent.iterdir()) == [link]


def test_a_proof_is_of_this_nonce_and_of_this_secret() -> None:
    first, second = Access("i" * 43, "o" * 43), Access("i" * 43, "p" * 43)
    assert first.proof("n") == Access("x" * 43, "o" * 43).proof("n")
    assert len({first.proof("n"), first.proof("m"), second.proof("n")}) == 3
    assert "o" * 8 not in first.proof("n") + repr(first)


@pytest.mark.parametrize("found", ["", "s", "secre", "secrets", "Secret", "sécret", "\udcff"])
def test_only_the_secret_is_the_same(found: str) -> None:
    assert not same(found, "secret")
    assert same("secret", "secret")


def test_a_running_dashboard_is_found_until_it_withdraws(store: Path) -> None:
    served = Served("http://127.0.0.1:8501/spend", os.getpid())
    assert served_of(store) is None
    announce(store, served)
    announce(store, served)
    assert served_of(store) == served
    assert (served.port, served.base) == (8501, "/spend")
    assert mode(store.with_name("usage.duckdb.served.json")) == 0o600
    withdraw(store)
    withdraw(store)
    assert served_of(store) is None
    assert list(store.parent.iterdir()) == []


def test_a_dashboard_whose_process_is_gone_is_none(store: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    announce(store, Served("http://127.0.0.1:8501", gone.pid))
    assert served_of(store) is None
    withdraw(store)
    assert store.with_name("usage.duckdb.served.json").exists()  # it was not ours to take back


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1:8501",
        "http://localhost:8501",
        "https://127.0.0.1:8501",
        "http://127.0.0.1",
        "http://127.0.0.1:0",
        "http://127.0.0.1:70000",
        "http://127.0.0.1:8501@evil.example",
        "http://127.0.0.1:8501/x\r\nHost: evil.example",
        "http://127.0.0.1.evil.example:8501",
        "http://127.0.0.1:8501/?x",
        "http://127.0.0.1:8501\n",
        8501,
        None,
    ],
)
def test_an_address_that_is_not_on_loopback_is_no_dashboard(store: Path, url: object) -> None:
    path = store.with_name("usage.duckdb.served.json")
    path.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    path.chmod(0o600)
    assert served_of(store) is None


@pytest.mark.parametrize("pid", [0, -1, True, "1", 10**30, None])
def test_what_is_no_process_id_is_no_dashboard(store: Path, pid: object) -> None:
    path = store.with_name("usage.duckdb.served.json")
    path.write_text(json.dumps({"url": "http://127.0.0.1:8501", "pid": pid}))
    path.chmod(0o600)
    assert served_of(store) is None


def test_an_announcement_others_could_have_written_is_none(store: Path) -> None:
    announce(store, Served("http://127.0.0.1:8501", os.getpid()))
    store.with_name("usage.duckdb.served.json").chmod(0o620)
    assert served_of(store) is None
