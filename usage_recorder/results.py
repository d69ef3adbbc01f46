"""The results of a batch, read as they pass by: a usage record for each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from usage_recorder.answer import Answer, error_in
from usage_recorder.batches import Entry, Note
from usage_recorder.call import Call, about, known, written
from usage_recorder.json_text import parsed_object

MAX_LINE = 64 * 1024 * 1024


class Results:
    """The lines of a batch's results, fed in any pieces."""

    def __init__(self, call: Call, note: Note | None, key: bytes, took: Callable[[dict[str, Any]], None]) -> None:
        self._call, self._note, self._key, self._took = call, note, key, took
        self._rest: list[bytes] = []
        self._held = 0

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        first, newline, rest = piece.partition(b"\n")
        self._hold(first)
        while newline:
            self._line()
            first, newline, rest = rest.partition(b"\n")
            self._hold(first)

    def _hold(self, piece: bytes) -> None:
        self._held += len(piece)
        if self._held > MAX_LINE:
            self._rest.clear()
        elif piece:
            self._rest.append(piece)

    def _line(self) -> None:
        line = b"".join(self._rest)
        self._rest.clear()
        self._held = 0
        told = parsed_object(line) if line.strip() else None
        if told is not None and (record := self._record(told)) is not None:
            self._took(record)

    def end(self) -> None:
        """A last line may lack its end."""
        self._line()

    def _record(self, told: dict[str, Any]) -> dict[str, Any] | None:
        custom_id, result = told.get("custom_id"), told.get("result")
        if not isinstance(custom_id, str) or not isinstance(result, dict):
            return None
        entry = self._note.of(custom_id, self._key) if self._note else Entry(tags=self._call.tags)
        answer = Answer()
        message = result.get("message")
        if isinstance(message, dict):
            answer.take(message)
            answer.usage["service_tier"] = answer.usage.get("service_tier") or "batch"
        else:
            failed = result.get("error")
            answer.error = (error_in(failed) if isinstance(failed, dict) else None) or f"batch_{result.get('type')}"[
                :60
            ]
        if answer.model is None and entry.model is None:
            return None
        return self._written(custom_id, entry, answer)

    def _written(self, custom_id: str, entry: Entry, answer: Answer) -> dict[str, Any]:
        key = hashlib.blake2b(f"{self._call.route.batch}\n{custom_id}".encode(errors="surrogatepass"), digest_size=12)
        usage = answer.usage if answer.counts_are_whole() else None
        return known({
            "time": written(self._note.time if self._note else self._call.began),
            "request_id": None if answer.message_id else f"batch_{key.hexdigest()}",
            "message_id": answer.message_id,
            "model": answer.model or entry.model,
            "model_requested": entry.model,
            "provider": self._call.route.provider,
            **about(entry.tags),
            "usage": usage,
            "stop_reason": answer.stop_reason,
            "stop_details": answer.stop_details,
            "max_tokens": entry.max_tokens,
            "stream": usage is None and answer.error is None,
            "error": answer.error,
        })  # fmt: skip
