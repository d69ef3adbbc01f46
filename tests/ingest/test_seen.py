from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ingest import file as reading
from ingest.load import LoadSummary, load
from ingest.options import LoadOptions
from ingest.undo import undo
from store.connection import Store
from tests.factories import derived, emptied, rows, usage_record, write_log

Counts = tuple[int, int, int, int, int]


def counts(summary: LoadSummary) -> Counts:
    return (summary.lines, summary.requests, summary.duplicates, summary.ignored, summary.rejected)


def appended(path: Path, records: list[Any], *, end: str = "\n") -> Path:
    text = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in records)
    with path.open("a") as file:
        file.write(text + end)
    return path


@pytest.fixture
def store() -> Store:
    return emptied()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_log(tmp_path / "log.jsonl", [usage_record(message_id=f"m{n}") for n in range(5)] + ["broken"])


def test_an_unchanged_file_is_not_read_again_and_counts_as_before(
    store: Store, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(store, [log])
    monkeypatch.setattr(reading, "read_head", lambda *_: pytest.fail("the file was read"))
    version = store.data_version
    again = load(store, [log])
    assert counts(first) == (6, 5, 0, 0, 1)
    assert counts(again) == (6, 0, 5, 0, 1)
    assert (again.load_id, again.unchanged, store.data_version) == (0, 1, version)
    assert [(line, str(why)) for line, why in again.files[0].rejects] == [
        (line, str(why)) for line, why in first.files[0].rejects
    ]


def test_of_unchanged_and_new_files_only_the_new_ones_are_loaded(store: Store, log: Path, tmp_path: Path) -> None:
    load(store, [log])
    other = write_log(tmp_path / "other.jsonl", [usage_record(message_id="new"), usage_record(message_id="m1")])
    both = load(store, [tmp_path])
    assert counts(both) == (8, 1, 6, 0, 1)
    assert rows(store, "SELECT path, lines FROM load_file ORDER BY file_id") == [(str(log), 6), (str(other), 2)]


def test_of_a_grown_file_only_what_was_added_is_read(store: Store, log: Path) -> None:
    load(store, [log])
    appended(log, [usage_record(message_id="m5"), "broken too", usage_record(message_id="m0")])
    grown = load(store, [log])
    assert counts(grown) == (9, 1, 6, 0, 2)
    assert rows(store, "SELECT lines, requests, duplicates, rejected FROM load_file ORDER BY file_id") == [
        (6, 5, 0, 1),
        (3, 1, 1, 1),
    ]
    assert rows(store, "SELECT line FROM rejected_line ORDER BY file_id") == [(6,), (8,)]
    appended(log, ["broken again"])
    assert counts(load(store, [log])) == (10, 0, 7, 0, 3)
    assert rows(store, "SELECT max(line) FROM rejected_line") == [(10,)]
    assert counts(load(store, [log])) == (10, 0, 7, 0, 3)


def test_a_line_that_was_half_written_is_read_whole_the_next_time(store: Store, log: Path) -> None:
    half = json.dumps(usage_record(message_id="half"))
    appended(log, [half[:40]], end="")
    assert counts(load(store, [log])) == (7, 5, 0, 0, 2)
    appended(log, [half[40:]])
    assert load(store, [log]).requests == 1
    assert rows(store, "SELECT count(*) FROM usage WHERE request_key = 'half'") == [(1,)]


def test_a_growing_file_keeps_its_half_line_for_later(store: Store, log: Path) -> None:
    half = json.dumps(usage_record(message_id="half"))
    appended(log, [half[:40]], end="")
    options = LoadOptions(growing=True)
    assert counts(load(store, [log], options=options)) == (6, 5, 0, 0, 1)
    appended(log, [half[40:], "{"])
    assert counts(load(store, [log], options=options)) == (8, 1, 5, 0, 2)


def test_what_is_added_in_bulk_is_the_same_as_when_it_is_loaded_at_once(tmp_path: Path, store: Store) -> None:
    records = [usage_record(message_id=f"m{n}", feature="f" * 300) for n in range(9000)]
    records[7000] |= {"model": "claude-opus-4-8", "status": 500, "usage": None}
    log = write_log(tmp_path / "log.jsonl", records[:2000])
    load(store, [log])
    appended(log, [*records[2000:5000], "broken", *records[5000:]])
    assert log.stat().st_size > 2 * reading.SHORT
    assert counts(load(store, [log])) == (9001, 7000, 2000, 0, 1)
    assert rows(store, "SELECT line FROM rejected_line") == [(5001,)]
    assert rows(store, "SELECT line FROM usage WHERE request_key = 'm7000'") == [(7002,)]
    whole = emptied(1)
    load(whole, [write_log(tmp_path / "whole.jsonl", records)])
    assert derived(store) == derived(whole)


@pytest.mark.parametrize("change", ["rewritten", "truncated", "other beginning"])
def test_a_file_that_is_not_what_it_was_is_read_from_its_beginning(store: Store, log: Path, change: str) -> None:
    load(store, [log])
    text = log.read_text()
    new = json.dumps(usage_record(message_id="new")) + "\n"
    log.write_text({"rewritten": text.replace("m1", "n1"), "truncated": new, "other beginning": new + text}[change])
    load(store, [log])
    added = {"rewritten": "n1", "truncated": "new", "other beginning": "new"}[change]
    assert rows(store, "SELECT count(*) FROM usage WHERE request_key = ?", added) == [(1,)]


def test_a_renamed_file_goes_on_where_it_was(store: Store, log: Path) -> None:
    load(store, [log])
    log.rename(log.with_suffix(".1"))
    appended(log.with_suffix(".1"), [usage_record(message_id="last")])
    write_log(log, [usage_record(message_id="first of the new file")])
    both = load(store, [log.parent])
    assert counts(both) == (8, 2, 5, 0, 1)
    assert rows(store, "SELECT lines FROM load_file WHERE load_id = ? ORDER BY 1", both.load_id) == [(1,), (1,)]


def test_other_options_read_the_file_anew(store: Store, log: Path) -> None:
    load(store, [log])
    assert load(store, [log], options=LoadOptions(format="usage_record")).load_id


def test_what_an_undone_load_held_comes_back_from_an_unchanged_file(store: Store, log: Path, tmp_path: Path) -> None:
    first = load(store, [log])
    copy = write_log(tmp_path / "copy.jsonl", [usage_record(message_id=f"m{n}") for n in range(5)])
    second = load(store, [copy])
    assert (first.requests, second.requests) == (5, 0)
    undo(store, first.load_id)
    assert load(store, [copy]).requests == 5
    assert load(store, [log]).duplicates == 5


def test_undoing_an_earlier_part_of_a_grown_file_has_all_of_it_read_again(store: Store, log: Path) -> None:
    first = load(store, [log])
    appended(log, [usage_record(message_id="m5")])
    load(store, [log])
    undo(store, first.load_id)
    assert rows(store, "SELECT request_key FROM usage") == [("m5",)]
    assert counts(load(store, [log])) == (7, 5, 1, 0, 1)


def test_a_session_whose_counters_add_up_is_always_read_whole(tmp_path: Path, store: Store) -> None:
    def row(minute: int, tokens: int) -> str:
        time = f"2026-11-10T12:{minute:02}:00Z"
        return json.dumps(
            {"ts": time, "model": "claude-haiku-4-5", "session": "s", "tokens_in": tokens, "tokens_out": tokens}
        )

    log = write_log(tmp_path / "log.jsonl", [row(n, 10 * n) for n in range(1, 7)])
    load(store, [log])
    appended(log, [row(7, 70)])
    load(store, [log])
    assert rows(store, "SELECT sum(output_tokens) FROM usage") == [(70,)]


def test_a_changed_mode_alone_is_no_change(store: Store, log: Path) -> None:
    load(store, [log])
    os.chmod(log, 0o600)  # noqa: PTH101
    assert load(store, [log]).unchanged == 1


def test_what_a_later_reading_of_the_whole_file_tells_counts(tmp_path: Path, store: Store) -> None:
    """Loaded row by row, the first rows of cumulative counters look like requests of their own."""

    def row(turn: int) -> str:
        counters = {"tokens_in": 100 * turn, "tokens_out": 10 * turn}
        return json.dumps(
            {"ts": f"2026-11-10T12:{turn:02}:00Z", "model": "claude-haiku-4-5", "session": "s"} | counters
        )

    log = tmp_path / "log.jsonl"
    for turn in range(1, 12):
        appended(log, [row(turn)])
        last = load(store, [log], options=LoadOptions(growing=True))
    assert rows(store, "SELECT sum(output_tokens), count(*) FROM usage") == [(110, 11)]
    fresh = emptied(1)
    load(fresh, [log])
    assert derived(store) == derived(fresh)
    undo(store, last.load_id)
    assert rows(store, "SELECT sum(output_tokens), count(*) FROM usage") == [(100, 10)]
