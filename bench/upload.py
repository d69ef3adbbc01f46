"""Large files through the upload route, two users at once: seconds, MB/s, and what it costs the server in memory.

    python bench/upload.py [--gb 5] [--users 2]

The gigabytes are shared by the users, each of whom sends one file in slices of 8 MiB, as the uploader in the browser
does; the bytes are made up on the way, the server writes them all to the disk in bench/out and drops them at the end.
Reference: the same bytes written to the same disk by one plain write after another, before and after it. Memory is the
peak of the server's resident set while it takes the files in, above what it had before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUT = ROOT / "bench" / "out"
SLICE = 8 * 1024 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, default=5)
    parser.add_argument("--users", type=int, default=2)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        asyncio.run(_serve(args.users))
        return
    OUT.mkdir(exist_ok=True)
    size = int(args.gb * 1e9 / args.users)
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        plain = _plain(Path(folder) / "plain", size * args.users) / 2
        with _server(Path(folder), args.users) as (process, port, tickets):
            before = _memory(process.pid)["VmHWM"]
            took = _send_all(port, tickets, size)
            after = _memory(process.pid)
        plain += _plain(Path(folder) / "plain", size * args.users) / 2
    total = size * args.users / 1e6
    print(f"reference   {plain:6.1f} s, {total / plain:6.0f} MB/s   plain writes to the same disk")
    print(f"spendglass  {took:6.1f} s, {total / took:6.0f} MB/s   {args.users} users at once, {total:,.0f} MB in all")
    print(f"ratio       {took / plain:6.2f}")
    print(f"memory      {before:,.0f} MiB before, peak {after['VmHWM']:,.0f}: {after['VmHWM'] - before:+,.0f} MiB")


def _send_all(port: int, tickets: Sequence[str], size: int) -> float:
    senders = [threading.Thread(target=_send, args=(port, ticket, size)) for ticket in tickets]
    began = time.monotonic()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return time.monotonic() - began


def _send(port: int, ticket: str, size: int) -> None:
    piece = memoryview(os.urandom(SLICE))
    with closing(HTTPConnection("127.0.0.1", port, timeout=120)) as wire:

        def ask(method: str, path: str, body: bytes | memoryview, offset: int = 0) -> dict[str, int | str]:
            wire.request(method, path, body, {"Upload-Ticket": ticket, "Upload-Offset": str(offset)})
            answer = wire.getresponse()
            told: dict[str, int | str] = json.loads(answer.read() or "{}")
            if answer.status >= 300:
                raise SystemExit(f"{answer.status}: {told}")
            return told

        announced = json.dumps({"name": "big.jsonl", "size": size, "modified": 0}).encode()
        path = f"/api/upload/{ask('POST', '/api/upload', announced)['id']}"
        for offset in range(0, size, SLICE):
            ask("PUT", path, piece[: size - offset], offset)
        ask("DELETE", path, b"")


def _plain(path: Path, size: int) -> float:
    piece = memoryview(os.urandom(SLICE))
    began = time.monotonic()
    with path.open("wb", buffering=0) as file:
        for offset in range(0, size, SLICE):
            file.write(piece[: size - offset])
    took = time.monotonic() - began
    path.unlink()
    return took


@contextmanager
def _server(folder: Path, users: int) -> Iterator[tuple[subprocess.Popen[str], int, list[str]]]:
    """The route in a process of its own, its port, and a ticket for each user."""
    command = [sys.executable, __file__, "--serve", "--users", str(users)]
    environment = {**os.environ, "SPENDGLASS_DB": str(folder / "usage.duckdb"), "SPENDGLASS_INBOX": str(folder)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout
            told = json.loads(process.stdout.readline())
            yield process, told["port"], told["tickets"]
        finally:
            process.terminate()


async def _serve(users: int) -> None:
    sys.path.insert(0, str(ROOT))
    import uvicorn
    from starlette.applications import Starlette

    from ingest.routes.uploads import UPLOADS
    from ingest.upload_tickets import mint

    server = uvicorn.Server(uvicorn.Config(Starlette(routes=UPLOADS), port=0, log_level="warning", ws="none"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    print(json.dumps({"port": port, "tickets": [mint(f"user{n}") for n in range(users)]}), flush=True)
    await serving


def _memory(pid: int) -> dict[str, float]:
    """What a process holds (VmRSS) and has held at most (VmHWM), in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return {name: int(kib) / 1024 for name, kib in re.findall(r"^(Vm\w+):\s+(\d+) kB", status, re.MULTILINE)}


if __name__ == "__main__":
    main()
