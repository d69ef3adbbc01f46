"""A loopback server that speaks the Messages API as far as the SDK needs it, and keeps a ledger of what it billed.

How it answers is asked for by the header ``x-behave``, words with a colon before their number:

    refuse:529       answers with that status, always           fail:429:2   with that status to the first two tries
    refusal          refuses before any output                  iterations   adds a compaction and an advisor's turn
    drop             breaks a stream off after its first deltas  drop-start   before its first event
    overloaded       ends a stream with an error event          slow:0.2     waits so many seconds first
    cache-grows      tells more cache writes at the end than at the start
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import random
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

ERRORS = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}
SNAPSHOTS = {"claude-haiku-4-5": "claude-haiku-4-5-20251001"}


@dataclass(frozen=True)
class Billed:
    """One answer the server gave and bills: whole, or cut off before the counts of its output were told."""

    message_id: str
    model: str
    usage: dict[str, Any]
    whole: bool = True


@dataclass
class Ledger:
    """Everything the server did."""

    billed: list[Billed] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    counts: int = 0
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def whole(self) -> list[Billed]:
        """What was told in full."""
        return [one for one in self.billed if one.whole]


class MessagesServer(ThreadingHTTPServer):
    """Listens on a port of its own; its words are always the same, its counts come from a seed."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, *, seed: int = 7, keeps_requests: bool = True, handler: type[Handler] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), handler or Handler)
        self.ledger = Ledger()
        self.keeps_requests = keeps_requests
        self.words = "the answer in so many words"
        self.compressed = False
        self._random = random.Random(seed)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self.batches: dict[str, list[dict[str, Any]]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def number(self) -> int:
        return next(self._numbers)

    def usage(self, *, batch: bool = False) -> dict[str, Any]:
        """Counts with and without caching, thinking and web searches."""
        with self._lock:
            pick = self._random.randint
            short, long = (pick(0, 1) * pick(1, 9_000) for _ in range(2))
            output = pick(1, 2_000)
            return {
                "input_tokens": pick(1, 20_000),
                "cache_creation_input_tokens": short + long,
                "cache_read_input_tokens": pick(0, 1) * pick(1, 90_000),
                "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
                "output_tokens": output,
                "output_tokens_details": {"thinking_tokens": pick(0, output)},
                "server_tool_use": None if pick(0, 4) else {"web_search_requests": pick(1, 3), "web_fetch_requests": 1},
                "service_tier": "batch" if batch else "standard",
                "inference_geo": "global",
                "speed": "standard",
            }

    def bill(self, message: dict[str, Any], *, whole: bool = True) -> None:
        with self._lock:
            self.ledger.billed.append(Billed(message["id"], message["model"], message["usage"], whole))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is none."""


@contextmanager
def serving(**options: Any) -> Iterator[MessagesServer]:
    """A server for as long as the block runs."""
    with MessagesServer(**options) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    """One connection. What answers otherwise has an ``answer`` of its own, with ``send_json`` and ``send_stream``."""

    server: MessagesServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Says nothing."""

    def do_GET(self) -> None:
        self._note(b"")
        _, _, batch = self.path.partition("/batches/")
        batch, _, results = batch.partition("?")[0].partition("/")
        if results:
            lines = [self._result(one) for one in self.server.batches[batch]]
            self._send(200, "".join(json.dumps(line) + "\n" for line in lines).encode(), "application/x-jsonl")
        else:
            self.send_json(200, _batch(batch, f"{self.server.url}/v1/messages/batches/{batch}/results"))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self._note(body)
        self.answer(json.loads(body))

    def answer(self, request: dict[str, Any]) -> None:
        """Answers what was posted."""
        path = self.path.partition("?")[0]
        if self._refuses():
            return
        if path.endswith(("/count_tokens", "count-tokens:rawPredict")):
            self.server.ledger.counts += 1
            self.send_json(200, {"input_tokens": 208})
        elif path.endswith("/batches"):
            name = f"msgbatch_{self.server.number():06d}"
            self.server.batches[name] = request["requests"]
            self.send_json(200, _batch(name, None))
        elif path.startswith("/model/"):
            model, how = unquote(path.removeprefix("/model/")).rsplit("/", 1)
            self._message({**request, "model": model}, "bedrock" if how.endswith("stream") else "")
        elif ":" in path:
            model, how = path.rsplit("/", 1)[1].split(":")
            self._message({**request, "model": unquote(model)}, "sse" if how.startswith("stream") else "")
        else:
            self._message(request, "sse" if request.get("stream") else "")

    def _note(self, body: bytes) -> None:
        if self.server.keeps_requests:
            self.server.ledger.requests.append((self.command, self.path, body))
            self.server.ledger.headers.append(dict(self.headers))

    def _behaviour(self) -> list[str]:
        return self.headers.get("x-behave", "").split()

    def _refuses(self) -> bool:
        tries = int(self.headers.get("x-stainless-retry-count") or 0)
        for word in self._behaviour():
            kind, _, rest = word.partition(":")
            if kind == "slow":
                time.sleep(float(rest))
            status, _, times = rest.partition(":")
            if kind == "refuse" or (kind == "fail" and tries < int(times)):
                self.server.ledger.refused.append(int(status))
                error = {"type": ERRORS.get(int(status), "api_error"), "message": f"no: {self.server.words}"}
                self.send_json(int(status), {"type": "error", "error": error}, {"retry-after-ms": "1"})
                return True
        return False

    def _message(self, request: dict[str, Any], stream: str) -> None:
        words = self._behaviour()
        message = _answer(self.server, request, batch=False)
        if "refusal" in words:
            message["stop_reason"] = "refusal"
            message["stop_details"] = {"type": "refusal", "category": "cyber", "explanation": self.server.words}
            message["content"] = []
            message["usage"]["output_tokens"] = 0
            message["usage"]["output_tokens_details"] = None
            message["usage"]["server_tool_use"] = None
        if "iterations" in words:
            message["usage"]["iterations"] = _iterations(message)
        if stream:
            self._stream(message, words, stream)
        else:
            self.server.bill(message)
            self.send_json(200, message)

    def _result(self, one: dict[str, Any]) -> dict[str, Any]:
        custom_id = one["custom_id"]
        if custom_id.startswith("expired"):
            return {"custom_id": custom_id, "result": {"type": "expired"}}
        if custom_id.startswith("errored"):
            error = {"type": "error", "error": {"type": "invalid_request_error", "message": self.server.words}}
            return {"custom_id": custom_id, "result": {"type": "errored", "error": error}}
        if "message" not in one:
            one["message"] = _answer(self.server, one["params"], batch=True)
            self.server.bill(one["message"])
        return {"custom_id": custom_id, "result": {"type": "succeeded", "message": one["message"]}}

    def _stream(self, message: dict[str, Any], words: list[str], stream: str) -> None:
        events = _events(message, grows="cache-grows" in words)
        cut = {"drop": 4, "drop-start": 0, "overloaded": 4}
        most = next((cut[word] for word in words if word in cut), None)
        self.server.bill(message, whole=most is None)
        if "overloaded" in words:
            fault = {"type": "error", "error": {"type": "overloaded_error", "message": self.server.words}}
            events, most = [*events[:4], fault], None
        pieces = [_frame(event) if stream == "bedrock" else sse(event) for event in events[:most]]
        kind = "application/vnd.amazon.eventstream" if stream == "bedrock" else "text/event-stream; charset=utf-8"
        self.send_stream(pieces, kind, drops=bool({"drop", "drop-start"} & set(words)))

    def send_stream(self, pieces: Iterable[bytes], kind: str, *, drops: bool = False) -> None:
        """Each piece by itself; ``drops`` breaks the connection off after the last."""
        self.send_response(200)
        self.send_header("request-id", f"req_{self.server.number():08d}")
        self.send_header("content-type", kind)
        if self.server.compressed:
            squeeze = zlib.compressobj(wbits=31)
            pieces = [squeeze.compress(piece) + squeeze.flush(zlib.Z_SYNC_FLUSH) for piece in pieces]
            pieces.append(squeeze.flush())
            self.send_header("content-encoding", "gzip")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.flush()
        if drops:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def send_json(self, status: int, value: object, headers: dict[str, str] = {}) -> None:  # noqa: B006
        self._send(status, json.dumps(value).encode(), "application/json", headers)

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] = {}) -> None:  # noqa: B006
        self.send_response(status)
        if self.server.compressed:
            body = gzip.compress(body)
            self.send_header("content-encoding", "gzip")
        for name, value in {"content-type": kind, "request-id": f"req_{self.server.number():08d}", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _answer(server: MessagesServer, request: dict[str, Any], *, batch: bool) -> dict[str, Any]:
    asked = request["model"]
    model = asked.split("anthropic.")[-1].split("@")[0].removesuffix("-v1:0")
    tools = [tool["name"] for tool in request.get("tools") or () if "input_schema" in tool]
    calls = bool(tools) and "tool_result" not in json.dumps(request["messages"])
    block = {"type": "tool_use", "id": "toolu_1", "name": tools[0], "input": {"city": "Basel"}} if calls else None
    return {
        "id": f"msg_{server.number():08d}",
        "type": "message",
        "role": "assistant",
        "model": SNAPSHOTS.get(model, model),
        "content": [block or {"type": "text", "text": server.words}],
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "usage": server.usage(batch=batch),
    }


def _iterations(message: dict[str, Any]) -> list[dict[str, Any]]:
    usage = message["usage"]
    counts = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    own = {name: usage[name] for name in (*counts, "cache_creation")}
    beside = dict.fromkeys(counts, 0) | {"input_tokens": 500, "output_tokens": 60}
    return [
        {"type": "compaction", **beside},
        {"type": "advisor_message", "model": "claude-opus-4-8", **beside},
        {"type": "message", "model": message["model"], **own},
    ]


def _events(message: dict[str, Any], *, grows: bool) -> list[dict[str, Any]]:
    final = message["usage"]
    start = {**final, "output_tokens": 1, "output_tokens_details": None, "server_tool_use": None}
    start.pop("iterations", None)
    if grows:
        final["cache_creation_input_tokens"] += 400
        final["cache_creation"] = {
            "ephemeral_5m_input_tokens": final["cache_creation_input_tokens"],
            "ephemeral_1h_input_tokens": 0,
        }
        start["cache_creation"] = {
            "ephemeral_5m_input_tokens": start["cache_creation_input_tokens"],
            "ephemeral_1h_input_tokens": 0,
        }
    told = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    delta = {name: final[name] for name in (*told, "output_tokens_details", "server_tool_use")}
    if "iterations" in final:
        delta["iterations"] = final["iterations"]
    stop = {name: message[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    opening = {**message, "content": [], "stop_reason": None, "stop_details": None, "usage": start}
    return [
        {"type": "message_start", "message": opening},
        *block_events(message["content"]),
        {"type": "message_delta", "delta": stop, "usage": delta},
        {"type": "message_stop"},
    ]


def block_events(content: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for index, block in enumerate(content):
        if block["type"] == "text":
            yield {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
            yield {"type": "ping"}
            for word in block["text"].split(" "):
                delta = {"type": "text_delta", "text": f"{word} "}
                yield {"type": "content_block_delta", "index": index, "delta": delta}
        else:
            yield {"type": "content_block_start", "index": index, "content_block": {**block, "input": {}}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}


def sse(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _frame(event: dict[str, Any]) -> bytes:
    """A frame of Amazon's event stream."""
    payload = json.dumps({"bytes": base64.b64encode(json.dumps(event).encode()).decode(), "p": "abc"}).encode()
    named = ((":event-type", "chunk"), (":content-type", "application/json"), (":message-type", "event"))
    headers = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(value)) + value.encode()
        for name, value in named
    )
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    frame = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return frame + struct.pack(">I", zlib.crc32(frame))


def _batch(name: str, results: str | None) -> dict[str, Any]:
    at = "2026-11-20T09:00:00Z"
    counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
    return {
        "id": name,
        "type": "message_batch",
        "processing_status": "ended" if results else "in_progress",
        "request_counts": counts,
        "created_at": at,
        "expires_at": at,
        "ended_at": at if results else None,
        "archived_at": None,
        "cancel_initiated_at": None,
        "results_url": results,
    }
