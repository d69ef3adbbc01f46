"""Logs go in through the browser, are counted and priced, are taken back, and leave no text behind."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.command_line import Question, picos, whole
from tests.e2e.conftest import Opened
from tests.e2e.screen import answer, cells, choose, grid, main_text, settled, text_of, turn_to, url, visit
from tests.e2e.served import ROOT, ingest, served
from tests.e2e.uploading import as_file, send
from tests.factories import usage_record, write_log
from ui import numbers

pytestmark = pytest.mark.browser

SECRET = "PLANTED-mother's-maiden-name"
ALL_TIME = {"period": "Everything", "timezone": "Europe/Paris"}
BEFORE = "$0.45"  # three records
AFTER = "$1.20"  # and five more
PLAIN = {"input_tokens": 100_000, "output_tokens": 10_000}  # $0.15 on Haiku 4.5
ODD = {"input_tokens": "eaten", "feature": "where"}


@pytest.fixture
def db(tmp_path: Path) -> Path:
    db = tmp_path / "store" / "usage.duckdb"
    db.parent.mkdir()
    ingest(db, write_log(tmp_path / "first.jsonl", [usage_record(feature="first", **PLAIN) for _ in range(3)]))
    return db


@pytest.fixture
def address(db: Path) -> Iterator[str]:
    with served(db) as found:
        yield found


def test_a_home_made_log_is_mapped_loaded_doubled_and_undone(db: Path, address: str, opened: Opened) -> None:
    page = opened(url(address, "", ALL_TIME))
    assert answer(page) == BEFORE

    turn_to(page, "Data")
    _upload(page, "odd.jsonl", _odd_log())
    assert "8 lines = 0 requests + 0 duplicates + 0 not usage records + 8 rejected" in main_text(page)
    for ours, theirs in ODD.items():
        choose(page, page.locator(f"[class*=st-key-map-][class*=-{ours}]").first, theirs)
    expect(page.get_by_test_id("stMain")).to_contain_text(
        "8 lines = 5 requests + 1 duplicate + 0 not usage records + 2 rejected"
    )
    assert [row[2] for row in cells(grid(page, "The first requests"))] == ["kitchen"] * 5
    rejected = cells(grid(page, "Rejected lines"))
    assert [row[0] for row in rejected] == ["7", "8"]
    assert SECRET not in str(rejected)
    _load(page)
    expect(page.get_by_test_id("stAlert")).to_contain_text(
        "8 lines = 5 requests + 1 duplicate + 0 not usage records + 2 rejected"
    )
    _bad_lines_are_listed(page)
    turn_to(page, "Overview")
    assert answer(page) == AFTER

    turn_to(page, "Data")
    _upload(page, "odd.jsonl", _odd_log())
    for ours, theirs in ODD.items():
        choose(page, page.locator(f"[class*=st-key-map-][class*=-{ours}]").first, theirs)
    _load(page)
    expect(page.get_by_test_id("stAlert")).to_contain_text(
        "8 lines = 0 requests + 6 duplicates + 0 not usage records + 2 rejected"
    )
    turn_to(page, "Overview")
    assert answer(page) == AFTER

    _undo(page, address, load=2)
    turn_to(page, "Overview")
    assert answer(page) == BEFORE
    assert _spool(db) == []
    assert not _holds(db, SECRET)


def test_undo_can_be_thought_better_of(address: str, opened: Opened) -> None:
    page = opened(url(address, "data", {"load": "1"}))
    page.locator(".st-key-undo button").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("3 requests")
    expect(dialog).to_contain_text(BEFORE)
    dialog.get_by_role("button", name="Keep it").click()
    expect(dialog).to_have_count(0)
    turn_to(page, "Overview")
    visit(page, url(address, "", ALL_TIME))
    assert answer(page) == BEFORE


def test_a_transcript_and_a_compressed_log_go_in_together(db: Path, opened: Opened, tmp_path: Path) -> None:
    transcript = (ROOT / "tests" / "corpora" / "claude_code.jsonl").read_text("utf-8").replace("…", SECRET).encode()
    records = [usage_record(feature="packed", note=SECRET) for _ in range(4)]
    packed = gzip.compress("\n".join(json.dumps(record) for record in records).encode())
    with served(db) as address:
        page = opened(url(address, "data"))
        send(page, as_file("session.jsonl", transcript), as_file("app.jsonl.gz", packed))
        _load(page)
        alert = text_of(page.get_by_test_id("stAlert"))
        lines, requests, duplicates, ignored, rejected = _numbers(alert)
        assert lines == requests + duplicates + ignored + rejected
        assert ignored > 0
        files = cells(grid(page, "Files of this load"))
        assert [row[0] for row in files] == ["session.jsonl", "app.jsonl.gz"]
        assert "claude code" in files[0][1].lower()
        visit(page, url(address, "features", ALL_TIME))
        assert "packed" in [row[0] for row in cells(grid(page, "Features"))]
        shown = answer(page)
        assert _spool(db) == []
        assert not _holds(db, SECRET)
    assert shown == numbers.usd(picos(whole(db, Question("Europe/Paris"))["cost_usd"]))
    assert not _held_by_a_column(db, SECRET)


def test_a_copy_of_the_file_is_a_backup_once_the_server_has_stopped(db: Path, opened: Opened, tmp_path: Path) -> None:
    with served(db) as address:
        page = opened(url(address, "data"))
        _upload(page, "more.jsonl", json.dumps(usage_record(feature="second", **PLAIN)).encode())
        _load(page)

    copy = Path(shutil.copy(db, tmp_path / "copy.duckdb"))
    assert whole(copy, Question("UTC"))["requests"] == 4


def test_no_log_at_all_is_said_and_loads_nothing(db: Path, address: str, opened: Opened) -> None:
    page = opened(url(address, "data"))
    _upload(page, "holiday.jpg", b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40)
    expect(page.get_by_test_id("stMain")).to_contain_text("0 requests")
    expect(page.get_by_test_id("stException")).to_have_count(0)
    _upload(page, "empty.jsonl", b"")
    expect(page.get_by_test_id("stException")).to_have_count(0)
    page.locator(".st-key-discard-uploads button").click()
    settled(page)
    visit(page, url(address, "", ALL_TIME))
    assert answer(page) == BEFORE
    assert _spool(db) == []


def test_two_browsers_at_once_see_what_one_of_them_loads(address: str, opened: Opened) -> None:
    one = opened(url(address, "", ALL_TIME))
    other = opened(url(address, "features", ALL_TIME), locale="en-GB")
    assert answer(one) == answer(other) == BEFORE

    turn_to(one, "Data")
    _upload(
        one,
        "more.jsonl",
        json.dumps(usage_record(feature="second", input_tokens=100_000, output_tokens=100_000)).encode(),
    )
    _load(one)
    turn_to(other, "Overview")
    assert answer(other) == "$1.05"
    turn_to(other, "Features")
    assert [row[0] for row in cells(grid(other, "Features"))] == ["second", "first"]

    _undo(other, address, load=2)
    turn_to(one, "Overview")
    assert answer(one) == BEFORE


def _odd_log() -> bytes:
    """Five requests, the first of them twice, a line cut off, and one that cannot be."""
    counts = {"eaten": PLAIN["input_tokens"], "tokens_out": PLAIN["output_tokens"]}
    texts = {"prompt": SECRET, "answer": {"text": SECRET}}
    rows = [
        {"ts": f"2026-11-10T12:00:0{n}Z", "model": "claude-haiku-4-5", "where": "kitchen", **counts, **texts}
        for n in range(5)
    ]
    cut = json.dumps({"prompt": SECRET})[:-1]
    negative = json.dumps({**rows[0], "eaten": -5})
    return "\n".join([*map(json.dumps, [*rows, rows[0]]), cut, negative]).encode()


def _upload(page: Page, name: str, content: bytes) -> None:
    send(page, as_file(name, content))
    expect(page.locator(".st-key-load-uploads")).to_be_visible()


def _load(page: Page) -> None:
    page.locator(".st-key-load-uploads button").click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("Loaded")
    settled(page)


def _numbers(said: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"([\d,]+) (?:line|request|dupl|not|rej)", said)[:5]]


def _bad_lines_are_listed(page: Page) -> None:
    page.locator(".st-key-show").get_by_text("Rejected lines", exact=True).click()
    settled(page)
    negative = next(row for row in cells(grid(page, "Rejected lines")) if "-5" in row)
    assert negative[0] == "odd.jsonl"
    assert negative[1] == "8"
    assert negative[2] == "eaten"
    assert all(negative[4:])


def _undo(page: Page, address: str, *, load: int) -> None:
    visit(page, url(address, "data", {"load": str(load)}))
    page.locator(".st-key-undo button").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Undo the load").click()
    expect(dialog).to_have_count(0)
    settled(page)
    visit(page, url(address, "", ALL_TIME))


def _spool(db: Path) -> list[Path]:
    return list(db.parent.rglob("upload-*"))


def _holds(db: Path, text: str) -> bool:
    """Whether the bytes are in the database or in what is still to be written into it."""
    return any(text.encode() in path.read_bytes() for path in db.parent.glob("usage.duckdb*"))


def _held_by_a_column(db: Path, text: str) -> list[str]:
    """The columns that hold the text, compressed or not."""
    with duckdb.connect(str(db), read_only=True) as con:
        columns = con.execute("SELECT table_name, column_name FROM information_schema.columns").fetchall()
        return [
            f"{table}.{column}"
            for table, column in columns
            if con.execute(
                f"SELECT count(*) FROM \"{table}\" WHERE \"{column}\"::VARCHAR LIKE '%' || ? || '%'", [text]
            ).fetchall()[0][0]
        ]
