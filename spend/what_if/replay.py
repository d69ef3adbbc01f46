"""The replay of caching over recorded arrivals: which requests would read their prefix, and which write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from spend.levers.cache import READ, TTL_MS, WROTE_1H, WROTE_5M
from spend.levers.lever import Row
from spend.what_if.limits import Limits
from spend.what_if.scene import Found, Scene

_SQL = Path(__file__).parents[1] / "sql"
_REPLAY, _BEST = ((_SQL / f"{name}.sql").read_text() for name in ("cache_replay", "cache_best"))
_WROTE = {"5m": WROTE_5M, "1h": WROTE_1H}
# sums that differ where it differs which requests take part and where their caches are; their prefixes stay
_SIGNATURE = (
    "count(*) FILTER ({eligible})",
    "coalesce(sum(mark % 1048573 * ({place} + 1)) FILTER ({eligible}), 0)::BIGINT",
    "coalesce(sum((mark >> 20) * ({place} + 1)) FILTER ({eligible}), 0)::BIGINT",
)


class Rows(Protocol):
    """The requests at one point of the replay."""

    def ask(self, select: str) -> Found: ...

    def relation(self, *needed: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Columns of the requests that share caches: where their cache is, whether they take part, how much they mark.

    ``target`` and ``band`` say, with the kind of request, what they pay.
    """

    place: str
    eligible: str
    tokens: str
    target: str
    band: str


def replay(table: str, arrivals: str, ttl: str) -> str:
    """The statement that makes ``table`` (n, hit) from a query of n, chain, began and wait."""
    return _REPLAY.format(table=table, arrivals=arrivals, ttl=TTL_MS[ttl])


class Replays:
    """Replays of a scene's requests; the same arrivals are replayed once."""

    def __init__(self, scene: Scene, limits: Limits) -> None:
        self._scene, self._limits = scene, limits

    def tables(self, rows: Rows, arrivals: Mapping[Row, Arrivals], ttl: str) -> dict[Row, str]:
        """For each row the table of (n, outcome_<table>) of the requests whose prefix is marked."""
        columns = [
            column.format(eligible=one.eligible, place=one.place) for one in arrivals.values() for column in _SIGNATURE
        ]
        if not columns:
            return {}
        signatures = [
            int(column[0])
            for column in rows.ask(", ".join(f"{column} AS s{n}" for n, column in enumerate(columns))).values()
        ]
        width = len(_SIGNATURE)
        tables = {}
        for n, (row, one) in enumerate(arrivals.items()):
            signature = tuple(signatures[width * n : width * (n + 1)])
            make = self._best if ttl == "best" else self._outcome
            tables[row] = make(rows, one, signature, ttl)
        return tables

    def _hits(self, rows: Rows, one: Arrivals, signature: tuple[int, ...], ttl: str) -> str:
        def make(table: str) -> None:
            relation = rows.relation(one.place, one.eligible)
            chain = f"prefix * 32768 + {one.place} AS chain"
            query = f"SELECT n, {chain}, began, wait FROM ({relation}) WHERE {one.eligible}"
            self._scene.con.execute(replay(table, query, ttl))

        return self._scene.kept(("hits", ttl, signature), make)

    def _outcome(self, rows: Rows, one: Arrivals, signature: tuple[int, ...], ttl: str) -> str:
        def make(table: str) -> None:
            hits = self._hits(rows, one, signature, ttl)
            outcome = f"CASE WHEN hit = 1 THEN {READ} ELSE {_WROTE[ttl]} END AS outcome_{table}"
            self._scene.con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT n, {outcome} FROM {hits}")

        return self._scene.kept(("outcome", ttl, signature), make)

    def _best(self, rows: Rows, one: Arrivals, signature: tuple[int, ...], ttl: str) -> str:
        def make(table: str) -> None:
            self._limits.write_rates("what_if_rate")
            relation = rows.relation(one.place, one.eligible, one.tokens, one.target, one.band)
            arrivals = (
                f"SELECT n, prefix * 32768 + {one.place} AS chain, {one.tokens} AS tokens, kind,"
                f" {one.target} AS target, {one.band} AS band FROM ({relation}) WHERE {one.eligible}"
            )
            five, hour = (self._hits(rows, one, signature, each) for each in TTL_MS)
            outcomes = {"read": READ, "wrote_5m": WROTE_5M, "wrote_1h": WROTE_1H}
            self._scene.con.execute(
                _BEST.format(table=table, arrivals=arrivals, five=five, hour=hour, rates="what_if_rate", **outcomes)
            )

        return self._scene.kept(
            (ttl, signature, one, rows.relation(one.tokens, one.target, one.band), tuple(self._limits.moved.items())),
            make,
        )
