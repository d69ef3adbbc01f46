from __future__ import annotations

from ingest.rows import _SCHEMA
from store.facts import FACTS
from tests.factories import emptied, rows


def columns(table: str) -> list[str]:
    return [name for (name,) in rows(emptied(), "SELECT column_name FROM duckdb_columns() WHERE table_name = ?", table)]


def test_the_facts_are_the_first_columns_of_usage_and_all_of_what_gave_way() -> None:
    assert columns("usage")[: len(FACTS)] == list(FACTS)
    assert columns("superseded") == [*FACTS, "superseded_by_file"]


def test_a_record_fills_every_fact() -> None:
    assert list(_SCHEMA.names) == list(FACTS)
