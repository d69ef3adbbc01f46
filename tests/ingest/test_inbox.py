from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from ingest import inbox as inboxes
from ingest.history import files_of_load, rejected_lines
from ingest.inbox import Upload, inbox_of, load_uploads, preview_upload, spooled, sweep
from store.connection import Store, open_store

SECRET = "the text of a prompt nobody may keep"


def line(key: str, tokens: int = 21) -> bytes:
    usage = {"input_tokens": tokens, "output_tokens": 77}
    row = {"time": "2026-11-05T10:00:00Z", "model": "claude-haiku-4-5", "message_id": key, "usage": usage}
    return json.dumps({**row, "prompt": SECRET}).encode() + b"\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "inbox"


@pytest.fixture
def store(tmp_path: Path, tracked_prices: Path) -> Iterator[Store]:
    with open_store(tmp_path / "usage.duckdb", prices=tracked_prices) as opened:
        yield opened


def test_is_beside_the_store_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert inbox_of("/data/usage.duckdb") == Path("/data/inbox/usage.duckdb")
    monkeypatch.setenv("SPENDGLASS_INBOX", "/spool")
    assert inbox_of("/data/usage.duckdb") == Path("/spool/usage.duckdb")


def test_only_the_owner_can_read_what_is_spooled_and_its_name_tells_nothing(folder: Path) -> None:
    with spooled(folder, [Upload("../../etc/app.jsonl", BytesIO(b"text"))]) as names:
        (path,) = names
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.parent == folder
        assert "app" not in path.name
        assert path.read_bytes() == b"text"


def test_an_upload_is_loaded_under_its_own_name_and_leaves_no_file(store: Store, folder: Path) -> None:
    heard: list[tuple[int, int, str]] = []
    uploads = [
        Upload("app <b>.jsonl", BytesIO(line("msg_1") + b"{no json\n")),
        Upload("b.jsonl", BytesIO(line("msg_2"))),
    ]

    summary = load_uploads(store, folder, uploads, progress=lambda *told: heard.append(told))

    assert (summary.lines, summary.requests, summary.rejected) == (3, 2, 1)
    assert summary.cost == 2 * 406_000_000  # 21 x $1 + 77 x $5 a million = $0.000406 each
    assert [file.path for file in files_of_load(store.cursor(), summary.load_id)] == ["app <b>.jsonl", "b.jsonl"]
    assert [(bad.path, bad.line) for bad in rejected_lines(store.cursor())] == [("app <b>.jsonl", 2)]
    assert heard[0] == (0, 2, "app <b>.jsonl")
    assert list(folder.iterdir()) == []


def test_every_request_of_an_upload_keeps_its_line(store: Store, folder: Path) -> None:
    content = line("msg_1") + line("msg_2") + line("msg_3")

    load_uploads(store, folder, [Upload("a.jsonl", BytesIO(content))])

    found = store.cursor().execute("SELECT request_key, line FROM usage ORDER BY line").fetchall()
    assert found == [("msg_1", 1), ("msg_2", 2), ("msg_3", 3)]


def test_no_text_of_an_upload_stays_on_the_disk(store: Store, folder: Path, tmp_path: Path) -> None:
    load_uploads(store, folder, [Upload("a.jsonl", BytesIO(line("msg_1")))])
    preview_upload(store, folder, Upload("a.jsonl", BytesIO(line("msg_2"))))
    store.cursor().execute("CHECKPOINT")

    kept = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert kept == []


def test_the_spool_is_emptied_when_a_load_fails(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        assert len(list(folder.iterdir())) == 1
        raise OSError("disk full")

    monkeypatch.setattr(inboxes, "load", failing)

    with pytest.raises(OSError, match="disk full"):
        load_uploads(store, folder, [Upload("a.jsonl", BytesIO(line("msg_1")))])
    assert list(folder.iterdir()) == []
    assert store.cursor().execute("SELECT count(*) FROM usage").fetchall() == [(0,)]


def test_what_a_killed_process_left_is_swept_and_nothing_else(folder: Path) -> None:
    folder.mkdir()
    stale = folder / f"upload-{'a' * 32}"
    stale.write_text(SECRET)
    (folder / "mine.txt").write_text("not a spooled file")

    with spooled(folder, [Upload("a.jsonl", BytesIO(b"in use"))]) as names:
        (path,) = names
        assert sweep(folder) == 1
        assert path.read_bytes() == b"in use"

    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_sweeping_a_folder_that_is_not_there_does_nothing(tmp_path: Path) -> None:
    assert sweep(tmp_path / "no inbox") == 0


def test_a_preview_spools_no_more_than_a_head(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inboxes, "HEAD_BYTES", 2 * len(line("msg_1")) + 10)
    content = BytesIO(b"".join(line(f"msg_{n}") for n in range(9)))

    found = preview_upload(store, folder, Upload("a.jsonl", content))

    assert (found.lines, found.requests, found.rejected, found.whole_file) == (2, 2, 0, False)
    assert list(folder.iterdir()) == []


def test_a_preview_can_be_asked_again_and_the_upload_loaded_after_it(store: Store, folder: Path) -> None:
    upload = Upload("a.jsonl", BytesIO(line("msg_1")))

    assert preview_upload(store, folder, upload).requests == 1
    assert preview_upload(store, folder, upload).requests == 1
    assert load_uploads(store, folder, [upload]).requests == 1
