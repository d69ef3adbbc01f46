"""What the recorder's tests share: what was written, and a plain request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from usage_recorder import counters as counted_so_far
from usage_recorder import flush
from usage_recorder.counters import Counters

PLAIN: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 50,
    "messages": [{"role": "user", "content": "What is the weather?"}],
}


def behave(words: str) -> dict[str, Any]:
    """How the server is to answer."""
    return {"extra_headers": {"x-behave": words}}


def records(logs: Path) -> list[dict[str, Any]]:
    """Every record written, file by file."""
    flush()
    lines = [line for path in sorted(logs.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    return [json.loads(line) for line in lines]


def only(logs: Path) -> dict[str, Any]:
    """The one record written."""
    (record,) = records(logs)
    return record


def counters() -> Counters:
    """The counters once all is written."""
    flush()
    return counted_so_far()
