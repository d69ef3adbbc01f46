from __future__ import annotations

from datetime import datetime

import pytest

from ingest.documents import read_head
from ingest.formats import FORMATS, WrongFormat, by_name, detect
from tests.ingest.formats.reading import CORPORA, counts, read_file

FILE_TIME = datetime(2026, 11, 19)


@pytest.mark.parametrize(
    ("file", "format_", "read", "late", "ignored", "totals"),
    [
        ("usage_record.jsonl", "usage_record", 4, 0, 0, (961, 77, 0, 0, 0)),
        ("home_made_flat.jsonl", "home_made", 3, 0, 0, (39, 111, 0, 0, 0)),
        ("home_made_nested.jsonl", "home_made", 2, 0, 0, (500, 440, 1000, 0, 0)),
        ("home_made_cumulative.jsonl", "home_made", 7, 0, 0, (990, 114, 650, 0, 0)),
        ("messages_api.json", "messages_api", 2, 0, 0, (39, 111, 0, 0, 0)),
        ("messages_api_wrapped.jsonl", "messages_api", 2, 0, 1, (21, 77, 0, 2, 3)),
        ("stream.txt", "stream_events", 1, 1, 4, (30, 77, 7, 0, 0)),
        ("stream_events.jsonl", "stream_events", 2, 0, 5, (905, 63, 0, 0, 60)),
        ("batch_results.jsonl", "batch_results", 4, 0, 0, (21, 77, 0, 0, 0)),
        ("claude_code.jsonl", "claude_code", 4, 0, 4, (28, 91, 1000, 200, 0)),
        ("otlp_traces.jsonl", "otlp", 3, 0, 2, (170, 62, 1100, 100, 200)),
        ("otlp_logs.jsonl", "otlp", 3, 0, 1, (15, 89, 900, 40, 0)),
        ("bedrock.jsonl", "bedrock", 7, 0, 0, (84, 597, 97_400, 650, 120)),
        ("bedrock_insights.json", "bedrock", 2, 0, 1, (52, 306, 1000, 300, 100)),
        ("vertex.jsonl", "vertex", 3, 0, 0, (51, 122, 900, 40, 20)),
        ("litellm.jsonl", "litellm", 6, 0, 1, (1158, 432, 9756, 200, 500)),
        ("litellm_spend_logs.jsonl", "litellm", 3, 0, 2, (54, 140, 2500, 200, 500)),
        ("helicone.jsonl", "helicone", 5, 0, 2, (69, 340, 756, 800, 800)),
        ("langfuse.jsonl", "langfuse", 6, 0, 2, (94, 127, 2400, 100, 40)),
    ],
)
def test_each_format_is_recognised_and_read(
    file: str, format_: str, read: int, late: int, ignored: int, totals: tuple[int, ...]
) -> None:
    result = read_file(CORPORA / file, file_time=FILE_TIME)
    assert result.format == format_
    assert (len(result.records), len(result.late), result.ignored, result.rejected) == (read, late, ignored, [])
    parts = [counts(part) for record in result.records + result.late for part in record.parts]
    assert tuple(sum(count or 0 for count in column) for column in zip(*parts, strict=True)) == totals
    assert all(record.started_at for record in result.records + result.late)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [{}],
        [1, "x", None, []],
        [{"resourceSpans": []}],
        [{"level": "info", "time": "2026-11-20T12:00:00Z", "status": 200}],
        [{"name": "spendglass", "version": "1"}],
    ],
)
def test_other_files_are_not_recognised(values: list[object]) -> None:
    assert detect(values) is None


def test_every_format_has_a_sample_and_its_words() -> None:
    sampled = {detect(read_head(path)) for path in CORPORA.iterdir() if path.is_file()}
    assert sampled.issuperset(FORMATS)
    for format_ in FORMATS:
        assert by_name(format_.NAME.replace("_", "-").upper()) is format_
        assert format_.LABEL
        text = (format_.__doc__ or "").lower()
        assert all(word in text for word in ("lives", "cumulative", "cache")), format_.NAME


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(WrongFormat, match="did you mean 'claude_code'"):
        by_name("claud_code")
    with pytest.raises(WrongFormat, match="choose one of usage_record, "):
        by_name("zzz")
