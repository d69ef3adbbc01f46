from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.undo import NoSuchLoad, held_elsewhere, undo
from store.connection import Store
from store.derive import derive_all
from store.model_names import LoggedModels
from tests.factories import derived, emptied, loaded, rows, usage_record

TABLES = ["load", "load_file", "rejected_line", "usage", "superseded", "overlap", "model_name", "rollup"]


def record(key: int, output: int, *, advised: bool = False, **over: Any) -> dict[str, Any]:
    """A request by number in one of several states of being finished, perhaps with an advisor as a second part."""
    own = {"type": "message", "input_tokens": 1000, "output_tokens": output}
    advisor = {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 500, "output_tokens": 50}
    iterations = {"iterations": [own, advisor]} if advised else {}
    day = f"2026-11-{10 + key % 10}T12:00:00Z"
    return usage_record(message_id=f"m{key}", time=day, output_tokens=output, **iterations, **over)


def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    return {table: rows(store, f"SELECT * FROM {table} ORDER BY ALL") for table in TABLES}


def outputs(store: Store) -> dict[str, int]:
    return dict(rows(store, "SELECT request_key, output_tokens FROM usage WHERE part = 0 ORDER BY ALL"))


def test_a_load_undone_was_never_there(tmp_path: Path) -> None:
    store = emptied()
    loaded(store, tmp_path / "a.jsonl", [record(1, 5), record(2, 5, advised=True), record(3, 5)])
    before = everything(store)
    lines: list[Any] = [
        record(1, 9),
        record(2, 9),
        record(3, 1),
        record(4, 1, model="claude-opus-5"),
        record(1, 2),
        "not json",
    ]
    summary = loaded(store, tmp_path / "b.jsonl", lines)
    assert everything(store) != before
    assert undo(store, summary.load_id) == 3
    assert everything(store) == before


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("parts", [(False, True, False), (True, False, True)])
def test_a_chain_of_ever_fuller_loads_is_undone_in_any_order(
    tmp_path: Path, order: tuple[int, ...], parts: tuple[bool, ...]
) -> None:
    store = emptied()
    made = [record(1, output, advised=parts[n]) for n, output in enumerate((1, 2, 3))]
    loads = [loaded(store, tmp_path / f"{n}.jsonl", [one]).load_id for n, one in enumerate(made)]
    left = {0, 1, 2}
    for n in order:
        undo(store, loads[n])
        left.discard(n)
        assert outputs(store) == ({"m1": max(left) + 1} if left else {})
        count = (2 if parts[max(left)] else 1) if left else 0
        assert rows(store, "SELECT count(*) FROM usage") == [(count,)]
    assert not any(everything(store).values())


def test_the_fuller_record_of_an_older_load_is_taken_away_with_it(tmp_path: Path) -> None:
    store = emptied()
    first = loaded(store, tmp_path / "a.jsonl", [record(1, 5), record(2, 5), record(3, 5)])
    again = loaded(store, tmp_path / "b.jsonl", [record(1, 5), record(2, 1), record(4, 5)])
    con = store.cursor()
    assert [held_elsewhere(con, load) for load in (first.load_id, again.load_id)] == [2, 0]
    assert undo(store, first.load_id) == 3
    assert outputs(store) == {"m4": 5}
    assert rows(store, "SELECT count(*) FROM overlap") == [(0,)]


def test_one_file_of_a_load_does_not_count_as_held_by_another_of_it(tmp_path: Path) -> None:
    store = emptied()
    summary = loaded(store, tmp_path / "a.jsonl", [record(1, 5), record(1, 5)])
    assert held_elsewhere(store.cursor(), summary.load_id) == 0


def test_there_is_nothing_to_undo_twice(tmp_path: Path) -> None:
    store = emptied()
    load_id = loaded(store, tmp_path / "a.jsonl", [record(1, 5)]).load_id
    undo(store, load_id)
    version = store.data_version
    with pytest.raises(NoSuchLoad, match=str(load_id)):
        undo(store, load_id)
    assert store.data_version == version


steps = st.lists(
    st.one_of(
        st.lists(
            st.builds(
                record,
                st.integers(0, 6),
                st.integers(0, 4),
                advised=st.booleans(),
                model=st.sampled_from(["claude-haiku-4-5", "claude-haiku-9"]),
                feature=st.sampled_from(["a", "b", None]),
            ),
            min_size=1,
            max_size=6,
        ),
        st.integers(0, 5),
    ),
    min_size=2,
    max_size=6,
)


@settings(max_examples=12, deadline=None)
@given(steps=steps)
def test_after_any_loads_and_undos_what_is_derived_equals_what_is_derived_from_scratch(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[dict[str, Any]] | int]
) -> None:
    store, folder = emptied(), tmp_path_factory.mktemp("logs")
    loads: list[int] = []
    for number, step in enumerate(steps):
        if not isinstance(step, int):
            loads.append(loaded(store, folder / f"{number}.jsonl", step).load_id)
        elif loads:
            undo(store, loads.pop(step % len(loads)))
    kept = derived(store, without="quarter")
    with store.writing() as con:
        derive_all(con, LoggedModels(con, store.prices))
    assert kept == derived(store, without="quarter")
    one_each = "SELECT count(*), count(DISTINCT (request_key, part)) FROM usage"
    assert len(set(rows(store, one_each)[0])) == 1


@settings(max_examples=8, deadline=None)
@given(
    files=st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=3, max_size=3), gone=st.integers(0, 2)
)
def test_undoing_any_load_leaves_what_the_others_would_have(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[int]], gone: int
) -> None:
    # each load knows more of every request than the one before, so none of its lines is held by an older one
    folder = tmp_path_factory.mktemp("logs")
    logs = [[record(key, output) for key in dict.fromkeys(keys)] for output, keys in enumerate(files)]
    store, expected = emptied(), emptied(1)
    loads = [loaded(store, folder / f"{n}.jsonl", log).load_id for n, log in enumerate(logs)]
    undo(store, loads[gone])
    for n, log in enumerate(logs):
        if n != gone:
            loaded(expected, folder / f"{n}.jsonl", log)
    assert outputs(store) == outputs(expected)
    assert derived(store) == derived(expected)
