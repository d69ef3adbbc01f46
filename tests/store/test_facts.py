from __future__ import annotations

from store.facts import FACTS
from tests.factories import emptied, rows


def columns(table: str) -> list[tuple[str, str]]:
    query = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? AND NOT internal"
    return [(name, kind) for name, kind in rows(emptied(), query, table)]


def test_the_facts_are_the_first_columns_of_usage_and_all_of_what_gave_way() -> None:
    assert columns("usage")[: len(FACTS)] == list(FACTS.items())
    assert columns("superseded") == [*FACTS.items(), ("superseded_by_file", "INTEGER")]
