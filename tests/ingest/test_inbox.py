from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import inbox as inboxes
from ingest.history import files_of_load, rejected_lines
from ingest.inbox import inbox_of, load_uploads, preview_upload, spool_of
from ingest.spool import Spool
from ingest.spooled import Spooled
from ingest.upload_refused import UploadRefused
from store.connection import Store, open_store

SECRET = "the text of a prompt nobody may keep"


def line(key: str, tokens: int = 21) -> bytes:
    usage = {"input_tokens": tokens, "output_tokens": 77}
    row = {"time": "2026-11-05T10:00:00Z", "model": "claude-haiku-4-5", "message_id": key, "usage": usage}
    return json.dumps({**row, "prompt": SECRET}).encode() + b"\n"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return spool_of(tmp_path / "usage.duckdb")


def sent(spool: Spool, name: str, content: bytes) -> Spooled:
    """A file that was uploaded."""
    upload = spool.begin("ann", name, len(content), 1)
    with spool.appending("ann", upload.upload_id, 0) as piece:
        piece.write(content)
    return upload


@pytest.fixture
def store(tmp_path: Path, tracked_prices: Path) -> Iterator[Store]:
    with open_store(tmp_path / "usage.duckdb", prices=tracked_prices) as opened:
        yield opened


def test_is_beside_the_store_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert inbox_of("/data/usage.duckdb") == Path("/data/inbox/usage.duckdb")
    assert spool_of("/data/usage.duckdb").folder == Path("/data/inbox/usage.duckdb")
    monkeypatch.setenv("SPENDGLASS_INBOX", "/spool")
    assert inbox_of("/data/usage.duckdb") == Path("/spool/usage.duckdb")
    assert spool_of("/data/usage.duckdb").folder == Path("/spool/usage.duckdb")


def test_whoever_asks_a_process_has_one_of_each_store(tmp_path: Path) -> None:
    assert spool_of(tmp_path / "usage.duckdb") is spool_of(str(tmp_path / "usage.duckdb"))
    assert spool_of(tmp_path / "usage.duckdb") is not spool_of(tmp_path / "other.duckdb")


def test_an_upload_is_loaded_under_its_own_name_and_leaves_no_file(store: Store, spool: Spool) -> None:
    heard: list[tuple[int, int, str]] = []
    uploads = [
        sent(spool, "../app <b>.jsonl", line("msg_1") + b"{no json\n"),
        sent(spool, "b.jsonl", line("msg_2")),
    ]

    summary = load_uploads(store, spool, uploads, progress=lambda *told: heard.append(told))

    assert (summary.lines, summary.requests, summary.rejected) == (3, 2, 1)
    assert summary.cost == 2 * 406_000_000  # 21 x $1 + 77 x $5 a million = $0.000406 each
    assert [file.path for file in files_of_load(store.cursor(), summary.load_id)] == ["../app <b>.jsonl", "b.jsonl"]
    assert [(bad.path, bad.line) for bad in rejected_lines(store.cursor())] == [("../app <b>.jsonl", 2)]
    assert heard[0] == (0, 2, "../app <b>.jsonl")
    assert list(spool.folder.iterdir()) == []
    assert spool.of("ann") == []


def test_an_upload_is_read_where_it_lies(store: Store, spool: Spool) -> None:
    seen: list[set[Path]] = []
    uploads = [sent(spool, "a.jsonl", line("msg_1")), sent(spool, "b.jsonl.gz", gzip.compress(line("msg_2")))]
    there = {upload.path for upload in uploads}

    summary = load_uploads(store, spool, uploads, progress=lambda *_: seen.append(set(spool.folder.iterdir())))

    assert summary.requests == 2
    assert seen == [there] * 3


def test_every_request_of_an_upload_keeps_its_line(store: Store, spool: Spool) -> None:
    content = line("msg_1") + line("msg_2") + line("msg_3")

    load_uploads(store, spool, [sent(spool, "a.jsonl", content)])

    found = store.cursor().execute("SELECT request_key, line FROM usage ORDER BY line").fetchall()
    assert found == [("msg_1", 1), ("msg_2", 2), ("msg_3", 3)]


def test_no_text_of_an_upload_stays_on_the_disk(store: Store, spool: Spool, tmp_path: Path) -> None:
    load_uploads(store, spool, [sent(spool, "a.jsonl", line("msg_1"))])
    discarded = sent(spool, "a.jsonl", line("msg_2"))
    preview_upload(store, spool, discarded)
    spool.drop(discarded)
    store.cursor().execute("CHECKPOINT")

    kept = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert kept == []


def test_an_upload_stays_when_its_load_fails_and_can_be_loaded_again(store: Store, spool: Spool) -> None:
    upload = sent(spool, "a.jsonl", line("msg_1"))

    with pytest.raises(ValueError, match="inputtokens"):
        load_uploads(store, spool, [upload], field_map={"inputtokens": "x"})
    assert store.cursor().execute("SELECT count(*) FROM usage").fetchall() == [(0,)]

    assert load_uploads(store, spool, [upload]).requests == 1
    assert list(spool.folder.iterdir()) == []


def test_an_upload_that_is_not_all_there_or_was_loaded_is_not_loaded(store: Store, spool: Spool) -> None:
    half = spool.begin("ann", "half.jsonl", 100, 1)
    whole = sent(spool, "a.jsonl", line("msg_1"))

    with pytest.raises(UploadRefused, match="not all here"):
        load_uploads(store, spool, [whole, half])
    load_uploads(store, spool, [whole])
    with pytest.raises(UploadRefused, match="no longer here"):
        load_uploads(store, spool, [whole])

    assert store.cursor().execute("SELECT count(*) FROM load").fetchall() == [(1,)]


def test_a_preview_reads_no_more_than_a_head(store: Store, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inboxes, "HEAD_BYTES", 2 * len(line("msg_1")) + 10)
    upload = sent(spool, "a.jsonl", b"".join(line(f"msg_{n}") for n in range(9)))

    found = preview_upload(store, spool, upload)

    assert (found.lines, found.requests, found.rejected, found.whole_file) == (2, 2, 0, False)
    assert load_uploads(store, spool, [upload]).requests == 9
    assert list(spool.folder.iterdir()) == []


def test_a_preview_can_be_asked_again_and_the_upload_loaded_after_it(store: Store, spool: Spool) -> None:
    upload = sent(spool, "a.jsonl", line("msg_1"))

    assert preview_upload(store, spool, upload).requests == 1
    assert preview_upload(store, spool, upload).whole_file
    assert load_uploads(store, spool, [upload]).requests == 1
