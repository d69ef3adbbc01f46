from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import anthropic
import pytest

from ingest.formats.usage_record import UsageRecords
from tests.asynchronous import ran
from tests.usage_recorder.messages_server import MessagesServer
from tests.usage_recorder.recording import PLAIN, behave, only, records
from usage_recorder.events import BinaryEvents, Events
from usage_recorder.prefixes import prefixes_of

BROKEN = r"peer closed|incomplete|Connection"
BEGUN = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation"]


def assert_is_partial(found: dict[str, Any], server: MessagesServer) -> None:
    """It has the counts of the start, no placeholder for the output, and no cost."""
    billed = server.ledger.billed[-1]
    assert found["message_id"] == billed.message_id
    assert {name: found["usage"][name] for name in BEGUN} == {name: billed.usage[name] for name in BEGUN}
    read = UsageRecords().read(found, 1)
    assert read is not None
    assert read.parts[0].output_tokens is None
    assert read.parts[0].uncached_input_tokens == billed.usage["input_tokens"]


def test_a_stream_closed_early_is_recorded_as_far_as_it_came(
    server: MessagesServer, client: anthropic.Anthropic, logs: Path
) -> None:
    with client.messages.create(stream=True, **PLAIN) as stream:
        next(iter(stream))
    assert_is_partial(only(logs), server)


def test_a_stream_left_by_an_exception_is_recorded(
    server: MessagesServer, client: anthropic.Anthropic, logs: Path
) -> None:
    def leaves() -> None:
        with client.messages.stream(**PLAIN) as stream:
            next(stream.text_stream)
            raise KeyError

    with pytest.raises(KeyError):
        leaves()
    assert_is_partial(only(logs), server)


def test_a_stream_that_is_dropped_is_recorded_when_it_is_collected(
    server: MessagesServer, client: anthropic.Anthropic, logs: Path
) -> None:
    stream = client.messages.create(stream=True, **PLAIN)
    next(iter(stream))
    assert records(logs) == []
    del stream
    gc.collect()
    assert_is_partial(only(logs), server)


def test_a_stream_that_nobody_reads_at_all_has_no_counts(client: anthropic.Anthropic, logs: Path) -> None:
    client.messages.create(stream=True, **PLAIN).close()
    found = only(logs)
    assert "usage" not in found
    read = UsageRecords().read(found, 1)
    assert read is not None
    assert read.parts[0].uncached_input_tokens is None


def test_a_stream_that_breaks_off_is_recorded_and_its_error_raised(
    server: MessagesServer, client: anthropic.Anthropic, logs: Path
) -> None:
    with pytest.raises(Exception, match=BROKEN):
        list(client.messages.create(stream=True, **PLAIN, **behave("drop")))
    assert_is_partial(only(logs), server)


def test_a_stream_that_breaks_off_before_it_begins_may_have_been_billed(
    client: anthropic.Anthropic, logs: Path
) -> None:
    with pytest.raises(Exception, match=BROKEN):
        list(client.messages.create(stream=True, **PLAIN, **behave("drop-start")))
    read = UsageRecords().read(only(logs), 1)
    assert read is not None
    assert (read.parts[0].uncached_input_tokens, read.error) == (None, None)


def test_an_error_in_the_middle_of_a_stream_is_recorded_with_what_came_before(
    server: MessagesServer, client: anthropic.Anthropic, logs: Path
) -> None:
    with pytest.raises(anthropic.APIStatusError):
        list(client.messages.create(stream=True, **PLAIN, **behave("overloaded")))
    found = only(logs)
    assert found["error"] == "overloaded_error"
    assert_is_partial(found, server)


def test_a_cancelled_task_leaves_a_record(
    server: MessagesServer, async_client: anthropic.AsyncAnthropic, logs: Path
) -> None:
    async def reads() -> None:
        async with async_client.messages.stream(**PLAIN) as stream:
            async for _ in stream:
                begun.set()
                await asyncio.sleep(10)

    async def main() -> None:
        async with async_client:
            task = asyncio.create_task(reads())
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    begun = asyncio.Event()
    ran(main())
    assert_is_partial(only(logs), server)


def test_a_request_cancelled_before_its_answer_may_have_been_billed(
    async_client: anthropic.AsyncAnthropic, logs: Path
) -> None:
    async def main() -> None:
        async with async_client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(async_client.messages.create(**PLAIN, **behave("slow:0.4")), 0.1)

    ran(main())
    read = UsageRecords().read(only(logs), 1)
    assert read is not None
    assert (read.parts[0].uncached_input_tokens, read.error) == (None, None)


def test_an_asynchronous_stream_that_is_dropped_is_recorded(
    server: MessagesServer, async_client: anthropic.AsyncAnthropic, logs: Path
) -> None:
    async def main() -> None:
        async with async_client:
            stream = await async_client.messages.create(stream=True, **PLAIN)
            await anext(aiter(stream))
            del stream
            gc.collect()
            await asyncio.sleep(0.01)

    ran(main())
    assert_is_partial(only(logs), server)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_events_are_read_whatever_the_pieces_they_come_in(size: int) -> None:
    start = '{"type":"message_start","message":{"id":"msg_1","model":"m","usage":{"input_tokens":5,"output_tokens":1}}}'
    delta = '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9,"input_tokens":6}}'
    stop = '{"type":"message_stop"}'
    told = (("message_start", start), ("ping", "{}"), ("message_delta", delta), ("message_stop", stop))
    stream = "".join(f"event: {name}\r\ndata: {data}\r\n\r\n" for name, data in told).encode()
    events = Events()
    for at in range(0, len(stream), size):
        events.feed(stream[at : at + size])
    answer = events.end()
    assert (answer.ended, answer.stop_reason) == (True, "end_turn")
    assert answer.usage == {"input_tokens": 6, "output_tokens": 9}


def test_a_fallback_in_the_middle_names_the_model_that_served() -> None:
    events = Events()
    start = b'{"type":"message_start","message":{"model":"claude-opus-5-5","usage":{}}}'
    events.feed(b"event: message_start\ndata: " + start + b"\n\n")
    block = b'{"type":"content_block_start","content_block":{"type":"fallback","to":{"model":"claude-opus-4-8"}}}'
    events.feed(b"event: content_block_start\ndata: " + block + b"\n\n")
    assert events.end().model == "claude-opus-4-8"


def test_bytes_that_are_no_events_say_nothing() -> None:
    for events in (Events(), BinaryEvents()):
        events.feed(b"\x00\xff" * 500 + b"\ndata: {\n\n")
        answer = events.end()
        assert (answer.usage, answer.ended) == ({}, False)
    assert prefixes_of({"messages": [3, None, {"content": 7}], "tools": "x", "system": 1}, b"k" * 32) == []


@pytest.mark.parametrize(
    ("start", "delta", "usage"),
    [
        (
            {"input_tokens": 17, "output_tokens": 1},
            {"output_tokens": 220},
            {"input_tokens": 17, "output_tokens": 220},
        ),
        (
            {"input_tokens": 4, "cache_read_input_tokens": 9, "output_tokens": 1, "service_tier": "standard"},
            {"output_tokens": 8, "cache_read_input_tokens": None},
            {"input_tokens": 4, "cache_read_input_tokens": 9, "output_tokens": 8, "service_tier": "standard"},
        ),
        (
            {"input_tokens": 2_679, "output_tokens": 3},
            {"input_tokens": 10_682, "output_tokens": 510, "server_tool_use": {"web_search_requests": 1}},
            {"input_tokens": 10_682, "output_tokens": 510, "server_tool_use": {"web_search_requests": 1}},
        ),
    ],
    ids=["of 2024", "with nothing new of the cache", "grown by a web search"],
)
def test_counts_of_a_stream_are_running_totals_and_nothing_is_added_up(
    start: dict[str, Any], delta: dict[str, Any], usage: dict[str, Any]
) -> None:
    told = (
        {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": start}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": delta},
        {"type": "message_stop"},
    )
    events = Events()
    for event in told:
        events.feed(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
    answer = events.end()
    assert (answer.usage, answer.ended) == (usage, True)
