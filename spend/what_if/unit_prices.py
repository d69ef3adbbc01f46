"""What one token of each class costs, asked of the cost formula itself: it is linear in tokens within a price band."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from store.derive import costed
from store.price_list import CLASSES

COUNTED = (*CLASSES, "web_search")
_TOKENS = {**{name: f"{name}_tokens" for name in CLASSES}, "web_search": "web_search_requests"}


class Kind(NamedTuple):
    """All that decides the price of a token beside the length of its prompt; ``moment`` is UTC without a zone."""

    model: str | None
    regional: bool
    speed: str | None
    service_tier: str | None
    inference_geo: str | None
    moment: datetime


class Band(NamedTuple):
    """Prices for prompts over so many tokens, up to the next band: pico-dollars each, in the order of COUNTED."""

    over: int
    rates: tuple[int | None, ...]

    @property
    def complete(self) -> bool:
        """Has every class of tokens a price?"""
        return None not in self.rates[: len(CLASSES)]


def unit_prices(con: DuckDBPyConnection, kinds: Iterable[Kind]) -> dict[Kind, tuple[Band, ...]]:
    """The bands of each kind, lowest first; none where there is no price.

    A prompt in each band with tokens of one class alone is put through the formula, under a model name of its own.
    """
    asked = list(dict.fromkeys(kinds))
    if not asked:
        return {}
    con.execute(
        "CREATE OR REPLACE TEMP TABLE what_if_probe AS SELECT * FROM (SELECT unnest(?::INTEGER[]) AS asked,"
        " unnest(?::VARCHAR[]) AS model, unnest(?::BOOLEAN[]) AS regional, unnest(?::VARCHAR[]) AS speed,"
        " unnest(?::VARCHAR[]) AS service_tier, unnest(?::VARCHAR[]) AS inference_geo,"
        " unnest(?::TIMESTAMP[]) AS moment)",
        [list(range(len(asked))), *(list(column) for column in zip(*asked, strict=True))],
    )
    found: dict[Kind, dict[int, dict[str, int | None]]] = {kind: {} for kind in asked}
    for number, over, name, rate in con.execute(_probing()).fetchall():
        found[asked[number]].setdefault(over, {})[name] = rate
    return {
        kind: tuple(Band(over, tuple(rates.get(name) for name in COUNTED)) for over, rates in sorted(bands.items()))
        for kind, bands in found.items()
    }


def _probing() -> str:
    tokens = ", ".join(
        # an answer or a search stands beside the shortest prompt of the band; the first band has an empty one
        f"CASE WHEN name = '{name}' THEN {'1' if name in ('output', 'web_search') else 'many'}"
        f" {'WHEN beside THEN shortest' if name == 'uncached_input' else ''} ELSE 0 END AS {column}"
        for name, column in _TOKENS.items()
    )
    names = ", ".join(f"('{name}')" for name in COUNTED)
    probes = f"""(
        SELECT asked, prompt_over, name, many, CAST(asked AS VARCHAR) AS model_logged, NULL AS provider,
               NULL AS region, speed, service_tier, inference_geo, moment AS started_at, {tokens}, 0 AS part,
               'message' AS part_kind, NULL AS stop_reason, NULL AS stop_category, NULL AS status, NULL AS error
        FROM (SELECT p.asked, p.speed, p.service_tier, p.inference_geo, p.moment, b.prompt_over, c.name,
                     greatest(b.prompt_over + 1, 1) AS many, b.prompt_over + 1 AS shortest,
                     c.name IN ('output', 'web_search') AS beside
              FROM what_if_probe p
              JOIN price b ON b.model = p.model AND b.speed = coalesce(p.speed, 'standard')
                  AND p.moment >= b.valid_from AND p.moment < b.valid_until
              CROSS JOIN (VALUES {names}) c(name)))"""
    costs = " ".join(
        f"WHEN '{name}' THEN {name}_cost // {'1' if name in ('output', 'web_search') else 'many'}" for name in COUNTED
    )
    return f"""
        WITH model_name AS (
            SELECT CAST(asked AS VARCHAR) AS model_logged, NULL::VARCHAR AS provider, NULL::VARCHAR AS region,
                   model, regional, NULL::VARCHAR AS assumption
            FROM what_if_probe)
        SELECT asked, prompt_over, name, CASE name {costs} END FROM ({costed(probes)})"""
