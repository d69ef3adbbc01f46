"""Usage records by the million, for measurements: `python bench/generate.py 1000000 bench/out/usage-1m.jsonl`.

Ninety days in ascending time, 12 features, 5 models, 800 users; reproducible from its seed. Broken lines and duplicates
come on top of the records asked for, so the loader's counts are known beforehand.
"""

from __future__ import annotations

import argparse
import time
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

FIRST_DAY = date(2026, 8, 22)
DAYS = 90
USERS = 800
CHUNK = 5_000

# feature, its model, median uncached and output tokens, share of all requests
FEATURES = (
    ("search-answers", "claude-sonnet-4-6", 2_400, 350, 0.20),
    ("ticket-routing", "claude-haiku-4-5-20251001", 900, 40, 0.17),
    ("chat", "claude-sonnet-4-6", 1_600, 420, 0.14),
    ("summaries", "claude-haiku-4-5-20251001", 5_200, 300, 0.11),
    ("translation", "claude-haiku-4-5-20251001", 1_100, 900, 0.09),
    ("code-review", "claude-opus-4-8", 6_500, 1_100, 0.06),
    ("contract-check", "claude-opus-4-8", 9_000, 800, 0.05),
    ("data-extraction", "claude-sonnet-5", 3_300, 260, 0.05),
    ("report-drafts", "claude-sonnet-5", 4_100, 1_500, 0.04),
    ("research", "claude-opus-5", 12_000, 1_900, 0.04),
    ("onboarding-help", "claude-haiku-4-5-20251001", 1_300, 220, 0.03),
    ("audit-trail", "claude-opus-5", 2_800, 180, 0.02),
)
# share of a weekday's requests by UTC hour; a weekend day has a third of a weekday's
HOURS = (1, 1, 1, 1, 1, 2, 4, 8, 12, 13, 12, 10, 9, 12, 12, 11, 9, 6, 4, 3, 2, 2, 1, 1)

LINE = (
    '{"time":"%sT%s.%03dZ","request_id":"req_%016x","message_id":"msg_%016x",%s"user":"u_%03d","session":"s_%x",'
    '"usage":{"input_tokens":%d,"cache_creation_input_tokens":%d,"cache_read_input_tokens":%d,'
    '"cache_creation":{"ephemeral_5m_input_tokens":%d,"ephemeral_1h_input_tokens":%d},"output_tokens":%d},'
    '"stop_reason":"end_turn","latency_ms":%d}\n'
)
BROKEN = (
    '{"time":"2026-10-01T09:00:00Z","model":"claude-sonnet-4-6","usage":{"input_tok\n',
    '{"time":"2026-10-01T09:00:00Z","usage":{"input_tokens":10,"output_tokens":5}}\n',
    '{"time":"2026-10-01T09:00:00Z","model":"claude-sonnet-4-6","usage":{"input_tokens":-10,"output_tokens":5}}\n',
    '{"time":"2026-10-01T09:00:00Z","model":"claude-sonnet-4-6","usage":{"input_tokens":10.5,"output_tokens":5}}\n',
    '{"time":"2026-10-01T09:00:00Z","model":"claude-sonnet-4-6","usage":{"input_tokens":true,"output_tokens":5}}\n',
    '{"time":"1926-10-01T09:00:00Z","model":"claude-sonnet-4-6","usage":{"input_tokens":10,"output_tokens":5}}\n',
)


def chunks(records: int, *, bad: int = 0, duplicates: int = 0, seed: int = 1) -> Iterator[list[str]]:
    """The lines of a log of ``records`` distinct requests, some thousands at a time."""
    random = np.random.default_rng(seed)
    broken_after = np.sort(random.integers(0, records, bad)) if bad else np.array([], dtype=np.int64)
    repeated_after = np.sort(random.integers(0, records, duplicates)) if duplicates else np.array([], dtype=np.int64)
    for start in range(0, records, CHUNK):
        stop = min(start + CHUNK, records)
        lines = _lines(random, start, stop, records)
        for at in broken_after[(broken_after >= start) & (broken_after < stop)].tolist():
            lines[at - start] += BROKEN[at % len(BROKEN)]
        for at in repeated_after[(repeated_after >= start) & (repeated_after < stop)].tolist():
            lines[at - start] += lines[at - start].splitlines(keepends=True)[0]
        yield lines


def write(path: Path, records: int, *, bad: int = 0, duplicates: int = 0, seed: int = 1) -> int:
    """Writes ``records + bad + duplicates`` lines to ``path`` and returns its size in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="ascii", newline="\n", buffering=1 << 20) as log:
        for lines in chunks(records, bad=bad, duplicates=duplicates, seed=seed):
            log.write("".join(lines))
    return path.stat().st_size


def _lines(random: np.random.Generator, start: int, stop: int, records: int) -> list[str]:
    n = stop - start
    feature = random.choice(len(FEATURES), n, p=[f[4] for f in FEATURES])
    spread = random.lognormal(0.0, 0.5, (2, n))
    uncached = (np.array([f[2] for f in FEATURES])[feature] * spread[0]).astype(np.int64) + 1
    output = (np.array([f[3] for f in FEATURES])[feature] * spread[1]).astype(np.int64) + 1
    prefix = 1_024 * (1 + feature)
    dice = random.random((3, n))
    reads = np.where(dice[0] < 0.40, prefix, 0)
    writes = np.where((dice[0] > 0.34) & (dice[0] < 0.46), prefix // 2, 0)
    hourly = dice[1] < 0.2
    user = (USERS * dice[2] ** 2.2).astype(np.int64)
    day, second, millisecond = _clock(random, start, stop, records)
    index = np.arange(start, stop, dtype=np.uint64)
    columns: tuple[npt.NDArray[np.generic], ...] = (
        _DAY_NAMES[day],
        _CLOCK[second],
        millisecond,
        _scrambled(index, 0x9E3779B97F4A7C15),
        _scrambled(index, 0xD1B54A32D192ED03),
        _WHAT[feature],
        user,
        (day * USERS + user) * 8 + second // 10_800,
        uncached,
        writes,
        reads,
        np.where(hourly, 0, writes),
        np.where(hourly, writes, 0),
        output,
        400 + output * 12 + uncached // 20,
    )
    return [LINE % row for row in zip(*(column.tolist() for column in columns), strict=True)]


_DAY_NAMES = np.array([(FIRST_DAY + timedelta(days=n)).isoformat() for n in range(DAYS)], dtype=object)
_CLOCK = np.array([f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(86_400)], dtype=object)
_WHAT = np.array([f'"model":"{model}","feature":"{name}",' for name, model, *_ in FEATURES], dtype=object)
_BUSY = np.array(
    [share / (3 if (FIRST_DAY + timedelta(days=n)).weekday() > 4 else 1) for n in range(DAYS) for share in HOURS]
)
_BUSY_UNTIL = np.concatenate([[0.0], np.cumsum(_BUSY) / _BUSY.sum()])


def _clock(random: np.random.Generator, start: int, stop: int, records: int) -> tuple[npt.NDArray[np.int64], ...]:
    """Ascending day, second of the day and millisecond of each record, busy in office hours."""
    place = (np.arange(start, stop) + random.random(stop - start)) / records
    milliseconds = (np.interp(place, _BUSY_UNTIL, np.arange(DAYS * 24 + 1)) * 3_600_000).astype(np.int64)
    return milliseconds // 86_400_000, milliseconds // 1_000 % 86_400, milliseconds % 1_000


def _scrambled(index: npt.NDArray[np.uint64], odd: int) -> npt.NDArray[np.uint64]:
    """Sixty-four bits that look random and never repeat: multiplying by an odd number is a permutation."""
    return (index + np.uint64(1)) * np.uint64(odd)


def main() -> None:
    """Writes the file named on the command line and says how large it is and how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("records", type=int)
    parser.add_argument("path", type=Path)
    parser.add_argument("--bad", type=int, default=0, metavar="K", help="broken lines sprinkled between the records")
    parser.add_argument("--duplicates", type=int, default=0, metavar="K", help="records written twice")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.perf_counter()
    size = write(asked.path, asked.records, bad=asked.bad, duplicates=asked.duplicates, seed=asked.seed)
    seconds = time.perf_counter() - began
    lines = asked.records + asked.bad + asked.duplicates
    print(
        f"{asked.path}: {lines:,} lines, {size / 1e6:,.0f} MB, {seconds:.1f} s, {lines / seconds:,.0f} lines a second"
    )


if __name__ == "__main__":
    main()
