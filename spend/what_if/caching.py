"""Caching as it was: how much of the prompts was read from caches, what that saved and cost, and what it missed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import astuple, dataclass, fields
from fractions import Fraction
from pathlib import Path

from duckdb import DuckDBPyConnection

from spend.filters import Filters
from spend.levers.lever import Pulled
from spend.what_if.answer import both_sides
from spend.what_if.limits import Limits
from spend.what_if.scene import Scene

_GAPS = (Path(__file__).parents[1] / "sql" / "caching_gaps.sql").read_text()
_FINGERPRINTS = (Pulled("cache", (("ttl", "5m"),)),)  # has the scene read them


@dataclass(frozen=True, slots=True)
class Caching:
    """Tokens; money in pico-dollars against the same prompts without caching; gaps of prefixes with a fingerprint.

    ``quick`` uses of a prefix came within 5 minutes of the last, ``slow`` ones within an hour, ``lapsed`` ones later.
    ``misses`` are five-minute writes that an entry of an hour would have made reads, of ``missed_tokens``.
    """

    uncached_tokens: int = 0
    read_tokens: int = 0
    write_5m_tokens: int = 0
    write_1h_tokens: int = 0
    saved_by_reads: int = 0
    cost_of_writes: int = 0
    quick: int = 0
    slow: int = 0
    lapsed: int = 0
    misses: int = 0
    missed_tokens: int = 0

    def with_(self, other: Caching) -> Caching:
        return Caching(*(one + more for one, more in zip(astuple(self), astuple(other), strict=True)))

    @property
    def hit_rate(self) -> Fraction | None:
        """The share of prompt tokens that were read from a cache; None without prompts."""
        prompt = self.uncached_tokens + self.read_tokens + self.write_5m_tokens + self.write_1h_tokens
        return Fraction(self.read_tokens, prompt) if prompt else None

    @property
    def reads_per_write(self) -> Fraction | None:
        """Tokens read for each token written; None where nothing was written."""
        written = self.write_5m_tokens + self.write_1h_tokens
        return Fraction(self.read_tokens, written) if written else None

    @property
    def saving(self) -> int:
        """What caching saved, its writes paid: negative where it cost more than it saved."""
        return self.saved_by_reads - self.cost_of_writes


def caching(con: DuckDBPyConnection, filters: Filters) -> dict[str | None, Caching]:
    """By feature, largest saving first; None is what has none. The values add up to the whole with ``with_``."""
    found: dict[str | None, Caching] = defaultdict(Caching)
    with Scene(con, filters) as scene:
        scene.prepare(_FINGERPRINTS)
        limits, plan, (seen, _) = both_sides(scene, [])
        tokens = ", ".join(f"sum(r.{name})::BIGINT" for name in ("uncached", "read", "write_5m", "write_1h"))
        query = (
            f"SELECT u.feature, r.kind, {seen.band} AS band, {tokens} FROM ({plan.relation(seen.band)}) r"
            " JOIN usage u ON u.rowid = r.n GROUP BY ALL"
        )
        for feature, kind, band, *counts in scene.con.execute(query).fetchall():
            found[feature] = found[feature].with_(_priced(limits, kind, band, counts))
        for feature, *gaps in scene.con.execute(_GAPS).fetchall():
            found[feature] = found[feature].with_(Caching(**dict(zip(_OF_GAPS, gaps, strict=True))))
    return dict(sorted(found.items(), key=lambda item: (-item[1].saving, item[0] is None, item[0] or "")))


def _priced(limits: Limits, kind: int, band: int, counts: list[int]) -> Caching:
    plain, read, write_5m, write_1h = limits.own_rates(kind, band)
    uncached, reads, writes_5m, writes_1h = counts
    return Caching(
        uncached_tokens=uncached,
        read_tokens=reads,
        write_5m_tokens=writes_5m,
        write_1h_tokens=writes_1h,
        saved_by_reads=reads * (plain - read),
        cost_of_writes=writes_5m * (write_5m - plain) + writes_1h * (write_1h - plain),
    )


_OF_GAPS = tuple(one.name for one in fields(Caching))[-5:]
