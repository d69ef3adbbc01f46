"""What a load does to those who look meanwhile: page questions beside a load, as a ratio to the same without one.

    python bench/while_loading.py [LOG] [--requests 2000000]

A copy of the store of made-up requests is asked the questions of the Overview and of the ranked pages over and over,
first alone, then while LOG is loaded into it (without LOG, 2,000,000 generated usage records).
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.made_up import made_up  # noqa: E402
from bench.questions import PAGES, Asked, asked_of, bar  # noqa: E402
from ingest.load import load  # noqa: E402
from store.connection import open_store  # noqa: E402

_PAGES = ("overview", "features", "models", "users")
_ALONE = 20  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path, nargs="?")
    parser.add_argument("--requests", type=int, default=2_000_000)
    args = parser.parse_args()
    log, kept = args.log or _two_million(), made_up(args.requests)
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder, open_store(Path(shutil.copy(kept, folder))) as store:
        _, asked = next(asked_of(store))
        end = time.monotonic() + _ALONE
        alone = _times(asked, lambda: time.monotonic() > end)
        loading = threading.Thread(target=load, args=(store, [log]))
        began = time.monotonic()
        loading.start()
        beside = _times(asked, lambda: not loading.is_alive())
        print(f"a load of {time.monotonic() - began:.1f} s beside {len(beside):,} questions")
    for name, number in (("median", 50), ("95th percentile", 95)):
        a, b = (statistics.quantiles(times, n=100)[number - 1] for times in (alone, beside))
        print(f"{name:<16} {a:6.1f} ms alone, {b:6.1f} ms beside the load   {b / a:.2f} x")


def _times(asked: Asked, done: Callable[[], bool]) -> list[float]:
    """Milliseconds of each question, asked in turn until done, each to its end."""
    times: list[float] = []
    while not done():
        for page in _PAGES:
            for _, question in [*bar(), *PAGES[page](asked)]:
                began = time.perf_counter()
                asked.answer(question)
                times.append(1000 * (time.perf_counter() - began))
    return times


def _two_million() -> Path:
    log = ROOT / "bench" / "out" / "usage-2m.jsonl"
    if not log.exists():
        log.parent.mkdir(exist_ok=True)
        subprocess.run([sys.executable, "bench/generate.py", "2000000", str(log)], check=True, cwd=ROOT)
    return log


if __name__ == "__main__":
    main()
