"""Who holds a store and is no dashboard, and who answers where one said it would."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from store.access import Served, access_of, announce
from tests.conftest import ROOT

Reply = Callable[[http.server.BaseHTTPRequestHandler, str], None]  # the nonce is its second argument
_HOLD = """
import sys
from store.connection import open_store
store = open_store(sys.argv[1])
print("open", flush=True)
input()
"""


@contextmanager
def holding(store: Path) -> Iterator[None]:
    """Another process, which is no dashboard, has the store open."""
    command = [sys.executable, "-c", _HOLD, str(store)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        yield
        holder.communicate("\n")


@contextmanager
def impostor(
    store: Path, *, said: str = "", status: int = 200, health: Reply | None = None
) -> Iterator[list[dict[str, str]]]:
    """Another server at the address a dashboard announced, which knows the store's secrets unless ``health`` is given.

    What is posted it answers with ``said``. Yields the headers of what it was asked.
    """
    heard: list[dict[str, str]] = []

    def proven(handler: http.server.BaseHTTPRequestHandler, nonce: str) -> None:
        handler.wfile.write(json.dumps({"proof": access_of(store).proof(nonce)}).encode())

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._begin(200)
            (health or proven)(self, parse_qs(urlsplit(self.path).query)["nonce"][0])

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._begin(status)
            self.wfile.write(said.encode())

        def _begin(self, status: int) -> None:
            heard.append(dict(self.headers))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        announce(store, Served(f"http://127.0.0.1:{server.server_port}", os.getpid()))
        try:
            yield heard
        finally:
            server.shutdown()
            thread.join()
