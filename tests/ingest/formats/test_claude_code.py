from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.formats import ReadOptions
from tests.ingest.formats.reading import CORPORA, counts, read_file, read_values

ROW = {
    "type": "assistant",
    "uuid": "e1",
    "sessionId": "s-1",
    "timestamp": "2026-11-18T09:00:00Z",
    "message": {"id": "msg_1", "model": "claude-opus-5", "usage": {"input_tokens": 4, "output_tokens": 3}},
}


def test_each_row_of_a_message_is_a_record_of_one_key() -> None:
    read = read_file(CORPORA / "claude_code.jsonl")
    assert [(record.message_id, record.request_id, *counts(record.parts[0])) for record in read.records] == [
        ("msg_c1", "req_c1", 4, 3, 500, 100, 0),
        ("msg_c1", "req_c1", 4, 80, 500, 100, 0),
        ("msg_c2", "req_c2", 9, 6, 0, 0, 0),
        (None, "e8", 11, 2, 0, 0, 0),
    ]


def test_project_session_tags_and_cost() -> None:
    first, _, quoted, other = read_file(CORPORA / "claude_code.jsonl").records
    assert {record.feature for record in (first, quoted, other)} == {"shop"}
    assert {record.session for record in (first, quoted, other)} == {"s-1"}
    assert first.tags == {"branch": "main", "version": "2.1.30"}
    assert other.tags == {"agent": "a9"}
    assert (other.parts[0].model, other.recorded_cost_picos) == ("qwen3-coder", 12_300_000_000)
    assert first.user is None


@pytest.mark.parametrize(
    ("path", "feature"),
    [
        ("/home/me/.claude/projects/-home-me-shop/s-1.jsonl", "-home-me-shop"),
        ("/home/me/.claude/projects/-home-me-shop/s-1/subagents/agent-1.jsonl", "-home-me-shop"),
        ("C:\\logs\\shop\\s-1.jsonl", "shop"),
        ("s-1.jsonl", None),
    ],
)
def test_without_a_working_folder_the_project_is_the_files_folder(path: str, feature: str | None) -> None:
    read = read_values("claude_code", [ROW], ReadOptions(path=path))
    assert read.records[0].feature == feature


@pytest.mark.parametrize(
    "change",
    [
        {"type": "user"},
        {"type": "progress"},
        {"message": {"role": "assistant", "content": []}},
        {"message": {"model": "<synthetic>", "usage": {"input_tokens": 0, "output_tokens": 0}}},
        {"message": "text"},
        {"type": "progress", "data": {"message": {"type": "user", "message": {"id": "m"}}}},
    ],
)
def test_other_rows_are_no_usage_records(change: dict[str, Any]) -> None:
    read = read_values("claude_code", [{**ROW, **change}])
    assert (read.records, read.ignored, read.rejected) == ([], 1, [])


@pytest.mark.parametrize(
    ("version", "said"), [("2.1.19", 0), ("2.1.20", 1), ("2.1.39", 1), ("2.1.40", 0), ("2.1.119", 0)]
)
def test_versions_that_understate_their_output_are_said(version: str, said: int) -> None:
    assert len(read_values("claude_code", [{**ROW, "version": version}]).findings) == said


def test_one_list_of_rows_is_a_transcript_too(tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    path.write_text(json.dumps([{"type": "user", "message": {}}, {"type": "assistant", **ROW}], indent=2))
    read = read_file(path)
    assert (read.format, len(read.records), read.ignored) == ("claude_code", 1, 1)


def test_a_sidechain_is_a_tag() -> None:
    read = read_values("claude_code", [{**ROW, "isSidechain": True}])
    assert read.records[0].tags == {"agent": "sidechain"}
