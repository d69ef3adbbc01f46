from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import beta_async_tool, beta_tool
from jsonschema import Draft202012Validator

from ingest.formats.usage_record import UsageRecords
from tests.asynchronous import ran
from tests.conftest import ROOT
from tests.usage_recorder.messages_server import MessagesServer
from tests.usage_recorder.recording import PLAIN, behave, counters, only, records
from usage_recorder import record

SCHEMA = Draft202012Validator(json.loads((ROOT / "docs" / "usage-record.schema.json").read_text("utf-8")))


@beta_tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"Rain in {city}."


@beta_async_tool
async def async_weather(city: str) -> str:
    """The weather of a city."""
    return f"Rain in {city}."


def streamed(client: anthropic.Anthropic) -> None:
    for _ in client.messages.create(stream=True, **PLAIN):
        pass


def helper(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**PLAIN) as stream:
        assert "".join(stream.text_stream).strip() == "the answer in so many words"


def final(client: anthropic.Anthropic) -> None:
    with client.beta.messages.stream(**PLAIN) as stream:
        assert stream.get_final_message().usage.output_tokens > 0


def events(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**PLAIN) as stream:
        assert [event.type for event in stream][-1] == "message_stop"


def raw_streamed(client: anthropic.Anthropic) -> None:
    answer = client.messages.with_raw_response.create(stream=True, **PLAIN)
    assert answer.request_id
    for _ in answer.parse():
        pass


def streaming_response(client: anthropic.Anthropic) -> None:
    with client.messages.with_streaming_response.create(**PLAIN) as answer:
        assert json.loads(b"".join(answer.iter_bytes()))["type"] == "message"


def lines(client: anthropic.Anthropic) -> None:
    with client.messages.with_streaming_response.create(stream=True, **PLAIN) as answer:
        assert any(line.startswith("event: message_stop") for line in answer.iter_lines())


CALLS: dict[str, Callable[[anthropic.Anthropic], object]] = {
    "create": lambda client: client.messages.create(**PLAIN),
    "streamed": streamed,
    "helper": helper,
    "events": events,
    "final": final,
    "raw": lambda client: client.messages.with_raw_response.create(**PLAIN).parse(),
    "raw streamed": raw_streamed,
    "streaming response": streaming_response,
    "lines": lines,
    "beta": lambda client: client.beta.messages.create(**PLAIN),
    "a copy": lambda client: client.with_options(timeout=9, max_retries=0).messages.create(**PLAIN),
    "a low-level post": lambda client: client.post("/v1/messages", body=PLAIN, cast_to=httpx2.Response),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
def test_each_way_to_ask_is_recorded_once_with_the_usage_as_billed(
    call: Callable[[anthropic.Anthropic], object],
    compressed: bool,
    server: MessagesServer,
    client: anthropic.Anthropic,
    logs: Path,
) -> None:
    server.compressed = compressed
    call(client)
    found, (billed,) = only(logs), server.ledger.billed
    assert found["usage"] == billed.usage
    assert (found["message_id"], found["model"]) == (billed.message_id, "claude-haiku-4-5-20251001")
    assert (found["model_requested"], found["provider"], found["max_tokens"]) == ("claude-haiku-4-5", "anthropic", 50)
    assert (found["status"], found["stop_reason"]) == (200, "end_turn")
    assert found["request_id"].startswith("req_")
    assert [problem.message for problem in SCHEMA.iter_errors(found)] == []
    assert counters().written == 1


def test_a_stream_tells_its_first_token(server: MessagesServer, client: anthropic.Anthropic, logs: Path) -> None:
    with client.messages.stream(**PLAIN, **behave("slow:0.05")) as stream:
        stream.until_done()
    found = only(logs)
    assert 50 <= found["time_to_first_token_ms"] <= found["latency_ms"]
    assert found["stream"] is True


def test_the_time_is_when_the_request_was_sent(client: anthropic.Anthropic, logs: Path) -> None:
    before = time.time()
    client.messages.create(**PLAIN, **behave("slow:0.2"))
    sent = UsageRecords().read(only(logs), 1)
    assert sent is not None
    assert sent.started_at is not None
    assert -0.001 <= sent.started_at.timestamp() - before < 0.2
    assert only(logs)["latency_ms"] >= 200


ASYNC_CALLS = ["create", "streamed", "helper", "raw", "streaming response", "beta", "a copy"]


async def ask(client: anthropic.AsyncAnthropic, how: str) -> None:
    if how == "create":
        await client.messages.create(**PLAIN)
    elif how == "streamed":
        async for _ in await client.messages.create(stream=True, **PLAIN):
            pass
    elif how == "helper":
        async with client.messages.stream(**PLAIN) as stream:
            assert (await stream.get_final_message()).stop_reason == "end_turn"
    elif how == "raw":
        await (await client.messages.with_raw_response.create(**PLAIN)).parse()
    elif how == "streaming response":
        async with client.messages.with_streaming_response.create(**PLAIN) as answer:
            await answer.json()
    elif how == "beta":
        await client.beta.messages.create(**PLAIN)
    else:
        await client.with_options(max_retries=0).messages.create(**PLAIN)


@pytest.mark.parametrize("how", ASYNC_CALLS)
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
def test_each_way_to_ask_asynchronously_is_recorded_once(
    how: str, compressed: bool, server: MessagesServer, async_client: anthropic.AsyncAnthropic, logs: Path
) -> None:
    server.compressed = compressed

    async def main() -> None:
        async with async_client:
            await ask(async_client, how)

    ran(main())
    found, (billed,) = only(logs), server.ledger.billed
    assert (found["usage"], found["message_id"]) == (billed.usage, billed.message_id)
    assert [problem.message for problem in SCHEMA.iter_errors(found)] == []


def test_every_turn_of_a_tool_runner_is_recorded(
    server: MessagesServer, client: anthropic.Anthropic, logs: Path
) -> None:
    runner = client.beta.messages.tool_runner(**PLAIN, tools=[weather])
    assert runner.until_done().stop_reason == "end_turn"
    assert [found["stop_reason"] for found in records(logs)] == ["tool_use", "end_turn"]
    assert [found["usage"] for found in records(logs)] == [billed.usage for billed in server.ledger.billed]


def test_every_turn_of_an_asynchronous_streamed_tool_runner_is_recorded(
    server: MessagesServer, async_client: anthropic.AsyncAnthropic, logs: Path
) -> None:
    async def main() -> None:
        async with async_client:
            runner = async_client.beta.messages.tool_runner(**PLAIN, tools=[async_weather], stream=True)
            async for stream in runner:
                await stream.get_final_message()

    ran(main())
    assert [found["stop_reason"] for found in records(logs)] == ["tool_use", "end_turn"]
    assert [found["usage"] for found in records(logs)] == [billed.usage for billed in server.ledger.billed]


def test_counting_tokens_is_free_and_counted_apart(client: anthropic.Anthropic, logs: Path) -> None:
    counted = client.messages.count_tokens(model="claude-haiku-4-5", messages=PLAIN["messages"])
    assert counted.input_tokens == 208
    assert records(logs) == []
    assert counters().token_counts == 1


def test_each_try_of_the_sdk_is_recorded_and_one_is_billed(
    server: MessagesServer, client: anthropic.Anthropic, logs: Path
) -> None:
    client.messages.create(**PLAIN, **behave("fail:429:1 fail:529:2"))
    found = records(logs)
    assert [(one["status"], one.get("error")) for one in found] == [
        (429, "rate_limit_error"),
        (529, "overloaded_error"),
        (200, None),
    ]
    assert [one.get("usage") for one in found] == [None, None, server.ledger.billed[0].usage]
    assert len({one["request_id"] for one in found}) == 3


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "error"),
    [(400, "invalid_request_error"), (401, "authentication_error"), (418, "api_error"), (529, "overloaded_error")],
)
def test_an_error_is_recorded_by_its_type_and_raised(
    stream: bool, status: int, error: str, client: anthropic.Anthropic, logs: Path
) -> None:
    with pytest.raises(anthropic.APIStatusError) as raised:
        client.with_options(max_retries=0).messages.create(**PLAIN, stream=stream, **behave(f"refuse:{status}"))
    assert raised.value.status_code == status
    found = only(logs)
    assert (found["status"], found["error"], found["model"]) == (status, error, "claude-haiku-4-5")
    assert "usage" not in found
    read = UsageRecords().read(found, 1)
    assert read is not None
    assert (read.parts[0].output_tokens, read.error) == (0, error)


def test_an_error_that_nobody_reads_is_told_by_its_status(client: anthropic.Anthropic, logs: Path) -> None:
    """Of a streamed request that is tried again the SDK drops the refusal unread."""
    client.messages.create(**PLAIN, stream=True, **behave("fail:529:1")).close()
    assert records(logs)[0]["error"] == "overloaded_error"


def test_a_request_that_found_nobody_is_an_error_and_costs_nothing(logs: Path) -> None:
    nobody = anthropic.Anthropic(base_url="http://127.0.0.1:9", api_key="k", max_retries=0)
    with record(nobody, to=logs) as client, pytest.raises(anthropic.APIConnectionError):
        client.messages.create(**PLAIN)
    found = only(logs)
    assert found["error"] == "ConnectError"
    assert "status" not in found


def test_an_answer_that_did_not_come_in_time_may_have_been_billed(
    server: MessagesServer, client: anthropic.Anthropic, logs: Path
) -> None:
    with pytest.raises(anthropic.APITimeoutError):
        client.with_options(max_retries=0, timeout=0.05).messages.create(**PLAIN, **behave("slow:0.3"))
    read = UsageRecords().read(only(logs), 1)
    assert read is not None
    assert (read.parts[0].uncached_input_tokens, read.parts[0].output_tokens, read.error) == (None, None, None)


def test_a_refusal_says_its_category_and_not_why(client: anthropic.Anthropic, logs: Path) -> None:
    client.messages.create(**PLAIN, **behave("refusal"))
    found = only(logs)
    assert (found["stop_reason"], found["stop_details"]) == ("refusal", {"type": "refusal", "category": "cyber"})


@pytest.mark.parametrize("stream", [False, True])
def test_iterations_are_kept(stream: bool, client: anthropic.Anthropic, logs: Path) -> None:
    answer = client.beta.messages.create(**PLAIN, stream=stream, **behave("iterations"))
    if isinstance(answer, anthropic.Stream):
        list(answer)
    kinds = [one["type"] for one in only(logs)["usage"]["iterations"]]
    assert kinds == ["compaction", "advisor_message", "message"]


def test_cache_writes_that_grow_while_streaming_stay_in_step_with_their_split(
    server: MessagesServer, client: anthropic.Anthropic, logs: Path
) -> None:
    list(client.messages.create(**PLAIN, stream=True, **behave("cache-grows")))
    found = only(logs)
    assert found["usage"] == server.ledger.billed[0].usage
    assert UsageRecords().read(found, 1) is not None


def test_a_second_recorder_takes_the_place_of_the_first(
    client: anthropic.Anthropic, logs: Path, tmp_path: Path
) -> None:
    assert record(client, to=tmp_path / "other") is client
    client.messages.create(**PLAIN)
    assert records(logs) == []
    assert len(records(tmp_path / "other")) == 1


def test_an_http_client_of_the_apps_own_works_as_before(server: MessagesServer, logs: Path) -> None:
    class Own(httpx2.Client):
        sent = 0

        def send(self, *args: Any, **kwargs: Any) -> httpx2.Response:
            self.sent += 1
            return super().send(*args, **kwargs)

    with Own() as http:
        client = record(anthropic.Anthropic(base_url=server.url, api_key="k", http_client=http), to=logs)
        client.messages.create(**PLAIN)
        assert isinstance(http, Own)
        assert http.sent == 1
    assert len(records(logs)) == 1
