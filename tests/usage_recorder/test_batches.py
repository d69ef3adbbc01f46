from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import anthropic

from ingest.load import load
from store.connection import open_store
from tests.asynchronous import ran
from tests.usage_recorder.messages_server import MessagesServer
from tests.usage_recorder.recording import PLAIN, records
from usage_recorder import flush, record, tagged


def entries(*custom_ids: str) -> list[Any]:
    return [{"custom_id": custom_id, "params": PLAIN} for custom_id in custom_ids]


def test_results_are_recorded_with_what_the_batch_was_created_for(
    server: MessagesServer, client: anthropic.Anthropic, logs: Path
) -> None:
    began = time.time()
    with tagged(feature="nightly", team="data", entries={"b": {"user": "u2"}, "c": {"feature": "retry"}}):
        batch = client.messages.batches.create(requests=entries("a", "b", "c"))
    assert records(logs) == []
    with tagged(feature="collects", user="somebody"):
        assert len(list(client.messages.batches.results(batch.id))) == 3
    found = records(logs)
    assert [(one["feature"], one.get("user"), one["tags"]) for one in found] == [
        ("nightly", None, {"team": "data"}),
        ("nightly", "u2", {"team": "data"}),
        ("retry", None, {"team": "data"}),
    ]
    assert [one["usage"] for one in found] == [billed.usage for billed in server.ledger.billed]
    assert {one["usage"]["service_tier"] for one in found} == {"batch"}
    assert {(one["max_tokens"], one["model_requested"]) for one in found} == {(50, "claude-haiku-4-5")}
    day = time.strftime("%Y-%m-%d", time.gmtime(began))
    assert {one["time"][:10] for one in found} == {day}


def test_another_process_reads_what_the_first_noted(server: MessagesServer, logs: Path) -> None:
    def a_client() -> anthropic.Anthropic:
        return record(anthropic.Anthropic(base_url=server.url, api_key="k"), to=logs)

    with a_client() as first, tagged(feature="nightly"):
        batch = first.beta.messages.batches.create(requests=entries("a"))
    with a_client() as second:
        list(second.beta.messages.batches.results(batch.id))
    assert [one["feature"] for one in records(logs)] == ["nightly"]


def test_results_read_twice_count_once(
    server: MessagesServer, client: anthropic.Anthropic, logs: Path, tracked_prices: Path
) -> None:
    batch = client.messages.batches.create(requests=entries("a", "errored-1", "expired-1"))
    for _ in range(2):
        list(client.messages.batches.results(batch.id))
    flush()
    with open_store(":memory:", prices=tracked_prices) as store:
        found = load(store, [logs])
    assert (found.requests, found.duplicates, found.rejected, found.unpriced) == (3, 3, 0, 0)


def test_what_failed_in_a_batch_is_recorded_by_its_type(client: anthropic.Anthropic, logs: Path) -> None:
    batch = client.messages.batches.create(requests=entries("errored-1", "expired-1"))
    list(client.messages.batches.results(batch.id))
    assert [(one["error"], "usage" in one) for one in records(logs)] == [
        ("invalid_request_error", False),
        ("batch_expired", False),
    ]


def test_results_of_a_batch_unknown_here_bear_the_tags_in_force(
    server: MessagesServer, client: anthropic.Anthropic, logs: Path
) -> None:
    server.batches["msgbatch_other"] = entries("a", "expired-1")
    with tagged(feature="collects"):
        list(client.messages.batches.results("msgbatch_other"))
    (found,) = records(logs)
    assert (found["feature"], found["usage"]) == ("collects", server.ledger.billed[0].usage)


def test_a_large_batch_is_noted_beside_the_app(client: anthropic.Anthropic, logs: Path) -> None:
    names = [f"entry-{number}" for number in range(600)]
    with tagged(entries={name: {"user": name} for name in names}):
        batch = client.messages.batches.create(requests=entries(*names))
    list(client.messages.batches.results(batch.id))
    flush()
    assert [one["user"] for one in records(logs)] == names


def test_an_asynchronous_client_records_batches_too(
    server: MessagesServer, async_client: anthropic.AsyncAnthropic, logs: Path
) -> None:
    async def main() -> None:
        async with async_client:
            with tagged(feature="nightly"):
                batch = await async_client.messages.batches.create(requests=entries("a", "b"))
            async for _ in await async_client.messages.batches.results(batch.id):
                pass

    ran(main())
    assert [(one["feature"], one["usage"]) for one in records(logs)] == [
        ("nightly", billed.usage) for billed in server.ledger.billed
    ]


def test_notes_of_batches_whose_results_are_gone_are_deleted(client: anthropic.Anthropic, logs: Path) -> None:
    client.messages.batches.create(requests=entries("a"))
    flush()
    (note,) = (logs / ".recorder" / "batches").iterdir()
    os.utime(note, (0, 0))
    client.messages.batches.create(requests=entries("a"))
    flush()
    (left,) = (logs / ".recorder" / "batches").iterdir()
    assert left.name != note.name


def test_a_note_that_cannot_be_read_costs_the_tags_and_not_the_records(server: MessagesServer, logs: Path) -> None:
    for content in (b"broken", b"{}", b'{"time":1,"tags":{},"entries":{"a":7}}'):
        server.batches["msgbatch_1"] = entries("a")
        note = logs / ".recorder" / "batches" / "msgbatch_1.json"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_bytes(content)
        with record(anthropic.Anthropic(base_url=server.url, api_key="k"), to=logs) as client, tagged(feature="here"):
            list(client.messages.batches.results("msgbatch_1"))
    assert [one["feature"] for one in records(logs)] == ["here"] * 3
