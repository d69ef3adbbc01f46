from __future__ import annotations

import io
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from spend.requests import RequestRow
from ui import tables
from ui.requests_table import export_columns
from ui.tables import to_csv, to_parquet


def request_row(*, feature: str | None, cost: int | None) -> RequestRow:
    return RequestRow(
        request_key="m1",
        started_at=datetime(2026, 11, 10, 12),
        feature=feature,
        model="claude-haiku-4-5",
        user=None,
        session=None,
        tier=None,
        stop_reason="end_turn",
        status=None,
        prompt_tokens=1000,
        cache_read_tokens=0,
        output_tokens=100,
        latency_ms=None,
        cost=cost,
        unpriced_because=None if cost is not None else "unknown_model",
    )


def test_csv_is_exact_and_holds_no_formula() -> None:
    columns = export_columns([request_row(feature="=HYPERLINK(1)", cost=1_500_000_001)])
    head, row = to_csv(columns).decode().splitlines()
    cells = dict(zip(head.split(","), row.split(","), strict=True))
    assert (cells["x_Feature"], cells["ListCost"]) == ("'=HYPERLINK(1)", "0.001500000001")


def test_the_computed_figure_is_list_cost_never_billed_cost() -> None:
    columns = export_columns([request_row(feature="a", cost=1)])
    assert "ListCost" in columns
    assert "BilledCost" not in columns


def test_parquet_keeps_money_as_decimals_and_unknown_as_null() -> None:
    rows = [request_row(feature="a", cost=12_345_678_900_000_000_001), request_row(feature=None, cost=None)]
    read = pq.read_table(io.BytesIO(to_parquet(export_columns(rows))))
    assert read["ListCost"].to_pylist() == [Decimal("12345678.900000000001"), None]
    assert read["x_Feature"].to_pylist() == ["a", None]


def test_unknown_is_empty_in_csv_and_says_why() -> None:
    row = to_csv(export_columns([request_row(feature=None, cost=None)])).decode().splitlines()[1]
    assert row.endswith(",,USD,its model is not in the price list")


def test_the_unknown_never_passes_for_the_zero_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("streamlit.dataframe", lambda shown, **_: drawn.append(shown))
    frame = pd.DataFrame({"name": ["free", "unpriced", "dear"], "cost": [0.0, 0.0, 2.0]})
    tables.choose(
        frame,
        {"cost": ["$0.00", "—", "$2.00"]},
        key="rows",
        columns={},
        opener="name",
        then=lambda _: None,
        alt="rows",
    )
    (shown,) = drawn
    cells = shown._translate(False, False)["body"]
    assert [row[2]["display_value"] for row in cells] == ["$0.00", "—", "$2.00"]
    assert list(frame["cost"]) == [0.0, 0.0, 2.0]
