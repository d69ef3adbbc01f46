"""A single request laid out as arithmetic: tokens x price x factors = cost, with every source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from duckdb import DuckDBPyConnection

from spend.filters import quarter_of
from spend.requests import ROW_COLUMNS, RequestRow
from store.derive import costed
from store.facts import facts as facts_of
from store.money import dollars
from store.provenance import line_of

_CLASSES = {
    "uncached_input": ("uncached_input_tokens", "uncached input"),
    "cache_read": ("cache_read_tokens", "cache reads"),
    "cache_write_5m": ("cache_write_5m_tokens", "5-minute cache writes"),
    "cache_write_1h": ("cache_write_1h_tokens", "1-hour cache writes"),
    "output": ("output_tokens", "output"),
}
_FACTS = (
    "request_key, key_kind, request_id, provider, region, model_logged, feature, user_id, session_id, tags,"
    " service_tier, speed, inference_geo, reasoning_tokens, stop_reason, stop_category, max_tokens, stream,"
    " latency_ms, time_to_first_token_ms, status, error"
)

_PARTS = f"SELECT * FROM ({costed(facts_of('{of}'))}) ORDER BY part"


@dataclass(frozen=True, slots=True)
class ArithmeticLine:
    """count x list price (USD a million tokens, or a thousand searches) x factors = cost in pico-dollars."""

    label: str
    count: int
    list_price: Decimal
    per: str
    factors: tuple[tuple[str, Decimal], ...]
    cost: int


@dataclass(frozen=True, slots=True)
class PartDetail:
    """A billed part: its arithmetic, and where the price comes from. ``cost`` None: unpriced, and why.

    ``free_because``: "failed" or "refused", where nothing was billed.
    """

    kind: str
    model_logged: str
    model: str
    lines: tuple[ArithmeticLine, ...]
    cost: int | None
    unpriced_because: str | None
    free_because: str | None
    price_since: datetime | None
    price_source: str | None
    price_confidence: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RequestDetail:
    """All there is to know of a request. ``line`` None: not to be found in the file any more."""

    row: RequestRow
    parts: tuple[PartDetail, ...]
    facts: dict[str, Any]
    file: str
    line: int | None
    loaded_at: datetime
    recorded_cost: int | None


def request(con: DuckDBPyConnection, request_key: str, *, at: datetime | None = None) -> RequestDetail | None:
    """The request with this key, or None; ``at`` is when it most likely was (UTC), which finds it far sooner."""
    rows = _rows(con, request_key, f"quarter = {quarter_of(at)}") if at else []
    rows = rows or _rows(con, request_key, "true")
    if not rows:
        return None
    quarter, *values = rows[0]
    row = RequestRow(*values)
    of = f"quarter {'IS NULL' if quarter is None else f'= {quarter}'} AND request_key = ?"  # its parts have one time
    facts = _dicts(con, f"SELECT {_FACTS} FROM usage WHERE part = 0 AND {of}", [request_key])[0]
    origin = _dicts(
        con,
        "SELECT path, line, loaded_at, origin, recorded_cost_picos FROM usage JOIN load_file USING (file_id)"
        f" JOIN load USING (load_id) WHERE part = 0 AND {of}",
        [request_key],
    )[0]
    return RequestDetail(
        row=row,
        parts=tuple(_part(found) for found in _dicts(con, _PARTS.replace("{of}", of), [request_key])),
        facts=facts,
        file=origin["path"],
        line=origin["line"] or _line(origin, facts, row.output_tokens),
        loaded_at=origin["loaded_at"],
        recorded_cost=origin["recorded_cost_picos"],
    )


def _rows(con: DuckDBPyConnection, request_key: str, when: str) -> list[Any]:
    query = f"SELECT quarter, {ROW_COLUMNS} FROM usage WHERE {when} AND part = 0 AND request_key = ?"
    return con.execute(query, [request_key]).fetchall()


def _line(origin: dict[str, Any], facts: dict[str, Any], output_tokens: int | None) -> int | None:
    if facts["key_kind"] == "line" or origin["origin"] == "upload":  # an uploaded file is not kept
        return None
    return line_of(origin["path"], facts["request_key"], output_tokens)


def _part(v: dict[str, Any]) -> PartDetail:
    priced = v["unpriced_because"] is None and not v["free"]
    return PartDetail(
        kind=v["part_kind"],
        model_logged=v["model_logged"],
        model=v["model"],
        lines=tuple(_lines(v)) if priced else (),
        cost=v["cost"],
        unpriced_because=v["unpriced_because"],
        free_because=("failed" if v["failed"] else "refused") if v["free"] else None,
        price_since=v["price_valid_from"],
        price_source=v["price_source"],
        price_confidence=v["price_confidence"],
        notes=tuple(note for note in (v["assumption"], v["price_note"]) if note),
    )


def _lines(v: dict[str, Any]) -> list[ArithmeticLine]:
    factors = tuple(_factors(v))
    lines = [
        ArithmeticLine(label, v[column], dollars(v[f"{name}_rate"] * 10**6), "million", factors, v[f"{name}_cost"])
        for name, (column, label) in _CLASSES.items()
        if v[column]
    ]
    if v["web_search_requests"]:
        price = dollars(v["web_search_rate"] * 1000)
        lines.append(
            ArithmeticLine("web searches", v["web_search_requests"], price, "thousand", (), v["web_search_cost"])
        )
    return lines


def _factors(v: dict[str, Any]) -> list[tuple[str, Decimal]]:
    found = []
    if v["service_tier"] == "batch" and v["batch_halves"] != 2:
        found.append(("batch", Decimal(v["batch_halves"]) / 2))
    if v["inference_geo"] == "us" and v["geo_us_twentieths"] != 20:
        found.append(("US inference", Decimal(v["geo_us_twentieths"]) / 20))
    elif v["regional"] and v["regional_twentieths"] != 20:
        found.append(("regional endpoint", Decimal(v["regional_twentieths"]) / 20))
    return found


def _dicts(con: DuckDBPyConnection, query: str, params: list[Any]) -> list[dict[str, Any]]:
    result = con.execute(query, params)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, values, strict=True)) for values in result.fetchall()]
