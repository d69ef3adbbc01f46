"""Tables: right-aligned figures, a row chosen by mouse or keyboard, and every table as CSV and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import streamlit as st

from ui import names, numbers
from ui.drill import picked

Columns = Mapping[str, Sequence[Any]]
BELOW_ALL = float("-inf")  # none at all would be drawn as "None"
MONEY = pa.decimal128(38, 12)


def choose(
    frame: pd.DataFrame,
    texts: Mapping[str, Sequence[str]],
    *,
    key: str,
    columns: Mapping[str, Any],
    opener: str,
    then: Callable[[int], None],
    alt: str,
    sortable: bool = True,
) -> None:
    """A table that says ``texts`` and sorts by the values; a click in ``opener`` or a marked row calls ``then``.

    Where the text is "—" the value sorts below all others: the unknown never passes for the zero beside it.
    """
    shown: Any = frame
    if texts:
        unknown = {name: pd.Series([text == numbers.UNKNOWN for text in said]) for name, said in texts.items()}
        known = frame.assign(**{name: frame[name].mask(mask, BELOW_ALL) for name, mask in unknown.items()})
        says: dict[str, Any] = {name: dict(zip(known[name], said, strict=True)).get for name, said in texts.items()}
        shown = known.style.format(says)
    st.dataframe(
        shown,
        key=key,
        hide_index=True,
        column_config={**columns, opener: _opener(columns.get(opener, opener), f"{key}-open", then)},
        height="content",
        row_height=34,
        alt=alt,
        on_select=picked(key, then),
        selection_mode="single-row" if sortable else ["single-row", "single-column"],
    )


def _opener(label: str, key: str, then: Callable[[int], None]) -> Any:
    def clicked() -> None:
        then(int(st.session_state[key]["row"]))

    return st.column_config.ButtonColumn(label, type="tertiary", alignment="left", width=190, key=key, on_click=clicked)


def figures(label: str, *, said: str | None = None, width: int | None = None) -> Any:
    """A column of figures: right-aligned, its text set by the table's formats."""
    return st.column_config.NumberColumn(label, help=said, width=width)


def export(name: str, columns: Callable[[], Columns], *, key: str, said: str | None = None) -> None:
    """Two quiet buttons that make the file only when it is asked for."""
    with st.container(key=f"export-{key}", horizontal=True, horizontal_alignment="right", gap="small"):
        if said:
            st.caption(said)
        for kind, mime, write in (
            ("CSV", "text/csv", to_csv),
            ("Parquet", "application/vnd.apache.parquet", to_parquet),
        ):
            st.download_button(
                kind,
                data=partial(_made, write, columns),
                file_name=f"{name}.{kind.lower()}",
                mime=mime,
                key=f"{key}-{kind.lower()}",
                type="tertiary",
                on_click="ignore",
            )


def _made(write: Callable[[Columns], bytes], columns: Callable[[], Columns]) -> bytes:
    return write(columns())


def money(picos: Sequence[int | None]) -> list[Decimal | None]:
    """Pico-dollars as exact dollars for a file."""
    return [None if value is None else numbers.dollars_of(value) for value in picos]


def to_csv(columns: Columns) -> bytes:
    """CSV with exact figures; text no spreadsheet takes for a formula; unknown is empty."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def to_parquet(columns: Columns) -> bytes:
    """Parquet with exact decimals; unknown is null."""
    arrays = {
        name: pa.array(values, type=MONEY if any(isinstance(value, Decimal) for value in values) else None)
        for name, values in columns.items()
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays), sink)
    return sink.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return names.csv_cell(value) if isinstance(value, str) else str(value)
