from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from spend.filters import Filters
from spend.opportunities import Opportunity
from spend.opportunities.facts import Facts
from spend.opportunities.ranked import largest, opportunities
from spend.what_if import Scene, savings_of_groups, what_if
from store.connection import Store
from tests.factories import store_with, usage_record

OPUS, HAIKU, TINY = "claude-opus-4-8", "claude-haiku-4-5", "claude-haiku-5-5"
PREFIX = [{"hash": "9c1f22d07ab85e34", "share": 0.8, "cached": False}]
Find = Callable[[list[dict[str, Any]]], dict[tuple[str, str | None], Opportunity]]


@pytest.fixture
def find(tmp_path: Path) -> Iterator[Find]:
    """What is found in a log, by kind and feature; for all of it, that each saving is the core's own answer."""
    stores: list[Store] = []

    def found(records: list[dict[str, Any]]) -> dict[tuple[str, str | None], Opportunity]:
        store = store_with(tmp_path, records)
        stores.append(store)
        return {(one.kind, one.feature): one for one in checked(store)}

    yield found
    for store in stores:
        store.close()


def checked(store: Store, filters: Filters = Filters()) -> list[Opportunity]:  # noqa: B008
    """All findings: each saves what the core says of its levers, and together they save what they add."""
    found = opportunities(store.cursor(), filters)
    ready = [one for one in found if one.levers]
    with Scene(store.cursor(), filters) as scene:
        for one in ready:
            assert what_if(scene, one.levers).saving == one.saving > 0
        [together] = savings_of_groups(scene, [one.levers for one in ready], [tuple(range(len(ready)))])
    assert sum(one.adds for one in ready) == together
    assert [one.saving for one in ready] == sorted((one.saving for one in ready), reverse=True)
    assert all(not one.saving for one in found if not one.levers)
    return found


def times(count: int, *, minutes: float = 1, **over: Any) -> list[dict[str, Any]]:
    """So many requests like this one, some minutes apart."""
    at = [(9 * 60 + int(n * minutes)) for n in range(count)]
    return [usage_record(**{"time": f"2026-11-10T{m // 60:02}:{m % 60:02}:00Z", **over}) for m in at]


# ── one kind of finding each ────────────────────────────────────────────────────────────────────────────────────────


def test_one_word_answers_of_a_large_model_are_found_with_the_model_that_saves_most(find: Find) -> None:
    found = find(times(30, feature="triage", model=OPUS, output_tokens=4, stream=True))
    one = found["smaller_model", "triage"]
    assert one.confidence == "medium"
    assert dict(one.levers[0].values)["to"] == TINY
    assert one.saving == 30 * ((1000 * 5 + 4 * 25) - (1000 * 5 + 4 * 25) // 50) * 10**6
    assert "triage runs on Opus 4.8 for 4-token answers" in one.title


def test_long_or_thinking_answers_and_few_requests_are_no_case_for_a_smaller_model(find: Find) -> None:
    found = find(
        [
            *times(30, feature="essays", model=OPUS, output_tokens=3000, stream=True),
            *times(30, feature="thinks", model=OPUS, output_tokens=90, output_tokens_details={"thinking_tokens": 60}),
            *times(19, feature="few", model=OPUS, output_tokens=4, stream=True),
            *times(30, feature="small", model=TINY, output_tokens=4, stream=True),
        ]
    )
    assert [feature for kind, feature in found if kind == "smaller_model"] == []


def test_a_prefix_sent_again_and_again_is_found_to_the_cent(find: Find) -> None:
    over: dict[str, Any] = {"feature": "policy", "model": "claude-sonnet-4-6", "output_tokens": 900, "stream": True}
    one = find(times(20, input_tokens=10_000, prefixes=PREFIX, **over))["cacheable_prefix", "policy"]
    assert one.confidence == "high"
    written, read = 8000 * 3_750_000, 8000 * 300_000
    assert one.saving == 20 * 8000 * 3_000_000 - (written + 19 * read)


def test_without_fingerprints_caching_is_a_bound_and_in_no_sum(find: Find) -> None:
    over: dict[str, Any] = {"feature": "blind", "model": "claude-sonnet-4-6", "output_tokens": 900, "stream": True}
    found = find(times(20, input_tokens=10_000, **over))
    one = found["perhaps_cacheable", "blind"]
    assert (one.levers, one.saving) == ((), 0)
    assert one.at_most_month is not None
    assert one.at_most_month > 0


def test_writes_that_nobody_reads_are_better_left(find: Find) -> None:
    over: dict[str, Any] = {"feature": "lonely", "output_tokens": 900, "stream": True, "input_tokens": 100}
    one = find(times(20, cache_creation_input_tokens=8000, **over))["unread_writes", "lonely"]
    assert [lever.lever for lever in one.levers] == ["uncache"]
    assert one.saving == 20 * 8000 * 250_000


def test_an_hour_that_does_not_pay_back_is_found_and_five_minutes_tried_in_its_place(find: Find) -> None:
    hour = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 8000}
    over: dict[str, Any] = {"output_tokens": 900, "stream": True, "input_tokens": 2000}
    marked = [{"hash": "9c1f22d07ab85e34", "share": 0.8, "cached": True}]
    writes = times(20, cache_creation_input_tokens=8000, cache_creation=hour, feature="hourly", **over)
    reads = times(2, cache_read_input_tokens=8000, feature="hourly", **over)
    pairs = times(
        20, minutes=2, cache_creation_input_tokens=8000, cache_creation=hour, feature="kept", prefixes=marked, **over
    )
    read = times(1, cache_read_input_tokens=8000, feature="kept", prefixes=marked, **over)
    found = find([*writes, *reads, *pairs, *read])
    assert found["hour_writes", "hourly"].saving == 20 * 8000 * 1_000_000 - 2 * 8000 * 900_000
    assert [lever.lever for lever in found["hour_writes", "kept"].levers] == ["uncache", "cache"]


def test_caching_that_pays_is_not_touched(find: Find) -> None:
    over: dict[str, Any] = {"feature": "good", "output_tokens": 900, "stream": True, "input_tokens": 100}
    records = [*times(1, cache_creation_input_tokens=8000, **over), *times(29, cache_read_input_tokens=8000, **over)]
    assert {kind for kind, _ in find(records)} & {"unread_writes", "hour_writes", "cache_lifetime"} == set()


def test_a_mark_too_short_to_be_cached_is_a_note(find: Find) -> None:
    marked = [{"hash": "9c1f22d07ab85e34", "share": 0.5, "cached": True}]
    found = find(times(20, feature="short", input_tokens=4000, output_tokens=900, prefixes=marked, stream=True))
    one = found["under_minimum", "short"]
    assert (one.saving, one.levers) == (0, ())
    assert "at most 2,000 tokens; the model caches from 4,096" in one.why


def test_essays_are_tried_at_half_their_length(find: Find) -> None:
    found = find(times(20, feature="notes", model=OPUS, input_tokens=4000, output_tokens=1200, stream=True))
    one = found["long_answers", "notes"]
    assert dict(one.levers[0].values) == {"max_output_tokens": 600}
    assert one.saving == 20 * 600 * 25_000_000


def test_answers_that_end_at_their_limit_and_limits_far_away_are_notes(find: Find) -> None:
    found = find(
        [
            *times(20, feature="cut", output_tokens=700, max_tokens=700, stop_reason="max_tokens", stream=True),
            *times(20, feature="wide", output_tokens=700, max_tokens=64_000, stop_reason="end_turn", stream=True),
        ]
    )
    assert "20 answers end at max_tokens" in found["cut_answers", "cut"].title
    assert "may answer with 64,000 tokens and uses 700" in found["spare_max_tokens", "wide"].title


def test_conversations_whose_prompts_grow_are_trimmed_to_twice_their_beginning(find: Find) -> None:
    over: dict[str, Any] = {"output_tokens": 900, "stream": True}
    growing = [
        usage_record(feature="chat", session=f"s{n}", time=f"2026-11-10T{9 + turn:02}:{n:02}:00Z",
                     input_tokens=1000 * (turn + 1), **over)
        for n in range(12) for turn in range(5)
    ]  # fmt: skip
    steady = [
        usage_record(feature="calm", session=f"t{n}", time=f"2026-11-10T{9 + turn:02}:{n:02}:00Z", **over)
        for n in range(12) for turn in range(5)
    ]  # fmt: skip
    found = find([*growing, *steady])
    one = found["growing_conversations", "chat"]
    assert dict(one.levers[0].values) == {"max_prompt_tokens": 2000}
    assert one.saving == 12 * (1000 + 2000 + 3000) * 10**6
    assert ("growing_conversations", "calm") not in found


def test_what_nobody_waits_for_could_be_a_batch(find: Find) -> None:
    night = [
        usage_record(feature="report", time=f"2026-11-10T02:{n:02}:00Z", output_tokens=900, stream=True)
        for n in range(20)
    ]
    found = find(
        [
            *night,
            *times(20, feature="worker", output_tokens=900, stream=False),
            *times(20, feature="chat", output_tokens=900, stream=True),
            *times(20, feature="done", output_tokens=900, stream=False, service_tier="batch"),
        ]
    )
    assert {feature: one.confidence for (kind, feature), one in found.items() if kind == "batchable"} == {
        "report": "medium",
        "worker": "low",
    }
    assert found["batchable", "report"].saving == 20 * (1000 + 900 * 5) * 10**6 // 2


def test_prompts_just_over_a_price_step_are_found_and_long_ones_are_not(find: Find) -> None:
    over: dict[str, Any] = {"model": TINY, "output_tokens": 900, "stream": True}
    found = find(
        [
            *times(20, feature="reader", input_tokens=100_500, **over),
            *times(20, feature="books", input_tokens=300_000, **over),
        ]
    )
    one = found["band_edge", "reader"]
    assert dict(one.levers[0].values) == {"max_prompt_tokens": 100_000}
    assert one.saving == 20 * ((100_500 * 500_000 + 900 * 2_500_000) - (100_000 * 100_000 + 900 * 500_000))
    assert ("band_edge", "books") not in found


def test_a_model_that_was_not_sold_yet_in_the_period_is_not_tried(tmp_path: Path) -> None:
    """Haiku 5.5 has a price from 2026-10-07."""
    records = [usage_record(time="2026-10-06T12:00:00Z"), usage_record(time="2026-11-10T12:00:00Z")]
    with store_with(tmp_path, records) as store, Scene(store.cursor(), Filters()) as scene:
        before, after = (
            {one.model for one in Facts(store.cursor(), Filters(until=until), scene).sold}
            for until in (date(2026, 10, 7), None)
        )
    assert TINY in after - before
    assert HAIKU in before


# ── together ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_findings_never_claim_the_same_dollars(find: Find) -> None:
    found = find(times(30, feature="triage", model=OPUS, output_tokens=4, stream=False))
    swap, batch = found["smaller_model", "triage"], found["batchable", "triage"]
    assert batch.saving == 30 * (1000 * 5 + 4 * 25) * 10**6 // 2
    assert swap.adds == swap.saving
    assert Fraction(batch.adds, batch.saving) == Fraction(1, 50)  # of what Haiku would still cost


def test_hostile_names_and_none_are_found_under_their_own_names(find: Find) -> None:
    name = "a,b=c;d%2C\"<b>'*\n"
    found = find(
        [
            *times(20, feature=name, model=OPUS, output_tokens=4, stream=True),
            *times(20, feature=None, model=OPUS, output_tokens=4, stream=True),
        ]
    )
    assert {feature for kind, feature in found if kind == "smaller_model"} == {name, None}


def test_an_empty_store_and_one_without_prices_have_none(tmp_path: Path) -> None:
    with store_with(tmp_path, []) as store:
        assert opportunities(store.cursor(), Filters()) == []
    with store_with(tmp_path, times(30, model="claude-haiku-9")) as store:
        assert opportunities(store.cursor(), Filters()) == []


def test_the_samples_stories_are_found_with_their_size(sample_store: Store) -> None:
    found = {(one.kind, one.feature): one for one in checked(sample_store)}
    assert largest(sample_store.cursor(), Filters()) == next(iter(found.values()))
    triage, policy = found["smaller_model", "ticket-triage"], found["cacheable_prefix", "policy-answers"]
    essays, edge = found["long_answers", "meeting-summary"], found["band_edge", "attachment-reader"]
    assert triage.saving == 173_805_105_000_000 * 49 // 50  # Haiku 5.5 at a fiftieth of Opus 4.8
    assert policy.saving == 92_008_797_000_000
    assert 31 * 10**12 < essays.saving < 32 * 10**12
    assert "14 prompts just over 100,000" in edge.title
    assert [one.feature for one in sorted(found.values(), key=lambda one: -one.saving)][:2] == [
        "ticket-triage",
        "policy-answers",
    ]
    assert triage.month == triage.saving  # the sample is thirty days


def test_a_feature_on_many_models_is_weighed_on_each(tmp_path: Path) -> None:
    names = ("opus-4-5", "opus-4-6", "opus-4-7", "opus-4-8", "opus-5", "sonnet-4-5", "sonnet-4-6", "sonnet-5")
    models = [f"claude-{name}" for name in names]
    with store_with(tmp_path, [one for model in models for one in times(20, model=model, output_tokens=4)]) as store:
        found = checked(store)
    assert sorted(str(one.model) for one in found if one.kind == "smaller_model") == models


def test_every_feature_is_weighed_and_the_largest_finding_is_told_alone(tmp_path: Path) -> None:
    records = [
        one
        for n in range(30)
        for one in times(20, feature=f"f{n:02}", model=OPUS, output_tokens=4, input_tokens=1000 + n, stream=True)
    ]
    with store_with(tmp_path, records) as store:
        found = checked(store)
        assert {one.feature for one in found if one.kind == "smaller_model"} == {f"f{n:02}" for n in range(30)}
        for filters in (Filters(), Filters(where=(("feature", "f03"),))):
            assert largest(store.cursor(), filters) == opportunities(store.cursor(), filters)[0]
        assert largest(store.cursor(), Filters(where=(("feature", "none"),))) is None


def test_filters_narrow_what_is_found(sample_store: Store) -> None:
    found = checked(sample_store, Filters(where=(("feature", "policy-answers"),)))
    assert {one.feature for one in found} == {"policy-answers"}
