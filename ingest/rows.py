"""Usage records read one by one, on their way into `usage` in batches."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from duckdb import DuckDBPyConnection

from ingest.record import UsageRecord
from store.derive import priced
from store.facts import FACTS
from store.model_names import LoggedModels

_INTO_USAGE = f"INSERT INTO usage BY NAME {priced('rows')}"
_MODEL, _PROVIDER, _REGION = (list(FACTS).index(name) for name in ("model_logged", "provider", "region"))
_BATCH = 50_000


class Rows:
    """Collects the rows of one file and writes them in batches, priced; ``requests`` counts the records given."""

    def __init__(self, con: DuckDBPyConnection, file_id: int, models: LoggedModels) -> None:
        self.requests = 0
        self._con = con
        self._models = models
        self._file_id = file_id
        self._rows: list[tuple[Any, ...]] = []

    def add(self, record: UsageRecord, line: int | None, raw: bytes) -> None:
        """Takes a record; ``raw`` is its line, hashed for the key of a record that bears no id."""
        self.requests += 1
        kind, key = _key_of(record, raw)
        tags = _json(record.tags) if record.tags else None
        for number, part in enumerate(record.parts):
            self._rows.append(
                (
                    key,
                    kind,
                    number,
                    part.kind,
                    len(record.parts),
                    self._file_id,
                    line,
                    record.started_at,
                    record.request_id,
                    record.provider,
                    record.region,
                    part.model,
                    record.feature,
                    record.user,
                    record.session,
                    tags,
                    record.service_tier,
                    record.speed,
                    record.inference_geo,
                    part.uncached_input_tokens,
                    part.cache_read_tokens,
                    part.cache_write_5m_tokens,
                    part.cache_write_1h_tokens,
                    part.output_tokens,
                    part.reasoning_tokens,
                    part.web_search_requests,
                    record.stop_reason,
                    record.stop_category,
                    record.max_tokens,
                    record.stream,
                    record.latency_ms,
                    record.time_to_first_token_ms,
                    record.status,
                    record.error,
                    record.recorded_cost_picos,
                    record.prefixes,
                )
            )
        if len(self._rows) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        if not self._rows:
            return
        self._models.learn((row[_MODEL], row[_PROVIDER], row[_REGION]) for row in self._rows if row[_MODEL] is not None)
        self._con.register("rows", _table(self._rows))
        self._con.execute(_INTO_USAGE)
        self._con.unregister("rows")
        self._rows.clear()


def _table(rows: list[tuple[Any, ...]]) -> Any:
    """The rows as an Arrow table."""
    import pyarrow as pa  # slow to import, and not needed for what is read in bulk

    types = {
        "SMALLINT": pa.int16(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
        "BOOLEAN": pa.bool_(),
        "TIMESTAMP": pa.timestamp("us"),
    }
    columns = zip(*rows, strict=True)
    arrays = [
        pa.array(column, type=types.get(kind, pa.string()))
        for column, kind in zip(columns, FACTS.values(), strict=True)
    ]
    return pa.Table.from_arrays(arrays, names=list(FACTS))


def _key_of(record: UsageRecord, raw: bytes) -> tuple[str, str]:
    if record.message_id:
        return "message", record.message_id
    if record.log_id:
        return "log", record.log_id
    if record.request_id:
        return "request", record.request_id
    return "line", hashlib.sha256(raw.strip()).hexdigest()


def _json(tags: dict[str, str]) -> str:
    return json.dumps(tags, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
