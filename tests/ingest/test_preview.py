from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.load import load
from ingest.options import LoadOptions
from ingest.preview import LOOKED_AT, Preview, preview
from store.connection import Store, open_store


@pytest.fixture
def store(tracked_prices: Path) -> Iterator[Store]:
    with open_store(":memory:", prices=tracked_prices) as opened:
        yield opened


def file_of(folder: Path, *lines: dict[str, Any] | str, name: str = "log.jsonl") -> Path:
    path = folder / name
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def record(key: str, **changes: Any) -> dict[str, Any]:
    usage = {"input_tokens": 1000, "output_tokens": 300}
    known = {"time": "2026-11-05T10:00:00Z", "model": "claude-haiku-4-5", "message_id": key, "usage": usage}
    return {**known, "feature": "triage", "user": "u1", **changes}


HOME_MADE = {"ts": "2026-11-05T10:00:00Z", "llm": {"name": "claude-haiku-4-5"}, "tokens_in": 1000, "tokens_out": 300}
BATCH = {
    "custom_id": "a",
    "result": {
        "type": "succeeded",
        "message": {
            "id": "msg_b",
            "type": "message",
            "role": "assistant",
            "model": "claude-haiku-4-5",
            "content": [],
            "usage": {"input_tokens": 1000, "output_tokens": 300, "service_tier": "batch"},
        },
    },
}


def counts(found: Preview) -> tuple[int, int, int, int, int]:
    return found.lines, found.requests, found.duplicates, found.ignored, found.rejected


def test_shows_requests_priced_as_they_would_be_loaded(tmp_path: Path, store: Store) -> None:
    path = file_of(tmp_path, record("msg_1"), record("msg_2", model="claude-unheard-of"))

    found = preview(store, path, name="app.jsonl")

    assert (found.format, found.recognised_format, found.whole_file) == ("Spendglass usage record", True, True)
    first, second = found.rows
    assert (first.started_at, first.model, first.feature, first.user) == (
        datetime(2026, 11, 5, 10),
        "claude-haiku-4-5",
        "triage",
        "u1",
    )
    assert (first.uncached_input_tokens, first.output_tokens) == (1000, 300)
    assert first.cost == 2_500_000_000  # 1,000 x $1 + 300 x $5 a million = $0.0025
    assert (second.cost, second.unpriced_because) == (None, "unknown_model")


def test_changes_nothing_in_the_store(tmp_path: Path, store: Store) -> None:
    version = store.data_version

    preview(store, file_of(tmp_path, record("msg_1")), name="app.jsonl")

    assert store.data_version == version
    for table in ("usage", "superseded", "overlap", "model_name", "load"):
        assert store.cursor().execute(f"SELECT count(*) FROM {table}").fetchall() == [(0,)], table


def test_names_the_lines_that_would_be_rejected_and_the_counts_add_up(tmp_path: Path, store: Store) -> None:
    path = file_of(
        tmp_path,
        record("msg_1"),
        record("msg_1", usage={"input_tokens": 1000, "output_tokens": 301}),
        record("msg_2", usage={"input_tokens": -5, "output_tokens": 1}),
        '{"broken": ',
    )

    found = preview(store, path, name="app.jsonl")

    assert counts(found) == (4, 1, 1, 0, 2)
    assert [(bad.line, bad.field) for bad in found.rejects] == [(3, "usage.input_tokens"), (4, None)]
    assert found.rows[0].output_tokens == 301  # the fuller one


def test_agrees_with_the_load_that_follows(tmp_path: Path, store: Store) -> None:
    lines = [record(f"msg_{n % 7}") for n in range(20)] + [record("x", time="1826-01-01T00:00:00Z")]
    path = file_of(tmp_path, *lines)

    found = preview(store, path, name="app.jsonl")
    summary = load(store, [path])

    loaded = (summary.lines, summary.requests, summary.duplicates, summary.ignored, summary.rejected)
    assert counts(found) == loaded
    assert sum(row.cost or 0 for row in found.rows) == summary.cost


def test_says_what_the_store_holds_already(tmp_path: Path, store: Store) -> None:
    load(store, [file_of(tmp_path, record("msg_1"))])

    found = preview(store, file_of(tmp_path, record("msg_1"), record("msg_2"), name="b.jsonl"), name="b.jsonl")

    assert (found.requests, found.held) == (2, 1)
    assert [row.held for row in found.rows] == [True, False]


def test_looks_at_the_head_of_a_long_file_only(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "long.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(record(f"m{n}")) + "\n" for n in range(1000)).encode()))

    found = preview(store, path, name="long.jsonl.gz")

    assert (found.lines, found.whole_file) == (LOOKED_AT, False)


def test_the_last_line_of_a_cut_file_is_not_called_broken(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "cut.jsonl"
    path.write_text(json.dumps(record("msg_1")) + "\n" + json.dumps(record("msg_2"))[:50])

    found = preview(store, path, name="cut.jsonl", cut=True)

    assert (counts(found), found.whole_file) == ((1, 1, 0, 0, 0), False)


def test_a_field_map_is_heard_at_once(tmp_path: Path, store: Store) -> None:
    path = file_of(tmp_path, {**HOME_MADE, "app": {"id": "triage"}})

    before = preview(store, path, name="app.jsonl")
    after = preview(store, path, name="app.jsonl", field_map={"model": "llm.name", "feature": "app.id"})

    assert before.mappable
    assert before.fields == ("ts", "llm.name", "tokens_in", "tokens_out", "app.id")
    assert (before.recognised["time"], before.recognised["input_tokens"]) == ("ts", "tokens_in")
    assert (before.recognised["model"], before.rejected) == (None, 1)
    assert (after.rows[0].model, after.rows[0].feature, after.rows[0].cost) == (
        "claude-haiku-4-5",
        "triage",
        2_500_000_000,
    )


def test_a_recognised_field_can_be_taken_back(tmp_path: Path, store: Store) -> None:
    path = file_of(tmp_path, {**HOME_MADE, "model": "claude-haiku-4-5", "app": "triage"})

    assert preview(store, path, name="a").rows[0].feature == "triage"
    assert preview(store, path, name="a", field_map={"feature": ""}).rows[0].feature is None


def test_an_unknown_log_of_objects_can_be_mapped_and_then_loads_the_same(tmp_path: Path, store: Store) -> None:
    path = file_of(tmp_path, {"when_": "2026-11-05T10:00:00Z", "m": "claude-haiku-4-5", "in_": 1000, "out_": 300})
    field_map = {"time": "when_", "model": "m", "input_tokens": "in_", "output_tokens": "out_"}

    blank = preview(store, path, name="a")
    mapped = preview(store, path, name="a", field_map=field_map)

    assert (blank.recognised_format, blank.mappable, blank.requests) == (False, True, 0)
    assert [row.cost for row in mapped.rows] == [2_500_000_000]
    assert load(store, [path], options=LoadOptions(field_map=field_map)).cost == 2_500_000_000


def test_what_is_no_log_says_so(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00 not json")

    found = preview(store, path, name="picture.png")

    assert (found.recognised_format, found.mappable, found.rows) == (False, False, ())
    assert found.rejected > 0


def test_records_without_a_time_take_the_one_given(tmp_path: Path, store: Store) -> None:
    path = file_of(tmp_path, BATCH)

    unknown = preview(store, path, name="results.jsonl")
    dated = preview(store, path, name="results.jsonl", file_time=datetime(2026, 11, 4, 12))

    assert (unknown.undated, unknown.rows[0].unpriced_because) == (1, "no_time")
    assert dated.rows[0].started_at == datetime(2026, 11, 4, 12)
    assert dated.rows[0].cost == 1_250_000_000  # batch: half
