"""What the data and the price list cover: time with its gaps, what has no price, and the prices there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path

from duckdb import DuckDBPyConnection

from spend.breakdown import amounts
from spend.filters import Filters, days
from store.connection import PRICES, Store
from store.prices import PriceListError, read_price_lists

__all__ = [
    "Coverage",
    "ListedPrice",
    "PriceListError",
    "PricePerPiece",
    "Unpriced",
    "covered",
    "gaps",
    "listed_prices",
    "nearest_model",
    "prices_per_piece",
    "requests_by_day",
    "reread_prices",
    "unpriced",
]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the store holds; the times of the first and last request are UTC without a zone, None without any."""

    requests: int
    undated: int
    unpriced: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Parts of requests without a price: which model, why (a code of store/sql/cost.sql), how much, and when."""

    model: str | None
    reason: str
    requests: int
    tokens: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """One row of the price list: pico-dollars a token, valid [valid_from, valid_until) in UTC, None where open.

    It holds for prompts over ``prompt_over`` tokens (None: from the first) up to ``prompt_upto`` (None: any).
    """

    model: str
    display: str
    speed: str
    valid_from: datetime | None
    valid_until: datetime | None
    prompt_over: int | None
    prompt_upto: int | None
    uncached_input: int | None
    cache_read: int | None
    cache_write_5m: int | None
    cache_write_1h: int | None
    output: int | None
    geo_us_twentieths: int
    regional_twentieths: int
    batch_halves: int
    confidence: str
    source: str
    checked_on: date | None
    note: str | None
    used: bool


@dataclass(frozen=True, slots=True)
class PricePerPiece:
    """A price that is not by the token: web searches, in pico-dollars each."""

    name: str
    valid_from: datetime | None
    valid_until: datetime | None
    pico_each: int
    source: str


def covered(con: DuckDBPyConnection) -> Coverage:
    """How many requests the store holds, and from when to when."""
    requests, undated, unpriced = con.execute(
        "SELECT coalesce(sum(requests), 0)::BIGINT, coalesce(sum(requests) FILTER (day IS NULL), 0)::BIGINT,"
        " coalesce(sum(unpriced_requests), 0)::BIGINT FROM rollup_day"
    ).fetchall()[0]
    ends = con.execute("SELECT min(quarter), max(quarter) FROM rollup").fetchall()[0]
    first, last = (
        con.execute(f"SELECT {end}(started_at) FROM usage WHERE quarter = ?", [quarter]).fetchall()[0][0]
        for end, quarter in zip(("min", "max"), ends, strict=True)
    )
    return Coverage(requests, undated, unpriced, first, last)


def requests_by_day(con: DuckDBPyConnection, timezone: str) -> dict[date, int]:
    """Requests of every local day from the first to the last, days without any included."""
    by_day = amounts(con, Filters(timezone=timezone), ("day",), measure="requests")
    found = {date.fromisoformat(day): number for (day,), number in by_day.items() if day is not None}
    if not found:
        return {}
    return {day: found.get(day, 0) for day in days(min(found), max(found) + timedelta(days=1))}


def gaps(requests: Mapping[date, int]) -> list[tuple[date, date]]:
    """Runs of days without requests, first and last day each, that stand out.

    A run is a gap if a weekday in it is otherwise mostly busy, or if it is a week or longer: weekends that are always
    quiet are no gaps, one silent Tuesday among busy ones is.
    """
    busy: dict[int, list[bool]] = {weekday: [] for weekday in range(7)}
    for day, number in requests.items():
        busy[day.weekday()].append(number > 0)
    usual = {weekday: 2 * sum(seen) >= len(seen) - 1 for weekday, seen in busy.items()}
    runs: list[list[date]] = []
    for day, number in requests.items():
        if number:
            continue
        if runs and runs[-1][-1] == day - timedelta(days=1):
            runs[-1].append(day)
        else:
            runs.append([day])
    return [(run[0], run[-1]) for run in runs if len(run) >= 7 or any(usual[day.weekday()] for day in run)]


def unpriced(con: DuckDBPyConnection, filters: Filters | None = None) -> list[Unpriced]:
    """What has no price, by model and reason, most requests first."""
    condition, params = (filters or Filters()).sql()
    unpriced_parts = f"FROM usage WHERE cost IS NULL AND {condition}"
    found = con.execute(
        f"""
        SELECT model, unpriced_because, count(*),
               coalesce(sum(coalesce(prompt_tokens, 0) + coalesce(output_tokens, 0)), 0)::BIGINT,
               min(started_at), max(started_at)
        {unpriced_parts} GROUP BY model, unpriced_because
        """,
        params,
    ).fetchall()
    # keys are many and long: only those that can come twice are compared
    further = con.execute(
        f"SELECT model, unpriced_because, count(*) - count(DISTINCT request_key) {unpriced_parts} AND parts > 1"
        " GROUP BY model, unpriced_because",
        params,
    ).fetchall()
    again = {(model, reason): number for model, reason, number in further}
    rows = [Unpriced(model, why, parts - again.get((model, why), 0), *rest) for model, why, parts, *rest in found]
    return sorted(rows, key=lambda row: (-row.requests, -row.tokens, row.model is None, row.model or "", row.reason))


def listed_prices(con: DuckDBPyConnection) -> list[ListedPrice]:
    """The whole price list by model, the newest price of each first; ``used`` by some request in the store."""
    found = con.execute(
        """
        SELECT model, display, speed, nullif(valid_from, TIMESTAMP '1970-01-01'),
               nullif(valid_until, TIMESTAMP '9999-12-31'), CASE WHEN prompt_over >= 0 THEN prompt_over END,
               nullif(prompt_upto, 9223372036854775807), uncached_input, cache_read, cache_write_5m, cache_write_1h,
               output, geo_us_twentieths, regional_twentieths, batch_halves, confidence, source, checked_on, note,
               model IN (SELECT model FROM rollup_day)
        FROM price LEFT JOIN model USING (model)
        ORDER BY released_on DESC NULLS LAST, model, speed DESC, valid_from DESC, prompt_over
        """
    ).fetchall()
    return [ListedPrice(*row) for row in found]


def prices_per_piece(con: DuckDBPyConnection) -> list[PricePerPiece]:
    """What is paid for by the piece, newest first."""
    found = con.execute(
        "SELECT name, nullif(valid_from, TIMESTAMP '1970-01-01'), nullif(valid_until, TIMESTAMP '9999-12-31'),"
        " pico_each, source FROM rule_price ORDER BY name, valid_from DESC"
    ).fetchall()
    return [PricePerPiece(*row) for row in found]


def nearest_model(logged: str, listed: Iterable[str]) -> str | None:
    """The listed model a logged name may stand for: a suggestion to show, never a price."""
    near = get_close_matches(logged.lower(), sorted(set(listed)), n=1, cutoff=0.6)
    return near[0] if near else None


def reread_prices(store: Store, folder: Path | None = None) -> int:
    """Reads the price files again, prices every request by them, and says how many rows there are.

    Raises ``PriceListError`` and changes nothing if a file cannot be used.
    """
    prices = read_price_lists(folder or PRICES)
    store.reprice(prices)
    return len(prices.prices)
