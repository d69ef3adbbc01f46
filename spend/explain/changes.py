"""What plainly changed in some hours: a retry loop, a new model or feature, caching that broke, longer answers."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

from duckdb import DuckDBPyConnection

from spend.explain.beside import Billed, billed
from spend.explain.compared import Compared, seen_before
from spend.explain.why import FeatureUse, Use
from spend.filters import Filters
from spend.spikes.series import Scope

LOOP_LEAST, LOOP_ALIKE, LOOP_TIMES = 20, 0.8, 5
LOOP_RATE = 15  # an hour
FELL = 0.2  # of the prompt, read from the cache
LONGER = 1.5
LEAST_SHARE = 0.1  # of the change, for a change to be told


@dataclass(frozen=True)
class Change:
    """One thing that changed: which kind, in one sentence, and the requests it is about."""

    kind: str
    sentence: str
    filters: Filters


def retry_loops(con: DuckDBPyConnection, asked: Compared) -> list[Change]:
    """Users who sent one feature many requests alike, many times as many as usual, in the hours that changed."""
    where, params = replace(asked.filters, since=None, until=None).sql()
    spans = " OR ".join(f"quarter >= {first} AND quarter < {past}" for first, past in asked.spans)
    rows = con.execute(
        f"""
        WITH sent AS (
            SELECT user_id, feature, started_at, prompt_tokens, failed, coalesce(output_tokens, 0) AS output_tokens,
                   stop_reason, coalesce(status, 0) AS status, lag(failed) OVER one AS after_failure,
                   lag(status) OVER one AS after_status
            FROM usage WHERE part = 0 AND ({spans}) AND {where}
            WINDOW one AS (PARTITION BY user_id, feature ORDER BY started_at, request_key)
        ), typical AS (
            SELECT user_id, feature, median(prompt_tokens) FILTER (failed = 0) AS prompt FROM sent GROUP BY ALL
        )
        SELECT sent.user_id, sent.feature, count(*) FILTER (failed = 0),
               count(*) FILTER (failed = 0 AND abs(prompt_tokens - prompt) <= 0.05 * prompt),
               count(*) FILTER (failed = 0 AND after_failure = 1),
               mode(after_status) FILTER (failed = 0 AND after_failure = 1), mode(stop_reason),
               epoch(max(started_at) - min(started_at)) / 3600.0
        FROM sent JOIN typical ON sent.user_id IS NOT DISTINCT FROM typical.user_id
            AND sent.feature IS NOT DISTINCT FROM typical.feature
        GROUP BY ALL HAVING count(*) FILTER (failed = 0) >= {LOOP_LEAST}
        ORDER BY 4 DESC LIMIT 20
        """,
        params,
    ).fetchall()
    found = []
    for user, feature, answered, alike, after, status, stop, hours in rows:
        if user is None or alike < LOOP_ALIKE * answered or alike < LOOP_RATE * max(hours, 1):
            continue
        before = _usual_requests(con, asked, user, feature)
        if alike < LOOP_TIMES * max(before, 1.0):
            continue
        errors = f", {after} of them just after {_a(status)}" if after else ""
        ended = f", ended by {stop}" if stop not in (None, "end_turn") else ""
        sentence = (
            f"A retry loop: user {user} sent {_feature(feature)} {alike} requests alike in {_hours(hours)}"
            f"{errors}{ended}; usually {_few(before)} in these hours."
        )
        found.append(Change("retry loop", sentence, _narrowed(asked.filters, feature, ("user", user))))
    return found[:3]


def _usual_requests(con: DuckDBPyConnection, asked: Compared, user: str | None, feature: str | None) -> float:
    """How many answers a user had of a feature in the usual of these hours."""
    where, params = Filters(where=(("user", user), ("feature", feature))).sql()
    spans = " OR ".join(f"quarter >= {first} AND quarter < {past}" for first, past, _ in asked.prior)
    if not spans:
        return 0.0
    by_quarter = con.execute(
        f"SELECT quarter, count(*) FROM usage WHERE part = 0 AND failed = 0 AND {asked.bounds()} AND ({spans})"
        f" AND {where} GROUP BY quarter",
        params,
    ).fetchall()
    return float(sum(n * share for q, n in by_quarter for first, past, share in asked.prior if first <= q < past))


def changes(con: DuckDBPyConnection, asked: Compared, before: FeatureUse, after: FeatureUse) -> list[Change]:
    """Everything that plainly changed, retry loops first."""
    found = retry_loops(con, asked)
    start = asked.spans[0][0]
    features, models = (seen_before(con, name, start) for name in ("feature", "model"))
    sides = {name: (billed([before.get(name, {})]), billed([after.get(name, {})])) for name in {**before, **after}}
    moved = sum(abs(now.cost - was.cost) for was, now in sides.values())
    for feature, used in after.items():
        was, now = sides[feature]
        if abs(now.cost - was.cost) < LEAST_SHARE * moved:
            continue
        if features and feature not in features:
            sentence = f"{_feature(feature).capitalize()} is new: it had no request in the 28 days before."
            found.append(Change("new feature", sentence, _narrowed(asked.filters, feature)))
        elif features:
            found += _new_models(asked, feature, used, before.get(feature, {}), models)
        found += _cache_and_output(asked, feature, was, now)
    return found


def _new_models(asked: Compared, feature: str | None, now: Use, was: Use, seen: Container[str | None]) -> list[Change]:
    found = []
    for model, use in now.items():
        if model in was or use.cost < LEAST_SHARE * billed([now]).cost or (not was and model in seen):
            continue
        first = "is not usual here" if model in seen else "was used for the first time"
        sentence = f"A new model: {model} {first}, by {_feature(feature)}."
        found.append(Change("new model", sentence, _narrowed(asked.filters, feature, ("model", model))))
    return found


def _cache_and_output(asked: Compared, feature: str | None, was: Billed, now: Billed) -> list[Change]:
    found = []
    read_before, read_now = was.read_share, now.read_share
    fewer = now.read < 0.9 * was.read  # and not only more that was never cached
    if fewer and read_before is not None and read_now is not None and read_before - read_now >= FELL:
        sentence = (
            f"Caching broke: {_feature(feature)} read {read_now:.0%} of its prompts from the cache,"
            f" usually {read_before:.0%}."
        )
        found.append(Change("caching broke", sentence, _narrowed(asked.filters, feature)))
    long_before, long_now = was.output_each, now.output_each
    if long_before and long_now and long_now >= LONGER * long_before:
        sentence = (
            f"Longer answers: {_feature(feature)} wrote {long_now:,.0f} tokens a request, usually {long_before:,.0f}."
        )
        found.append(Change("longer outputs", sentence, _narrowed(asked.filters, feature)))
    return found


def _narrowed(filters: Filters, feature: str | None, *also: tuple[str, str | None]) -> Filters:
    pairs: Scope = (("feature", feature), *also)
    for dimension, name in pairs:
        filters = filters.narrowed(dimension, name)
    return filters


def _feature(name: str | None) -> str:
    return f"feature {name}" if name is not None else "requests without a feature"


def _a(status: int | None) -> str:
    return f"a {status}" if status else "a failure"


def _hours(hours: float) -> str:
    return f"{round(hours)} hours" if hours >= 1.5 else f"{max(1, round(60 * hours))} minutes"


def _few(count: float) -> str:
    return f"{count:.0f}" if count >= 1 else "none" if count < 0.05 else "fewer than one"
