"""What several tests share."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ingest.load import load
from store.connection import Store, open_store

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample" / "larkspur-2026-11.jsonl.gz"


@cache
def sample_records() -> list[dict[str, Any]]:
    """The sample's usage records as logged, in order of time."""
    with gzip.open(SAMPLE, "rt", encoding="utf-8") as log:
        return [json.loads(line) for line in log]


@pytest.fixture(scope="session")
def tracked_prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tracked price list alone, without the own prices of whoever runs the tests."""
    folder = tmp_path_factory.mktemp("prices")
    for path in (ROOT / "data" / "prices").glob("*.toml"):
        if path.name != "mine.toml":
            shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="session")
def sample_store(tracked_prices: Path) -> Iterator[Store]:
    """A store with the sample in it, for reading only."""
    with open_store(":memory:", prices=tracked_prices) as store:
        load(store, [SAMPLE])
        yield store
