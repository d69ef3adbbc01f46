"""The API's usage object to billed parts."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.api_usage import CONTRADICTION, UNKNOWN_ITERATION, billing_fields, parts_of
from ingest.record import Part, Rejected

MODEL = "claude-opus-5-5"


def iteration(kind: str, counts: tuple[int, int, int, int], **more: Any) -> dict[str, Any]:
    """counts: uncached input, output, cache read, cache write."""
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return {"type": kind, **dict(zip(names, counts, strict=True)), **more}


def usage(counts: tuple[int, int, int, int], *iterations: Any, **more: Any) -> dict[str, Any]:
    return {**iteration("", counts), "iterations": list(iterations), **more}


@pytest.mark.parametrize(
    ("logged", "part"),
    [
        ({"input_tokens": 21, "output_tokens": 77}, Part(MODEL, 21, 77)),
        ({"input_tokens": 0, "output_tokens": 0}, Part(MODEL, 0, 0)),
        ({"input_tokens": 12.0, "output_tokens": 3.0}, Part(MODEL, 12, 3)),
        ({"input_tokens": 4, "output_tokens": None}, Part(MODEL, 4, None)),
        ({"input_tokens": 4}, Part(MODEL, 4, None)),
        (
            {"input_tokens": 4, "output_tokens": 1, "cache_creation_input_tokens": 300, "cache_read_input_tokens": 9},
            Part(MODEL, 4, 1, 9, 300, 0),
        ),
        (
            {
                "input_tokens": 4,
                "output_tokens": 1,
                "cache_creation_input_tokens": 300,
                "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
            },
            Part(MODEL, 4, 1, 0, 100, 200),
        ),
        (
            {
                "input_tokens": 4,
                "output_tokens": 1,
                "cache_creation_input_tokens": 300,
                "cache_creation": {"ephemeral_1h_input_tokens": 200},
            },
            Part(MODEL, 4, 1, 0, 100, 200),
        ),
        (
            {
                "input_tokens": 4,
                "output_tokens": 1,
                "cache_creation_input_tokens": 300,
                "cache_creation": {"ephemeral_5m_input_tokens": None, "ephemeral_1h_input_tokens": None},
            },
            Part(MODEL, 4, 1, 0, 300, 0),
        ),
        (
            {"input_tokens": 4, "output_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 200}},
            Part(MODEL, 4, 1, 0, 0, 200),
        ),
        (
            {
                "input_tokens": 4,
                "output_tokens": 50,
                "output_tokens_details": {"thinking_tokens": 50},
                "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 1},
                "cache_creation": None,
                "cache_read_input_tokens": None,
                "iterations": None,
            },
            Part(MODEL, 4, 50, reasoning_tokens=50, web_search_requests=3),
        ),
        (
            {"input_tokens": 4, "output_tokens": 5, "output_tokens_details": None, "server_tool_use": None},
            Part(MODEL, 4, 5),
        ),
    ],
)
def test_one_set_of_counts_is_one_part(logged: dict[str, Any], part: Part) -> None:
    assert parts_of(logged, model=MODEL) == ((part,), None)


@pytest.mark.parametrize(
    ("logged", "field", "reason"),
    [
        ({"output_tokens": 1}, "usage.input_tokens", "missing"),
        ({"input_tokens": None, "output_tokens": 1}, "usage.input_tokens", "missing"),
        ({"input_tokens": -1, "output_tokens": 1}, "usage.input_tokens", "negative"),
        ({"input_tokens": 1.5, "output_tokens": 1}, "usage.input_tokens", "fraction"),
        ({"input_tokens": 1, "output_tokens": 10**10}, "usage.output_tokens", "more than"),
        ({"input_tokens": 1, "output_tokens": 10**30}, "usage.output_tokens", "more than"),
        ({"input_tokens": True, "output_tokens": 1}, "usage.input_tokens", "true or false"),
        ({"input_tokens": 1, "output_tokens": False}, "usage.output_tokens", "true or false"),
        ({"input_tokens": "12", "output_tokens": 1}, "usage.input_tokens", "not a number"),
        ({"input_tokens": [], "output_tokens": 1}, "usage.input_tokens", "not a number"),
        ({"input_tokens": 1, "output_tokens": float("inf")}, "usage.output_tokens", "not a finite number"),
        (
            {"input_tokens": 1, "output_tokens": 1, "cache_read_input_tokens": False},
            "usage.cache_read_input_tokens",
            "true or false",
        ),
        (
            {"input_tokens": 1, "output_tokens": 1, "cache_creation": 7},
            "usage.cache_creation",
            "not an object",
        ),
        (
            {
                "input_tokens": 1,
                "output_tokens": 1,
                "cache_creation_input_tokens": 10,
                "cache_creation": {"ephemeral_5m_input_tokens": 8, "ephemeral_1h_input_tokens": 3},
            },
            "usage.cache_creation",
            "cache parts larger than their whole",
        ),
        (
            {
                "input_tokens": 1,
                "output_tokens": 1,
                "cache_creation_input_tokens": 10,
                "cache_creation": {"ephemeral_5m_input_tokens": 11},
            },
            "usage.cache_creation",
            "cache parts larger than their whole",
        ),
        (
            {
                "input_tokens": 1,
                "output_tokens": 1,
                "cache_creation_input_tokens": 10,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 3},
            },
            "usage.cache_creation",
            "cache parts smaller than their whole",
        ),
        (
            {"input_tokens": 1, "output_tokens": 5, "output_tokens_details": {"thinking_tokens": 6}},
            "usage.output_tokens_details.thinking_tokens",
            "more thinking tokens than output tokens",
        ),
        (
            {"input_tokens": 1, "output_tokens": 5, "server_tool_use": {"web_search_requests": -1}},
            "usage.server_tool_use.web_search_requests",
            "negative",
        ),
        ({"input_tokens": 1, "output_tokens": 5, "server_tool_use": 3}, "usage.server_tool_use", "not an object"),
        ({"input_tokens": 1, "output_tokens": 5, "iterations": 3}, "usage.iterations", "not a list"),
        ({"input_tokens": 1, "output_tokens": 5, "iterations": [3]}, "usage.iterations[0]", "not an object"),
        (
            {"input_tokens": 1, "output_tokens": 5, "iterations": [{"type": "message"}]},
            "usage.iterations[0].input_tokens",
            "missing",
        ),
        (
            usage((1, 5, 0, 0), iteration("advisor_message", (1, 1, 0, 0))),
            "usage.iterations[0].model",
            "without its model",
        ),
        ({"input_tokens": 1, "output_tokens": 5, "iterations": [{}] * 1001}, "usage.iterations", "more than 1000"),
    ],
)
def test_counts_that_cannot_be_are_rejected(logged: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        parts_of(logged, model=MODEL)
    assert caught.value.field == field
    assert reason in caught.value.reason


def test_one_iteration_repeats_the_totals() -> None:
    parts, finding = parts_of(usage((3, 5, 7, 9), iteration("message", (3, 5, 7, 9))), model=MODEL)
    assert parts == (Part(MODEL, 3, 5, 7, 9, 0),)
    assert finding is None


def test_iterations_that_sum_to_the_totals_are_parts_of_their_own() -> None:
    logged = usage(
        (60_030, 30, 50_000, 4),
        iteration("message", (60_000, 10, 0, 4)),
        iteration("message", (30, 20, 50_000, 0), model=MODEL),
        output_tokens_details={"thinking_tokens": 14},
        server_tool_use={"web_search_requests": 2},
    )
    assert parts_of(logged, model=MODEL) == (
        (
            Part(MODEL, 60_000, 10, 0, 4, 0, reasoning_tokens=10, web_search_requests=2),
            Part(MODEL, 30, 20, 50_000, 0, 0, reasoning_tokens=4),
        ),
        None,
    )


@pytest.mark.parametrize(
    "iterations",
    [
        [iteration("message", (3, 6, 7, 9))],
        [iteration("message", (3, 5, 7, 9)), iteration("message", (3, 5, 7, 9))],
        [iteration("message", (3, 4, 7, 9), model="claude-haiku-4-5")],
    ],
)
def test_iterations_that_contradict_the_totals_leave_the_totals(iterations: list[dict[str, Any]]) -> None:
    extra = iteration("compaction", (1, 1, 0, 0))
    assert parts_of(usage((3, 5, 7, 9), *iterations, extra), model=MODEL) == (
        (Part(MODEL, 3, 5, 7, 9, 0), Part(MODEL, 1, 1, kind="compaction")),
        CONTRADICTION,
    )


def test_advisor_and_compaction_are_billed_beside_the_totals() -> None:
    logged = usage(
        (3, 5, 0, 0),
        iteration("compaction", (9_000, 400, 0, 0)),
        iteration("advisor_message", (100, 20, 0, 0), model="claude-haiku-4-5"),
        iteration("message", (3, 5, 0, 0)),
    )
    assert parts_of(logged, model=MODEL) == (
        (
            Part(MODEL, 3, 5),
            Part(MODEL, 9_000, 400, kind="compaction"),
            Part("claude-haiku-4-5", 100, 20, kind="advisor"),
        ),
        None,
    )


def test_attempts_before_a_fallback_are_billed_beside_the_serving_one() -> None:
    logged = usage(
        (10, 5, 0, 0),
        iteration("message", (10, 0, 0, 0), model="claude-fable-5-2"),
        iteration("message", (10, 3, 0, 0), model="claude-opus-5"),
        iteration("fallback_message", (10, 5, 0, 0), model=MODEL),
    )
    assert parts_of(logged, model=MODEL) == (
        (
            Part(MODEL, 10, 5),
            Part("claude-fable-5-2", 10, 0, kind="declined"),
            Part("claude-opus-5", 10, 3, kind="fallback"),
        ),
        None,
    )


def test_the_serving_model_is_the_one_that_completed_the_message() -> None:
    logged = usage(
        (30, 9, 0, 0),
        iteration("message", (10, 0, 0, 0), model="claude-fable-5-2"),
        iteration("message", (10, 4, 0, 0), model=MODEL),
        iteration("fallback_message", (20, 5, 0, 0), model=MODEL),
    )
    parts, finding = parts_of(logged, model="claude-fable-5-2")
    assert [(p.model, p.uncached_input_tokens, p.output_tokens, p.kind) for p in parts] == [
        (MODEL, 10, 4, "message"),
        (MODEL, 20, 5, "message"),
        ("claude-fable-5-2", 10, 0, "declined"),
    ]
    assert finding is None


def test_an_unknown_kind_of_iteration_is_said() -> None:
    logged = usage((3, 5, 0, 0), {"type": "dream"}, {"type": ["message"]}, iteration("message", (3, 5, 0, 0)))
    assert parts_of(logged, model=MODEL) == ((Part(MODEL, 3, 5),), UNKNOWN_ITERATION)


def test_a_cut_stream_keeps_what_is_billed_beside_it() -> None:
    logged = {"input_tokens": 3, "iterations": [iteration("compaction", (9, 4, 0, 0))]}
    assert parts_of(logged, model=MODEL).parts == (Part(MODEL, 3, None), Part(MODEL, 9, 4, kind="compaction"))


@pytest.mark.parametrize(
    ("logged", "expected"),
    [
        ({}, (None, None, None)),
        ({"service_tier": "batch", "speed": "fast", "inference_geo": "us"}, ("batch", "fast", "us")),
        ({"service_tier": "standard", "speed": "", "inference_geo": ""}, ("standard", None, None)),
        ({"service_tier": None, "speed": None, "inference_geo": "not_available"}, (None, None, None)),
        ({"inference_geo": "global"}, (None, None, "global")),
    ],
)
def test_what_moves_the_price(logged: dict[str, Any], expected: tuple[str | None, ...]) -> None:
    assert billing_fields(logged) == expected
