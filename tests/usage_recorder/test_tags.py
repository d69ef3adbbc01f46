from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import anthropic
import pytest

from tests.asynchronous import ran
from tests.usage_recorder.messages_server import MessagesServer
from tests.usage_recorder.recording import PLAIN, behave, only, records
from usage_recorder import record, tagged, with_tags
from usage_recorder.tags import current


def test_a_request_bears_the_tags_in_force_and_none_after(client: anthropic.Anthropic, logs: Path) -> None:
    with tagged(feature="triage", user="u1", session="s1", team="support", paid=True, seats=3):
        client.messages.create(**PLAIN)
    client.messages.create(**PLAIN)
    first, second = records(logs)
    assert (first["feature"], first["user"], first["session"]) == ("triage", "u1", "s1")
    assert first["tags"] == {"team": "support", "paid": "true", "seats": "3"}
    assert {"feature", "user", "session", "tags"}.isdisjoint(second)


def test_nested_tags_merge_the_inner_win_and_none_takes_one_away() -> None:
    with tagged(feature="triage", user="u1", team="a"):
        with tagged(feature="reply", team=None, step="2"):
            assert current() == {"feature": "reply", "user": "u1", "step": "2"}
            with tagged(user=None):
                assert current() == {"feature": "reply", "step": "2"}
        assert current() == {"feature": "triage", "user": "u1", "team": "a"}
    assert current() == {}


def test_tags_end_with_an_exception_too() -> None:
    with pytest.raises(KeyError), tagged(feature="triage"):
        raise KeyError
    assert current() == {}


def test_what_is_no_text_becomes_one_and_what_cannot_is_left_out() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    with tagged(user=UUID(int=5), session=Broken(), long="x" * 9_000):
        assert current() == {"user": "00000000-0000-0000-0000-000000000005", "long": "x" * 512}


def test_a_decorator_tags_functions_and_coroutines() -> None:
    @tagged(feature="triage")
    def plain(number: int) -> tuple[int, str]:
        """Says what it is for."""
        return number, current()["feature"]

    @tagged(feature="reply")
    async def later() -> str:
        await asyncio.sleep(0)
        return current()["feature"]

    assert plain(3) == (3, "triage")
    assert (plain.__name__, plain.__doc__) == ("plain", "Says what it is for.")
    assert ran(later()) == "reply"
    assert current() == {}


def test_a_decorated_generator_has_its_tags_while_it_runs_and_its_caller_has_not() -> None:
    closed = []

    @tagged(feature="triage")
    def steps() -> Generator[Any, Any, str]:
        try:
            got = yield current().get("feature")
            try:
                yield got
            except KeyError:
                yield current().get("feature"), "caught"
            return "done"
        finally:
            closed.append(current().get("feature"))

    def delegating() -> Iterator[Any]:
        assert (yield from steps()) == "done"

    one = steps()
    assert next(one) == "triage"
    assert current() == {}
    assert one.send("sent") == "sent"
    assert one.throw(KeyError()) == ("triage", "caught")
    one.close()
    assert list(delegating()) == ["triage", None]
    assert closed == ["triage", "triage"]
    assert current() == {}


def test_a_decorated_asynchronous_generator_has_its_tags_while_it_runs() -> None:
    @tagged(feature="triage")
    async def steps() -> AsyncIterator[str | None]:
        for _ in range(2):
            await asyncio.sleep(0)
            yield current().get("feature")

    async def main() -> list[tuple[str | None, str | None]]:
        return [(inside, current().get("feature")) async for inside in steps()]

    assert ran(main()) == [("triage", None), ("triage", None)]


def test_tasks_keep_their_own_tags_and_inherit_those_of_their_start(
    async_client: anthropic.AsyncAnthropic, server: MessagesServer, logs: Path
) -> None:
    async def one(user: str) -> str:
        with tagged(user=user):
            await asyncio.sleep(0)
            return str((await async_client.messages.create(**PLAIN)).id)

    async def main() -> dict[str, str]:
        async with async_client:
            with tagged(feature="triage"):
                users = [f"u{number}" for number in range(20)]
                return dict(zip(await asyncio.gather(*map(one, users)), users, strict=True))

    expected = ran(main())
    assert {found["message_id"]: found["user"] for found in records(logs)} == expected
    assert {found["feature"] for found in records(logs)} == {"triage"}


def test_threads_keep_their_own_tags(client: anthropic.Anthropic, logs: Path) -> None:
    barrier = threading.Barrier(4)

    def one(user: str) -> tuple[str, str]:
        with tagged(user=user):
            barrier.wait(10)
            return client.messages.create(**PLAIN).id, user

    with ThreadPoolExecutor(4) as pool, tagged(feature="of the main thread alone"):
        expected = dict(pool.map(one, ["a", "b", "c", "d"]))
    assert {found["message_id"]: found["user"] for found in records(logs)} == expected
    assert all("feature" not in found for found in records(logs))


def test_a_copied_context_takes_tags_into_a_thread(client: anthropic.Anthropic, logs: Path) -> None:
    with ThreadPoolExecutor(1) as pool, tagged(feature="triage"):
        pool.submit(contextvars.copy_context().run, lambda: client.messages.create(**PLAIN)).result()
    assert only(logs)["feature"] == "triage"


def test_a_client_with_tags_of_its_own_has_them_over_those_around_it(
    client: anthropic.Anthropic, server: MessagesServer, logs: Path
) -> None:
    reply = with_tags(client, feature="reply", team=None)
    assert isinstance(reply, anthropic.Anthropic)
    with tagged(feature="triage", user="u1", team="support"):
        reply.messages.create(**PLAIN)
        with_tags(reply, step="2").with_options(timeout=9).messages.create(**PLAIN)
        client.messages.create(**PLAIN)
    found = [(one.get("feature"), one["user"], one.get("tags")) for one in records(logs)]
    assert found == [("reply", "u1", None), ("reply", "u1", {"step": "2"}), ("triage", "u1", {"team": "support"})]
    assert not [name for sent in server.ledger.headers for name in sent if "tag" in name.lower()]


def test_an_asynchronous_client_has_tags_of_its_own_too(async_client: anthropic.AsyncAnthropic, logs: Path) -> None:
    async def main() -> None:
        async with async_client:
            await with_tags(async_client, feature="reply").messages.create(**PLAIN)

    ran(main())
    assert only(logs)["feature"] == "reply"


def test_however_a_client_with_tags_is_asked_its_requests_bear_them(
    client: anthropic.Anthropic, async_client: anthropic.AsyncAnthropic, logs: Path
) -> None:
    reply, later = with_tags(client, feature="reply"), with_tags(async_client, feature="reply")
    with reply.messages.stream(**PLAIN) as stream:
        stream.until_done()
    for _ in reply.messages.create(**PLAIN, stream=True):
        pass
    reply.beta.messages.create(**PLAIN)
    reply.messages.with_raw_response.create(**PLAIN)
    with reply.messages.with_streaming_response.create(**PLAIN) as response:
        response.read()
    reply.messages.create(**PLAIN, **behave("fail:529:1"))
    entry: Any = {"custom_id": "t-1", "params": PLAIN}
    assert list(reply.messages.batches.results(reply.messages.batches.create(requests=[entry]).id))

    async def main() -> None:
        async with async_client, later.messages.stream(**PLAIN) as answer:
            await answer.get_final_message()

    ran(main())
    assert [one.get("feature") for one in records(logs)] == ["reply"] * 9


def test_the_tags_a_client_was_given_last_win(client: anthropic.Anthropic, logs: Path) -> None:
    first = with_tags(client, feature="first", team="support")
    with_tags(first, feature="last").messages.create(**PLAIN)
    assert (only(logs)["feature"], only(logs)["tags"]) == ("last", {"team": "support"})


def test_a_recorder_has_tags_for_every_request(server: MessagesServer, logs: Path) -> None:
    tags = {"feature": "default", "environment": "production"}
    with record(anthropic.Anthropic(base_url=server.url, api_key="k"), to=logs, tags=tags) as client:
        with tagged(feature="triage"):
            client.messages.create(**PLAIN)
        client.messages.create(**PLAIN)
    found = [(one["feature"], one["tags"]) for one in records(logs)]
    assert found == [("triage", {"environment": "production"}), ("default", {"environment": "production"})]


def test_a_record_has_at_most_a_hundred_tags(client: anthropic.Anthropic, logs: Path) -> None:
    tags: dict[str, Any] = {f"tag{number}": number for number in range(150)}
    with tagged(**tags):
        client.messages.create(**PLAIN)
    assert len(only(logs)["tags"]) == 100


def test_what_can_bear_no_tags_is_handed_back(caplog: pytest.LogCaptureFixture) -> None:
    client = object()
    assert with_tags(client, feature="reply") is client
    assert "AttributeError" in caplog.text
