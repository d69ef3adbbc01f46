"""The Messages API on loopback, told how to answer: counts a token a word, and keeps what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.usage_recorder.messages_server import Handler, block_events, serving, sse

Json = dict[str, Any]


@dataclass
class Api:
    """How it answers, and what it was asked: (path, headers, body) of each request, in order."""

    answer: str = "Four words, no more."
    counted: int | None = None  # of every prompt; None: a token a word
    usage: Json = field(default_factory=dict)  # over the counts of the answer
    status: int = 200  # of messages
    counting_status: int = 200
    unknown_models: tuple[str, ...] = ()
    breaks_off: bool = False  # a stream ends before its last event
    hangs_up: bool = False  # in place of an answer
    model: str | None = None  # the one that answers, where it is not the one asked for
    asked: list[tuple[str, dict[str, str], Json]] = field(default_factory=list)
    address: str = ""
    held_back: threading.Event | None = None  # what messages wait for
    pauses_after: int = 0  # so many words of a stream, and only there

    def of(self, path: str) -> list[Json]:
        """Bodies sent to a path."""
        return [body for sent, _, body in self.asked if sent.partition("?")[0] == path]

    @property
    def sent(self) -> list[Json]:
        """Messages that were sent to be answered."""
        return self.of("/v1/messages")


@contextmanager
def messages_api(**how: Any) -> Iterator[Api]:
    """Serves until the block ends."""
    api = Api(**how)
    with serving(handler=type("_Of", (_Handler,), {"api": api})) as server:
        api.address = server.url
        yield api


def words(body: Json) -> int:
    """The tokens of a request's prompt: its words."""
    texts = [body.get("system") or "", *(one["content"] for one in body.get("messages", []))]
    return sum(len(_text(text).split()) for text in texts)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(str(block.get("text", "")) for block in content)


class _Handler(Handler):
    api: Api

    def answer(self, request: Json) -> None:
        self.api.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, request))
        path = self.path.partition("?")[0]
        if path == "/v1/messages/count_tokens" and self.api.counting_status != 200:
            self.refuse(self.api.counting_status, "authentication_error")
        elif request.get("model") in self.api.unknown_models:
            self.refuse(404, "not_found_error")
        elif path == "/v1/messages/count_tokens":
            self.send_json(200, {"input_tokens": words(request) if self.api.counted is None else self.api.counted})
        elif self.api.hangs_up:
            self.close_connection = True
        elif self.api.status != 200:
            self.refuse(self.api.status, "overloaded_error")
        elif path == "/v1/messages/batches":
            self.send_json(200, {"id": "msgbatch_1", "type": "message_batch", "processing_status": "in_progress"})
        else:
            if self.api.held_back and not self.api.pauses_after:
                self.api.held_back.wait(20)
            message = self.message(request)
            if request.get("stream"):
                self.send_stream(self.pieces(message), "text/event-stream")
            else:
                self.send_json(200, message)

    def refuse(self, status: int, kind: str) -> None:
        self.send_json(status, {"type": "error", "error": {"type": kind, "message": "no"}})

    def message(self, body: Json) -> Json:
        counts = {"input_tokens": words(body) if self.api.counted is None else self.api.counted}
        return {
            "id": f"msg_{len(self.api.asked)}",
            "type": "message",
            "role": "assistant",
            "model": self.api.model or body["model"],
            "content": [{"type": "text", "text": self.api.answer}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": counts | {"output_tokens": len(self.api.answer.split())} | self.api.usage,
        }

    def pieces(self, message: Json) -> Iterator[bytes]:
        usage, told = message["usage"], 0
        yield sse({
            "type": "message_start",
            "message": {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}},
        })  # fmt: skip
        for event in block_events(message["content"]):
            if event["type"] == "content_block_delta":
                if self.api.held_back and told == self.api.pauses_after > 0:
                    self.api.held_back.wait(20)
                told += 1
            yield sse(event)
        if not self.api.breaks_off:
            ended = {"stop_reason": "end_turn", "stop_sequence": None}
            yield sse({"type": "message_delta", "delta": ended, "usage": {"output_tokens": usage["output_tokens"]}})
            yield sse({"type": "message_stop"})
