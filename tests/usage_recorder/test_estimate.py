from __future__ import annotations

import inspect
from datetime import datetime
from decimal import Decimal
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.asynchronous import ran
from tests.usage_recorder.counting_server import Api
from usage_recorder.bound import Conditions, bound
from usage_recorder.catalogue import catalogue
from usage_recorder.estimate import COUNTED, COUNTED_BETA, ONLY_BETA, Estimate, estimate, input_tokens_within
from usage_recorder.spent import spent_usd

HAIKU = "claude-haiku-4-5"
NOVEMBER = datetime(2026, 11, 20)
UNDER = Conditions(when=NOVEMBER)
KEPT: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
HOUR: dict[str, Any] = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
FIFTEEN = [{"role": "user", "content": " ".join(["word"] * 15)}]
SEARCH = {"type": "web_search_20260209", "name": "web_search"}


def of(tokens: int, max_tokens: int = 0, model: str = HAIKU, **more: Any) -> Estimate:
    return bound({"model": model, "max_tokens": max_tokens, **more}, tokens, UNDER)


# ── counted by the API ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_short_request_on_haiku_has_a_known_answer_and_nothing_is_generated(unrecorded: Anthropic, api: Api) -> None:
    found = estimate(unrecorded, model=HAIKU, messages=FIFTEEN, max_tokens=50, when=NOVEMBER, temperature=0.5)
    assert (found.input_tokens, found.max_output_tokens, found.max_usd) == (15, 50, Decimal("0.000265"))
    assert (found.answer_usd, found.min_usd, found.likely_usd) == (Decimal("0.00025"), Decimal("0.000015"), None)
    assert (found.unknown_because, found.does_not_fit, found.not_covered) == (None, None, ())
    assert [path for path, _, _ in api.asked] == ["/v1/messages/count_tokens"]
    assert set(api.asked[0][2]) == {"model", "messages"}


def test_an_async_client_is_awaited(api: Api) -> None:
    async def asked() -> Estimate:
        async with AsyncAnthropic(api_key="sk-test", base_url=api.address) as client:
            return await estimate(client, model=HAIKU, messages=FIFTEEN, max_tokens=50, when=NOVEMBER)

    assert ran(asked()).max_usd == Decimal("0.000265")


def test_system_and_tools_are_counted_with_the_rest(unrecorded: Anthropic, api: Api) -> None:
    tools = [{"name": "look_up", "input_schema": {"type": "object"}}]
    found = estimate(unrecorded, model=HAIKU, messages=FIFTEEN, max_tokens=1, system="two words", tools=tools)
    assert found.input_tokens == 17
    assert api.asked[0][2]["tools"] == tools


def test_a_beta_request_is_counted_by_the_beta(unrecorded: Anthropic, api: Api) -> None:
    estimate(unrecorded, model=HAIKU, messages=FIFTEEN, max_tokens=1, betas=["context-management-2025-06-27"])
    path, headers, _ = api.asked[0]
    assert path == "/v1/messages/count_tokens"
    assert "context-management-2025-06-27" in headers["anthropic-beta"]


def test_messages_that_can_be_read_once_are_read_once(unrecorded: Anthropic) -> None:
    given_once = (one for one in [{"role": "user", "content": [{"type": "text", "text": "a b c", **KEPT}]}])
    found = estimate(unrecorded, model=HAIKU, messages=given_once, max_tokens=1)
    assert (found.input_tokens, found.cache_ttl) == (3, "5m")


@pytest.mark.parametrize("request_", [{"max_tokens": 5}, {"model": HAIKU}, {"model": HAIKU, "max_tokens": -1}])
def test_a_request_without_a_bound_is_refused_before_it_is_counted(
    unrecorded: Anthropic, api: Api, request_: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"no model|no max_tokens"):
        estimate(unrecorded, messages=FIFTEEN, **request_)
    assert api.asked == []


def test_what_count_tokens_takes_is_what_the_sdk_says_it_takes() -> None:
    def names(function: Any) -> set[str]:
        return set(inspect.signature(function).parameters) - {"self"}

    plain, beta = anthropic.resources.Messages, anthropic.resources.beta.messages.Messages
    assert names(plain.count_tokens) == COUNTED
    assert names(beta.count_tokens) == COUNTED_BETA
    assert names(beta.create) - names(plain.create) == ONLY_BETA


# ── the worst case ──────────────────────────────────────────────────────────────────────────────────────────────────

MARKED = [
    {"cache_control": {"type": "ephemeral"}},
    {"system": [{"type": "text", "text": "x", **KEPT}]},
    {"tools": [{"name": "t", "input_schema": {}, **KEPT}]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", **KEPT}]}]},
    {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", **KEPT}]}]}]},
]


@pytest.mark.parametrize("marked", MARKED)
def test_a_prompt_that_marks_anything_for_the_cache_may_be_written_whole(marked: dict[str, Any]) -> None:
    found = of(10_000, **marked)
    assert (found.max_usd, found.min_usd) == (Decimal("0.0125"), Decimal("0.001"))
    assert found.cache_ttl == "5m"


def test_the_dearest_time_to_live_counts() -> None:
    found = of(10_000, system=[{"type": "text", "text": "x", **HOUR}], **KEPT)
    assert (found.max_usd, found.cache_ttl) == (Decimal("0.02"), "1h")


def test_a_parameter_left_out_the_sdks_way_is_left_out() -> None:
    found = of(10, cache_control=anthropic.omit, tools=anthropic.NOT_GIVEN, speed=anthropic.omit)
    assert found == of(10)


def test_web_searches_cost_what_the_tool_allows() -> None:
    found = of(1000, tools=[{**SEARCH, "max_uses": 3}])
    assert (found.max_usd, found.min_usd, found.max_web_searches) == (Decimal("0.031"), Decimal("0.001"), 3)
    assert found.not_covered == ("what web searches find is read as input",)


def test_searching_without_end_has_no_worst_case() -> None:
    found = of(1000, tools=[SEARCH])
    assert (found.max_usd, found.max_web_searches) == (None, None)
    assert found.unknown_because == "a web search tool without max_uses can search without end"


@pytest.mark.parametrize(
    ("over", "usd"),
    [
        ({}, "0.0075"),
        ({"inference_geo": "us"}, "0.00825"),
        ({"speed": "fast"}, "0.015"),
    ],
)
def test_speed_and_place_multiply(over: dict[str, Any], usd: str) -> None:
    assert of(1000, 100, "claude-opus-5", **over).max_usd == Decimal(usd)


def test_a_batch_halves_and_a_likely_answer_is_told() -> None:
    under = Conditions(when=NOVEMBER, batch=True, likely_output_tokens=10)
    found = bound({"model": HAIKU, "max_tokens": 100}, 1000, under)
    assert (found.max_usd, found.likely_usd) == (Decimal("0.00075"), Decimal("0.000525"))


def test_a_regional_endpoint_costs_more() -> None:
    name = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
    assert bound({"model": name, "max_tokens": 0}, 1000, UNDER).max_usd == Decimal("0.0011")
    vertex = Conditions(when=NOVEMBER, region="europe-west1")
    assert bound({"model": HAIKU, "max_tokens": 0}, 1000, vertex).max_usd == Decimal("0.0011")


def test_the_price_is_that_of_the_day() -> None:
    request = {"model": "claude-sonnet-5-5", "max_tokens": 0, **KEPT}
    before, after = (bound(request, 10**6, Conditions(when=datetime(2026, 10, day))) for day in (6, 7))
    assert (before.min_usd, after.min_usd) == (Decimal("0.2"), Decimal("0.1"))


@pytest.mark.parametrize(
    ("model", "speed", "why"),
    [("claude-haiku-9", None, "the model is not in the price list"), (HAIKU, "fast", "the price list has no price")],
)
def test_an_unknown_price_is_none_and_says_why(model: str, speed: str | None, why: str) -> None:
    found = of(1000, 10, model, speed=speed)
    assert (found.max_usd, found.min_usd, found.answer_usd) == (None, None, None)
    assert (found.unknown_because or "").startswith(why)


def test_what_does_not_fit_is_said() -> None:
    assert of(200_000, 1).does_not_fit == (
        "200,000 input and 1 output tokens; the context window of claude-haiku-4-5 holds 200,000"
    )
    assert of(1, 64_001).does_not_fit == "64,001 output tokens; claude-haiku-4-5 writes at most 64,000"
    assert of(136_000, 64_000).does_not_fit is None
    assert of(10**9, 1, "claude-haiku-9").does_not_fit is None


def test_what_is_billed_beside_is_said() -> None:
    request: dict[str, Any] = {"mcp_servers": [{"name": "x"}], "fallbacks": [{"model": "claude-opus-5"}]}
    tools = [{"type": "mcp_toolset"}, {"type": "code_execution_20260209"}]
    assert len(of(1, tools=tools, **request).not_covered) == 3


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["5m", "1h", "web_search_20260209"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "cache_control", "ttl", "max_uses", "content", "text"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
FIELDS = ("messages", "system", "tools", "cache_control", "speed", "inference_geo", "mcp_servers", "thinking")


@settings(max_examples=150, deadline=None)
@given(request_=st.dictionaries(st.sampled_from(FIELDS), ANYTHING))
def test_a_request_of_any_shape_has_an_estimate_and_never_a_guess(request_: dict[str, Any]) -> None:
    found = of(100, 10, **request_)
    assert (found.max_usd is None) == (found.unknown_because is not None)
    assert found.max_usd is None or found.max_usd >= Decimal("0.00015")


# ── how long a prompt may be ────────────────────────────────────────────────────────────────────────────────────────


def test_a_limit_of_a_tenth_of_a_cent_with_a_hundred_tokens_out_leaves_five_hundred_in() -> None:
    assert input_tokens_within("0.001", model=HAIKU, max_tokens=100, under=UNDER) == 500
    assert input_tokens_within(0.001, model=HAIKU, max_tokens=100, under=UNDER) == 500
    assert input_tokens_within("0.001", model=HAIKU, max_tokens=100, under=UNDER, **KEPT) == 400
    assert input_tokens_within("0.001", model=HAIKU, max_tokens=200, under=UNDER) == 0
    assert input_tokens_within("0.001", model="claude-haiku-9", max_tokens=1, under=UNDER) is None


def test_a_band_ends_it_where_the_next_one_is_too_dear() -> None:
    assert input_tokens_within("0.02", model="claude-haiku-5-5", max_tokens=1, under=UNDER) == 100_000


@settings(max_examples=40, deadline=None)
@given(
    model=st.sampled_from(sorted(catalogue().models)),
    usd=st.decimals("0", "2", places=6),
    max_tokens=st.integers(0, 5000),
)
def test_the_longest_prompt_fits_and_one_token_more_does_not(model: str, usd: Decimal, max_tokens: int) -> None:
    tokens = input_tokens_within(usd, model=model, max_tokens=max_tokens, under=UNDER)
    if tokens is None:
        assert of(1, max_tokens, model).max_usd is None
        return
    more = of(tokens + 1, max_tokens, model).max_usd
    assert more is None or more > usd
    if tokens:
        worst = of(tokens, max_tokens, model).max_usd
        assert worst is not None
        assert worst <= usd


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_real_usage_of_a_request_costs_more_than_its_worst_case(data: st.DataObject) -> None:
    """However the prompt is read, written or neither, however short the answer, on every model there is a price of."""
    model = data.draw(st.sampled_from(sorted(catalogue().models)))
    prompt, max_tokens = data.draw(st.integers(0, 250_000)), data.draw(st.integers(0, 64_000))
    ttl = data.draw(st.sampled_from([None, "5m", "1h"]))
    mark: dict[str, Any] = {"cache_control": {"type": "ephemeral", "ttl": ttl}} if ttl else {}
    read = data.draw(st.integers(0, prompt)) if ttl else 0
    written = data.draw(st.integers(0, prompt - read)) if ttl else 0
    usage = {
        "input_tokens": prompt - read - written,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "cache_creation": {"ephemeral_1h_input_tokens": written if ttl == "1h" else 0},
        "output_tokens": data.draw(st.integers(0, max_tokens)),
    }
    found = of(prompt, max_tokens, model, **mark)
    paid = spent_usd(usage, model=model, when=NOVEMBER)
    if found.max_usd is not None and paid is not None:
        assert paid <= found.max_usd
        assert found.min_usd is None or found.min_usd <= paid


# ── what it did cost ────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_iteration_is_priced_at_its_own_model_and_the_search_once() -> None:
    usage = {
        "input_tokens": 2000,
        "output_tokens": 200,
        "server_tool_use": {"web_search_requests": 2},
        "iterations": [
            {"type": "message", "model": "claude-opus-5", "input_tokens": 1000, "output_tokens": 0},
            {"type": "fallback_message", "model": HAIKU, "input_tokens": 1000, "output_tokens": 200},
            {"type": "advisor_message", "model": "claude-opus-5", "input_tokens": 100, "output_tokens": 10},
            {"type": "unheard_of", "input_tokens": 10**6, "output_tokens": 10**6},
        ],
    }
    expected = (1000 * 5 + 1000 * 1 + 200 * 5 + 100 * 5 + 10 * 25) / Decimal(10**6) + Decimal("0.02")
    assert spent_usd(usage, model=HAIKU, when=NOVEMBER) == expected


def test_a_count_that_is_missing_leaves_the_cost_unknown() -> None:
    assert spent_usd({"input_tokens": 5}, model=HAIKU, when=NOVEMBER) is None
    assert spent_usd({"input_tokens": 5, "output_tokens": 1}, model="claude-9", when=NOVEMBER) is None


def test_the_terms_of_the_usage_count() -> None:
    usage = {"input_tokens": 1000, "output_tokens": 0, "service_tier": "batch", "inference_geo": "not_available"}
    assert spent_usd(usage, model=HAIKU, when=NOVEMBER) == Decimal("0.0005")
