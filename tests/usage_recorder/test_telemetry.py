from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.load import load
from store.connection import open_store
from tests.factories import rows
from tests.ingest.formats.otlp_exports import export, span
from usage_recorder import TagSpans, span_attributes, tagged

USAGE = {
    "gen_ai.operation.name": "chat",
    "gen_ai.response.model": "claude-haiku-4-5",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 10,
}


class Span:
    def __init__(self) -> None:
        self.attributes: dict[str, str] = {}

    def set_attribute(self, name: str, value: str) -> None:
        self.attributes[name] = value


@pytest.mark.parametrize("how", ["attributes", "processor"])
def test_a_trace_with_the_attributes_is_loaded_under_the_tags(how: str, tmp_path: Path, tracked_prices: Path) -> None:
    started = Span()
    with tagged(feature="triage", user="u1", session="s1", agent="router", environment="production"):
        TagSpans().on_start(started)
        given = started.attributes if how == "processor" else span_attributes()
    log = tmp_path / "traces.jsonl"
    log.write_text(json.dumps(export(span({**USAGE, **given}))) + "\n")
    with open_store(":memory:", prices=tracked_prices) as store:
        assert load(store, [log]).requests == 1
        found = rows(store, "SELECT feature, user_id, session_id, tags FROM usage")
    assert found[0][:3] == ("triage", "u1", "s1")
    tags = found[0][3]
    tags = json.loads(tags) if isinstance(tags, str) else dict(tags)
    assert (tags["agent"], tags["environment"]) == ("router", "production")


def test_without_tags_there_are_no_attributes() -> None:
    assert span_attributes() == {}


def test_a_processor_does_what_opentelemetry_asks_of_one() -> None:
    processor = TagSpans()
    processor.on_start(Span(), parent_context=None)
    processor.on_end(Span())
    processor.shutdown()
    assert processor.force_flush(100) is True
