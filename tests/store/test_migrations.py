from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from store import migrations
from store.connection import StoreUnusable, open_store
from store.facts import FACTS
from store.migrations import SCHEMA_VERSION
from tests.factories import derived, facts, loaded, rows, usage_record

FIRST_SHAPE = Path(__file__).with_name("schema_1.sql")
RECORDS = [
    usage_record(message_id="plain"),
    usage_record(message_id="unknown", model="house-model"),
    usage_record(
        message_id="advised",
        iterations=[
            {"type": "message", "input_tokens": 1000, "output_tokens": 100},
            {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 500, "output_tokens": 50},
        ],
    ),
]


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A store in the first shape that holds what a load of RECORDS leaves."""
    with open_store(tmp_path / "now.duckdb") as store:
        loaded(store, tmp_path / "log.jsonl", RECORDS)
    path = tmp_path / "usage.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute(FIRST_SHAPE.read_text())
        con.execute("INSERT INTO store_info VALUES (1, 7, 'a list of then')")
        con.execute(f"ATTACH '{tmp_path / 'now.duckdb'}' AS now (READ_ONLY)")
        con.execute(f"INSERT INTO usage BY NAME SELECT {', '.join(FACTS)} FROM now.usage")
        con.execute("INSERT INTO load FROM now.load")
        con.execute(
            "INSERT INTO load_file SELECT file_id, load_id, path, format, bytes, lines, requests, duplicates, ignored,"
            " rejected, findings FROM now.load_file"
        )
        con.execute("INSERT INTO place FROM now.place")
        con.execute("SELECT nextval('load_ids'), nextval('file_ids')")
    return path


def test_a_store_of_the_first_shape_holds_the_same_when_it_is_opened(tmp_path: Path, first: Path) -> None:
    with open_store(tmp_path / "now.duckdb") as now:
        expected, priced = facts(now, "line"), derived(now)
    with open_store(first) as store:
        assert facts(store, "line") == expected
        assert derived(store) == priced
        assert rows(store, "SELECT schema_version FROM store_info") == [(SCHEMA_VERSION,)]
        again = loaded(store, tmp_path / "log.jsonl", RECORDS)
        assert (again.requests, again.duplicates) == (0, 3)


def test_columns_and_tables_are_the_same_whether_new_or_migrated(tmp_path: Path, first: Path) -> None:
    query = (
        "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() ORDER BY table_name, column_index"
    )
    with open_store(tmp_path / "new.duckdb") as new, open_store(first) as migrated:
        assert rows(migrated, query) == rows(new, query)


def test_a_migration_that_breaks_off_leaves_the_store_as_it_was(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(migrations.STEPS, 1, migrations.STEPS[1] + "SELECT broken FROM nowhere;")
    with pytest.raises(duckdb.CatalogException):
        open_store(first)
    with duckdb.connect(str(first)) as con:
        assert con.execute("SELECT schema_version, data_version, price_list FROM store_info").fetchall() == [
            (1, 7, "a list of then")
        ]
        assert con.execute("SELECT count(*) FROM priced").fetchall() == [(0,)]


def test_a_store_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "usage.duckdb"
    with open_store(path) as store, store.writing() as con:
        con.execute("UPDATE store_info SET schema_version = 99")
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="written by a newer version of Spendglass"):
        open_store(path)
    assert path.read_bytes() == before
