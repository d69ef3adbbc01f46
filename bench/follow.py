"""Lines on their way from a growing log into the store: seconds from being written to being there to ask for.

    python bench/follow.py [--seconds 20] [--rate 20] [--held 0]

A follower runs on a folder of three logs, to which stamped lines are written in turn, RATE a second in all; the store
holds HELD requests already. For each load the follower says when it was over and the store let go; which lines came
with which load is asked of the store afterwards. Reference: `python -m ingest` on one new line, a process for each.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
OUT = ROOT / "bench" / "out"
LOGS, PLAIN = 3, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--held", type=int, default=0)
    args = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        db, logs = Path(folder) / "usage.duckdb", Path(folder) / "logs"
        logs.mkdir()
        _write(Path(folder) / "held.jsonl", (f"held{number}" for number in range(args.held or 1)))
        _ingest(db, Path(folder) / "held.jsonl")
        plain = [_plain(db, Path(folder) / "plain.jsonl", number) for number in range(PLAIN)]
        written, loads, seconds = _followed(db, logs, int(args.seconds * args.rate), 1 / args.rate)
        latencies = sorted(loads[load] - written[key] for key, load in _loads_of(db, written).items())
    if len(latencies) != len(written):
        raise SystemExit(f"of {len(written):,} lines {len(written) - len(latencies):,} did not come")
    late = sum(latency > 2 for latency in latencies)
    print(f"reference   {statistics.median(plain):6.2f} s   one line by a process of its own, median of {PLAIN}")
    print(f"follower    {statistics.median(latencies):6.2f} s   median from written to in the store")
    print(f"            {latencies[int(0.99 * len(latencies))]:6.2f} s   99 of 100 lines at most")
    print(f"            {latencies[-1]:6.2f} s   worst; {late:,} of {len(latencies):,} lines took more than 2 s")
    print(f"            {len(loads):,} loads, {seconds:.1f} s of the processor, its start and end included")


def _followed(db: Path, logs: Path, lines: int, pause: float) -> tuple[dict[str, float], dict[int, float], float]:
    """When each line was written (by its key), when each load was over (both since 1970), and processor seconds."""
    command = [sys.executable, "-m", "ingest", "--follow", str(logs), "--db", str(db), "--json"]
    said: list[dict[str, Any]] = []
    written: dict[str, float] = {}
    before = os.times()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        stream = process.stdout
        reader = threading.Thread(target=lambda: said.extend(map(json.loads, stream)))
        reader.start()
        key = "first"
        written |= _write(logs / "0.jsonl", [key])
        while not said and process.poll() is None:
            time.sleep(0.01)
        written.clear()
        began = time.monotonic()
        for number in range(lines):
            time.sleep(max(0.0, began + number * pause - time.monotonic()))
            written |= _write(logs / f"{number % LOGS}.jsonl", [f"line{number}"])
        while sum(load["requests"] for load in said) <= lines and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        process.wait()
        reader.join()
    after = os.times()
    took = sum(after[2:4]) - sum(before[2:4])
    return written, {one["load_id"]: _seconds(one["at"]) for one in said[1:] if "load_id" in one}, took


def _write(log: Path, keys: Iterable[str]) -> dict[str, float]:
    """Appends a line for each key; answers when each was written."""
    written = {}
    with log.open("a") as file:
        for key in keys:
            usage = {"input_tokens": 1000, "output_tokens": 100}
            record = {"message_id": key, "model": "claude-haiku-4-5", "usage": usage, "time": "2026-11-10T12:00:00Z"}
            file.write(f"{json.dumps(record)}\n")
            written[key] = time.time()
    return written


def _plain(db: Path, log: Path, number: int) -> float:
    began = time.monotonic()
    _write(log, [f"plain{number}"])
    _ingest(db, log)
    return time.monotonic() - began


def _ingest(db: Path, log: Path) -> None:
    command = [sys.executable, "-m", "ingest", str(log), "--db", str(db)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def _loads_of(db: Path, keys: Iterable[str]) -> dict[str, int]:
    """The load that brought each request."""
    sys.path.insert(0, str(ROOT))
    from store.connection import open_store

    with open_store(db) as store:
        found = store.cursor().execute("SELECT request_key, load_id FROM usage JOIN load_file USING (file_id)")
        loads = dict(found.fetchall())
    return {key: loads[key] for key in keys if key in loads}


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


if __name__ == "__main__":
    main()
