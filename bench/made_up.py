"""A store of millions of made-up requests, made by the same statements as a load's, but without any JSON."""

from __future__ import annotations

import sys
from itertools import accumulate
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.generate import HOURS  # noqa: E402
from store.connection import Store, open_store  # noqa: E402
from store.derive import complete, priced  # noqa: E402
from store.model_names import LoggedModels  # noqa: E402

FACTS = Path(__file__).with_suffix(".sql")
DAYS, SLOTS = 126, 60_480
A_LOAD = 1_000_000


def made_up(requests: int) -> Path:
    """The store of so many made-up requests."""
    path = ROOT / "bench" / "out" / f"questions-{requests}.duckdb"
    if path.exists():
        return path
    making = path.with_suffix(".making")
    making.parent.mkdir(exist_ok=True)
    making.unlink(missing_ok=True)
    with open_store(making) as store:
        for first in range(0, requests, A_LOAD):
            _load_made_up(store, first, min(first + A_LOAD, requests), requests)
    return making.rename(path)


def _load_made_up(store: Store, first: int, past: int, requests: int) -> None:
    with store.writing() as con:
        [(load_id, file_id)] = con.execute("SELECT nextval('load_ids'), nextval('file_ids')").fetchall()
        con.execute(
            "CREATE TEMP TABLE slot AS SELECT unnest(?::BIGINT[]) AS slot, unnest(?::BIGINT[]) AS second,"
            " unnest(?::BIGINT[]) AS seconds",
            _slots(),
        )
        models = LoggedModels(con, store.prices)
        models.foresee([("claude-opus-5", "anthropic", None)])
        at_once = max(1, requests // (DAYS * 36 * 8))  # sessions of 40 minutes and about eight requests
        facts = FACTS.read_text().format(
            first=first, past=past, requests=requests, slots=SLOTS, at_once=at_once, file_id=file_id
        )
        con.execute(f"INSERT INTO usage BY NAME {priced(f'({facts})')}")
        con.execute("DROP TABLE slot")
        complete(con, models, f"file_id = {file_id}")
        con.execute("INSERT INTO load SELECT ?, TIMESTAMP '2026-11-09', 'command line', 1", [load_id])
        con.execute(
            "INSERT INTO load_file (file_id, load_id, path, format, bytes, lines, requests, duplicates, ignored,"
            " rejected, findings) VALUES ($1, $2, $3, 'usage record', 0, $4, $4, 0, 0, 0, [])",
            [file_id, load_id, f"made-up-{load_id}.jsonl", past - first],
        )


def _slots() -> list[list[int]]:
    """Equal shares of all requests: number, second it begins and seconds it lasts; a weekend day has a third of one."""
    busy = [share / (3 if day % 7 > 4 else 1) for day in range(DAYS) for share in HOURS]
    until = [0.0, *accumulate(share / sum(busy) for share in busy)]
    edges = np.interp(np.arange(SLOTS + 1) / SLOTS, until, np.arange(len(until)) * 3600).astype(int)
    return [list(range(SLOTS)), edges[:-1].tolist(), np.maximum(np.diff(edges), 1).tolist()]
