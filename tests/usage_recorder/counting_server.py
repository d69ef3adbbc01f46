"""A Messages API on loopback: counts a token a word, answers whole or streamed, and keeps what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

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
    server = _Server(("127.0.0.1", 0), type("_Of", (_Handler,), {"api": api}))
    api.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def words(body: Json) -> int:
    """The tokens of a request's prompt: its words."""
    texts = [body.get("system") or "", *(one["content"] for one in body.get("messages", []))]
    return sum(len(_text(text).split()) for text in texts)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(str(block.get("text", "")) for block in content)


class _Handler(BaseHTTPRequestHandler):
    api: Api
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.api.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        path = self.path.partition("?")[0]
        if path == "/v1/messages/count_tokens" and self.api.counting_status != 200:
            said = {"type": "error", "error": {"type": "authentication_error", "message": "wrong key"}}
            self.whole(said, self.api.counting_status)
        elif body.get("model") in self.api.unknown_models:
            self.whole({"type": "error", "error": {"type": "not_found_error", "message": "model"}}, 404)
        elif path == "/v1/messages/count_tokens":
            self.whole({"input_tokens": words(body) if self.api.counted is None else self.api.counted})
        elif self.api.status != 200:
            said = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
            self.whole(said, self.api.status)
        elif path == "/v1/messages/batches":
            self.whole({"id": "msgbatch_1", "type": "message_batch", "processing_status": "in_progress"})
        else:
            if self.api.held_back and not self.api.pauses_after:
                self.api.held_back.wait(20)
            self.streamed(body) if body.get("stream") else self.whole(self.message(body, self.usage(body)))

    def usage(self, body: Json) -> Json:
        counts = {"input_tokens": words(body) if self.api.counted is None else self.api.counted}
        return counts | {"output_tokens": len(self.api.answer.split())} | self.api.usage

    def message(self, body: Json, usage: Json) -> Json:
        return {
            "id": f"msg_{len(self.api.asked)}",
            "type": "message",
            "role": "assistant",
            "model": self.api.model or body["model"],
            "content": [{"type": "text", "text": self.api.answer}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": usage,
        }

    def whole(self, said: Json, status: int = 200) -> None:
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.send_header("request-id", f"req_{len(self.api.asked)}")
        self.end_headers()
        self.wfile.write(content)

    def streamed(self, body: Json) -> None:
        usage = self.usage(body)
        message = {**self.message(body, {**usage, "output_tokens": 1}), "content": [], "stop_reason": None}
        block = {"type": "text", "text": ""}
        events: list[Json] = [
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": block},
        ]
        for word in self.api.answer.split(" "):
            delta = {"type": "text_delta", "text": f"{word} "}
            events.append({"type": "content_block_delta", "index": 0, "delta": delta})
        if not self.api.breaks_off:
            ended = {"stop_reason": "end_turn", "stop_sequence": None}
            events += [
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": ended, "usage": {"output_tokens": usage["output_tokens"]}},
                {"type": "message_stop"},
            ]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("request-id", f"req_{len(self.api.asked)}")
        self.send_header("connection", "close")
        self.end_headers()
        for number, event in enumerate(events):
            if self.api.held_back and number == self.api.pauses_after + 2 > 2:
                self.api.held_back.wait(20)
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Tells nobody."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of the test."""
