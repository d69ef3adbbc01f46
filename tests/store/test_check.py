from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.undo import undo
from store.__main__ import main
from store.check import check, repair
from store.connection import PRICES, Store, looking_at, open_store
from store.derive import derive_all
from store.model_names import LoggedModels
from store.prices import read_price_lists
from tests.factories import derived, emptied, facts, loaded, rows, usage_record
from tests.store.test_migrations import FIRST_SHAPE

Captured = pytest.CaptureFixture[str]

DERIVED = {"names", "costs", "requests' costs", "sums", "places", "prices"}


def wrong(store: Store) -> list[str]:
    with closing(store.cursor()) as con:
        return [f"{one.check}: {one.examples}" for one in check(con, store.prices) if one.wrong]


def record(key: int, output: int, *, known_by: str = "message", advised: bool = False, **over: Any) -> dict[str, Any]:
    """A request in one of several states of being finished, known by its message's id, its request's or both."""
    own = {"type": "message", "input_tokens": 1000, "output_tokens": output}
    advisor = {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 500, "output_tokens": 50}
    ids = {
        "message_id": None if known_by == "request" else f"m{key}",
        "request_id": None if known_by == "message" else f"r{key}",
    }
    iterations: dict[str, Any] = {"iterations": [own, advisor]} if advised else {}
    day = f"2026-11-{10 + key % 10}T12:00:00Z"
    return usage_record(time=day, output_tokens=output, **iterations, **ids, **over)


records = st.builds(
    record,
    st.integers(0, 5),
    st.integers(0, 4),
    known_by=st.sampled_from(["message", "request", "both"]),
    advised=st.booleans(),
    model=st.sampled_from(["claude-haiku-4-5", "claude-haiku-9"]),
    feature=st.sampled_from(["a", "b", None]),
)
steps = st.lists(
    st.one_of(
        st.lists(st.one_of(records, st.sampled_from(["not json", "5"])), min_size=1, max_size=6), st.integers(0, 5)
    ),
    min_size=2,
    max_size=7,
)


@settings(max_examples=12, deadline=None)
@given(steps=steps)
def test_a_store_is_whole_after_any_loads_and_undos(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[Any] | int]
) -> None:
    store, folder = emptied(), tmp_path_factory.mktemp("logs")
    loads: list[int] = []
    for number, step in enumerate(steps):
        if not isinstance(step, int):
            # the first line is a usage record, so that the file is known for a log of them
            loads.append(loaded(store, folder / f"{number}.jsonl", [record(9, 1), *step]).load_id)
        elif loads:
            undo(store, loads.pop(step % len(loads)))
        assert wrong(store) == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two loads: requests of one and of two parts, duplicates, fuller records, rejected lines."""
    folder = tmp_path_factory.mktemp("whole")
    first = [record(1, 5), record(2, 5, advised=True), record(3, 5, feature="a"), record(3, 5, feature="a")]
    second = [record(1, 9), record(2, 9, advised=True), record(3, 1), record(4, 1)]
    with open_store(folder / "usage.duckdb") as store:
        loaded(store, folder / "a.jsonl", [*first, "not json"])
        loaded(store, folder / "b.jsonl", second)
        assert rows(store, "SELECT count(*) FROM superseded") == [(3,)]
    return folder / "usage.duckdb"


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(whole, tmp_path / "usage.duckdb"))


def looked_at(path: Path) -> list[str]:
    """The checks that find something wrong."""
    with looking_at(path) as con:
        return [one.check for one in check(con, read_price_lists(PRICES)) if one.wrong]


def damaged(path: Path, *statements: str) -> None:
    with duckdb.connect(str(path)) as con:
        for statement in statements:
            con.execute(statement)


# what was done to a store -> the checks that see it
DAMAGE = {
    "UPDATE load_file SET lines = lines + 1 WHERE rejected = 1": ["lines"],
    "UPDATE load_file SET rejected = 0, lines = lines - 1 WHERE rejected = 1": ["lines"],
    "DELETE FROM rejected_line": ["lines"],
    "UPDATE load_file SET requests = requests + 1, duplicates = duplicates - 1": ["requests"],
    "DELETE FROM superseded WHERE request_key = 'm1'": ["requests"],
    "UPDATE overlap SET requests = 100": ["requests"],
    "DELETE FROM load_file WHERE file_id = (SELECT min(file_id) FROM load_file)": ["loads"],
    "DELETE FROM load WHERE load_id = (SELECT min(load_id) FROM load)": ["loads"],
    "INSERT INTO load VALUES (999999999, now()::TIMESTAMP, 'sample', 0)": ["loads"],
    "INSERT INTO rejected_line VALUES (999, 1, NULL, '', '', '')": ["loads"],
    "UPDATE superseded SET superseded_by_file = 999": ["loads"],
    "UPDATE usage SET request_key = NULL WHERE request_key = 'm4'": ["once"],
    "UPDATE usage SET request_key = 'm4' WHERE request_key = 'm3'": ["once"],
    "INSERT INTO superseded FROM superseded WHERE request_key = 'm1'": ["requests", "once"],
    "UPDATE usage SET part = 2 WHERE part = 1": ["parts"],
    "UPDATE usage SET parts = 3 WHERE parts = 2": ["parts"],
    "UPDATE usage SET parts = NULL WHERE request_key = 'm4'": ["parts"],
    "UPDATE superseded SET parts = 3 WHERE parts = 2": ["parts"],
    "DELETE FROM superseded WHERE part = 1": ["parts"],
    "DELETE FROM model_name WHERE model_logged = 'claude-opus-4-8'": ["names", "costs"],
    "INSERT INTO model_name FROM model_name WHERE model_logged = 'claude-opus-4-8'": ["names"],
    "INSERT INTO model_name SELECT * REPLACE ('other' AS model_logged) FROM model_name LIMIT 1": ["names"],
    "UPDATE model_name SET model = NULL WHERE model_logged = 'claude-opus-4-8'": ["names", "costs"],
    "UPDATE usage SET cost = cost + 1 WHERE request_key = 'm4'": ["costs", "requests' costs", "sums"],
    "UPDATE usage SET cost = NULL WHERE request_key = 'm4'": ["costs", "requests' costs", "sums"],
    "UPDATE usage SET quarter = quarter + 1 WHERE request_key = 'm4'": ["costs", "sums"],
    "UPDATE usage SET model = 'x' WHERE request_key = 'm4'": ["costs", "sums", "places"],
    "UPDATE usage SET unpriced_because = 'no_time' WHERE request_key = 'm4'": ["costs"],
    "UPDATE usage SET output_tokens = 7 WHERE request_key = 'm4'": ["costs", "sums"],
    "UPDATE usage SET request_cost = 0 WHERE request_key = 'm4'": ["requests' costs", "sums"],
    "UPDATE usage SET request_cost = cost WHERE request_key = 'm2' AND part = 0": ["requests' costs", "sums"],
    "UPDATE usage SET request_cost = 0 WHERE part = 1": ["requests' costs", "sums"],
    "UPDATE usage SET request_unpriced = true WHERE request_key = 'm4'": ["requests' costs", "sums"],
    "UPDATE rollup SET cost = cost + 1 WHERE feature = 'a'": ["sums"],
    "DELETE FROM rollup WHERE feature = 'a'": ["sums"],
    "INSERT INTO rollup FROM rollup WHERE feature = 'a'": ["sums"],
    "UPDATE rollup SET dearest = dearest + 1 WHERE feature = 'a'": ["sums"],
    "UPDATE rollup_hour SET requests = 0": ["sums"],
    "DELETE FROM rollup_day": ["sums"],
    "UPDATE user_day SET output_cost = output_cost + 1": ["sums"],
    "INSERT INTO user_block FROM user_block": ["sums"],
    "DELETE FROM place WHERE dimension = 'feature'": ["places"],
    "INSERT INTO place FROM place WHERE dimension = 'feature'": ["places"],
    "UPDATE place SET place = 0 WHERE dimension = 'model'": ["places"],
    "UPDATE price SET output = output + 40 WHERE model = 'claude-2'": ["prices"],
    "UPDATE store_info SET price_list = 'of then'": ["prices"],
    "DELETE FROM refusal_rule": ["prices"],
    "UPDATE store_info SET data_version = 0": ["shape"],
    "UPDATE store_info SET schema_version = 99": ["shape"],
    "INSERT INTO store_info VALUES (2, 1, NULL)": ["shape"],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_wrong_is_found_and_what_is_derived_is_mended(damage: str, copy: Path) -> None:
    damaged(copy, damage)
    assert looked_at(copy) == DAMAGE[damage]
    if not set(DAMAGE[damage]) <= DERIVED:
        return
    with open_store(copy) as store:
        repair(store)
        made = derived(store)
        with store.writing() as con:
            derive_all(con, LoggedModels(con, store.prices))
        assert derived(store) == made
    assert looked_at(copy) == []


def test_repairing_what_is_derived_leaves_the_facts_and_where_they_came_from(copy: Path, whole: Path) -> None:
    damaged(copy, "UPDATE usage SET cost = 1, model = 'x'", "DELETE FROM rollup", "DELETE FROM model_name")
    with open_store(copy) as store:
        repair(store)
        kept = {table: rows(store, f"FROM {table} ORDER BY ALL") for table in KEPT}, facts(store), derived(store)
    with open_store(whole) as store:
        assert ({t: rows(store, f"FROM {t} ORDER BY ALL") for t in KEPT}, facts(store), derived(store)) == kept


KEPT = ["load", "load_file", "rejected_line", "superseded", "overlap", "setting", "place"]


def test_a_check_changes_nothing_not_even_the_journal_of_a_killed_process(copy: Path) -> None:
    killed = (
        "import os, sys, duckdb; con = duckdb.connect(sys.argv[1]);"
        "con.execute(\"INSERT INTO setting VALUES ('a', '1')\"); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", killed, str(copy)], check=False)
    before = {path.name: path.read_bytes() for path in copy.parent.iterdir()}
    assert sorted(before) == ["usage.duckdb", "usage.duckdb.wal"]
    assert looked_at(copy) == []
    with looking_at(copy) as con:
        assert con.execute("FROM setting").fetchall() == [("a", "1")]
    assert {path.name: path.read_bytes() for path in copy.parent.iterdir()} == before


# ── the command ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_command_says_that_a_store_is_whole(copy: Path, capsys: Captured) -> None:
    assert main(["check", "--db", str(copy)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert all(line.startswith("ok     ") for line in said[:-1])
    assert said[-1] == "the store is whole"


def test_the_command_says_how_many_are_wrong_and_the_first_of_them(copy: Path, capsys: Captured) -> None:
    damaged(copy, "UPDATE usage SET output_cost = output_cost + 1")
    assert main(["check", "--db", str(copy)]) == 1
    said = capsys.readouterr().out.splitlines()
    at = said.index("wrong  every row costs what its facts and prices say: 5 wrong")
    assert said[at + 1] == "       m1: output_cost 45000001, not 45000000"
    assert said[at + 4] == "       and 2 more"
    assert "--repair" in said[at + 5]
    assert said[-1] == "2 of 13 checks found something wrong"


def test_the_command_mends_and_says_what(copy: Path, capsys: Captured) -> None:
    damaged(copy, "DELETE FROM rollup", "UPDATE load_file SET lines = 0")
    assert main(["check", "--db", str(copy), "--repair"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert "mended the sums by time and by user are those of the rows" in said
    assert "wrong  the lines of every file add up: 2 wrong" in said
    damaged(copy, "DELETE FROM rollup", "UPDATE load_file SET lines = requests + duplicates + ignored + rejected")
    assert main(["check", "--db", str(copy), "--repair"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "the store is whole"
    assert looked_at(copy) == []


def test_nothing_is_written_to_a_whole_store_that_is_to_be_mended(copy: Path, capsys: Captured) -> None:
    before = copy.read_bytes()
    assert main(["check", "--db", str(copy), "--repair"]) == 0
    assert copy.read_bytes() == before


def test_the_command_answers_in_json(copy: Path, capsys: Captured) -> None:
    damaged(copy, "DELETE FROM place")
    assert main(["check", "--db", str(copy), "--json"]) == 1
    answer = {one.pop("check"): one for one in json.loads(capsys.readouterr().out)}
    assert answer["places"]["wrong"] == 3
    assert answer["places"]["examples"][0] == "feature a has none"
    assert answer["costs"] == {
        "holds": "every row costs what its facts and prices say",
        "wrong": 0,
        "examples": [],
        "advice": "",
        "ok": True,
        "mended": False,
    }


def test_a_store_of_an_earlier_shape_is_brought_up_by_repair(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "usage.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute(FIRST_SHAPE.read_text())
        con.execute("INSERT INTO store_info VALUES (1, 7, 'a list of then')")
    assert main(["check", "--db", str(path)]) == 1
    assert "its shape is 1, this version knows" in capsys.readouterr().out
    assert main(["check", "--db", str(path), "--repair"]) == 0


def test_a_table_that_cannot_be_read_is_named(copy: Path, capsys: Captured) -> None:
    with duckdb.connect(str(copy)) as con:
        con.execute("INSERT INTO usage BY NAME SELECT md5(range::VARCHAR) AS request_key FROM range(200000)")
        con.execute("CHECKPOINT")
        [(block,)] = con.execute("SELECT max(block_id) FROM pragma_storage_info('usage')").fetchall()
    with copy.open("r+b") as file:
        file.seek(3 * 4096 + block * 256 * 1024 + 1000)
        file.write(b"\xff" * 1000)
    assert main(["check", "--db", str(copy)]) == 1
    said = capsys.readouterr().out
    assert "wrong  every table can be read to its end: 1 wrong\n       usage: " in said
    assert "Put back a copy of the store" in said


def test_a_store_that_another_process_has_open_is_not_checked(copy: Path, capsys: Captured) -> None:
    holding = "import sys; from store.connection import open_store; store = open_store(sys.argv[1]); print(); input()"
    command = [sys.executable, "-c", holding, str(copy)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert main(["check", "--db", str(copy)]) == 2
        holder.communicate("\n")
    assert "open in another process" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no store at"),
        (b"", "cannot be opened"),
        (b"not a database at all" * 1000, "cannot be opened"),
        (b"SQLite format 3\0" + bytes(5000), "cannot be opened"),
    ],
)
def test_what_is_no_store_is_not_checked(content: bytes | None, said: str, tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "usage.duckdb"
    if content is not None:
        path.write_bytes(content)
    assert main(["check", "--db", str(path), "--repair"]) == 2
    assert said in capsys.readouterr().err
    assert (path.read_bytes() if path.exists() else None) == content
