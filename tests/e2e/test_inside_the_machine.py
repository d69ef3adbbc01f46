"""Whoever is not on this machine gets nothing and is asked for nothing."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.conftest import Opened
from tests.e2e.screen import turn_to, url

pytestmark = pytest.mark.browser

LOCAL = {"0100007F", "0000000000000000FFFF00000100007F"}
LISTENING, ESTABLISHED = "0A", "01"
TABLES = [path for path in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")) if path.exists()]


@pytest.mark.parametrize("path", ["", "features?period=Everything", "data", "secret", "_stcore/health"])
def test_every_answer_carries_the_security_headers(path: str, sample: str) -> None:
    with urllib.request.urlopen(f"{sample}/{path}") as answer:
        headers = answer.headers

    policy = {name: rest for name, *rest in map(str.split, headers["content-security-policy"].split(";"))}
    assert policy["default-src"] == ["'self'"]
    assert policy["object-src"] == policy["frame-ancestors"] == ["'none'"]
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:"} & set(policy["script-src"])
    assert all(not source.startswith(("http", "*")) for sources in policy.values() for source in sources)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"


def test_a_page_of_another_site_cannot_open_the_socket(sample: str) -> None:
    assert _upgrade(sample, origin=sample) == 101
    assert _upgrade(sample, origin="http://elsewhere.example") == 403


@pytest.mark.skipif(not TABLES, reason="reads /proc/net/tcp")
def test_the_server_listens_on_loopback_only_and_calls_nobody(sample: str, opened: Opened) -> None:
    page = opened(url(sample, "", {"period": "Everything"}))
    for title in ("Features", "Models", "Users", "Data"):
        turn_to(page, title)

    port = urlsplit(sample).port
    found = [line.split() for table in TABLES for line in table.read_text().splitlines()[1:]]
    sockets = [(*line[1].split(":"), *line[2].split(":"), line[3], line[9]) for line in found]
    listening = {
        (host, inode) for host, at, _, _, state, inode in sockets if state == LISTENING and int(at, 16) == port
    }
    assert {host for host, _ in listening} == {"0100007F"}
    ours = _sockets_of_the_owner(next(inode for _, inode in listening))
    assert {host for _, _, host, _, state, inode in sockets if state == ESTABLISHED and inode in ours} <= LOCAL


def _upgrade(address: str, *, origin: str) -> int:
    """The status with which the server answers a page of ``origin`` that asks for its socket."""
    parts = urlsplit(address)
    asked = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {parts.netloc}\r\nOrigin: {origin}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as wire:
        wire.sendall(asked.encode())
        return int(wire.recv(100).split()[1])


def _sockets_of_the_owner(inode: str) -> set[str]:
    """The inodes of all sockets of the process that holds this one."""
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            held = {str(link.readlink()) for link in folder.iterdir()}
        except OSError:
            continue
        if f"socket:[{inode}]" in held:
            return {name[8:-1] for name in held if name.startswith("socket:[")}
    raise AssertionError("nobody holds the listening socket")
