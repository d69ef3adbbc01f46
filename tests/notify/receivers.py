"""A webhook and a mail server on loopback, which keep what they were sent and fail when they are told to."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, cast

SILENT, DROP, TRICKLE = -1, -2, -3  # instead of a status: never answers, hangs up, answers a byte at a time


@dataclass(frozen=True)
class Posted:
    """One post, whatever it was answered with."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def json(self) -> dict[str, Any]:
        return cast(dict[str, Any], json.loads(self.body))


@dataclass
class Webhook:
    """``answers`` are given first, in turn, then 200s. ``elsewhere`` is where a redirect leads."""

    port: int = 0
    posts: list[Posted] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    elsewhere: str = ""
    retry_after: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/s3cret-path"

    @property
    def taken(self) -> list[dict[str, Any]]:
        """The bodies that were answered with a 200."""
        return [post.json for post in self.posts if post.status == 200]


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Who hangs up is no fault of the server's."""


@contextmanager
def webhook(*answers: int, tls: ssl.SSLContext | None = None) -> Iterator[Webhook]:
    """Receives until the block ends, with ``tls`` over HTTPS."""
    kept = Webhook(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = kept.answers.pop(0) if kept.answers else 200
            headers = {name.lower(): value for name, value in self.headers.items()}
            kept.posts.append(Posted(self.path, headers, body, status))
            if status == SILENT:
                kept.over.wait(60)
            if status == TRICKLE:
                self._trickle()
            if status < 0:
                self.close_connection = True
                return
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", kept.elsewhere)
            if kept.retry_after:
                self.send_header("Retry-After", kept.retry_after)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _trickle(self) -> None:
            with suppress(OSError):
                while not kept.over.wait(0.05):
                    self.wfile.write(b"H")
                    self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    kept.port = server.server_address[1]
    with _serving(server, kept.over):
        yield kept


@dataclass
class Mails:
    """``fails``: for a command (CONNECT, MAIL, RCPT, DATA, END, AUTH) the codes that are answered first, in turn."""

    port: int = 0
    mails: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    fails: dict[str, list[int]] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(mail, policy=SMTP) for mail in self.mails]


class _Hung(Exception):
    pass


class _MailHandler(StreamRequestHandler):
    """One connection; the class made for a server says what is ``kept`` and whether there is TLS."""

    kept: Mails
    tls: ssl.SSLContext | None = None
    at_once = False

    def handle(self) -> None:
        self.encrypted = False
        self.sender, self.recipients = "", list[str]()
        with suppress(OSError, _Hung):
            if self.at_once:
                self._encrypt()
            self._say("CONNECT", 220)
            while line := self.rfile.readline():
                verb, _, rest = line.decode("ascii").strip().partition(" ")
                getattr(self, f"on_{verb.lower()}", self.on_other)(rest)

    def _encrypt(self) -> None:
        assert self.tls is not None
        self.wire = self.tls.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.wire.makefile("rb"), self.wire.makefile("wb")
        self.encrypted = True

    def finish(self) -> None:
        super().finish()
        if self.encrypted:
            self.wire.close()

    def _say(self, command: str, code: int) -> bool:
        waiting = self.kept.fails.get(command)
        code = waiting.pop(0) if waiting else code
        if code == SILENT:
            self.kept.over.wait(60)
        while code == TRICKLE and not self.kept.over.wait(0.05):
            self.wfile.write(b"2")
            self.wfile.flush()
        if code < 0:
            raise _Hung
        self.wfile.write(f"{code} 5.7.0 hunter2 s3cret\r\n".encode())
        self.wfile.flush()
        return 200 <= code < 400

    def on_other(self, _: str) -> None:
        self._say("", 250)

    def on_ehlo(self, _: str) -> None:
        offered = ["here", *(["STARTTLS"] if self.tls and not self.encrypted else []), "AUTH PLAIN"]
        lines = [f"250-{one}\r\n" for one in offered[:-1]] + [f"250 {offered[-1]}\r\n"]
        self.wfile.write("".join(lines).encode())
        self.wfile.flush()

    def on_starttls(self, _: str) -> None:
        self._say("STARTTLS", 220)
        self._encrypt()

    def on_auth(self, rest: str) -> None:
        self.kept.logins.append(b64decode(rest.partition(" ")[2]))
        self._say("AUTH", 235)

    def on_mail(self, rest: str) -> None:
        self.sender, self.recipients = rest, []
        self._say("MAIL", 250)

    def on_rcpt(self, rest: str) -> None:
        if self._say("RCPT", 250):
            self.recipients.append(rest)

    def on_data(self, _: str) -> None:
        if not self._say("DATA", 354):
            return
        content = b"".join(iter(self.rfile.readline, b".\r\n"))
        if (self.kept.fails.get("END") or [250])[0] < 400:  # silence after the content: it was taken all the same
            self.kept.mails.append(content.replace(b"\r\n..", b"\r\n."))
            self.kept.envelopes.append((self.sender, self.recipients))
            self.kept.encrypted.append(self.encrypted)
        self._say("END", 250)

    def on_quit(self, _: str) -> None:
        self._say("QUIT", 221)
        raise _Hung


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None, *, at_once: bool = False, **fails: list[int]) -> Iterator[Mails]:
    """Takes mail until the block ends; with ``tls`` it offers STARTTLS, or speaks TLS ``at_once``."""
    kept = Mails(fails=fails)
    handler = type("Handler", (_MailHandler,), {"kept": kept, "tls": tls, "at_once": at_once})
    server = ThreadingTCPServer(("127.0.0.1", 0), handler)
    kept.port = server.server_address[1]
    with _serving(server, kept.over):
        yield kept


@contextmanager
def _serving(server: ThreadingTCPServer | ThreadingHTTPServer, over: threading.Event) -> Iterator[None]:
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
