from __future__ import annotations

from datetime import datetime

from ingest.record import Part
from tests.ingest.formats.reading import CORPORA, counts, read_file, record_of

ENDED = datetime(2026, 11, 19)


def test_only_what_succeeded_has_tokens() -> None:
    records = read_file(CORPORA / "batch_results.jsonl", file_time=ENDED).records
    assert counts(records[0].parts[0]) == (21, 77, 0, 0, 0)
    assert [record.parts for record in records[1:]] == [(Part(None, 0, 0),)] * 3
    assert [record.error for record in records] == [None, "invalid_request_error", "expired", "canceled"]
    assert [record.message_id for record in records] == ["msg_b1", None, None, None]
    assert {record.request_id for record in records} == {None}


def test_every_result_is_of_the_batch_tier_and_keeps_its_custom_id() -> None:
    read = read_file(CORPORA / "batch_results.jsonl", file_time=ENDED)
    assert {record.service_tier for record in read.records} == {"batch"}
    assert [record.tags for record in read.records] == [{"custom_id": f"doc-{n}"} for n in (1, 2, 3, 4)]
    assert {record.started_at for record in read.records} == {ENDED}
    assert read.findings == ["4 requests: no time in the log; the file's own time was taken."]


def test_the_tier_is_batch_even_where_the_usage_does_not_say_so() -> None:
    message = {"id": "m", "model": "claude-haiku-4-5", "usage": {"input_tokens": 1, "output_tokens": 2}}
    value = {"custom_id": "d", "ended_at": "x", "result": {"type": "succeeded", "message": message}}
    assert record_of("batch_results", value).service_tier == "batch"
