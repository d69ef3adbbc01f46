"""Builders of usage records, log files and stores; what a test does not say is plain and priced."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from ingest.load import LoadSummary, load
from store.connection import Store, open_store
from store.facts import facts as facts_of

_numbers = count(1)


def usage_record(**over: Any) -> dict[str, Any]:
    """One usage record: Haiku 4.5, 1,000 tokens in and 100 out, with ids of its own. None leaves a field out.

    ``input_tokens``, ``output_tokens`` and other fields of the API's usage object may be given flat.
    """
    number = next(_numbers)
    record: dict[str, Any] = {
        "time": "2026-11-10T12:00:00.000Z",
        "message_id": f"msg_{number:06d}",
        "request_id": f"req_{number:06d}",
        "model": "claude-haiku-4-5",
        "usage": {"input_tokens": 1000, "output_tokens": 100},
    }
    for name, value in over.items():
        place = record["usage"] if name in _USAGE else record
        place[name] = value
    return {name: value for name, value in record.items() if value is not None}


_USAGE = {
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "cache_creation",
    "output_tokens_details",
    "server_tool_use",
    "service_tier",
    "inference_geo",
    "speed",
    "iterations",
}


def write_log(path: Path, records: Iterable[Mapping[str, Any] | str | bytes]) -> Path:
    """A log of JSON lines; text and bytes go in as they are. A name ending in .gz is compressed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [record if isinstance(record, bytes) else _line(record).encode() for record in records]
    content = b"".join(line + b"\n" for line in lines)
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def _line(record: Mapping[str, Any] | str) -> str:
    return record if isinstance(record, str) else json.dumps(record)


def store_with(tmp_path: Path, records: Iterable[Mapping[str, Any] | str | bytes]) -> Store:
    """A store of its own, in memory, into which these records were loaded."""
    store = open_store(":memory:")
    load(store, [write_log(tmp_path / "log.jsonl", records)])
    return store


_FILLED_BY_LOADS = [
    "load",
    "load_file",
    "rejected_line",
    "usage",
    "superseded",
    "overlap",
    "setting",
    "model_name",
    "rollup",
    "rollup_hour",
    "rollup_day",
    "user_day",
    "user_block",
    "place",
]


@lru_cache
def _kept(_: int) -> Store:
    return open_store(":memory:")


def emptied(number: int = 0) -> Store:
    """A store into which nothing was loaded, quicker to have than a new one; each number is another store."""
    store = _kept(number)
    with store.writing() as con:
        for table in _FILLED_BY_LOADS:
            con.execute(f"DELETE FROM {table}")
    return store


def loaded(store: Store, path: Path, records: Iterable[Mapping[str, Any] | str | bytes]) -> LoadSummary:
    """Writes a log and loads it."""
    return load(store, [write_log(path, records)])


def rows(store: Store, query: str, *params: Any) -> list[tuple[Any, ...]]:
    """What a query finds."""
    return store.cursor().execute(query, list(params)).fetchall()


PROVENANCE = "file_id, line"


def facts(store: Store, without: str = PROVENANCE) -> list[tuple[Any, ...]]:
    """The facts in a fixed order, by default without where the rows were read."""
    return rows(store, f"SELECT * EXCLUDE ({without}) FROM {facts_of()} ORDER BY ALL")


def derived(store: Store, without: str = PROVENANCE) -> dict[str, list[tuple[Any, ...]]]:
    """The derived tables in a fixed order."""
    return {
        "usage": rows(store, f"SELECT * EXCLUDE ({without}) FROM usage ORDER BY ALL"),
        "rollup": rows(store, "SELECT * FROM rollup ORDER BY ALL"),
        "model_name": rows(store, "SELECT * FROM model_name ORDER BY ALL"),
    }


def costs(store: Store) -> dict[str, int | None]:
    """The cost of each request in pico-dollars, by its key."""
    return dict(rows(store, "SELECT request_key, request_cost FROM usage WHERE part = 0"))
