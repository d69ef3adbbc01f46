"""Loading usage records, as a ratio to DuckDB's own typed `read_json` into a table in a file, run beside it.

    python bench/load.py [LOG] [--rounds 5]

Without LOG 1,000,000 usage records are generated first, in bench/out. Each run is a process of its own over a new
database file; the two take turns, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
_REFERENCE = """
CREATE TABLE usage AS SELECT * FROM read_json(?, format = 'newline_delimited', columns = {
    "time": 'TIMESTAMP', request_id: 'VARCHAR', message_id: 'VARCHAR', model: 'VARCHAR', feature: 'VARCHAR',
    "user": 'VARCHAR', session: 'VARCHAR', tags: 'JSON',
    usage: 'STRUCT(input_tokens BIGINT, output_tokens BIGINT, cache_creation_input_tokens BIGINT,
            cache_read_input_tokens BIGINT,
            cache_creation STRUCT(ephemeral_5m_input_tokens BIGINT, ephemeral_1h_input_tokens BIGINT),
            service_tier VARCHAR, inference_geo VARCHAR, speed VARCHAR)',
    stop_reason: 'VARCHAR', max_tokens: 'BIGINT', stream: 'BOOLEAN', latency_ms: 'BIGINT',
    time_to_first_token_ms: 'BIGINT', status: 'BIGINT', error: 'VARCHAR'})
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--run", choices=("reference", "spendglass"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    log = args.log or million()
    if args.run:
        _run(args.run, log)
        return
    times: dict[str, list[float]] = {"reference": [], "spendglass": []}
    peaks: dict[str, list[float]] = {"reference": [], "spendglass": []}
    for _ in range(args.rounds):
        for name in times:
            measured = subprocess.run(
                [sys.executable, __file__, str(log), "--run", name], check=True, capture_output=True, cwd=ROOT
            )
            result = json.loads(measured.stdout)
            times[name].append(result["seconds"])
            peaks[name].append(result["peak_mib"])
    for name in times:
        low, middle, high = min(times[name]), statistics.median(times[name]), max(times[name])
        print(f"{name:<11} {middle:6.2f} s ({low:.2f} to {high:.2f}), peak {max(peaks[name]):,.0f} MiB")
    ratios = [ours / reference for reference, ours in zip(*times.values(), strict=True)]
    print(f"ratio       {statistics.median(ratios):6.2f}   ({min(ratios):.2f} to {max(ratios):.2f})")


def million() -> Path:
    """The log of 1,000,000 generated usage records."""
    log = ROOT / "bench" / "out" / "usage-1m.jsonl"
    if not log.exists():
        log.parent.mkdir(exist_ok=True)
        subprocess.run([sys.executable, "bench/generate.py", "1000000", str(log)], check=True, cwd=ROOT)
    return log


def _run(name: str, log: Path) -> None:
    with tempfile.TemporaryDirectory(dir=ROOT / "bench" / "out") as folder:
        seconds = (_reference if name == "reference" else _spendglass)(log, Path(folder) / "bench.duckdb")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak}))


def _reference(log: Path, file: Path) -> float:
    import duckdb

    began = time.monotonic()
    with duckdb.connect(str(file)) as con:
        con.execute(_REFERENCE, [str(log)])
    return time.monotonic() - began


def _spendglass(log: Path, file: Path) -> float:
    sys.path.insert(0, str(ROOT))
    from ingest.load import load
    from store.connection import open_store

    began = time.monotonic()
    with open_store(file) as store:
        load(store, [log])
    return time.monotonic() - began


if __name__ == "__main__":
    main()
