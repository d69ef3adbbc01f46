"""The bill of a server against the spend of a store, with the recorder and the loader between them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anthropic
import pytest

from ingest.load import load
from spend.breakdown import breakdown, total
from spend.filters import Filters
from store.connection import open_store
from tests.usage_recorder.messages_server import Billed, MessagesServer, serving
from tests.usage_recorder.recording import behave, counters
from usage_recorder import flush, record, tagged, with_tags
from usage_recorder.counters import Counters

# pico-dollars a token: uncached input, cache read, writes for 5 minutes and 1 hour, output
PRICES = {
    "claude-haiku-4-5-20251001": (1_000_000, 100_000, 1_250_000, 2_000_000, 5_000_000),
    "claude-sonnet-4-6": (3_000_000, 300_000, 3_750_000, 6_000_000, 15_000_000),
    "claude-opus-4-8": (5_000_000, 500_000, 6_250_000, 10_000_000, 25_000_000),
}
WEB_SEARCH = 10_000_000_000
MODELS = ("claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-4-8")
FEATURES = ("triage", "reply", "search", "nightly")
THREAD_KINDS = ("create", "stream", "text", "raw", "beta", "retried", "iterations", "refused", "left", "view", "batch")
TASK_KINDS = ("create", "stream", "events", "retried", "left")
BATCH = 5


def counts(usage: dict[str, Any]) -> tuple[int, ...]:
    """Tokens of the five classes."""
    split = usage.get("cache_creation") or {}
    return (
        usage["input_tokens"],
        usage["cache_read_input_tokens"],
        split.get("ephemeral_5m_input_tokens", 0),
        split.get("ephemeral_1h_input_tokens", 0),
        usage["output_tokens"],
    )


def parts(billed: Billed) -> Iterable[tuple[str, tuple[int, ...]]]:
    """The message itself and what was done beside it, each with its model."""
    yield billed.model, counts(billed.usage)
    for one in billed.usage.get("iterations", ()):
        if one["type"] != "message":
            yield one.get("model", billed.model), counts(one)


def cost(billed: Billed) -> int:
    """What the server charges, in pico-dollars."""
    tokens = sum(n * price for model, held in parts(billed) for n, price in zip(held, PRICES[model], strict=True))
    searches = (billed.usage["server_tool_use"] or {}).get("web_search_requests", 0)
    halved = tokens // 2 if billed.usage["service_tier"] == "batch" else tokens
    return int(halved + searches * WEB_SEARCH)


def request(chance: random.Random) -> dict[str, Any]:
    text = "x" * chance.choice([10, 500, 3_000, 60_000])
    return {"model": chance.choice(MODELS), "max_tokens": 99, "messages": [{"role": "user", "content": text}]}


def call(client: anthropic.Anthropic, seed: int) -> list[str]:
    """One call from a thread; the ids of the messages it got whole."""
    chance = random.Random(seed)
    kind, asked = chance.choice(THREAD_KINDS), request(chance)
    if kind == "stream":
        with client.messages.stream(**asked) as stream:
            return [stream.get_final_message().id]
    if kind == "text":
        with client.messages.stream(**asked) as stream:
            assert "".join(stream.text_stream)
            return [stream.get_final_message().id]
    if kind == "raw":
        return [client.messages.with_raw_response.create(**asked).parse().id]
    if kind == "iterations":
        return [client.beta.messages.create(**asked, **behave("iterations")).id]
    if kind == "refused":
        with pytest.raises(anthropic.BadRequestError):
            client.messages.create(**asked, **behave("refuse:400"))
        return []
    if kind == "left":
        with client.messages.create(stream=True, **asked) as events:
            next(iter(events))
        return []
    if kind == "batch":
        entries: list[Any] = [{"custom_id": f"c{number}", "params": asked} for number in range(BATCH)]
        batch = client.messages.batches.create(requests=entries)
        with tagged(feature="collects"):
            results = list(client.messages.batches.results(batch.id))
        return [one.result.message.id for one in results if one.result.type == "succeeded"]
    if kind == "view":
        return [with_tags(client, user="u9").messages.create(**asked).id]
    if kind == "beta":
        return [client.beta.messages.create(**asked).id]
    return [client.messages.create(**asked, **behave("fail:529:1" if kind == "retried" else "")).id]


async def call_later(client: anthropic.AsyncAnthropic, seed: int) -> list[str]:
    """One call from a task."""
    chance = random.Random(seed)
    kind, asked = chance.choice(TASK_KINDS), request(chance)
    if kind == "stream":
        async with client.messages.stream(**asked) as stream:
            return [(await stream.get_final_message()).id]
    if kind == "events":
        events = [event async for event in await client.messages.create(stream=True, **asked)]
        return [events[0].message.id] if events[0].type == "message_start" else []
    if kind == "left":
        async with await client.messages.create(stream=True, **asked) as left:
            await anext(aiter(left))
        return []
    return [(await client.messages.create(**asked, **behave("fail:429:1" if kind == "retried" else ""))).id]


def ask_all(server: MessagesServer, logs: Path, calls: int) -> dict[str, str]:
    """Calls from four threads and from tasks at once; each whole message's feature."""
    features: dict[str, str] = {}

    def one(seed: int) -> None:
        feature = FEATURES[seed % 4]
        with tagged(feature=feature):
            features.update(dict.fromkeys(call(client, seed), feature))

    async def task(turn: asyncio.Semaphore, seed: int) -> None:
        feature = FEATURES[seed % 4]
        async with turn:
            with tagged(feature=feature):
                features.update(dict.fromkeys(await call_later(later, seed), feature))

    async def tasks() -> None:
        turn = asyncio.Semaphore(16)
        async with later:
            await asyncio.gather(*(task(turn, seed) for seed in range(calls // 2)))

    plain = anthropic.Anthropic(base_url=server.url, api_key="k")
    later = record(anthropic.AsyncAnthropic(base_url=server.url, api_key="k"), to=logs, rotate_bytes=300_000)
    with record(plain, to=logs, rotate_bytes=300_000) as client, ThreadPoolExecutor(5) as pool:
        beside = pool.submit(asyncio.run, tasks())
        for done in [pool.submit(one, seed) for seed in range(calls // 2, calls)]:
            done.result()
        beside.result()
    flush()
    return features


def assert_the_spend_is_the_bill(logs: Path, prices: Path, calls: int) -> None:
    with serving(keeps_requests=False) as server:
        features = ask_all(server, logs, calls)
    whole = server.ledger.whole()
    left = len(server.ledger.billed) - len(whole)
    with open_store(":memory:", prices=prices) as store:
        loaded = load(store, [logs])
        spend = total(store.cursor(), Filters())
        by_feature = {row.key[0]: row.spend.cost for row in breakdown(store.cursor(), Filters(), by=("feature",))}
    abandoned = spend.unpriced_requests
    known = {one.message_id for one in whole} & set(features)
    assert loaded.rejected == loaded.duplicates == left == 0
    assert counters() == Counters(written=len(server.ledger.billed) + len(server.ledger.refused))
    assert spend.requests == len(server.ledger.billed) + len(server.ledger.refused)
    assert spend.failed_requests == len(server.ledger.refused)
    assert abandoned == len(whole) - len(known) > 0
    bill = [one for one in whole if one.message_id in known]
    sums = [sum(column) for column in zip(*(held for one in bill for _, held in parts(one)), strict=True)]
    cut = [counts(one.usage) for one in whole if one.message_id not in known]
    sums = [held + sum(one[n] for one in cut) * (n < 4) for n, held in enumerate(sums)]
    assert [
        spend.uncached_input_tokens,
        spend.cache_read_tokens,
        spend.cache_write_5m_tokens,
        spend.cache_write_1h_tokens,
        spend.output_tokens,
    ] == sums
    assert spend.cost == sum(map(cost, bill))
    expected: Counter[str] = Counter()
    for one in bill:
        expected[features[one.message_id]] += cost(one)
    assert by_feature == expected


def test_a_thousand_calls_of_every_kind_cost_what_the_server_billed(logs: Path, tracked_prices: Path) -> None:
    assert_the_spend_is_the_bill(logs, tracked_prices, 1_000)


@pytest.mark.soak
def test_ten_thousand_calls_of_every_kind_cost_what_the_server_billed(logs: Path, tracked_prices: Path) -> None:
    assert_the_spend_is_the_bill(logs, tracked_prices, 10_000)
