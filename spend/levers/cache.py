"""Mark a repeated prefix for caching."""

from __future__ import annotations

from dataclasses import dataclass

from spend.levers.lever import At, Change, Input, Lever, Pulled, Row

TTL_MS = {"5m": 300_000, "1h": 3_600_000}
# what came of a request's prefix in the replay
READ, WROTE_5M, WROTE_1H = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Cache:
    """Prices a prefix that recurs as written once and read after, by the recorded arrivals."""

    name: str = "cache"
    label: str = "Cache prompts"
    inputs: tuple[Input, ...] = (
        Input("ttl", "How long a prefix is kept", "choice", default="5m", choices=(*TTL_MS, "best"),
              hint="best: for each prefix the cheapest of 5 minutes, 1 hour and not at all"),
    )  # fmt: skip
    caveat: str = (
        "Exact for requests that record fingerprints of their prefix, if they arrive as they did; "
        "the others stay as they were, between the bounds that are shown apart."
    )

    def prefix(self, row: Row) -> str:
        """How many tokens would be marked."""
        return f"least(prefix_tokens, {row.prompt})"

    def eligible(self, row: Row, at: At) -> str:
        """Which requests take part in the replay."""
        return f"arrives AND NOT {row.cached} AND {self.prefix(row)} >= {at.limits['min_prefix']}"

    def change(self, row: Row, pulled: Pulled, at: At) -> Change:  # noqa: ARG002
        tokens, outcome = self.prefix(row), at.outcome
        columns = {
            name: f"{column} + CASE WHEN {outcome} = {which} THEN {tokens} ELSE 0 END"
            for name, column, which in (
                ("read", row.read, READ),
                ("write_5m", row.write_5m, WROTE_5M),
                ("write_1h", row.write_1h, WROTE_1H),
            )
        }
        columns["uncached"] = f"{row.uncached} - {tokens}"
        columns["cached"] = "true"
        open_ = f"first_part AND NOT {row.cached}"
        return Change(
            columns,
            when=f"coalesce({outcome}, 0) > 0",
            unless=(
                ("already_cached", f"first_part AND {row.cached}"),
                ("no_fingerprint", f"{open_} AND prefix IS NULL"),
                ("no_cache_price", f"{open_} AND NOT {at.limits['caches']}"),
                ("caching_does_not_pay", f"{self.eligible(row, at)} AND {outcome} IS NULL"),
                ("under_minimum", f"{open_} AND {self.prefix(row)} < {at.limits['min_prefix']}"),
            ),
        )


CACHE = Cache()
LEVER: Lever = CACHE
