from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic

from tests.asynchronous import ran
from tests.usage_recorder.counting_server import Api
from tests.usage_recorder.messages_server import MessagesServer
from usage_recorder import flush, record
from usage_recorder.bound import bound
from usage_recorder.budget import Budget, CostUnknown, OverBudget, UsageRefused, active, budget
from usage_recorder.spent import spent_usd
from usage_recorder.tags import tagged, with_tags

HAIKU = "claude-haiku-4-5"
WORST, REAL = Decimal("0.0006"), Decimal("0.00012")  # 100 in with 100 out at most; 100 in and 4 out
ASKED: dict[str, Any] = {
    "model": HAIKU,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": " ".join(["word"] * 100)}],
}


def spend(held: Budget, millionths: int) -> None:
    held.reserve(bound({"model": HAIKU, "max_tokens": 0}, millionths))


# ── refused before it is sent ───────────────────────────────────────────────────────────────────────────────────────


def test_208_tokens_against_a_limit_of_100_are_never_sent(unrecorded: Anthropic, api: Api) -> None:
    api.counted = 208
    with pytest.raises(OverBudget) as refused:
        budget(max_input_tokens=100).guard(unrecorded).messages.create(**ASKED)
    error = refused.value
    assert (error.name, error.measured, error.limit, error.bound) == ("max_input_tokens", 208, 100, Decimal("0.000708"))
    assert str(error) == (
        "Not sent: 208 input tokens is over max_input_tokens = 100. "
        "Shorten the prompt by 108 tokens, or raise max_input_tokens."
    )
    assert isinstance(error, UsageRefused)
    assert api.sent == []
    assert len(api.of("/v1/messages/count_tokens")) == 1


@pytest.mark.parametrize(("tokens", "fits"), [(500, True), (501, False)])
def test_a_limit_of_a_tenth_of_a_cent_with_100_tokens_out_takes_500_in(
    unrecorded: Anthropic, api: Api, tokens: int, fits: bool
) -> None:
    api.counted = tokens
    guarded = budget(max_usd=0.001).guard(unrecorded)
    if fits:
        guarded.messages.create(**ASKED)
    else:
        with pytest.raises(OverBudget, match=r"0\.001001 USD is over max_usd = 0\.001"):
            guarded.messages.create(**ASKED)
    assert len(api.sent) == fits


def test_the_error_says_what_would_fit(unrecorded: Anthropic) -> None:
    with pytest.raises(OverBudget) as refused:
        budget(max_request_usd="0.0002").guard(unrecorded).messages.create(**ASKED)
    error = refused.value
    assert (error.name, error.measured, error.limit) == ("max_request_usd", WORST, Decimal("0.0002"))
    assert "max_tokens up to 20 would fit" in error.advice  # 0.0001 for the prompt leaves 20 x 0.000005


def test_the_answer_that_would_fit_does_fit(unrecorded: Anthropic, api: Api) -> None:
    guarded = budget(max_request_usd="0.0002").guard(unrecorded)
    guarded.messages.create(**{**ASKED, "max_tokens": 20})
    with pytest.raises(OverBudget):
        guarded.messages.create(**{**ASKED, "max_tokens": 21})
    assert len(api.sent) == 1


def test_a_cost_nobody_can_bound_is_refused_unless_told_otherwise(unrecorded: Anthropic, api: Api) -> None:
    unpriced = {**ASKED, "model": "claude-haiku-9"}
    with pytest.raises(CostUnknown, match="the model is not in the price list"):
        budget(max_usd=1000).guard(unrecorded).messages.create(**unpriced)
    searching = {**ASKED, "tools": [{"type": "web_search_20260209", "name": "web_search"}]}
    with pytest.raises(CostUnknown, match="max_uses"):
        budget(max_request_usd=1000).guard(unrecorded).messages.create(**searching)
    assert api.sent == []
    budget(max_usd=1000, unknown="send").guard(unrecorded).messages.create(**unpriced)
    budget(max_input_tokens=1000).guard(unrecorded).messages.create(**unpriced)
    assert len(api.sent) == 2


def test_the_error_never_quotes_the_prompt(unrecorded: Anthropic) -> None:
    secret = {**ASKED, "messages": [{"role": "user", "content": "the-secret word"}], "system": "the-secret"}
    with pytest.raises(OverBudget) as refused:
        budget(max_usd=0).guard(unrecorded).messages.create(**secret)
    assert "the-secret" not in f"{refused.value} {refused.value!r} {vars(refused.value)}"


@pytest.mark.parametrize(
    "wrong",
    [
        *({}, {"max_usd": -1}, {"max_usd": "a lot"}, {"max_usd": float("nan")}, {"max_input_tokens": -1}),
        *({"max_usd": 1, "per": "team"}, {"max_usd": 1, "unknown": "maybe"}),
    ],
)
def test_a_limit_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"budget|dollars|write|count"):
        budget(**wrong)


# ── running ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_real_cost_takes_the_place_of_the_worst_case(unrecorded: Anthropic) -> None:
    held = budget(max_usd=1)
    held.guard(unrecorded).messages.create(**ASKED)
    assert held.spent_usd() == REAL
    held.guard(unrecorded).messages.create(**ASKED)
    assert held.spent_usd() == 2 * REAL


def test_what_is_spent_leaves_less_for_the_next(unrecorded: Anthropic, api: Api) -> None:
    guarded = budget(max_usd="0.0007").guard(unrecorded)
    guarded.messages.create(**ASKED)
    with pytest.raises(OverBudget, match=r"\(0\.00012 USD of it spent or reserved\)"):
        guarded.messages.create(**ASKED)
    assert len(api.sent) == 1


def test_each_feature_user_and_day_has_its_own(unrecorded: Anthropic, api: Api) -> None:
    today = [datetime(2026, 11, 20, 23, 59, tzinfo=UTC)]
    held = budget(max_usd="0.0007", per=("feature", "user", "day"), clock=lambda: today[0])
    guarded = held.guard(unrecorded)
    with tagged(feature="search", user="ada"):
        guarded.messages.create(**ASKED)
        with pytest.raises(OverBudget, match=r"feature 'search', user 'ada', day '2026-11-20'"):
            guarded.messages.create(**ASKED)
    with tagged(feature="search", user="bob"):
        guarded.messages.create(**ASKED)
    with tagged(feature="triage", user="ada"):
        guarded.messages.create(**ASKED)
    today[0] += timedelta(minutes=1)
    with tagged(feature="search", user="ada"):
        guarded.messages.create(**ASKED)
    assert len(api.sent) == 4
    assert held.spent_usd(feature="search", user="ada") == REAL


def test_whose_it_is_can_be_told_once_for_a_client(unrecorded: Anthropic) -> None:
    held = budget(max_usd=1, per="feature")
    held.guard(unrecorded, feature="search").messages.create(**ASKED)
    assert (held.spent_usd(feature="search"), held.spent_usd()) == (REAL, Decimal(0))


def test_tags_of_a_client_say_whose_it_is(unrecorded: Anthropic, api: Api) -> None:
    held = budget(max_usd=1, per="feature")
    with tagged(feature="around"):
        with_tags(held.guard(unrecorded), feature="reply").messages.create(**ASKED)
        held.guard(with_tags(unrecorded, feature="triage")).messages.create(**ASKED)
    with held:
        with_tags(unrecorded, feature="inside").messages.create(**ASKED)

    async def asked() -> None:
        async with AsyncAnthropic(api_key="sk-test", base_url=api.address) as later:
            await with_tags(held.guard(later), feature="later").messages.create(**ASKED)

    ran(asked())
    assert [held.spent_usd(feature=name) for name in ("reply", "triage", "inside", "later")] == [REAL] * 4
    assert held.spent_usd(feature="around") == 0


def test_days_long_over_are_forgotten() -> None:
    today = [datetime(2026, 11, 1, tzinfo=UTC)]
    held = budget(max_usd=1, per="day", clock=lambda: today[0])
    for _ in range(5):
        spend(held, 1000)
        today[0] += timedelta(days=1)
    assert len(held._held) == 2


def test_nothing_is_spent_on_a_request_that_failed(unrecorded: Anthropic, api: Api) -> None:
    held = budget(max_usd=1)
    api.status = 529
    with pytest.raises(anthropic.APIStatusError):
        held.guard(unrecorded).messages.create(**ASKED)
    assert held.spent_usd() == 0


def test_each_retry_is_counted_and_only_what_was_answered_is_spent(unrecorded: Anthropic, api: Api) -> None:
    held = budget(max_usd=WORST)
    api.status = 529
    with pytest.raises(anthropic.APIStatusError):
        held.guard(unrecorded.with_options(max_retries=1)).messages.create(**ASKED)
    assert len(api.sent) == 2
    api.status = 200
    held.guard(unrecorded).messages.create(**ASKED)
    assert held.spent_usd() == REAL


def test_a_request_that_timed_out_may_have_been_billed(unrecorded: Anthropic, api: Api) -> None:
    held = budget(max_usd=1)
    api.held_back = threading.Event()
    try:
        with pytest.raises(anthropic.APITimeoutError):
            held.guard(unrecorded).messages.create(**ASKED, timeout=0.3)
    finally:
        api.held_back.set()
    assert held.spent_usd() == WORST


def test_a_request_nobody_answered_may_have_been_billed(unrecorded: Anthropic, api: Api) -> None:
    held = budget(max_usd=1)
    api.hangs_up = True
    with pytest.raises(anthropic.APIConnectionError):
        held.guard(unrecorded).messages.create(**ASKED)
    assert (len(api.sent), held.spent_usd()) == (1, WORST)


def test_a_request_that_reached_nobody_was_not_billed(api: Api) -> None:
    class Unreachable(httpx2.HTTPTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.path == "/v1/messages":
                raise httpx2.ConnectTimeout("nobody", request=request)
            return super().handle_request(request)

    held = budget(max_usd=1)
    with (
        httpx2.Client(transport=Unreachable()) as http,
        Anthropic(api_key="sk-test", base_url=api.address, max_retries=0, http_client=http) as client,
        pytest.raises(anthropic.APITimeoutError),
    ):
        held.guard(client).messages.create(**ASKED)
    assert api.sent == []
    assert held.spent_usd() == 0


def test_a_batch_is_held_at_its_worst_case(unrecorded: Anthropic, api: Api) -> None:
    held = budget(max_usd="0.0007")
    entries: list[Any] = [{"custom_id": name, "params": ASKED} for name in ("a", "b")]
    held.guard(unrecorded).messages.batches.create(requests=entries)
    assert held.spent_usd() == WORST  # two of them, at half the price
    with pytest.raises(OverBudget):
        held.guard(unrecorded).messages.batches.create(requests=entries[:1])
    with pytest.raises(OverBudget, match="max_request_usd"):
        budget(max_request_usd="0.0002").guard(unrecorded).messages.batches.create(requests=entries)
    assert len(api.of("/v1/messages/batches")) == 1


def test_the_sums_of_an_app_with_few_digits_change_nothing() -> None:
    with localcontext() as few:
        few.prec = 2
        held = budget(max_usd="0.002")
        for _ in range(3):
            spend(held, 333)
    assert held.spent_usd() == Decimal("0.000999")


# ── however the answer comes ────────────────────────────────────────────────────────────────────────────────────────


def streamed(client: Anthropic) -> None:
    with client.messages.stream(**ASKED) as stream:
        assert "".join(stream.text_stream).strip() == "Four words, no more."


def events(client: Anthropic) -> None:
    assert [event.type for event in client.messages.create(**ASKED, stream=True)][-1] == "message_stop"


def raw(client: Anthropic) -> None:
    assert client.messages.with_raw_response.create(**ASKED).parse().usage.output_tokens == 4


def as_it_comes(client: Anthropic) -> None:
    with client.messages.with_streaming_response.create(**ASKED) as response:
        assert response.parse().usage.output_tokens == 4


def by_the_beta(client: Anthropic) -> None:
    assert client.beta.messages.create(**ASKED, betas=["x-2026-01-01"]).usage.output_tokens == 4


@pytest.mark.parametrize("way", [streamed, events, raw, as_it_comes, by_the_beta])
def test_every_way_to_ask_is_held_and_settled(unrecorded: Anthropic, api: Api, way: Any) -> None:
    held = budget(max_usd="0.0006")
    way(held.guard(unrecorded))
    assert held.spent_usd() == REAL
    with pytest.raises(OverBudget):
        way(held.guard(unrecorded))
    assert len(api.sent) == 1


@pytest.mark.parametrize("way", ["left", "cut"])
def test_a_stream_not_read_to_its_end_keeps_its_worst_case(unrecorded: Anthropic, api: Api, way: str) -> None:
    held = budget(max_usd=1)
    api.breaks_off = way == "cut"
    if way == "left":
        api.held_back, api.pauses_after = threading.Event(), 1
    with held.guard(unrecorded).messages.create(**ASKED, stream=True) as stream:
        for _ in stream:
            if api.held_back:
                break
    if api.held_back:
        api.held_back.set()
    assert held.spent_usd() == WORST


def test_the_model_that_answered_is_the_one_that_is_paid(unrecorded: Anthropic, api: Api) -> None:
    api.model = "claude-opus-5"
    held = budget(max_usd=1)
    held.guard(unrecorded).messages.create(**ASKED)
    assert held.spent_usd() == (100 * 5 + 4 * 25) / Decimal(10**6)


def test_an_answer_that_comes_compressed_is_settled_too(server: MessagesServer) -> None:
    server.compressed = True
    with Anthropic(api_key="sk-test", base_url=server.url, max_retries=0) as client:
        for way in (streamed, events, raw, as_it_comes):
            held = budget(max_usd=1)
            with suppress(AssertionError):  # it speaks other words than those
                way(held.guard(client))
            billed = server.ledger.billed[-1]
            assert held.spent_usd() == spent_usd(billed.usage, model=billed.model), way


def test_an_answer_whose_counts_cannot_be_read_is_the_apps_all_the_same(unrecorded: Anthropic, api: Api) -> None:
    api.usage = {"server_tool_use": "none"}
    held = budget(max_usd=1)
    assert held.guard(unrecorded).messages.create(**ASKED).content[0].type == "text"
    assert held.spent_usd() == WORST


# ── around calls ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_inside_the_block_every_client_goes_by_the_budget(unrecorded: Anthropic, api: Api) -> None:
    unrecorded.messages.create(**ASKED)
    with budget(max_input_tokens=99) as held:
        assert active() == (held,)
        with pytest.raises(OverBudget):
            unrecorded.messages.create(**ASKED)
        with pytest.raises(OverBudget):
            streamed(unrecorded)
    assert active() == ()
    unrecorded.messages.create(**ASKED)
    assert len(api.sent) == 2


def test_a_budget_inside_another_holds_beside_it(unrecorded: Anthropic) -> None:
    with budget(max_usd=1) as outer, budget(max_usd="0.0007") as inner:
        unrecorded.messages.create(**ASKED)
        with pytest.raises(OverBudget):
            unrecorded.messages.create(**ASKED)
        assert (outer.spent_usd(), inner.spent_usd()) == (REAL, REAL)


def test_a_guarded_client_is_counted_once_inside_its_own_block(unrecorded: Anthropic, api: Api) -> None:
    with budget(max_usd=1) as held:
        held.guard(unrecorded).messages.create(**ASKED)
    assert held.spent_usd() == REAL
    assert len(api.of("/v1/messages/count_tokens")) == 1


def test_the_same_budget_is_entered_by_threads_at_once(unrecorded: Anthropic) -> None:
    held = budget(max_usd=1)
    both_inside = threading.Barrier(4, timeout=20)

    def one() -> int:
        with held:
            both_inside.wait()
            unrecorded.messages.create(**ASKED)
            both_inside.wait()
        return len(active())

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda _: one(), range(4))) == [0] * 4
    assert held.spent_usd() == 4 * REAL


# ── many at once ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_threads_together_never_pass_the_limit(unrecorded: Anthropic, api: Api) -> None:
    """Five worst cases fit while no answer is there; none of sixteen threads takes a sixth."""
    api.held_back = threading.Event()
    held = budget(max_usd=5 * WORST)
    guarded = held.guard(unrecorded)
    refused = threading.Semaphore(0)

    def one() -> bool:
        try:
            guarded.messages.create(**ASKED)
        except OverBudget:
            refused.release()
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        sent = [threads.submit(one) for _ in range(16)]
        for _ in range(11):
            assert refused.acquire(timeout=20)
        api.held_back.set()
        assert sum(one.result() for one in sent) == 5
    assert held.spent_usd() == 5 * REAL


def test_two_threads_never_look_at_a_budget_at_once() -> None:
    """Each waits, while it looks, for the other to look too; where it cannot, one of them is refused."""
    both_look = threading.Barrier(2, timeout=0.3)

    class Looked(dict[Any, Decimal]):
        def get(self, *args: Any) -> Any:
            found = super().get(*args)
            with suppress(threading.BrokenBarrierError):
                both_look.wait()
            return found

    held = budget(max_usd="0.001")
    held._held = Looked()

    def one() -> bool:
        try:
            spend(held, 1000)
        except OverBudget:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(lambda _: one(), range(2))) == [False, True]


def test_tasks_together_never_pass_the_limit(api: Api) -> None:
    held = budget(max_usd=5 * WORST)
    api.held_back = threading.Event()

    async def ask() -> list[Any]:
        async with AsyncAnthropic(api_key="sk-test", base_url=api.address) as client:
            guarded = held.guard(client)
            tasks = [asyncio.create_task(guarded.messages.create(**ASKED)) for _ in range(12)]
            while sum(task.done() for task in tasks) < 7:
                await asyncio.sleep(0.01)
            assert held.spent_usd() == 5 * WORST
            assert api.held_back
            api.held_back.set()
            return await asyncio.gather(*tasks, return_exceptions=True)

    answers = ran(ask())
    assert sum(isinstance(one, OverBudget) for one in answers) == 7
    assert held.spent_usd() == 5 * REAL


def test_an_async_stream_is_settled_and_a_cancelled_call_keeps_its_worst_case(api: Api) -> None:
    held = budget(max_usd=1)

    async def ask() -> None:
        async with AsyncAnthropic(api_key="sk-test", base_url=api.address) as client:
            with held:
                async with client.messages.stream(**ASKED) as stream:
                    assert (await stream.get_final_message()).usage.output_tokens == 4
                assert held.spent_usd() == REAL
                api.held_back = threading.Event()
                running = asyncio.create_task(client.messages.create(**ASKED))
                while held.spent_usd() == REAL or len(api.sent) < 2:
                    await asyncio.sleep(0.01)
                running.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await running
                api.held_back.set()

    ran(ask())
    assert held.spent_usd() == REAL + WORST


def test_a_recorded_client_stays_recorded_and_counting_is_no_request(unrecorded: Anthropic) -> None:
    records: list[dict[str, Any]] = []
    held = budget(max_usd="0.0006")
    guarded = held.guard(record(unrecorded, to=records.append))
    with tagged(feature="search"):
        guarded.messages.create(**ASKED)
        with pytest.raises(OverBudget):
            guarded.messages.create(**ASKED)
    flush()
    assert [(one["feature"], one["usage"]["output_tokens"]) for one in records] == [("search", 4)]


def test_a_reservation_is_settled_once() -> None:
    held = budget(max_usd=1)
    one = held.reserve(bound({"model": HAIKU, "max_tokens": 100}, 100))
    one.settle(REAL)
    one.settle(Decimal(5))
    one.release()
    assert held.spent_usd() == REAL
