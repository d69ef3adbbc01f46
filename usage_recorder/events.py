"""Streamed answers: the events of a stream to what they say of the answer, while its bytes pass by."""

from __future__ import annotations

import base64
import struct
import time
from collections.abc import Iterator
from typing import Any

from usage_recorder.answer import Answer, counted, error_in, overlaid, word
from usage_recorder.json_text import parsed_object

TOLD = (b"message_start", b"message_delta", b"message_stop", b"error")
MAX_EVENT = 16 * 1024 * 1024


class Events:
    """Server-sent events, fed in any pieces; with ``live`` as they come, so that the first token has its time."""

    def __init__(self, *, live: bool = True) -> None:
        self.answer = Answer()
        self._live = live
        self._rest = b""
        self._delta_came = False

    def feed(self, piece: bytes) -> None:
        """The next bytes of the stream."""
        held = self._rest + piece if self._rest else piece
        if b"\r" in held:
            held = held.replace(b"\r\n", b"\n")
        *events, self._rest = held.split(b"\n\n")
        if len(self._rest) > MAX_EVENT:
            self._rest = b""
        for event in events:
            if not event.startswith(b"event: content_block_delta"):
                self._read(event)
            else:
                self._token()

    def _token(self) -> None:
        if self._live and self.answer.first_token is None:
            self.answer.first_token = time.perf_counter()

    def _read(self, text: bytes) -> None:
        """One event, if it tells anything of the answer but its words."""
        name, data = b"", []
        for line in text.split(b"\n"):
            if line.startswith(b"data:"):
                data.append(line[5:].strip())
            elif line.startswith(b"event:"):
                name = line[6:].strip()
        if name in TOLD or (name == b"content_block_start" and b'"fallback"' in text):
            self.take(parsed_object(b"\n".join(data)) or {})
        elif name == b"content_block_delta":
            self._token()

    def take(self, event: dict[str, Any]) -> None:
        """One event, parsed."""
        answer, kind = self.answer, event.get("type")
        if kind == "message_start" and isinstance(event.get("message"), dict):
            answer.take(event["message"])
            answer.usage.pop("output_tokens", None)  # a placeholder
        elif kind == "message_delta":
            delta, usage = event.get("delta"), event.get("usage")
            if isinstance(delta, dict):
                answer.stopped(delta)
            if isinstance(usage, dict):
                answer.usage = overlaid(answer.usage, usage) if answer.usage else counted(usage)
                self._delta_came = True
        elif kind == "message_stop":
            answer.ended = self._delta_came and answer.counts_are_whole()
        elif kind == "error":
            answer.error = error_in(event) or "error"
        elif kind == "content_block_start":
            self._fell_back(event.get("content_block"))
        elif kind == "content_block_delta":
            self._token()

    def _fell_back(self, block: object) -> None:
        """Another model took over in the middle."""
        if isinstance(block, dict) and block.get("type") == "fallback" and isinstance(block.get("to"), dict):
            self.answer.model = word(block["to"].get("model")) or self.answer.model

    def end(self) -> Answer:
        """What is known when nothing more comes."""
        self._read(self._rest.strip())
        answer = self.answer
        answer.ended = answer.ended or bool(self._delta_came and answer.stop_reason and answer.counts_are_whole())
        return answer


class BinaryEvents(Events):
    """The event stream of Amazon: frames of a length, headers and a payload, which holds one event in base 64."""

    def feed(self, piece: bytes) -> None:
        """The next bytes of the stream."""
        self._rest += piece
        for payload in self._payloads():
            value = parsed_object(payload) or {}
            held = value.get("bytes")
            event = parsed_object(base64.b64decode(held)) if isinstance(held, str) else None
            if event is not None:
                self.take(event)
            elif "bytes" not in value and "message" in value:  # an exception frame; its message is not read
                self.answer.error = "error"

    def _payloads(self) -> Iterator[bytes]:
        while len(self._rest) >= 16:
            size, headers = struct.unpack(">II", self._rest[:8])
            if not 16 <= size <= MAX_EVENT or headers > size - 16:
                self._rest = b""
                return
            if len(self._rest) < size:
                return
            frame, self._rest = self._rest[:size], self._rest[size:]
            yield frame[12 + headers : -4]

    def end(self) -> Answer:
        """What is known when nothing more comes."""
        self._rest = b""
        return super().end()
