"""Usage records read one by one, on their way into `usage` in batches."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pyarrow as pa
from duckdb import DuckDBPyConnection

from ingest.record import UsageRecord
from store.derive import priced
from store.model_names import LoggedModels

_SCHEMA = pa.schema(
    [
        ("request_key", pa.string()),
        ("key_kind", pa.string()),
        ("part", pa.int16()),
        ("part_kind", pa.string()),
        ("parts", pa.int16()),
        ("file_id", pa.int32()),
        ("line", pa.int64()),
        ("started_at", pa.timestamp("us")),
        ("request_id", pa.string()),
        ("provider", pa.string()),
        ("region", pa.string()),
        ("model_logged", pa.string()),
        ("feature", pa.string()),
        ("user_id", pa.string()),
        ("session_id", pa.string()),
        ("tags", pa.string()),
        ("service_tier", pa.string()),
        ("speed", pa.string()),
        ("inference_geo", pa.string()),
        ("uncached_input_tokens", pa.int64()),
        ("cache_read_tokens", pa.int64()),
        ("cache_write_5m_tokens", pa.int64()),
        ("cache_write_1h_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("reasoning_tokens", pa.int64()),
        ("web_search_requests", pa.int64()),
        ("stop_reason", pa.string()),
        ("stop_category", pa.string()),
        ("max_tokens", pa.int64()),
        ("stream", pa.bool_()),
        ("latency_ms", pa.int64()),
        ("time_to_first_token_ms", pa.int64()),
        ("status", pa.int16()),
        ("error", pa.string()),
        ("recorded_cost_picos", pa.int64()),
        ("prefixes", pa.string()),
    ]
)
_INTO_USAGE = f"INSERT INTO usage BY NAME {priced('rows')}"
_MODEL, _PROVIDER, _REGION = (_SCHEMA.get_field_index(name) for name in ("model_logged", "provider", "region"))
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
        columns = zip(*self._rows, strict=True)
        arrays = [pa.array(column, type=field.type) for column, field in zip(columns, _SCHEMA, strict=True)]
        self._con.register("rows", pa.Table.from_arrays(arrays, schema=_SCHEMA))
        self._con.execute(_INTO_USAGE)
        self._con.unregister("rows")
        self._rows.clear()


def _key_of(record: UsageRecord, raw: bytes) -> tuple[str, str]:
    if record.message_id:
        return "message", record.message_id
    if record.request_id:
        return "request", record.request_id
    if record.log_id:
        return "log", record.log_id
    return "line", hashlib.sha256(raw.strip()).hexdigest()


def _json(tags: dict[str, str]) -> str:
    return json.dumps(tags, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
