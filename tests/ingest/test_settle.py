from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest import settle as settling
from ingest.load import load
from ingest.record import Part, UsageRecord
from ingest.rows import Rows
from ingest.settle import settle
from ingest.undo import undo
from store.connection import Store
from store.model_names import LoggedModels
from tests.factories import emptied, facts, loaded, rows, usage_record, write_log


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


def known_as(store: Store) -> list[tuple[str, str]]:
    return rows(store, "SELECT key_kind::VARCHAR, request_key FROM usage WHERE part = 0 ORDER BY 1, 2")


MESSAGE = {"message_id": "msg_1", "request_id": "req_1"}
ALONE = {"message_id": None, "request_id": "req_1"}


@pytest.mark.parametrize("order", [(MESSAGE, ALONE), (ALONE, MESSAGE)])
@pytest.mark.parametrize("together", [True, False])
def test_a_request_known_by_its_message_in_one_log_and_by_its_id_in_another_counts_once(
    tmp_path: Path, order: tuple[dict[str, Any], ...], together: bool
) -> None:
    store = emptied()
    paths = [write_log(tmp_path / f"{n}", [usage_record(**ids), usage_record()]) for n, ids in enumerate(order)]
    summaries = [load(store, paths)] if together else [load(store, [path]) for path in paths]
    assert sum(summary.requests for summary in summaries) >= 3
    assert rows(store, "SELECT count(*) FROM usage WHERE request_id = 'req_1'") == [(1,)]
    assert rows(store, "SELECT sum(requests) FROM rollup") == [(3,)]


def test_undoing_the_log_that_told_more_brings_the_other_back_as_it_was(tmp_path: Path) -> None:
    store = emptied()
    loaded(store, tmp_path / "a", [usage_record(**ALONE, output_tokens=3)])
    before = facts(store)
    second = loaded(store, tmp_path / "b", [usage_record(**MESSAGE, output_tokens=9)])
    assert known_as(store) == [("message", "msg_1")]
    undo(store, second.load_id)
    assert facts(store) == before


def test_one_request_id_of_two_messages_joins_nothing(tmp_path: Path) -> None:
    store = emptied()
    records = [usage_record(message_id=f"msg_{n}", request_id="req_1") for n in range(2)]
    loaded(store, tmp_path / "a", [*records, usage_record(**ALONE)])
    assert [kind for kind, _ in known_as(store)] == ["message", "message", "request"]


def written(store: Store, con: Any, file_id: int, *records: UsageRecord) -> None:
    rows = Rows(con, file_id, LoggedModels(con, store.prices))
    for record in records:
        rows.add(record, None, b"")
    rows.flush()


def test_a_row_known_by_its_logs_own_id_gives_way_to_one_that_names_the_request() -> None:
    store = emptied()
    part = (Part("claude-haiku-4-5", 1, 5),)
    with store.writing() as con:
        written(
            store,
            con,
            1,
            UsageRecord(part, log_id="gateway:7", request_id="req_1"),
            UsageRecord(part, log_id="gateway:8"),
        )
        written(store, con, 2, UsageRecord((Part("claude-haiku-4-5", 1, 6),), request_id="req_1"))
        written(store, con, 3, UsageRecord((Part("claude-haiku-4-5", 1, 7),), message_id="msg_1", request_id="req_1"))
        settle(con, 1)
    assert known_as(store) == [("log", "gateway:8"), ("message", "msg_1")]


@pytest.mark.parametrize("finished", [True, False])
def test_what_was_retold_gives_way_to_the_apis_own_counts_of_a_finished_message(finished: bool) -> None:
    store = emptied()
    stop = "end_turn" if finished else None
    with store.writing() as con:
        written(store, con, 1, UsageRecord((Part("claude-haiku-4-5", 1, 9),), message_id="m"))
        written(store, con, 2, UsageRecord((Part("claude-haiku-4-5", 1, 5),), message_id="m", stop_reason=stop))
        settle(con, 1, retold=[1])
    assert rows(store, "SELECT output_tokens FROM usage") == [(5 if finished else 9,)]


def test_in_many_passes_the_same_records_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [usage_record(message_id=f"m{n % 40}", output_tokens=n) for n in range(100)]
    one, many = emptied(), emptied(1)
    for store in (one, many):
        loaded(store, tmp_path / "a", records[:60])
        loaded(store, tmp_path / "b", records[40:])
        monkeypatch.setattr(settling, "_AT_ONCE", 3)
    assert facts(many) == facts(one)
    assert rows(many, "SELECT count(*), min(output_tokens) FROM usage") == [(40, 60)]
