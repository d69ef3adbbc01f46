"""The dashboard as its user gets it: a server of its own on loopback, over a store of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def served(db: Path, *, log: Path | None = None) -> Iterator[str]:
    """Serves the dashboard over the store ``db`` and yields its address; the process is gone afterwards."""
    port = _free_port()
    command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true"]
    output = log or db.with_suffix(".log")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SPENDGLASS_", "STREAMLIT_"))
    }
    environment["SPENDGLASS_DB"] = str(db)
    with output.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, process, output)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def ingest(db: Path, *paths: Path) -> None:
    """Loads logs through the command line, as a user would."""
    command = [sys.executable, "-m", "ingest", *map(str, paths), "--db", str(db)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(address: str, process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the dashboard did not start:\n{output.read_text(errors='replace')}")
