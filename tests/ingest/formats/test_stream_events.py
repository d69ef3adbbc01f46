from __future__ import annotations

from typing import Any

from ingest.formats.stream_events import CUT, NO_START, merge
from tests.ingest.formats.reading import CORPORA, counts, read_file, read_values


def start(name: str, **usage: Any) -> dict[str, Any]:
    message = {"id": name, "type": "message", "model": "m", "usage": {"input_tokens": 10, "output_tokens": 1, **usage}}
    return {"type": "message_start", "message": message}


def delta(**usage: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}


STOP = {"type": "message_stop"}


def test_the_last_delta_counts_and_is_not_added() -> None:
    read = read_values("stream_events", [start("a"), delta(output_tokens=5), delta(output_tokens=9), STOP])
    assert [counts(record.parts[0])[:2] for record in read.records] == [(10, 9)]
    assert read.records[0].stop_reason == "end_turn"
    assert read.ignored == 3


def test_a_delta_may_raise_the_input() -> None:
    read = read_values(
        "stream_events", [start("a", service_tier="standard"), delta(input_tokens=900, output_tokens=9), STOP]
    )
    assert counts(read.records[0].parts[0])[:2] == (900, 9)
    assert read.records[0].service_tier == "standard"


def test_streams_at_the_same_time_are_kept_apart() -> None:
    read = read_file(CORPORA / "stream_events.jsonl")
    first, second = sorted(read.records, key=lambda record: record.request_id or "")
    assert counts(first.parts[0]) == (900, 55, 0, 0, 60)
    assert first.parts[0].reasoning_tokens == 30
    assert counts(second.parts[0]) == (5, 8, 0, 0, 0)
    assert (first.message_id, second.message_id) == ("msg_1", "msg_2")
    assert second.stop_reason == "max_tokens"


def test_a_cut_stream_has_an_unknown_output() -> None:
    read = read_values("stream_events", [start("a"), start("b"), delta(output_tokens=4)])
    assert [(record.message_id, *counts(record.parts[0])[:2]) for record in read.late] == [
        ("a", 10, None),
        ("b", 10, 4),
    ]
    assert read.findings[-1] == f"1 request: {CUT}."
    assert len(read.late) <= read.ignored


def test_a_stream_that_begins_again_was_cut_before() -> None:
    events = [{"request_id": "r", "event": event} for event in (start("a"), start("b"), delta(output_tokens=4), STOP)]
    read = read_values("stream_events", events)
    assert [(record.message_id, record.parts[0].output_tokens) for record in read.records + read.late] == [
        ("b", 4),
        ("a", None),
    ]


def test_an_error_in_a_stream_is_kept() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "secret"}}
    read = read_values("stream_events", [start("a"), error])
    assert (read.late[0].error, read.late[0].parts[0].output_tokens) == ("overloaded_error", None)


def test_events_without_a_start_are_passed_over_and_said() -> None:
    read = read_values("stream_events", [delta(output_tokens=4), STOP, {"type": "ping"}, {"note": 1}])
    assert (read.records, read.late, read.ignored) == ([], [], 4)
    assert read.findings == [f"2 requests: {NO_START}."]


def test_a_bad_delta_leaves_the_counts_before_it() -> None:
    read = read_values("stream_events", [start("a"), delta(output_tokens=4), delta(output_tokens=-1), STOP])
    assert [rejected.field for rejected in read.rejected] == ["usage.output_tokens"]
    assert counts(read.records[0].parts[0])[:2] == (10, 4)


def test_cache_writes_of_a_delta_keep_their_split_in_step() -> None:
    usage = {
        "cache_creation_input_tokens": 40,
        "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 10},
    }
    assert merge(usage, {"cache_creation_input_tokens": 70})["cache_creation"] == {
        "ephemeral_5m_input_tokens": 60,
        "ephemeral_1h_input_tokens": 10,
    }
    assert merge(usage, {"cache_creation_input_tokens": None}) == usage


def test_events_in_the_form_of_name_and_data() -> None:
    rows = [{"event": event["type"], "data": event} for event in (start("a"), delta(output_tokens=3), STOP)]
    read = read_values("stream_events", rows)
    assert [counts(record.parts[0])[:2] for record in read.records] == [(10, 3)]
