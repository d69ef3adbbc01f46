"""One page of the dashboard over a store of its own, run without a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from store.connection import open_store
from store.process import close_process_store
from tests.factories import loaded

Opened = Callable[..., AppTest]


def checked(test: AppTest) -> AppTest:
    """The same, once it is seen that nothing went wrong."""
    assert [problem.value for problem in test.exception] == []
    return test


def figures(test: AppTest) -> dict[str, str]:
    """The figures on the page by their labels, as they are read."""
    return {metric.label.replace("\\", ""): metric.value.replace("\\", "") for metric in test.metric}


def words(test: AppTest) -> str:
    """All that the page says, as it is read."""
    said = [*test.text, *test.caption, *test.header, *test.subheader, *test.error, *test.warning, *test.markdown]
    return "\n".join(str(one.value) for one in said).replace("\\", "").replace("\N{WORD JOINER}", "")


@contextmanager
def dashboard_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch, records: Iterable[Mapping[str, Any]]
) -> Iterator[Opened]:
    """Yields ``opened(page, query...)``: the page after its first run, over a store holding ``records``."""
    db = folder / "usage.duckdb"
    with open_store(db) as store:
        kept = list(records)
        if kept:
            loaded(store, folder / "app.jsonl", kept)
    monkeypatch.setenv("SPENDGLASS_DB", str(db))

    def opened(page: str, **query: str | list[str]) -> AppTest:
        test = AppTest.from_string(f"from pages import {page}\n{page}.page()\n", default_timeout=30)
        for name, value in query.items():
            test.query_params[name] = value
        return test.run()

    yield opened
    close_process_store()
