"""Transcripts of Claude Code.

Lives in ~/.claude/projects/<folder>/<session>.jsonl and <session>/subagents/agent-*.jsonl. Only ``assistant`` rows with
``message.usage`` count. A message has a row for each content block with its counts so far, cumulative within the one
message: input and cache are the same in every row and the output grows, so that the row with the largest output is the
message's. Cache is outside ``input_tokens``.

    {"type": "assistant", "timestamp": "2025-09-07T09:52:07.012Z", "sessionId": "5c0375b4", "requestId": "req_1",
     "cwd": "/home/me/shop", "version": "1.0.108", "message": {"id": "msg_1", "type": "message",
     "model": "claude-sonnet-4-20250514", "usage": {"input_tokens": 4, "output_tokens": 3}}}
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from duckdb import DuckDBPyConnection

from ingest import fields
from ingest.api_usage import billing_fields, parts_of
from ingest.formats.names import Row
from ingest.formats.reading import Counted, ReadOptions, counted
from ingest.formats.usage_record import stop_category
from ingest.record import Rejected, UsageRecord

NAME = "claude_code"
LABEL = "Claude Code transcripts"
EACH_ALONE = True

BULK_LINES = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
ROWS = ("user", "assistant", "system", "progress", "attachment")
SYNTHETIC = "<synthetic>"
UNDERSTATED = (
    "written by Claude Code 2.1.20 to 2.1.39, whose transcripts may miss the last count of a message:"
    " their output may be understated"
)
ADVICE = "Load the transcript as Claude Code wrote it."


def recognises(values: list[object]) -> bool:
    """Some row is of a session, with a type transcripts have."""
    return any(isinstance(value, dict) and (_is_row(value) or _is_bare_assistant(value)) for value in values)


def glance(start: bytes) -> bool:
    """Is a file that begins like this surely a transcript?"""
    for line in start.split(b"\n")[:20]:
        if b'"sessionId"' in line and b'"uuid"' in line and line.startswith(b"{"):
            try:
                return _is_row(json.loads(line))
            except (ValueError, RecursionError):
                return False
    return False


def findings_in(con: DuckDBPyConnection, table: str) -> dict[int, tuple[str, ...]]:
    """What a reader would notice in the rows of each file that were read in bulk."""
    found = con.execute(
        f"SELECT file_id, count(*) FROM {table} WHERE verdict = 'usage' AND regexp_matches(tags, ?) GROUP BY file_id",
        [f'"version":"{VERSIONS.pattern}"'],
    )
    return {file_id: (counted(UNDERSTATED, number),) for file_id, number in found.fetchall()}


def reader(options: ReadOptions) -> Transcript:
    """A reader for one file."""
    return Transcript(options)


class Transcript:
    """Reads transcript rows, each on its own."""

    def __init__(self, options: ReadOptions) -> None:
        self._project = options.project
        self._findings = Counted()

    def read(self, value: object, _line: int, /) -> UsageRecord | None:
        """The record of an assistant row; ``None`` for all others. Raises ``Rejected``."""
        if not isinstance(value, dict):
            raise Rejected(field=None, found=fields.hidden(value), reason="not an object", advice=ADVICE)
        kind = value.get("type")
        if kind == "assistant":
            return self._assistant(value, value, "")
        if kind in ("progress", "agent_progress"):
            return self._progress(value)
        return None

    def _progress(self, value: Row) -> UsageRecord | None:
        """The message that the progress of a subagent quotes: some stand nowhere else, the others are duplicates."""
        data = value.get("data")
        row = data.get("message") if isinstance(data, dict) else None
        message = row.get("message") if isinstance(row, dict) else None
        if not isinstance(row, dict) or not isinstance(message, dict) or not message.get("id"):
            return None
        return self._assistant(row, {**value, **row}, "data.message.") if row.get("type") == "assistant" else None

    def _assistant(self, row: Row, around: Row, path: str) -> UsageRecord | None:
        message = row.get("message")
        usage = message.get("usage") if isinstance(message, dict) else None
        if not isinstance(message, dict) or usage is None or message.get("model") == SYNTHETIC:
            return None
        at = f"{path}message."
        model = fields.text(message.get("model"), f"{at}model")
        if model is None:
            raise Rejected(field=f"{at}model", found=None, reason="the model is missing", advice=ADVICE)
        if not isinstance(usage, dict):
            raise Rejected(field=f"{at}usage", found=usage, reason="not an object", advice=ADVICE)
        parts, finding = parts_of(usage, model=model, path=f"{at}usage")
        if finding is not None:
            self._findings.add(finding)
        tier, speed, geo = billing_fields(usage, f"{at}usage")
        details = message.get("stop_details")
        message_id = fields.text(message.get("id"), f"{at}id")
        request_id = fields.text(around.get("requestId"), f"{path}requestId")
        if message_id is None and request_id is None:
            request_id = fields.text(around.get("uuid"), f"{path}uuid")
        return UsageRecord(
            parts=parts,
            started_at=fields.time(around.get("timestamp"), f"{path}timestamp"),
            message_id=message_id,
            request_id=request_id,
            feature=_folder(around.get("cwd")) or self._project,
            session=fields.text(around.get("sessionId"), f"{path}sessionId"),
            tags=self._tags(around, path),
            service_tier=tier,
            speed=speed,
            inference_geo=geo,
            stop_reason=fields.text(message.get("stop_reason"), f"{at}stop_reason"),
            stop_category=stop_category(details, f"{at}stop_details") if details else None,
            recorded_cost_picos=fields.money(around.get("costUSD"), f"{path}costUSD"),
        )

    def _tags(self, row: Row, path: str) -> dict[str, str]:
        tags = {name: fields.text(row.get(theirs), f"{path}{theirs}") for name, theirs in TAGS.items()}
        if tags["agent"] is None and row.get("isSidechain") is True:
            tags["agent"] = "sidechain"
        if VERSIONS.fullmatch(tags.get("version") or ""):
            self._findings.add(UNDERSTATED)
        return {name: value for name, value in tags.items() if value is not None}

    def finish(self) -> list[UsageRecord]:
        """Nothing is held back."""
        return []

    def findings(self) -> list[str]:
        """What was noticed."""
        return self._findings.sentences()


TAGS = {"branch": "gitBranch", "agent": "agentId", "version": "version"}
VERSIONS = re.compile(r"2\.1\.[23]\d")


def _folder(cwd: object) -> str | None:
    """The last folder of a path of any system."""
    if not isinstance(cwd, str):
        return None
    return fields.text(re.split(r"[/\\]", cwd.rstrip("/\\"))[-1][:512], "cwd")


def _is_row(value: Row) -> bool:
    return value.get("type") in ROWS and "sessionId" in value and "uuid" in value


def _is_bare_assistant(value: Row) -> bool:
    """Is it an assistant row of which a hook or an old version kept less?"""
    if value.get("type") != "assistant" or not isinstance(value.get("message"), dict):
        return False
    return "usage" in value["message"] and ("timestamp" in value or "uuid" in value or "requestId" in value)
