"""What-if scenarios over millions of made-up requests, as ratios to one pass of the cost formula over the same rows.

    python bench/what_if.py [--requests 1000000] [--replayed 10000000] [--runs 5]

Timed are: the rows read once for a scene; a scenario of five levers with every subset, its range and what it left; the
same with one slider moved, whole and the joint cost alone; one lever alone; and the cache replay alone, of requests
with 5,000 prefixes. Memory is the process's peak.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from duckdb import DuckDBPyConnection

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.made_up import made_up  # noqa: E402
from spend.filters import DIMENSIONS, Filters  # noqa: E402
from spend.levers import LEVERS  # noqa: E402
from spend.levers.lever import Pulled, pulled_from  # noqa: E402
from spend.what_if import Scene, joint_cost, what_if  # noqa: E402
from spend.what_if.replay import replay  # noqa: E402
from store.connection import open_store  # noqa: E402
from store.derive import costed  # noqa: E402
from store.facts import facts  # noqa: E402

PREFIXES = 5_000
FIVE = (
    "swap:from=claude-opus-5,to=claude-haiku-4-5{verbosity}",
    "cap:max_output_tokens={cap}",
    "trim:max_prompt_tokens={trim}",
    "cache:ttl=5m,share={most}",
    "batch:share={half}",
)
# of a request without cached tokens three in four have a fingerprint, few of them most of the requests
FINGERPRINTS = f"""
UPDATE usage SET prefixes = '[{{"hash":"' || lpad(to_hex(CAST(floor({PREFIXES} * pow(dice, 2.6)) AS INTEGER)), 16, '0')
    || '","share":0.8' || CAST(rowid % 1000 AS VARCHAR) || ',"cached":false}}]'
FROM (SELECT rowid AS row_id, hash(request_key) % 1000003 / 1000003 AS dice FROM usage) AS thrown
WHERE usage.rowid = thrown.row_id AND part = 0 AND cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens = 0
    AND hash(request_key, 1) % 4 > 0
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--replayed", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", choices=("scenario", "replay"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        (_scenario if args.only == "scenario" else _replay)(args)
        return
    _with_prefixes(args.requests)
    made_up(args.replayed)
    for part in ("scenario", "replay"):
        command = [sys.executable, __file__, *sys.argv[1:], "--only", part]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
        times = json.loads(done.stdout)
        peak, passed = times.pop("peak_mib"), times["one price pass"]
        print(f"{part}, peak {peak:,.0f} MiB")
        for name, seconds in times.items():
            print(f"  {name:<36} {seconds * 1000:9,.0f} ms   {seconds / passed:6.2f} of a price pass")


def _with_prefixes(requests: int) -> Path:
    """The made-up store of so many requests, with fingerprints."""
    path = ROOT / "bench" / "out" / f"what-if-{requests}.duckdb"
    if not path.exists():
        making = path.with_suffix(".making")
        shutil.copy(made_up(requests), making)
        with open_store(making) as store, store.writing() as con:
            con.execute(FINGERPRINTS)
        making.rename(path)
    return path


def _scenario(args: argparse.Namespace) -> None:
    with open_store(_with_prefixes(args.requests)) as store:
        con = store.cursor()
        times = {"one price pass": _median(args.runs, lambda _: _price_pass(con))}
        levers = five()
        began = time.monotonic()
        scene = Scene(con, Filters())
        scene.prepare(levers)
        times["rows read for a scene"] = time.monotonic() - began
        times["five levers, all subsets, first time"] = _timed(lambda: what_if(scene, levers))

        times["five levers, a slider moved"] = _median(args.runs, lambda run: what_if(scene, five(cap=301 + run)))
        times["  its joint cost alone"] = _median(args.runs, lambda run: joint_cost(scene, five(cap=401 + run)))
        for place, lever in enumerate(levers):

            def alone(run: int, place: int = place) -> None:
                moved = five(cap=501 + run, trim=2900 + run, most=f"0.8{run}", half=f"0.4{run}", verbosity=f"1.{run}")
                what_if(scene, [moved[place]])

            times[f"{lever.lever} alone, moved"] = _median(args.runs, alone)
    _told(times)


def five(
    *, cap: int = 300, trim: int = 3000, most: str = "0.9", half: str = "0.5", verbosity: str | None = None
) -> list[Pulled]:
    """Five levers; what is given otherwise is a slider moved."""
    longer = f",verbosity={verbosity}" if verbosity else ""
    texts = [text.format(cap=cap, trim=trim, most=most, half=half, verbosity=longer) for text in FIVE]
    return [pulled_from(text, LEVERS, tuple(DIMENSIONS)) for text in texts]


def _replay(args: argparse.Namespace) -> None:
    with open_store(made_up(args.replayed)) as store:
        con = store.cursor()
        times = {"one price pass": _timed(lambda: _price_pass(con))}
        arrivals = (
            "SELECT rowid AS n, CAST(substr(user_id, 3) AS BIGINT) AS chain, epoch_us(started_at) // 1000 AS began,"
            " CAST(coalesce(time_to_first_token_ms, latency_ms) AS INTEGER) AS wait FROM usage"
            " WHERE part = 0 AND started_at IS NOT NULL"
        )
        con.execute(f"CREATE TEMP TABLE arrivals AS {arrivals}")
        for ttl in ("5m", "1h"):
            times[f"cache replay, {ttl}"] = _median(
                min(args.runs, 3),
                lambda _, ttl=ttl: con.execute(replay("replayed", "FROM arrivals", ttl)),  # type: ignore[misc]
            )
    _told(times)


def _price_pass(con: DuckDBPyConnection) -> None:
    con.execute(f"SELECT sum(cost) FROM ({costed(facts())})").fetchall()


def _median(runs: int, work: Callable[[int], object]) -> float:
    return statistics.median(_timed(lambda run=run: work(run)) for run in range(runs))  # type: ignore[misc]


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _told(times: dict[str, float]) -> None:
    print(json.dumps({**times, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
