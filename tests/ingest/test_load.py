from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import load as loading
from ingest.formats import WrongFormat
from ingest.load import LoadSummary, NothingToLoad, files_of, load
from ingest.options import LoadOptions
from store.connection import Store, open_store
from tests.factories import derived, emptied, facts, loaded, rows, usage_record, write_log

Record = dict[str, Any]


def record(key: int, output: int, **over: Any) -> Record:
    """A request by number, in one of several states of being finished."""
    minute = f"2026-11-10T12:{key:02d}:00Z"
    return usage_record(message_id=f"m{key}", request_id=f"r{key}", time=minute, output_tokens=output, **over)


def advised(key: int, output: int) -> Record:
    """The same with an advisor as a second part."""
    own = {"type": "message", "input_tokens": 1000, "output_tokens": output}
    advisor = {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 500, "output_tokens": 50}
    return record(key, output, iterations=[own, advisor])


NOT_RECORDS = ["not json", "5", '{"time": "2026-11-10T12:00:00Z"}', '{"model": "claude-haiku-4-5"']
logs = st.lists(
    st.one_of(
        st.builds(record, st.integers(0, 9), st.integers(0, 5)),
        st.builds(advised, st.integers(0, 9), st.integers(0, 5)),
        st.sampled_from(NOT_RECORDS),
    ),
    min_size=1,
    max_size=12,
)


def counts(summary: LoadSummary) -> tuple[int, int, int, int, int]:
    return summary.lines, summary.requests, summary.duplicates, summary.ignored, summary.rejected


def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    return {"usage": facts(store), **derived(store)}


@pytest.fixture
def store() -> Store:
    return emptied()


# ── counting ───────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=8, deadline=None)
@given(first=logs, second=logs)
def test_the_four_counts_add_up_to_the_lines(
    tmp_path_factory: pytest.TempPathFactory, first: list[Any], second: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    paths = [write_log(folder / name, [record(59, 1), *lines]) for name, lines in (("a", first), ("b", second))]
    store = emptied()
    summary = load(store, paths)
    lines, requests, duplicates, ignored, rejected = counts(summary)
    bad = sum(isinstance(line, str) for line in first + second)
    keys = {line["message_id"] for line in [*first, *second] if not isinstance(line, str)} | {"m59"}
    assert lines == requests + duplicates + ignored + rejected == 2 + len(first) + len(second)
    assert (rejected, ignored, requests) == (bad, 0, len(keys))
    assert rows(store, "SELECT count(*) FROM usage WHERE part = 0") == [(len(keys),)]
    kept = "SELECT lines, requests, duplicates, ignored, rejected FROM load_file ORDER BY file_id"
    assert [tuple(map(sum, zip(*rows(store, kept), strict=True)))] == [counts(summary)]


def test_a_load_says_what_it_found(tmp_path: Path, store: Store) -> None:
    summary = loaded(
        store,
        tmp_path / "log.jsonl",
        [record(1, 100), record(1, 100), record(2, 100, model="claude-haiku-9"), "not json"],
    )
    assert counts(summary) == (4, 2, 1, 0, 1)
    assert (summary.unpriced, summary.cost) == (1, (1000 * 1 + 100 * 5) * 10**6)
    [(origin, path, size, format_)] = rows(
        store, "SELECT origin, path, bytes, format FROM load JOIN load_file USING (load_id)"
    )
    log = tmp_path / "log.jsonl"
    assert (origin, path, size, format_) == ("command line", str(log), log.stat().st_size, "usage_record")


def test_a_rejected_line_says_file_line_field_found_reason_and_advice(tmp_path: Path, store: Store) -> None:
    bad = json.dumps(record(2, 1) | {"usage": {"input_tokens": -5, "output_tokens": 1}})
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"\r\n" + json.dumps(record(1, 1)).encode() + b"\r\n\r\n  \n" + bad.encode() + b"\r\n")
    load(store, [log])
    query = "SELECT path, line, field, found, reason, advice FROM rejected_line JOIN load_file USING (file_id)"
    assert rows(store, query) == [
        (
            str(log),
            5,
            "usage.input_tokens",
            "-5",
            "a negative token count",
            "Log the count as a whole number of tokens, zero or more.",
        )
    ]


BAD: dict[str, tuple[dict[str, Any] | bytes, str | None]] = {
    "not JSON": (b"{not json}", None),
    "no model": ({"model": None}, "model"),
    "no time": ({"time": None}, "time"),
    "negative tokens": ({"output_tokens": -1}, "usage.output_tokens"),
    "fractional tokens": ({"output_tokens": 1.5}, "usage.output_tokens"),
    "overflowing tokens": ({"output_tokens": 2**64}, "usage.output_tokens"),
    "a boolean for a number": ({"output_tokens": True}, "usage.output_tokens"),
    "another century": ({"time": "1926-11-10T12:00:00Z"}, "time"),
    "cache parts larger than their whole": (
        {"cache_creation_input_tokens": 5, "cache_creation": {"ephemeral_5m_input_tokens": 6}},
        "usage.cache_creation",
    ),
    "invalid UTF-8": (b'{"time": "2026-11-10T12:00:00Z", "model": "\xff"}', None),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_is_rejected_and_the_rest_loads(name: str, tmp_path: Path, store: Store) -> None:
    bad, field = BAD[name]
    line = bad if isinstance(bad, bytes) else usage_record(**bad)
    summary = loaded(store, tmp_path / "log.jsonl", [record(1, 1), line, record(2, 1)])
    [(number, why)] = summary.files[0].rejects
    assert (summary.requests, summary.rejected, number, why.field) == (2, 1, 2, field)
    assert why.reason
    assert why.advice


# ── the same again ─────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=8, deadline=None)
@given(lines=logs)
def test_loading_a_file_again_or_a_copy_of_it_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    log = write_log(folder / "a.jsonl", [record(59, 1), *lines])
    copy = write_log(folder / "b.jsonl.gz", [record(59, 1), *lines])
    store = emptied()
    load(store, [log])
    before = everything(store) | {"where": rows(store, "SELECT request_key, part, file_id, line FROM usage")}
    assert [load(store, [path]).requests for path in (log, copy)] == [0, 0]
    assert everything(store) | {"where": rows(store, "SELECT request_key, part, file_id, line FROM usage")} == before
    assert rows(store, "SELECT count(*) FROM superseded") == [(0,)]
    store = emptied()
    load(store, [log, copy])
    assert everything(store) == {name: before[name] for name in everything(store)}


def test_of_a_grown_file_only_the_new_lines_are_loaded(tmp_path: Path, store: Store) -> None:
    lines = [record(key, 5) for key in range(8)]
    loaded(store, tmp_path / "log.jsonl", lines[:5])
    grown = loaded(store, tmp_path / "log.jsonl", lines)
    assert counts(grown) == (8, 3, 5, 0, 0)
    fresh = emptied(1)
    loaded(fresh, tmp_path / "log.jsonl", lines)
    assert everything(fresh) == everything(store)


@settings(max_examples=8, deadline=None)
@given(files=st.lists(logs, min_size=2, max_size=4), order=st.randoms(use_true_random=False), together=st.booleans())
def test_the_order_of_loading_files_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[Any]], order: random.Random, together: bool
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    paths = [write_log(folder / str(n), [record(59, 1), *lines]) for n, lines in enumerate(files)]
    shuffled = order.sample(paths, len(paths))
    one, other = emptied(), emptied(1)
    load(one, paths)
    for batch in [shuffled] if together else [[path] for path in shuffled]:
        load(other, batch)
    assert everything(other) == everything(one)


@pytest.mark.parametrize("placed", ["one file", "two files", "two loads"])
@pytest.mark.parametrize("fuller_first", [True, False])
@pytest.mark.parametrize(
    ("fuller", "poorer"),
    [
        (record(1, 90), record(1, 3)),
        (record(1, 3), record(1, 0)),
        (record(1, 0), record(1, 0) | {"usage": {"input_tokens": 1000}, "stream": True}),
        (record(1, 3, stop_reason="end_turn"), record(1, 3)),
        (record(1, 3), record(1, 3) | {"time": "2026-11-10T13:00:00Z"}),
        (advised(1, 90), advised(1, 3)),
        (advised(1, 90), record(1, 3)),
        (record(1, 90), advised(1, 3)),
    ],
    ids=["more output", "some output", "known output", "stop reason", "earlier", "parts", "parts won", "parts lost"],
)
def test_the_fuller_record_stays(
    tmp_path: Path, store: Store, fuller: Record, poorer: Record, fuller_first: bool, placed: str
) -> None:
    lines = [fuller, poorer] if fuller_first else [poorer, fuller]
    if placed == "one file":
        loaded(store, tmp_path / "log.jsonl", lines)
    else:
        paths = [write_log(tmp_path / f"{n}.jsonl", [line]) for n, line in enumerate(lines)]
        for batch in [paths] if placed == "two files" else [[path] for path in paths]:
            load(store, batch)
    expected = emptied(1)
    loaded(expected, tmp_path / "fuller.jsonl", [fuller])
    names = ("usage", "rollup")
    assert [everything(store)[name] for name in names] == [everything(expected)[name] for name in names]


def test_two_records_of_a_request_on_one_line_leave_one_with_its_parts(tmp_path: Path, store: Store) -> None:
    loaded(store, tmp_path / "log.jsonl", [json.dumps(advised(1, 3)) + json.dumps(advised(1, 90))])
    assert rows(store, "SELECT part, output_tokens FROM usage ORDER BY part") == [(0, 90), (1, 50)]


def test_without_ids_the_line_itself_is_the_key(tmp_path: Path, store: Store) -> None:
    bare = [usage_record(message_id=None, request_id=None, output_tokens=n) for n in (1, 2, 2)]
    summary = loaded(store, tmp_path / "log.jsonl", bare)
    assert counts(summary) == (3, 2, 1, 0, 0)
    assert rows(store, "SELECT DISTINCT key_kind FROM usage") == [("line",)]


# ── files and folders ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_is_searched_at_any_depth_and_what_is_hidden_left_out(tmp_path: Path) -> None:
    seen = [write_log(tmp_path / name, [record(1, 1)]) for name in ("a.jsonl", "b/c/d.log", "b/e")]
    for name in (".hidden.jsonl", ".git/x.jsonl", "b/.cache/y.jsonl"):
        write_log(tmp_path / name, [record(2, 1)])
    assert list(files_of([tmp_path])) == seen
    assert list(files_of([tmp_path, seen[0], tmp_path / ".hidden.jsonl"])) == [*seen, tmp_path / ".hidden.jsonl"]


def test_other_files_of_a_folder_are_passed_over_and_those_named_are_not(tmp_path: Path, store: Store) -> None:
    write_log(tmp_path / "log.jsonl", [record(1, 1)])
    notes = write_log(tmp_path / "notes.md", ["# Notes", "Nothing here."])
    assert [result.path.name for result in load(store, [tmp_path]).files] == ["log.jsonl"]
    assert counts(load(store, [notes])) == (2, 0, 0, 0, 2)


def test_an_empty_file_is_no_line(tmp_path: Path, store: Store) -> None:
    (tmp_path / "empty.jsonl").touch()
    write_log(tmp_path / "blank.jsonl", ["", "  ", "\t"])
    assert counts(load(store, [tmp_path / "empty.jsonl", tmp_path / "blank.jsonl"])) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("paths", [["missing.jsonl"], ["empty"], []])
def test_nothing_to_load_is_said_and_nothing_done(tmp_path: Path, store: Store, paths: list[str]) -> None:
    (tmp_path / "empty").mkdir()
    version = store.data_version
    with pytest.raises(NothingToLoad):
        load(store, [tmp_path / path for path in paths])
    assert store.data_version == version
    assert rows(store, "SELECT count(*) FROM load") == [(0,)]


def test_an_unknown_format_names_the_nearest(tmp_path: Path, store: Store) -> None:
    log = write_log(tmp_path / "log.jsonl", [record(1, 1)])
    with pytest.raises(WrongFormat, match="did you mean 'usage_record'"):
        load(store, [log], options=LoadOptions(format="usage_recrd"))


def test_progress_hears_of_every_file(tmp_path: Path, store: Store) -> None:
    paths = [write_log(tmp_path / f"{n}.jsonl", [record(n, 1)]) for n in range(3)]
    heard: list[tuple[int, int, str]] = []
    load(store, [tmp_path], progress=lambda done, files, path: heard.append((done, files, path.name)))
    assert heard == [(0, 3, "0.jsonl"), (1, 3, "1.jsonl"), (2, 3, "2.jsonl"), (3, 3, "2.jsonl")]
    assert len(paths) == 3


# ── all or nothing ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_load_that_fails_leaves_everything_as_it_was(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded(store, tmp_path / "a.jsonl", [record(1, 1), advised(2, 1)])
    before, version = everything(store), store.data_version
    monkeypatch.setattr(loading, "record_load", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        loaded(store, tmp_path / "b.jsonl", [record(1, 9), advised(2, 9), record(3, 9), "not json"])
    assert (everything(store), store.data_version) == (before, version)
    assert rows(store, "SELECT count(*) FROM superseded UNION ALL SELECT count(*) FROM rejected_line") == [(0,), (0,)]


KILLED = """
import os, signal, sys
from pathlib import Path
from ingest import load as loading
from store.connection import open_store

step, path, log = sys.argv[1:]
inner = getattr(loading, step)
def killed(*args, **kwargs):
    inner(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(loading, step, killed)
with open_store(path) as store:
    loading.load(store, [Path(log)])
"""


@pytest.mark.parametrize("step", ["read_file", "settle", "record_load"])
def test_a_load_killed_at_any_point_leaves_the_store_as_it_was(tmp_path: Path, step: str) -> None:
    path = tmp_path / "usage.duckdb"
    with open_store(path) as store:
        loaded(store, tmp_path / "a.jsonl", [record(1, 1), advised(2, 1)])
        before = everything(store)
    log = write_log(tmp_path / "b.jsonl", [record(1, 9), advised(2, 9), *(usage_record() for _ in range(3000))])
    command = [sys.executable, "-c", KILLED, step, str(path), str(log)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    with open_store(path) as store:
        assert everything(store) == before
        assert rows(store, "SELECT count(*) FROM load") == [(1,)]
        assert counts(load(store, [log])) == (3002, 3002, 0, 0, 0)


def test_a_usage_log_of_which_most_lines_lack_fields_is_still_one(tmp_path: Path, store: Store) -> None:
    """Each broken line is rejected with its reason, not passed over as if it were something else."""
    broken = '{"time": "2026-11-10T12:00:00Z"}'
    summary = load(store, [write_log(tmp_path / "log.jsonl", [usage_record(), broken, broken, broken])])
    assert counts(summary) == (4, 1, 0, 0, 3)
    assert {str(why.field) for _, why in summary.files[0].rejects} == {"model"}
