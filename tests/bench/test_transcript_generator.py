from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.transcript_generator import GENERATIONS, main, write
from ingest.load import load
from spend.breakdown import breakdown
from spend.filters import Filters
from store.connection import open_store

# ccusage 20 leaves a row out when one of these is null
NEVER_NULL = re.compile(r'"(id|cwd|model|speed|costUSD|version|sessionId|requestId|isApiErrorMessage|cache_\w+)":null')


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("claude")
    write(folder, 25)
    return folder


@pytest.fixture(scope="module")
def rows(generated: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of each file."""
    logs = generated.glob("projects/**/*.jsonl")
    return {str(log): [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] for log in logs}


def test_a_load_finds_the_counts_that_were_generated(generated: Path, tracked_prices: Path) -> None:
    expected: Counter[tuple[str | None, ...]] = Counter()
    for day, model, *counts in json.loads((generated / "expected.json").read_text()):
        for name, count in zip(("uncached", "read", "written", "output"), counts, strict=True):
            expected[day, re.sub(r"-\d{8}$", "", model), name] += count
    with open_store(":memory:", prices=tracked_prices) as store:
        summary = load(store, [generated / "projects"])
        found: Counter[tuple[str | None, ...]] = Counter()
        for row in breakdown(store.cursor(), Filters(), ["day", "model"]):
            found[*row.key, "uncached"] = row.spend.uncached_input_tokens
            found[*row.key, "read"] = row.spend.cache_read_tokens
            found[*row.key, "written"] = row.spend.cache_write_5m_tokens + row.spend.cache_write_1h_tokens
            found[*row.key, "output"] = row.spend.output_tokens
    assert found == expected
    assert (summary.rejected, summary.unpriced) == (0, 0)
    assert summary.duplicates > 0.8 * summary.requests


def test_every_generation_of_rows_is_there(rows: dict[str, list[dict[str, Any]]]) -> None:
    versions = {row.get("version") for of_file in rows.values() for row in of_file}
    assert [generation.versions for generation in GENERATIONS if not versions & set(generation.versions)] == []
    kinds = {row["type"] for of_file in rows.values() for row in of_file}
    assert kinds == {"user", "assistant", "system", "progress", "summary", "file-history-snapshot"}
    assert any("/subagents/agent-" in path for path in rows)


def test_a_message_has_rows_whose_output_never_falls(rows: dict[str, list[dict[str, Any]]]) -> None:
    growing = 0
    for of_file in rows.values():
        so_far: dict[str, int] = {}
        for row in of_file:
            if row["type"] == "assistant":
                message, output = row["message"]["id"], row["message"]["usage"]["output_tokens"]
                growing += output > so_far.get(message, output)
                assert output >= so_far.get(message, 0)
                so_far[message] = output
    assert growing


def test_a_resumed_session_repeats_messages_of_another(rows: dict[str, list[dict[str, Any]]]) -> None:
    files: dict[str, set[str]] = {}
    for path, of_file in rows.items():
        for row in of_file:
            if row["type"] == "assistant":
                files.setdefault(row["message"]["id"], set()).add(path)
    repeated = [paths for paths in files.values() if len(paths) > 1]
    assert repeated


def test_rows_are_as_compact_as_claude_codes_and_none_is_left_out_by_ccusage(generated: Path) -> None:
    for log in generated.glob("projects/**/*.jsonl"):
        text = log.read_text(encoding="utf-8")
        assert '"usage": {' not in text
        assert NEVER_NULL.search(text) is None


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "other"):
        write(tmp_path / name, 1, seed=7)
        paths = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        contents.append([(path.relative_to(tmp_path / name), path.read_bytes()) for path in paths])
    assert contents[0] == contents[1]


def test_transcripts_that_are_there_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "projects" / "mine.jsonl"
    log.parent.mkdir()
    log.write_text("{}\n")
    monkeypatch.setattr("sys.argv", ["transcript_generator.py", str(tmp_path), "--megabytes", "1"])
    with pytest.raises(SystemExit, match="is there already"):
        main()
    assert [path.name for path in tmp_path.rglob("*.jsonl")] == ["mine.jsonl"]
