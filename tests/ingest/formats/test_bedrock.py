from __future__ import annotations

import gzip
import json
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.documents import read_head
from ingest.formats import ReadOptions, by_name, detect
from ingest.formats.bedrock import CONTRADICTION, LACKING
from ingest.load import load
from ingest.record import Rejected, UsageRecord
from store.models import BEDROCK_BARE, BEDROCK_UNKNOWN
from tests.factories import costs, emptied, rows, write_log
from tests.ingest.formats.reading import CORPORA, Read, counts, read_file, read_values, record_of

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/q1w2e3r4t5y6"
Body = dict[str, Any] | list[Any] | str | None


def made(body: Body = None, *, given: Any = None, counts: Any = None, output: int | None = None, **over: Any) -> Any:
    """A record: Converse with Haiku 4.5, ``counts`` and ``output`` beside the response; None leaves a field out."""
    record = {
        "schemaType": "ModelInvocationLog",
        "timestamp": "2026-11-18T09:00:00Z",
        "region": "us-east-1",
        "requestId": "1f-2",
        "operation": "Converse",
        "modelId": HAIKU,
        "identity": {"arn": "arn:aws:sts::111122223333:assumed-role/shop-api/ana"},
        "input": {"inputBodyJson": given, **(counts or {})},
        "output": {"outputBodyJson": body, "outputTokenCount": output},
        **over,
    }
    return {name: value for name, value in record.items() if value is not None}


def native(**over: Any) -> dict[str, Any]:
    usage = {"input_tokens": 21, "output_tokens": 77, **over.pop("usage", {})}
    return {"id": "msg_1", "type": "message", "model": "claude-haiku-4-5-20251001", "usage": usage, **over}


def converse(**usage: Any) -> dict[str, Any]:
    return {"stopReason": "end_turn", "usage": {"inputTokens": 21, "outputTokens": 77, "totalTokens": 98, **usage}}


def start(**usage: Any) -> dict[str, Any]:
    return {"type": "message_start", "message": native(usage={"output_tokens": 1, **usage})}


def one(value: Any) -> UsageRecord:
    return record_of("bedrock", value)


def tokens(value: Any) -> tuple[Any, ...]:
    return counts(one(value).parts[0])


def findings(*values: Any) -> list[str]:
    read = read_values("bedrock", values)
    assert (len(read.records), read.rejected) == (len(values), [])
    return read.findings


# ── the counts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_native_response_tells_its_counts_and_its_id() -> None:
    record = read_file(CORPORA / "bedrock.jsonl").records[0]
    assert (record.message_id, record.request_id) == ("msg_bdrk_01", "b7d1c0de-0001")
    assert counts(record.parts[0]) == (21, 77, 900, 40, 20)
    assert (record.stop_reason, record.max_tokens, record.stream) == ("end_turn", 500, False)


def test_converse_counts_in_words_of_its_own_and_splits_cache_writes_by_time_to_live() -> None:
    record = read_file(CORPORA / "bedrock.jsonl").records[1]
    assert counts(record.parts[0]) == (12, 300, 1000, 300, 100)
    assert (record.message_id, record.stop_reason, record.max_tokens) == (None, "max_tokens", 300)
    assert (record.latency_ms, record.time_to_first_token_ms) == (2345, None)


@pytest.mark.parametrize(
    ("details", "written"),
    [
        (None, (100, 0)),
        ([], (100, 0)),
        ([{"ttl": "1h", "inputTokens": 30}], (70, 30)),
        ([{"ttl": "1h", "inputTokens": 30}, {"ttl": "5m", "inputTokens": 70}], (70, 30)),
        ([{"ttl": "1h", "inputTokens": 60}, {"ttl": "1h", "inputTokens": 40}], (0, 100)),
    ],
)
def test_cache_writes_without_details_are_of_five_minutes(details: Any, written: tuple[int, int]) -> None:
    usage = converse(cacheWriteInputTokens=100, cacheDetails=details)
    assert tokens(made(usage))[3:] == written


def test_the_events_of_a_stream_are_merged_and_not_added() -> None:
    record = read_file(CORPORA / "bedrock.jsonl").records[2]
    assert counts(record.parts[0]) == (30, 45, 0, 0, 0)
    assert (record.message_id, record.stop_reason, record.stream) == ("msg_bdrk_03", "tool_use", True)
    assert (record.latency_ms, record.time_to_first_token_ms) == (1800, 420)


def test_the_metadata_of_a_converse_stream_holds_its_counts() -> None:
    record = read_file(CORPORA / "bedrock.jsonl").records[3]
    assert counts(record.parts[0]) == (15, 9, 0, 0, 0)
    assert (record.stop_reason, record.latency_ms, record.stream) == ("end_turn", 640, True)


def test_a_converse_stream_may_be_logged_as_one_response() -> None:
    assert tokens(made(converse(), operation="ConverseStream")) == (21, 77, 0, 0, 0)


def test_chunks_that_are_no_events_are_passed_over() -> None:
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 0}}
    body = [start(input_tokens=0), "[DONE]", None, end]
    assert tokens(made(body, counts={"inputTokenCount": 0}, output=0)) == (0, 0, 0, 0, 0)


def test_a_stream_without_its_last_event_has_the_output_counted_beside_it() -> None:
    metrics = {
        "type": "message_stop",
        "amazon-bedrock-invocationMetrics": {"inputTokenCount": 21, "outputTokenCount": 9},
    }
    assert tokens(made([start(), metrics]))[:2] == (21, 9)
    assert tokens(made([start()], output=8))[:2] == (21, 8)
    assert tokens(made([start()]))[:2] == (21, None)
    assert findings(made([start(), metrics]), made([start()], output=8), made([start()])) == [f"1 request: {LACKING}."]


@pytest.mark.parametrize("elsewhere", [{}, {"outputBodyS3Path": "s3://logs/data/1f-2_output.json.gz"}])
def test_without_the_response_the_counts_beside_it_remain(elsewhere: dict[str, str]) -> None:
    beside = {"inputTokenCount": 2, "cacheReadInputTokenCount": 95_500, "cacheWriteInputTokenCount": 310}
    value = made(counts=beside) | {"output": {"outputTokenCount": 128, **elsewhere}}
    assert tokens(value) == (2, 128, 95_500, 310, 0)
    assert findings(value) == []


def test_cache_counts_that_an_older_response_leaves_out_are_taken_from_beside_it() -> None:
    beside = {"inputTokenCount": 21, "cacheReadInputTokenCount": 500, "cacheWriteInputTokenCount": 60}
    assert tokens(made(converse(), counts=beside, output=77)) == (21, 77, 500, 60, 0)
    split = {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 51}
    assert tokens(made(native(usage={"cache_creation": split}), counts=beside, output=77)) == (21, 77, 500, 10, 51)
    assert findings(made(converse(), counts=beside, output=77)) == []


@pytest.mark.parametrize("beside", [{"inputTokenCount": 20}, {"inputTokenCount": 21, "cacheReadInputTokenCount": 1}])
def test_a_response_that_is_contradicted_wins_and_it_is_said(beside: dict[str, int]) -> None:
    value = made(converse(cacheReadInputTokens=5), counts=beside, output=77)
    assert tokens(value) == (21, 77, 5, 0, 0)
    assert findings(value, value) == [f"2 requests: {CONTRADICTION}."]


def test_what_nothing_counts_is_unknown() -> None:
    assert tokens(made({"images": ["…"]}, modelId="amazon.titan-image-generator-v1"))[:2] == (None, None)
    assert findings(made()) == [f"1 request: {LACKING}."]


def test_bodies_may_be_logged_as_texts() -> None:
    value = made(json.dumps(native()), given=json.dumps({"max_tokens": 9}), operation="InvokeModel")
    assert tokens(value) == (21, 77, 0, 0, 0)
    assert one(value).max_tokens == 9
    assert tokens(made('{"usage": {"input_tok', counts={"inputTokenCount": 4}, output=5))[:2] == (4, 5)


def test_compaction_is_a_part_at_the_logged_model() -> None:
    own = {"type": "message", "model": "claude-haiku-4-5-20251001", "input_tokens": 21, "output_tokens": 77}
    compaction = {"type": "compaction", "input_tokens": 900, "output_tokens": 40}
    record = one(made(native(usage={"iterations": [compaction, own]})))
    assert [(part.kind, part.model, *counts(part)[:2]) for part in record.parts] == [
        ("message", HAIKU, 21, 77),
        ("compaction", HAIKU, 900, 40),
    ]


def test_other_makers_models_are_kept_as_logged() -> None:
    nova = read_file(CORPORA / "bedrock.jsonl").records[6]
    assert (nova.parts[0].model, *counts(nova.parts[0])[:2]) == ("amazon.nova-lite-v1:0", 4, 38)
    titan = made({"results": [{"tokenCount": 38}]}, modelId="amazon.titan-text-express-v1")
    assert tokens(titan | {"input": {"inputTokenCount": 7}, "output": {"outputTokenCount": 38}})[:2] == (7, 38)


def test_cache_counts_bear_either_name() -> None:
    usage = converse(cacheReadInputTokenCount=500, cacheWriteInputTokenCount=60)
    assert tokens(made(usage, operation="InvokeModel", modelId="amazon.nova-pro-v1:0")) == (21, 77, 500, 60, 0)


def test_openais_input_includes_what_was_cached() -> None:
    usage = converse(inputTokens=1000, cacheReadInputTokens=900)
    assert tokens(made(usage, modelId="openai.gpt-oss-120b-1:0")) == (100, 77, 900, 0, 0)
    assert tokens(made(usage, modelId="us.anthropic.claude-opus-4-6-v1")) == (1000, 77, 900, 0, 0)


# ── which model, and how served ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("logged", "body", "model"),
    [
        (HAIKU, native(), HAIKU),
        (
            f"arn:aws:bedrock:us-east-1:1:inference-profile/{HAIKU}",
            native(),
            f"arn:aws:bedrock:us-east-1:1:inference-profile/{HAIKU}",
        ),
        (PROFILE, native(), "claude-haiku-4-5-20251001"),
        (PROFILE, converse(), PROFILE),
        (
            "arn:aws:bedrock:us-east-1:1:default-prompt-router/anthropic.claude:1",
            converse() | {"trace": {"promptRouter": {"invokedModelId": HAIKU}}},
            HAIKU,
        ),
        (
            "arn:aws:bedrock:us-east-1:1:provisioned-model/abc",
            native(),
            "arn:aws:bedrock:us-east-1:1:provisioned-model/abc",
        ),
        (None, native(), "claude-haiku-4-5-20251001"),
    ],
)
def test_the_model_is_the_logged_one_unless_that_hides_it(logged: str | None, body: Body, model: str) -> None:
    assert one(made(body, modelId=logged)).parts[0].model == model


@pytest.mark.parametrize(
    ("change", "tier", "speed"),
    [
        ({}, None, None),
        ({"serviceTier": {"type": "default"}}, "standard", None),
        ({"serviceTier": {"type": "flex"}}, "flex", None),
        ({"performanceConfig": {"latency": "standard"}}, None, None),
        ({"performanceConfig": {"latency": "optimized"}}, None, "optimized"),
    ],
)
def test_tiers_and_latencies_with_prices_of_their_own_are_told(
    change: Any, tier: str | None, speed: str | None
) -> None:
    record = one(made(converse() | change))
    assert (record.service_tier, record.speed) == (tier, speed)


def test_the_record_itself_may_tell_of_optimized_latency() -> None:
    assert one(made(converse(), performanceConfig={"latency": "optimized"})).speed == "optimized"


# ── failures ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"errorCode": "ThrottlingException"}, 429, "ThrottlingException"),
        ({"errorCode": "ModelErrorException", "status": "500"}, 500, "ModelErrorException"),
        ({"errorCode": "SomethingNew"}, None, "SomethingNew"),
        ({"status": 403}, 403, None),
    ],
)
def test_a_failed_request_has_no_tokens(change: Any, status: int | None, error: str | None) -> None:
    record = one(made(**change) | {"input": {}, "output": {}})
    assert (record.status, record.error, counts(record.parts[0])) == (status, error, (0, 0, 0, 0, 0))
    assert record.parts[0].model == HAIKU


def test_a_failure_that_names_no_model_has_none() -> None:
    assert one(made(errorCode="AccessDeniedException", modelId=None)).parts[0].model is None


@pytest.mark.parametrize(
    ("body", "error", "output"),
    [
        (
            [start(), {"type": "error", "error": {"type": "overloaded_error", "message": "secret"}}],
            "overloaded_error",
            None,
        ),
        (
            [{"messageStart": {}}, {"modelStreamErrorException": {"message": "secret"}}],
            "ModelStreamErrorException",
            None,
        ),
        ([{"throttlingException": {"message": "secret"}}], "ThrottlingException", 0),
    ],
)
def test_a_stream_that_broke_is_failed_and_what_it_had_made_unknown(body: Body, error: str, output: int | None) -> None:
    record = one(made(body))
    assert (record.error, record.parts[0].output_tokens) == (error, output)
    assert "secret" not in repr(record)


# ── for whom ───────────────────────────────────────────────────────────────────────────────────────────────────────

CODE = "user_9f_account__session_0c5b1c5e-93c8-4d4a-a5ef-3b0f2f1d7a11"


@pytest.mark.parametrize(
    ("metadata", "given", "expected"),
    [
        (None, None, (None, "ana", None, {})),
        ({"Feature": "triage", "USER_ID": "u1"}, None, ("triage", "u1", None, {})),
        ({"application": "shop", "Session-Id": "s1", "team": "core"}, None, ("shop", "ana", "s1", {"team": "core"})),
        ({"user": "u1", "customer": "c1"}, {"metadata": {"user_id": "u9"}}, (None, "u1", None, {"customer": "c1"})),
        (None, {"metadata": {"user_id": "u9"}}, (None, "u9", None, {})),
        (None, {"metadata": {"user_id": CODE}}, (None, "ana", CODE[-36:], {})),
        (None, {"metadata": {"user_id": '{"device_id": "d", "session_id": "s2"}'}}, (None, "ana", "s2", {})),
        (None, {"requestMetadata": {"feature": "chat"}}, ("chat", "ana", None, {})),
    ],
)
def test_who_asked_and_what_for(metadata: Any, given: Any, expected: tuple[Any, ...]) -> None:
    record = one(made(converse(), given=given, requestMetadata=metadata))
    assert (record.feature, record.user, record.session, record.tags) == expected


@pytest.mark.parametrize(
    ("arn", "user"),
    [
        ("arn:aws:sts::1:assumed-role/shop-api/i-0abc", "i-0abc"),
        ("arn:aws:iam::1:user/teams/ana@example.com", "ana@example.com"),
        ("arn:aws:iam::1:root", "root"),
        ("<redacted>", None),
        (None, None),
    ],
)
def test_the_one_who_signed_is_the_last_part_of_the_identity(arn: str | None, user: str | None) -> None:
    assert one(made(converse(), identity={"arn": arn})).user == user


def test_no_text_of_prompt_or_answer_is_kept() -> None:
    secret = "the prompt's own words"
    given = {"system": secret, "messages": [{"role": "user", "content": secret}], "max_tokens": 5}
    body = native(content=[{"type": "text", "text": secret}], stop_sequence=secret)
    delta = {"type": "content_block_delta", "delta": {"text": secret}}
    for value in (made(body, given=given), made([start(), delta], given=given)):
        assert secret not in repr(one(value))
    cut = {"@message": json.dumps(made(body, given=given))[:-5]}
    (why,) = read_values("bedrock", [cut]).rejected
    assert (why.field, "cut off" in why.reason, secret in str(why)) == ("@message", True, False)


# ── lines that are none, and those that are wrong ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "field", "reason"),
    [
        (3, None, "not an object"),
        (made(converse(), timestamp=None), "timestamp", "missing"),
        (made(converse(), timestamp="noon"), "timestamp", "not a time"),
        (made(converse(), modelId=None), "modelId", "missing"),
        (made(native(model=None), modelId=["m"]), "modelId", "not a text"),
        (made(native(usage={"input_tokens": -1})), "output.outputBodyJson.usage.input_tokens", "negative"),
        (made(converse(inputTokens=1.5)), "output.outputBodyJson.usage.inputTokens", "fraction"),
        (
            made(converse(cacheReadInputTokens=True)),
            "output.outputBodyJson.usage.cacheReadInputTokens",
            "true or false",
        ),
        (made(counts={"inputTokenCount": "4"}), "input.inputTokenCount", "not a number"),
        (made(output=2**40), "output.outputTokenCount", "more than"),
        (
            made(converse(cacheDetails={"1h": 10})),
            "output.outputBodyJson.usage.cacheDetails",
            "not a list",
        ),
        (
            made(converse(cacheWriteInputTokens=9, cacheDetails=[{"ttl": "1h", "inputTokens": 10}])),
            "output.outputBodyJson.usage.cacheDetails",
            "cache parts larger than their whole",
        ),
        (
            made(
                converse(
                    cacheWriteInputTokens=9,
                    cacheDetails=[{"ttl": "1h", "inputTokens": 1}, {"ttl": "5m", "inputTokens": 7}],
                )
            ),
            "output.outputBodyJson.usage.cacheDetails",
            "cache parts smaller than their whole",
        ),
        (
            made(converse(cacheDetails=[{"ttl": "1d", "inputTokens": 10}])),
            "output.outputBodyJson.usage.cacheDetails[0].ttl",
            "neither 5m nor 1h",
        ),
        (made(converse(), requestMetadata=["a"]), "requestMetadata", "not an object"),
        (made(converse(), region={}), "region", "not a text"),
    ],
)
def test_a_bad_record_names_its_field_and_reason(value: Any, field: str | None, reason: str) -> None:
    (why,) = read_values("bedrock", [value]).rejected
    assert (why.field, reason in why.reason) == (field, True), why
    assert why.advice


@pytest.mark.parametrize(
    "value", [{}, {"level": "info"}, {"results": [], "status": "Complete"}, {"operation": "Converse"}]
)
def test_other_values_are_no_records(value: Any) -> None:
    read = read_values("bedrock", [value])
    assert (read.records, read.ignored, read.rejected) == ([], 1, [])


def mutated(draw: st.DrawFn, value: Any) -> Any:
    """The value with something else in one place."""
    hostile: st.SearchStrategy[Any] = st.sampled_from(
        [None, "", "x", "{", "[]", -1, 2.5, True, [], {}, [[1]], {"a": []}, "\ud800", 10**30]
    )
    if isinstance(value, list) and value and draw(st.booleans()):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], mutated(draw, value[place]), *value[place + 1 :]]
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: mutated(draw, value[name])}
    return draw(hostile)


@settings(max_examples=300, deadline=None)
@given(st.data())
@pytest.mark.parametrize("name", ["bedrock", "vertex"])
def test_no_row_with_something_else_in_one_place_raises_anything_but_rejected(name: str, data: st.DataObject) -> None:
    lines = (CORPORA / f"{name}.jsonl").read_text().splitlines()
    row = deepcopy(json.loads(data.draw(st.sampled_from(lines))))
    value = data.draw(st.composite(lambda draw: mutated(draw, row))())
    format_ = by_name(name)
    assert format_.recognises([value]) in (True, False)
    with suppress(Rejected):
        record = format_.reader(ReadOptions()).read(value, 1)
        repr(record).encode()


# ── whole files ────────────────────────────────────────────────────────────────────────────────────────────────────

RECORDS = [made(converse(), requestId=f"r{n}") for n in range(3)]
LINES = [json.dumps(record) for record in RECORDS]


def keys(read: Read) -> list[str | None]:
    assert (read.format, read.rejected) == ("bedrock", [])
    return [record.request_id for record in read.records]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(LINES),
        "".join(LINES),
        "\n".join(json.dumps(record, indent=4) for record in RECORDS),
        json.dumps(RECORDS, indent=2),
        "\ufeff" + json.dumps({"results": [[{"field": "@message", "value": line}] for line in LINES]}, indent=2),
        json.dumps({"results": [[{"field": "@ptr", "value": "x"}, {"field": "@message", "value": LINES[0]}]]})
        + json.dumps({"results": [[{"field": "@message", "value": line}] for line in LINES[1:]]}),
        json.dumps([{"@timestamp": "2026-11-18 09:00:00.000", "@message": line} for line in LINES]),
        json.dumps([{"@timestamp": "2026-11-18 09:00:00.000", "@message": record} for record in RECORDS]),
        json.dumps({"events": [{"timestamp": 1_763_456_400_000, "message": line, "eventId": "1"} for line in LINES]}),
        json.dumps({"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "message": line} for line in LINES]}),
    ],
    ids=["lines", "concatenated", "pretty", "list", "insights", "pages", "rows", "objects", "filter", "subscription"],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_files_in_every_form_hold_the_same_requests(tmp_path: Path, text: str, zipped: bool) -> None:
    path = tmp_path / "20261118T090000000Z_log.json.gz"
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    assert keys(read_file(path)) == ["r0", "r1", "r2"]


def test_other_messages_of_an_answer_are_ignored() -> None:
    rows: list[Any] = [[{"field": "@message", "value": text}] for text in (LINES[0], "START", '{"level": "info"}')]
    read = read_values("bedrock", [{"results": [*rows, [{"field": "@timestamp", "value": "x"}], [], {}]}])
    assert (len(read.records), read.ignored, read.rejected) == (1, 5, [])


@pytest.mark.parametrize("path", sorted(CORPORA.iterdir()), ids=lambda path: path.name)
@pytest.mark.parametrize("name", ["bedrock", "vertex"])
def test_only_its_own_files_are_recognised(name: str, path: Path) -> None:
    assert by_name(name).recognises(read_head(path)) is path.name.startswith(name)


@pytest.mark.parametrize(
    "answer", [{"results": [[{"field": "@message", "value": '{"level": "info"}'}]]}, {"events": []}]
)
def test_answers_about_other_logs_are_not_recognised(answer: Any) -> None:
    assert not by_name("bedrock").recognises([answer])
    assert detect([answer]) is None


# ── the cost, end to end ───────────────────────────────────────────────────────────────────────────────────────────


def test_each_request_costs_what_its_endpoint_does() -> None:
    """In pico-dollars: input, cache read, 5-minute write, 1-hour write, output; a tenth more but if global."""
    store = emptied()
    summary = load(store, [CORPORA / "bedrock.jsonl"])
    assert (summary.lines, summary.requests, summary.rejected, summary.unpriced) == (7, 7, 0, 2)
    haiku = 21 * 1_000_000 + 900 * 100_000 + 40 * 1_250_000 + 20 * 2_000_000 + 77 * 5_000_000
    sonnet = 12 * 3_000_000 + 1000 * 300_000 + 300 * 3_750_000 + 100 * 6_000_000 + 300 * 15_000_000
    counted = 2 * 3_000_000 + 95_500 * 300_000 + 310 * 3_750_000 + 128 * 15_000_000
    assert costs(store) == {
        "msg_bdrk_01": haiku * 11 // 10,
        "b7d1c0de-0002": sonnet * 11 // 10,
        "msg_bdrk_03": 30 * 5_000_000 + 45 * 25_000_000,
        "b7d1c0de-0004": None,
        "b7d1c0de-0005": counted * 11 // 10,
        "b7d1c0de-0006": 0,
        "b7d1c0de-0007": None,
    }
    assert summary.cost == 644_600_000 + 7_217_100_000 + 1_275_000_000 + 34_912_350_000


def test_what_had_to_be_assumed_about_the_endpoint_is_kept(tmp_path: Path) -> None:
    store = emptied()
    bare = made(converse(), modelId=HAIKU.removeprefix("us."), requestId="bare")
    hidden = made(native(), modelId=PROFILE, requestId="hidden")
    load(store, [write_log(tmp_path / "log.jsonl", [bare, hidden])])
    regional = (21 * 10**6 + 77 * 5 * 10**6) * 11 // 10
    assert costs(store) == {"bare": regional, "msg_1": regional}
    assert dict(rows(store, "SELECT model_logged, assumption FROM model_name")) == {
        "anthropic.claude-haiku-4-5-20251001-v1:0": BEDROCK_BARE,
        "claude-haiku-4-5-20251001": BEDROCK_UNKNOWN,
    }


def test_a_record_in_s3_and_in_cloudwatch_is_one_request(tmp_path: Path) -> None:
    store = emptied()
    wrapped = {"results": [[{"field": "@message", "value": line}] for line in LINES]}
    paths = [write_log(tmp_path / "s3.json.gz", RECORDS), write_log(tmp_path / "insights.json", [wrapped])]
    summary = load(store, paths)
    assert (summary.lines, summary.requests, summary.duplicates) == (6, 3, 3)
