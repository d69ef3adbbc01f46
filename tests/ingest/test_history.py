from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.history import files_of_load, loads, rejected_lines, undoing
from ingest.load import LoadSummary, load
from ingest.options import LoadOptions
from ingest.undo import undo
from store.connection import Store, open_store


@pytest.fixture
def store(tracked_prices: Path) -> Iterator[Store]:
    with open_store(":memory:", prices=tracked_prices) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def record(key: str, *, output: int = 77, **changes: Any) -> dict[str, Any]:
    usage = {"input_tokens": 21, "output_tokens": output}
    known = {"time": "2026-11-05T10:00:00Z", "model": "claude-haiku-4-5", "message_id": key, "usage": usage}
    return {**known, **changes}


def loaded(
    store: Store, folder: Path, name: str, *records: dict[str, Any] | str, origin: str = "upload"
) -> LoadSummary:
    path = folder / name
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in records))
    return load(store, [path], options=LoadOptions(origin=origin))


def test_lists_loads_newest_first_with_counts_that_add_up(store: Store, folder: Path) -> None:
    loaded(store, folder, "a.jsonl", record("msg_1"), record("msg_1"), "{no json", origin="command line")
    loaded(store, folder, "b.jsonl", record("msg_2"), record("msg_3", model="claude-unheard-of"))

    second, first = loads(store.cursor())

    assert (first.origin, first.files, first.first_file) == ("command line", 1, str(folder / "a.jsonl"))
    assert (first.lines, first.requests, first.duplicates, first.ignored, first.rejected) == (3, 1, 1, 0, 1)
    assert (first.holds, first.unpriced, first.cost) == (1, 0, 406_000_000)
    assert (second.origin, second.holds, second.unpriced, second.cost) == ("upload", 2, 1, 406_000_000)


def test_a_store_without_loads_has_none(store: Store) -> None:
    assert loads(store.cursor()) == []
    assert rejected_lines(store.cursor()) == []


def test_a_load_of_nothing_but_bad_lines_is_listed(store: Store, folder: Path) -> None:
    loaded(store, folder, "a.jsonl", "{no json")

    (only,) = loads(store.cursor())

    assert (only.lines, only.rejected, only.holds, only.cost) == (1, 1, 0, 0)


def test_the_files_of_a_load_tell_their_format(store: Store, folder: Path) -> None:
    summary = loaded(store, folder, "a.jsonl", record("msg_1"))

    (file,) = files_of_load(store.cursor(), summary.load_id)

    assert (file.path, file.format, file.lines, file.requests) == (str(folder / "a.jsonl"), "usage_record", 1, 1)
    assert file.bytes == (folder / "a.jsonl").stat().st_size


def test_rejected_lines_are_found_by_load(store: Store, folder: Path) -> None:
    first = loaded(store, folder, "a.jsonl", record("msg_1"), record("msg_2", usage={"input_tokens": True}))
    second = loaded(store, folder, "b.jsonl", "{no json", record("msg_3", output=-1))

    everything = rejected_lines(store.cursor())
    of_first = rejected_lines(store.cursor(), first.load_id)

    assert [(bad.load_id, Path(bad.path).name, bad.line) for bad in everything] == [
        (second.load_id, "b.jsonl", 1),
        (second.load_id, "b.jsonl", 2),
        (first.load_id, "a.jsonl", 2),
    ]
    assert [(bad.line, bad.field, bad.found) for bad in of_first] == [(2, "usage.input_tokens", "True")]
    assert of_first[0].reason
    assert of_first[0].advice
    assert len(rejected_lines(store.cursor(), limit=1)) == 1


def test_says_what_undoing_takes_and_undoing_does_that(store: Store, folder: Path) -> None:
    poor = loaded(store, folder, "a.jsonl", record("msg_1", output=5), record("msg_2"))
    full = loaded(store, folder, "b.jsonl", record("msg_1"), record("msg_3"))
    loaded(store, folder, "c.jsonl", record("msg_3"))

    said = undoing(store.cursor(), full.load_id)

    assert (said.requests, said.back, said.skipped_later) == (2, 1, 1)
    assert undo(store, full.load_id) == said.requests
    assert {load.load_id: load.holds for load in loads(store.cursor())}[poor.load_id] == 2
