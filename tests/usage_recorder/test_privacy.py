from __future__ import annotations

import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from tests.usage_recorder.messages_server import MessagesServer
from tests.usage_recorder.recording import behave, counters, records
from usage_recorder import flush, record, tagged
from usage_recorder.answer import answer_of, refusal_of
from usage_recorder.posting import Posting, Terms
from usage_recorder.recorder import recorder_of

SECRET = "Xyzzy-plugh"
REQUEST: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 50,
    "system": [{"type": "text", "text": f"system {SECRET}", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": f"prompt {SECRET}"}],
    "metadata": {"user_id": f"metadata {SECRET}"},
    "stop_sequences": [f"stop {SECRET}"],
    "tools": [{"name": SECRET, "description": f"tool {SECRET}", "input_schema": {"type": "object", "title": SECRET}}],
}
BEHAVIOURS = ["", "refusal", "iterations", "fail:429:1", "refuse:400", "refuse:401", "drop", "drop-start", "overloaded"]


def everything_in(folder: Path) -> bytes:
    """Every byte of every file, hidden ones too, and every name."""
    paths = list(folder.rglob("*"))
    return b"".join([path.read_bytes() for path in paths if path.is_file()]) + b"".join(map(bytes, paths))


@pytest.mark.parametrize("to", ["folder", "stderr", "unreachable"])
def test_no_secret_is_ever_written(
    to: str,
    server: MessagesServer,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of prompts, tools, answers, headers, keys, error messages, metadata and batches."""
    caplog.set_level(logging.DEBUG, "usage_recorder")
    server.words = f"answer {SECRET}"
    where = {"folder": str(tmp_path / "logs"), "stderr": "stderr", "unreachable": "http://127.0.0.1:9/"}[to]
    plain = anthropic.Anthropic(base_url=server.url, api_key=f"sk-{SECRET}", default_headers={"x-own": SECRET})
    client = record(plain, to=where, token=f"token-{SECRET}", state=tmp_path / "state")
    if to == "unreachable":
        posting_gives_up_at_once(client)
    with client, tagged(feature="triage", user="u1"):
        for words in BEHAVIOURS:
            for stream in (False, True):
                ask(client, words, stream)
        answers_of_a_batch(client)
        client.messages.count_tokens(model="claude-haiku-4-5", messages=REQUEST["messages"], system=SECRET)
    flush()
    assert counters().failures == 0
    out = capfd.readouterr()
    assert SECRET.encode() not in everything_in(tmp_path)
    assert SECRET not in out.out + out.err + caplog.text
    written = everything_in(tmp_path).count(b'"time"') + out.err.count('"time"')
    assert written > 2 * len(BEHAVIOURS)


def ask(client: anthropic.Anthropic, words: str, stream: bool) -> None:
    with suppress(anthropic.APIError, httpx2.TransportError):
        answer = client.messages.create(**REQUEST, stream=stream, **behave(words))
        if isinstance(answer, anthropic.Stream):
            list(answer)


def answers_of_a_batch(client: anthropic.Anthropic) -> None:
    names = (f"a {SECRET}", f"errored {SECRET}")
    entries: list[Any] = [{"custom_id": name, "params": REQUEST} for name in names]
    with tagged(entries={names[0]: {"user": "u2"}}):
        batch = client.messages.batches.create(requests=entries)
    list(client.messages.batches.results(batch.id))


def posting_gives_up_at_once(client: anthropic.Anthropic) -> None:
    found = recorder_of(client)
    assert found is not None
    posting = found.destination
    assert isinstance(posting, Posting)
    posting.terms = Terms(every=0, patience=0, waits=(0,))


def test_a_bug_of_the_recorders_own_is_told_without_its_message(
    client: anthropic.Anthropic, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, logs: Path
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError(f"cannot read {SECRET}")

    monkeypatch.setattr("usage_recorder.recorder.record_of", broken)
    client.messages.create(**REQUEST)
    assert counters().failures == 1
    assert SECRET not in caplog.text
    assert "ValueError at test_privacy.py" in caplog.text
    assert records(logs) == []


def test_of_a_usage_or_a_message_that_quotes_a_text_only_names_and_numbers_are_kept() -> None:
    quoted = f"as you said: {SECRET}"
    told = {
        "id": quoted,
        "model": quoted,
        "stop_reason": quoted,
        "stop_details": {"type": "refusal", "category": quoted, "explanation": quoted},
        "usage": {"input_tokens": 1, "output_tokens": 2, "note": quoted, "more": [{"note": quoted}, {quoted: 1}]},
    }
    answer = answer_of(json.dumps(told).encode())
    assert answer.usage == {"input_tokens": 1, "output_tokens": 2, "note": None, "more": [{"note": None}, {}]}
    assert (answer.message_id, answer.model, answer.stop_reason) == (None, None, None)
    assert answer.stop_details == {"type": "refusal"}
    assert refusal_of(json.dumps({"error": {"type": quoted, "message": quoted}}).encode(), 400).error == (
        "invalid_request_error"
    )
