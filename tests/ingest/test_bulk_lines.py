from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import load as loading
from ingest.file_result import FileResult
from ingest.load import LoadSummary, load
from tests.factories import PROVENANCE, emptied, facts, rows, write_log

Row = dict[str, Any]
MISSING = object()
ODD: list[Any] = [MISSING, None, "", 0, 1.5, True, "true", "12", [], {}, "naïve", 'a"b\\', "x" * 600, "2.5", -1, 10**12]
CHANGES: dict[str, list[Any]] = {
    "type": [*ODD, "user", "progress"],
    "timestamp": [*ODD, "2026-11-10T12:00:00", "2026-11-10T24:00:00.000Z", "1999-01-01T00:00:00Z", 1795176659],
    "sessionId": ODD,
    "requestId": ODD,
    "cwd": [*ODD, "/", "C:\\work\\shop", "/home/me/shop/", "shop"],
    "gitBranch": ODD,
    "agentId": ODD,
    "isSidechain": [MISSING, None, True, False, 0, "no"],
    "version": [*ODD, "2.1.25", "1.0"],
    "costUSD": [MISSING, None, 0.5, "x"],
    "message": ODD,
    "message.id": ODD,
    "message.model": [*ODD, "<synthetic>", "qwen3-coder"],
    "message.stop_reason": ODD,
    "message.stop_details": [*ODD, {"category": "cyber"}, {"category": None}, {"x": 1}],
    "message.usage": ODD,
    "message.usage.input_tokens": ODD,
    "message.usage.output_tokens": ODD,
    "message.usage.cache_read_input_tokens": ODD,
    "message.usage.cache_creation_input_tokens": [*ODD, 7],
    "message.usage.cache_creation": [
        *ODD,
        {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 3},
        {"ephemeral_5m_input_tokens": None, "ephemeral_1h_input_tokens": 7},
        {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 1},
    ],
    "message.usage.output_tokens_details": [*ODD, {"thinking_tokens": 2}, {"thinking_tokens": 99}],
    "message.usage.server_tool_use": [*ODD, {"web_search_requests": 2}, {"web_search_requests": "2"}],
    "message.usage.service_tier": ODD,
    "message.usage.speed": [*ODD, "fast"],
    "message.usage.inference_geo": [*ODD, "us", "not_available"],
    "message.usage.iterations": [
        *ODD,
        [{"type": "message", "input_tokens": 10, "output_tokens": 5}],
        [{"type": "message", "input_tokens": 10, "output_tokens": 4}],
        [{"type": "message", "input_tokens": 10, "output_tokens": 5, "model": "claude-opus-4-8"}],
        [
            {"type": "message", "input_tokens": 4, "output_tokens": 2},
            {"type": "message", "input_tokens": 6, "output_tokens": 3},
        ],
        [{"type": "compaction", "input_tokens": 10, "output_tokens": 5}],
    ],
}
FLAWS = [
    "",
    "   ",
    "{",
    '{"type": "user", "usage": ',
    '["usage"]',
    '"usage"',
    '{"type": "user", "sessionId": "s", "uuid": "u", "toolUseResult": {"usage": {"input_tokens": 5}}}',
    '{"type": "summary", "summary": "no more"}',
    " " + '{"type": "user", "uuid": "u"}',
    "not json",
    '{"type": "user", "usage": 1} {"type": "user"}',
]


def row(number: int, changes: Row, *, quoted: bool = False) -> Row:
    made: Row = {
        "type": "assistant",
        "timestamp": "2026-11-10T12:00:00.000Z",
        "sessionId": "5c0375b4-57a5",
        "uuid": f"u-{number}",
        "requestId": f"req_{number}",
        "cwd": "/home/me/shop",
        "gitBranch": "main",
        "version": "2.1.220",
        "isSidechain": False,
        "message": {
            "id": f"msg_{number}",
            "type": "message",
            "model": "claude-haiku-4-5",
            "content": [{"type": "text", "text": 'said "usage" of {"usage": 1}'}],
            "usage": {"input_tokens": 10, "output_tokens": 5},
        },
    }
    for path, value in changes.items():
        *above, last = path.split(".")
        place: Any = made
        for name in above:
            place = place[name] if isinstance(place, dict) and isinstance(place.get(name), dict) else {}
        place.pop(last, None) if value is MISSING else place.__setitem__(last, value)
    if quoted:
        return {
            "type": "progress",
            "timestamp": "2026-11-10T13:00:00Z",
            "sessionId": "s",
            "uuid": "q",
            "data": {"message": made},
        }
    return made


FIRST = row(0, {})


def both_ways(tmp: Path, files: list[list[Any]]) -> list[tuple[Any, ...]]:
    """What a folder of transcripts becomes, read together and line by line."""
    folder = tmp / "projects" / "shop"
    for number, lines in enumerate(files):
        write_log(folder / f"{number:03}.jsonl", [FIRST, *lines])
    found: list[tuple[Any, ...]] = []
    for together in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not together:
                patch.setattr(loading, "for_lines", lambda *_: None)
            store = emptied()
            found.append((told(load(store, [folder])), facts(store, PROVENANCE)))
    return found


def told(summary: LoadSummary) -> list[tuple[Any, ...]]:
    return [
        (one.path.name, one.format, one.read, one.ignored, one.rejected, one.requests, one.findings, reasons(one))
        for one in summary.files
    ]


def reasons(result: FileResult) -> list[tuple[int, str]]:
    return [(line, str(why)) for line, why in result.rejects]


@pytest.mark.parametrize("quoted", [False, True])
def test_every_single_change_reads_the_same_together_and_line_by_line(tmp_path: Path, quoted: bool) -> None:
    changes = [{path: value} for path, values in CHANGES.items() for value in values if not (quoted and value is None)]
    files = [[row(number, change, quoted=quoted)] for number, change in enumerate(changes, start=1)]
    together, one_by_one = both_ways(tmp_path, files)
    assert len(files) > 400
    for mine, theirs in zip(together[0], one_by_one[0], strict=True):
        assert mine == theirs, changes[int(mine[0][:3])]
    assert together[1] == one_by_one[1]


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_reads_the_same_together_and_line_by_line(tmp_path: Path, flaw: str) -> None:
    together, one_by_one = both_ways(tmp_path, [[row(1, {}), flaw, row(2, {})], [row(3, {})]])
    assert together == one_by_one


@pytest.mark.parametrize(
    "flaw", [b'{"usage": "\xff"}', b"\x00" + json.dumps(row(9, {})).encode(), b'{"a": "b\x01c"}', b"\r"]
)
def test_bytes_that_are_no_text_have_their_file_read_line_by_line(tmp_path: Path, flaw: bytes) -> None:
    together, one_by_one = both_ways(tmp_path, [[row(1, {}), flaw, row(2, {})], [row(3, {})]])
    assert together == one_by_one


def test_of_copies_that_differ_in_a_tag_the_same_stays_whichever_way_they_were_read(tmp_path: Path) -> None:
    together, one_by_one = both_ways(tmp_path, [[row(1, {}), row(1, {}), row(1, {}), row(1, {"gitBranch": None})]])
    assert together == one_by_one


@st.composite
def transcripts(draw: st.DrawFn) -> list[list[Any]]:
    """Files whose rows have up to two fields changed, some flaws among them, some messages several times."""
    change = st.lists(st.sampled_from(sorted(CHANGES)), max_size=2, unique=True)
    files = []
    for number in range(draw(st.integers(1, 4))):
        lines: list[Any] = []
        for _ in range(draw(st.integers(0, 8))):
            changes = {path: draw(st.sampled_from(CHANGES[path])) for path in sorted(draw(change))}
            quoted = draw(st.booleans()) and None not in changes.values()  # a null in a quoted row is as if left out
            lines.append(row(draw(st.integers(1, 5)) + 10 * number, changes, quoted=quoted))
            lines += draw(st.lists(st.sampled_from(FLAWS), max_size=1))
        files.append(lines)
    return files


@settings(max_examples=25, deadline=None)
@given(files=transcripts())
def test_transcripts_read_the_same_together_and_line_by_line(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[Any]]
) -> None:
    together, one_by_one = both_ways(tmp_path_factory.mktemp("logs"), files)
    assert together == one_by_one


def test_plain_transcripts_are_read_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "read_file", lambda *_, **__: pytest.fail("read alone"))
    for number in range(3):
        path = tmp_path / "-home-me-shop" / f"{number}.jsonl"
        write_log(path, [row(number, {"cwd": MISSING}), row(number + 10, {}, quoted=True), *FLAWS[-5:-4]])
    store = emptied()
    summary = load(store, [tmp_path])
    assert (summary.lines, summary.requests, summary.ignored) == (9, 6, 3)
    assert rows(store, "SELECT DISTINCT feature FROM usage ORDER BY 1") == [("-home-me-shop",), ("shop",)]
    assert load(store, [tmp_path]).unchanged == 3
