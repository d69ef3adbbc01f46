"""Writes the sample log, 30 days of Larkspur: `python -m data.sample.make_sample`. README.md tells its stories.

Seeded, and only sums and products of random numbers, so every machine writes the same lines.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from data.sample.larkspur import DIGEST, FEATURES, LAB, OFFICE, SPEED, Feature, Product

LAST_DAY = date(2026, 11, 19)
DAYS = 30
REQUESTS = 20_000
SEED = 20_261_119
LOG = Path(__file__).with_name("larkspur-2026-11.jsonl.gz")
PARIS = ZoneInfo("Europe/Paris")
FABLE_LAUNCH = datetime(2026, 11, 9, tzinfo=UTC)
LOOP_START = datetime(2026, 11, 13, 1, 2, tzinfo=PARIS).astimezone(UTC)
LOOP_END = datetime(2026, 11, 13, 3, 57, tzinfo=PARIS).astimezone(UTC)
COUNTS = ["input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation"]

Record = dict[str, object]


def month(seed: int = SEED, *, days: int = DAYS, requests: int = REQUESTS) -> list[Record]:
    """Usage records of ``days`` whole UTC days up to 2026-11-19, about ``requests`` of them, in order of time."""
    product = Product(Random(seed), scale=requests / REQUESTS * DAYS / days)
    first = datetime.combine(LAST_DAY, datetime.min.time(), UTC) - timedelta(days=days - 1)
    hours = [first + timedelta(hours=n) for n in range(24 * days)]
    planned = sorted(_arrivals(product, hours), key=lambda arrival: arrival[0])
    for at, feature, user in planned:
        _request(product, feature, user, at)
    _retry_loop(product)
    _oddities(product)
    end = first + timedelta(days=days)
    inside = [record for record in product.records if first.isoformat() <= str(record["time"]) < end.isoformat()]
    return sorted(inside, key=lambda record: str(record["time"]))


def _arrivals(product: Product, hours: list[datetime]) -> Iterator[tuple[datetime, Feature, str]]:
    random, day_mood = product.random, 1.0
    for hour in hours:
        local = hour.astimezone(PARIS)
        if not local.hour:
            day_mood = 0.88 + 0.24 * random.random()
        mood = 0.94 + 0.12 * random.random()
        for feature in FEATURES:
            day = feature.weekend[local.weekday() - 5] if local.weekday() > 4 else 1.0
            busy = mood * day_mood if feature.hours is OFFICE else mood
            goes = (1 + feature.turns) / 2
            expected = feature.weekday * product.scale * day * busy * feature.hours[local.hour] / sum(feature.hours)
            for _ in range(int(expected / goes + random.random())):
                at, user = hour + timedelta(seconds=3_600 * random.random()), product.user(feature)
                for _ in range(product.between(1, feature.turns + 1)):
                    yield at, feature, user
                    at += timedelta(seconds=20 + 140 * random.random())
        if local.hour == 2 and not local.fold:
            for n in range(int(DIGEST.weekday * product.scale + 2 * random.random())):
                yield hour + timedelta(seconds=300 + 45 * n), DIGEST, "svc_digest"


def _request(product: Product, feature: Feature, user: str, at: datetime) -> None:
    random = product.random
    if feature is not DIGEST and random.random() < 0.006:
        status, error = random.choice(((529, "overloaded_error"), (529, "overloaded_error"), (429, "rate_limit_error")))
        product.records.append(_failed(product, feature, user, at, status, error))
        at += timedelta(seconds=3 + 6 * random.random())
    record = _answered(product, feature, user, at)
    if random.random() < 0.009:
        record.pop("user", None)
    if random.random() < 0.007 and feature is not DIGEST:
        record.pop("feature", None)
    product.records.append(record)


def _head(product: Product, feature: Feature, user: str, at: datetime) -> Record:
    model = feature.model
    if feature.name == "contract-review" and at.astimezone(PARIS) >= FABLE_LAUNCH:
        model = "claude-fable-5-2"
    team = next((team for team, users in product.users.items() if user in users), "product")
    record: Record = {"time": _iso(at), "request_id": "req_011C" + product.letters(20), "model": model}
    if feature.served_as:
        record |= {"model": feature.served_as, "model_requested": model}
    record |= {"provider": "anthropic", "feature": feature.name}
    if user:
        record |= {"user": user, "session": product.session(feature, user, at)}
    env = "staging" if feature is LAB or product.random.random() < 0.02 else "production"
    return record | {"tags": {"team": team, "env": env}}


def _failed(product: Product, feature: Feature, user: str, at: datetime, status: int, error: str) -> Record:
    latency = 180 + product.between(0, 2_600, 2)
    record = _head(product, feature, user, at)
    return record | {"max_tokens": feature.max_tokens, "latency_ms": latency, "status": status, "error": error}


def _answered(product: Product, feature: Feature, user: str, at: datetime, fresh: int = 0, output: int = 0) -> Record:
    fresh = fresh or product.between(*feature.fresh, 2)
    output = output or product.between(*feature.output, 2 if feature.output[0] > 100 else 1)
    record = _head(product, feature, user, at)
    record["message_id"] = "msg_01" + product.letters(22)
    stop = "max_tokens" if output >= feature.max_tokens else "end_turn"
    output = min(output, feature.max_tokens)
    read, written = _cache(product, feature, at)
    plain = fresh + (0 if feature.keeps else feature.prefix)
    record["usage"] = _usage(product, feature, plain, read, written, output)
    record |= {"stop_reason": stop, "max_tokens": feature.max_tokens, "stream": feature.stream}
    if feature is DIGEST:
        del record["request_id"]
    else:
        first = 260 + (plain + written) // 22 + read // 160 + product.between(0, 500, 2)
        record["latency_ms"] = first + output * SPEED.get(feature.model, 17)
        if feature.stream:
            record["time_to_first_token_ms"] = first
    record["status"] = 200
    if feature.prefix:
        mark = hashlib.sha256(f"{feature.name} prefix".encode()).hexdigest()[:16]
        share = round(feature.prefix / (feature.prefix + fresh), 4)
        record["prefixes"] = [{"hash": mark, "share": share, "cached": feature.keeps is not None}]
    return record


def _cache(product: Product, feature: Feature, at: datetime) -> tuple[int, int]:
    """Tokens read from the cache and written to it: every use, by anyone, keeps the prefix for another while."""
    if feature.keeps is None:
        return 0, 0
    until = product.cached_until.get(feature.name, at - feature.keeps)
    product.cached_until[feature.name] = max(until, at + feature.keeps)
    return (feature.prefix, 0) if at <= until else (0, feature.prefix)


def _usage(product: Product, feature: Feature, plain: int, read: int, written: int, output: int) -> Record:
    hourly = feature.keeps == timedelta(hours=1)
    searches = product.between(0, feature.searches + 1) if feature.searches else 0
    thinking = int(output * feature.thinking * (0.6 + 0.8 * product.random.random()))
    abroad = feature.name == "market-research" and product.random.random() < 0.15
    return {
        "input_tokens": plain + searches * 3_200,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": 0 if hourly else written,
            "ephemeral_1h_input_tokens": written if hourly else 0,
        },
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": thinking},
        "server_tool_use": {"web_search_requests": searches, "web_fetch_requests": 0} if searches else None,
        "service_tier": "batch" if feature is DIGEST else "standard",
        "inference_geo": "us" if abroad else "not_available" if feature.model == "claude-haiku-4-5" else "global",
        "speed": "standard",
    }


def _retry_loop(product: Product) -> None:
    """One client that took every slow answer for a failure and asked again, whole prompt and all, for three hours."""
    search = next(feature for feature in FEATURES if feature.name == "document-search")
    at = LOOP_START
    while at < LOOP_END:
        if product.random.random() < 0.92:
            product.records.append(_failed(product, search, product.loop_user, at, 529, "overloaded_error"))
            at += timedelta(seconds=5 + 7 * product.random.random())
        output = product.between(290, 420)
        product.records.append(_answered(product, search, product.loop_user, at, fresh=21_870, output=output))
        at += timedelta(seconds=14 + 6 * product.random.random())


def _oddities(product: Product) -> None:
    """The rare ones: refusals, bad calls, prompts just over a price step, an unreleased model, iterations."""
    by_name = {feature.name: feature for feature in FEATURES}
    for n in range(10):
        chat = _at(product, by_name["customer-chat"], 3 * n)
        usage = chat["usage"]
        assert isinstance(usage, dict)
        usage |= {"output_tokens": 0, "output_tokens_details": {"thinking_tokens": 0}}
        chat |= {"stop_reason": "refusal", "stop_details": {"type": "refusal", "category": "bio" if n % 3 else "cyber"}}
    for n in range(14):
        _at(product, by_name["attachment-reader"], 2 * n + 1, fresh=100_000 + product.between(1, 1_900))
    for n in range(25):
        _at(product, LAB, 27 + n % 2)
    for n in range(9):
        feature, when = by_name["attachment-reader"], _daytime(product, 3 * n + 2)
        user = product.user(feature)
        product.records.append(_failed(product, feature, user, when, 400, "invalid_request_error"))
    for n, kind in enumerate(("advisor_message", "advisor_message", "compaction")):
        _with_iteration(_at(product, by_name["market-research"], 7 + 6 * n), kind)


def _daytime(product: Product, day: int) -> datetime:
    """A moment of a working day, ``day`` days after the first; a weekend's becomes the next Monday's."""
    local = datetime(2026, 10, 21, tzinfo=PARIS) + timedelta(days=day, hours=10)
    local += timedelta(days=max(0, 7 - local.weekday()) if local.weekday() > 4 else 0)
    return local.astimezone(UTC) + timedelta(seconds=product.between(0, 6 * 3_600))


def _at(product: Product, feature: Feature, day: int, fresh: int = 0) -> Record:
    record = _answered(product, feature, product.user(feature), _daytime(product, day), fresh=fresh)
    product.records.append(record)
    return record


def _with_iteration(record: Record, kind: str) -> None:
    """Adds what was billed beside the answer: advice from a larger model, or the summary of a long conversation."""
    usage = record["usage"]
    assert isinstance(usage, dict)
    counts = {name: usage[name] for name in COUNTS}
    beside = {"type": kind, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "cache_creation": None}
    if kind == "advisor_message":
        beside |= {"model": "claude-opus-5-5", "input_tokens": 9_400, "output_tokens": 610}
    else:
        beside |= {"input_tokens": 151_200, "output_tokens": 3_900}
    usage["iterations"] = [beside, {"type": "message", "model": record["model"]} | counts]


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def lines(records: list[Record]) -> bytes:
    """The records as JSON lines."""
    return "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records).encode()


def main() -> None:
    """Writes the log, compressed when its name ends in .gz."""
    parser = argparse.ArgumentParser(description="Write the sample log.")
    parser.add_argument("--out", type=Path, default=LOG)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    asked = parser.parse_args()
    log = lines(month(asked.seed, days=asked.days, requests=asked.requests))
    asked.out.write_bytes(gzip.compress(log, 9, mtime=0) if asked.out.suffix == ".gz" else log)
    print(f"{asked.out}: {log.count(10):,} requests, {asked.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
