from __future__ import annotations

import gzip
import re
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from data.sample.make_sample import lines, month
from ingest.load import load
from spend.breakdown import Spend, breakdown, total
from spend.filters import Filters
from store.connection import Store, open_store
from tests.conftest import ROOT, SAMPLE, sample_records

README = (ROOT / "data" / "sample" / "README.md").read_text(encoding="utf-8")
PARIS = ZoneInfo("Europe/Paris")
DOLLAR = 10**12


def of_feature(name: str) -> list[dict[str, Any]]:
    """The answered requests of a feature."""
    return [record for record in sample_records() if record.get("feature") == name and "usage" in record]


def spend(store: Store, **where: str) -> Spend:
    return total(store.cursor(), Filters(where=tuple(where.items())))


def by(store: Store, dimension: str, **where: str) -> dict[str | None, Spend]:
    filters = Filters(timezone="Europe/Paris", where=tuple(where.items()))
    return {row.key[0]: row.spend for row in breakdown(store.cursor(), filters, [dimension])}


def small_hours(store: Store) -> dict[date, int]:
    """Pico-dollars from 01:00 to 04:00 of each day in Paris."""
    found = store.cursor().execute("SELECT started_at, cost FROM usage WHERE cost IS NOT NULL").fetchall()
    nights: dict[date, int] = {}
    for started_at, cost in found:
        local = started_at.replace(tzinfo=UTC).astimezone(PARIS)
        if 1 <= local.hour < 4:
            nights[local.date()] = nights.get(local.date(), 0) + cost
    return nights


def test_the_script_writes_the_tracked_log_again_to_the_last_byte() -> None:
    assert gzip.decompress(SAMPLE.read_bytes()) == lines(month())


def test_another_seed_writes_another_log_and_fewer_days_a_shorter_one() -> None:
    small = month(7, days=3, requests=300)
    assert 200 < len(small) < 500
    assert {str(record["time"])[:10] for record in small} == {"2026-11-17", "2026-11-18", "2026-11-19"}
    assert small != month(8, days=3, requests=300)


def test_the_log_is_small_and_says_nothing_of_when_it_was_compressed() -> None:
    packed = SAMPLE.read_bytes()
    assert len(packed) < 3_000_000
    assert packed[4:8] == b"\0\0\0\0"


def test_it_covers_thirty_days_in_order_of_time() -> None:
    times = [record["time"] for record in sample_records()]
    assert times == sorted(times)
    days = {time[:10] for time in times}
    assert days == {(date(2026, 10, 21) + timedelta(days=n)).isoformat() for n in range(30)}


def test_ids_are_unique_and_look_like_the_apis() -> None:
    messages = [record["message_id"] for record in sample_records() if "message_id" in record]
    requests = [record["request_id"] for record in sample_records() if "request_id" in record]
    assert len(set(messages)) == len(messages) > 19_000
    assert len(set(requests)) == len(requests) > 19_000
    assert all(re.fullmatch(r"msg_01[0-9A-Za-z]{22}", name) for name in messages)
    assert all(re.fullmatch(r"req_011C[0-9A-Za-z]{20}", name) for name in requests)


def test_every_line_loads_and_a_second_time_changes_nothing(tracked_prices: Any) -> None:
    with open_store(":memory:", prices=tracked_prices) as store:
        first, second = load(store, [SAMPLE]), load(store, [SAMPLE])
        assert (first.requests, first.duplicates, first.ignored, first.rejected) == (20_544, 0, 0, 0)
        assert (second.requests, second.duplicates) == (0, 20_544)
        assert first.unpriced == 25
        assert spend(store).cost == first.cost


def test_the_readme_ranks_the_features_as_they_are(sample_store: Store) -> None:
    rows = re.findall(r"^\| (?:`([\w-]+)`|not logged) \| (?:\$([\d.]+)|—) \| ([\d,]+) \|", README, re.MULTILINE)
    found = by(sample_store, "feature")
    assert [(name or None, usd, requests) for name, usd, requests in rows] == [
        (name, f"{s.cost / DOLLAR:.2f}" if s.cost else "", f"{s.requests:,}") for name, s in found.items()
    ]
    whole = spend(sample_store)
    assert f"{whole.requests:,} requests" in README
    assert f"${whole.cost / DOLLAR:,.2f}" in README
    assert 1_200 < whole.cost / DOLLAR < 1_800


def test_triage_pays_the_largest_model_for_one_word(sample_store: Store) -> None:
    triage = of_feature("ticket-triage")
    assert {record["model"] for record in triage} == {"claude-opus-4-8"}
    assert {record["usage"]["output_tokens"] for record in triage} == {3, 4, 5, 6}
    assert spend(sample_store, feature="ticket-triage").cost > 150 * DOLLAR


def test_policy_answers_send_the_same_policy_uncached_each_time(sample_store: Store) -> None:
    answers = of_feature("policy-answers")
    assert len({prefix["hash"] for record in answers for prefix in record["prefixes"]}) == 1
    assert all(record["usage"]["input_tokens"] > 8_000 and record["prefixes"][0]["share"] > 0.75 for record in answers)
    found = spend(sample_store, feature="policy-answers")
    assert (found.cache_read_tokens, found.cache_write_5m_tokens, found.cache_write_1h_tokens) == (0, 0, 0)
    assert 8_000 * 3_000_000 * len(answers) > found.cost * 0.7  # $3 a million


def test_meeting_summaries_are_essays(sample_store: Store) -> None:
    lengths = [record["usage"]["output_tokens"] for record in of_feature("meeting-summary")]
    assert 900 <= min(lengths) <= max(lengths) <= 2_500
    found = spend(sample_store, feature="meeting-summary")
    assert found.output_cost > found.cost / 2


def test_one_night_costs_eight_times_the_usual_and_all_others_the_usual(sample_store: Store) -> None:
    nights = small_hours(sample_store)
    loop = nights.pop(date(2026, 11, 13))
    usual = median(nights.values())
    assert f"cost ${loop / DOLLAR:.2f}; they usually cost ${usual / DOLLAR:.2f}" in README
    assert 7.5 * usual < loop < 8.5 * usual
    assert all(0.85 * usual < cost < 1.15 * usual for cost in nights.values())


def test_that_night_is_one_user_retrying_one_search() -> None:
    begin, end = datetime(2026, 11, 13, 1, tzinfo=PARIS), datetime(2026, 11, 13, 4, tzinfo=PARIS)
    loop = [
        record
        for record in sample_records()
        if begin <= datetime.fromisoformat(record["time"]) < end and record.get("user") == "u_4630"
    ]
    answered = [record for record in loop if record["status"] == 200]
    overloaded = [record for record in loop if record["status"] == 529]
    assert {record["feature"] for record in loop} == {"document-search"}
    assert len({record["session"] for record in loop}) == 1
    assert {record["usage"]["input_tokens"] for record in answered} == {21_870}
    assert f"{len(answered)} times,\n  {len(overloaded)} of them after a 529" in README


def test_one_user_is_a_third_of_the_reports(sample_store: Store) -> None:
    users = by(sample_store, "user", feature="report-writer")
    first, second = list(users)[:2]
    share = users[first].cost / sum(s.cost for s in users.values())
    assert first == "u_df7b"
    assert 0.30 < share < 0.36
    assert users[first].cost > 2 * users[second].cost
    assert f"`{first}` is {share:.0%}".replace("%", " %") in README


def test_a_new_model_is_taken_up_on_its_first_day_by_one_feature(sample_store: Store) -> None:
    fable = [record for record in sample_records() if record["model"] == "claude-fable-5-2"]
    assert {record.get("feature", "contract-review") for record in fable} == {"contract-review"}
    assert fable[0]["time"][:10] == "2026-11-09"
    later = [record for record in of_feature("contract-review") if record["time"] > "2026-11-09T00"]
    assert {record["model"] for record in later} == {"claude-fable-5-2"}
    models = by(sample_store, "model", feature="contract-review")
    each = {name: s.cost / s.requests for name, s in models.items()}
    assert 1.7 < each["claude-fable-5-2"] / each["claude-opus-5-5"] < 2.3


@pytest.mark.parametrize(
    ("feature", "kept", "other"),
    [
        ("document-search", "cache_write_5m_tokens", "cache_write_1h_tokens"),
        ("customer-chat", "cache_write_1h_tokens", "cache_write_5m_tokens"),
    ],
)
def test_two_features_cache_well_each_for_its_own_time(
    sample_store: Store, feature: str, kept: str, other: str
) -> None:
    found = spend(sample_store, feature=feature)
    assert found.cache_read_tokens > 2.5 * getattr(found, kept) > 0
    assert getattr(found, other) == 0


def test_the_digest_is_a_batch_every_night_at_two() -> None:
    digest = of_feature("nightly-digest")
    assert {record["usage"]["service_tier"] for record in digest} == {"batch"}
    local = [datetime.fromisoformat(record["time"]).astimezone(PARIS) for record in digest]
    assert {moment.hour for moment in local} == {2}
    assert len({moment.date() for moment in local}) == 30


def test_the_rare_ones_are_there_as_counted() -> None:
    records = sample_records()
    answered = [record for record in records if "usage" in record]
    assert all("message_id" not in record and "error" in record for record in records if "usage" not in record)
    refusals = [record for record in answered if record["stop_reason"] == "refusal"]
    cut = [record for record in answered if record["stop_reason"] == "max_tokens"]
    assert {record["usage"]["output_tokens"] for record in refusals} == {0}
    assert all(record["usage"]["output_tokens"] == record["max_tokens"] for record in cut)
    prompts = [r["usage"]["input_tokens"] for r in answered if r["model"] == "claude-haiku-5-5"]
    searches = [r["usage"]["server_tool_use"]["web_search_requests"] for r in answered if r["usage"]["server_tool_use"]]
    iterations = [step["type"] for r in answered for step in r["usage"].get("iterations", [])]
    said = " ".join(README.split())
    status = [record["status"] for record in records]
    assert (
        f"{status.count(429)} rate limits, {status.count(529)} overloads and {status.count(400)} bad requests" in said
    )
    free = sum(record["stop_details"]["category"] == "cyber" for record in refusals)
    assert f"{len(refusals)} refusals, of which {free} are free and {len(refusals) - free} are billed" in said
    assert f"{len(cut)} answers cut off" in said
    unknown = sum(record["model"] == "claude-sonnet-6-preview" for record in records)
    assert f"{unknown} requests to `claude-sonnet-6-preview`" in said
    assert f"{sum(100_000 < prompt < 102_000 for prompt in prompts)} prompts just over" in said
    assert f"{sum(record['usage']['inference_geo'] == 'us' for record in answered)} requests served in the US" in said
    assert f"{sum(searches)} web searches" in said
    assert sorted(iterations) == ["advisor_message", "advisor_message", "compaction", "message", "message", "message"]
    assert sum("user" not in record for record in records) > 100
    assert sum("feature" not in record for record in records) > 100


def test_users_are_opaque_and_about_sixty() -> None:
    users = {record["user"] for record in sample_records() if "user" in record}
    assert len(users - {"svc_digest"}) == 60
    assert all(re.fullmatch(r"u_[0-9a-f]{4}|svc_digest", user) for user in users)
    assert {frozenset(record["tags"]) for record in sample_records()} == {frozenset({"team", "env"})}
