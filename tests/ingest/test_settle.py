from __future__ import annotations

from pathlib import Path

from ingest.load import load
from tests.factories import emptied, loaded, rows, usage_record, write_log


def test_an_older_record_that_gives_way_is_kept_beside(tmp_path: Path) -> None:
    store = emptied()
    loaded(store, tmp_path / "a.jsonl", [usage_record(message_id="m", output_tokens=1)])
    loaded(store, tmp_path / "b.jsonl", [usage_record(message_id="m", output_tokens=2)])
    [(older, newer)] = rows(store, "SELECT min(file_id), max(file_id) FROM load_file")
    assert rows(store, "SELECT file_id, output_tokens FROM usage") == [(newer, 2)]
    assert rows(store, "SELECT file_id, superseded_by_file, output_tokens FROM superseded") == [(older, newer, 1)]
    assert rows(store, "SELECT count(*) FROM overlap") == [(0,)]


def test_a_newer_record_that_loses_is_dropped_and_counted_against_the_file_that_holds_it(tmp_path: Path) -> None:
    store = emptied()
    loaded(store, tmp_path / "a.jsonl", [usage_record(message_id=name, output_tokens=2) for name in ("m", "n")])
    loaded(store, tmp_path / "b.jsonl", [usage_record(message_id=name, output_tokens=1) for name in ("m", "n", "o")])
    [(older, newer)] = rows(store, "SELECT min(file_id), max(file_id) FROM load_file")
    assert rows(store, "SELECT * FROM overlap") == [(newer, older, 2)]
    assert rows(store, "SELECT count(*) FROM superseded") == [(0,)]
    assert rows(store, "SELECT file_id, count(*) FROM usage GROUP BY 1 ORDER BY 1") == [(older, 2), (newer, 1)]


def test_losers_of_one_load_leave_nothing_behind(tmp_path: Path) -> None:
    store = emptied()
    paths = [write_log(tmp_path / f"{n}", [usage_record(message_id="m", output_tokens=n)] * 2) for n in range(3)]
    load(store, paths)
    assert rows(store, "SELECT output_tokens FROM usage") == [(2,)]
    assert rows(store, "SELECT count(*) FROM superseded UNION ALL SELECT count(*) FROM overlap") == [(0,), (0,)]
    assert rows(store, "SELECT path[-1:], requests, duplicates FROM load_file ORDER BY path") == [
        ("0", 0, 2),
        ("1", 0, 2),
        ("2", 1, 1),
    ]


def test_a_record_that_gave_way_leaves_the_sums_too(tmp_path: Path) -> None:
    store = emptied()
    loaded(store, tmp_path / "a", [usage_record(message_id="m", output_tokens=1, time="2026-11-10T12:00:00Z")])
    loaded(store, tmp_path / "b", [usage_record(message_id="m", output_tokens=2, time="2026-11-12T12:00:00Z")])
    assert rows(store, "SELECT count(*), sum(cost) FROM usage") == [(1, (1000 + 2 * 5) * 10**6)]
    assert rows(store, "SELECT count(*), sum(requests), sum(cost) FROM rollup") == [(1, 1, (1000 + 2 * 5) * 10**6)]
