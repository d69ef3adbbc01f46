"""What the requests would cost: the model asked for in figures, every current model in a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from spend.estimate import AMOUNTS, ModelCost
from ui import names, numbers, tables
from ui.headline import figure
from ui.look import heading


def answer(row: ModelCost, *, by_hand: bool) -> None:
    """Cost, worst case, runs for a dollar and room in the context window of the model asked for."""
    with st.container(key="headline"):
        cost, worst, runs, window = st.columns([1.35, 1.15, 1, 1], gap="medium")
    many = f", {numbers.count(row.requests)} requests" if row.requests > 1 else ""
    with cost, st.container(key="answer", gap="xsmall"):
        figure(f"{names.short(row.display, 40)}{many}", numbers.unit(row.cost))
        typed = " as typed" if by_hand else ""
        st.caption(
            names.markdown(f"{numbers.count(row.input_tokens)} in{typed}, {numbers.count(row.output_tokens)} out")
        )
    with worst, st.container(gap="xsmall"):
        figure("At most", numbers.unit(row.worst))
        st.caption(names.markdown(_worst_said(row)))
    with runs, st.container(gap="xsmall"):
        figure("Runs for $1", numbers.count(row.runs))
        if row.batch is not None:
            st.caption(names.markdown(f"In a batch {numbers.unit(row.batch)}"))
    with window, st.container(gap="xsmall"):
        figure("Context window", "Does not fit" if row.misfits else _share(row))
        if row.context_window:
            st.caption(f"of {numbers.tokens(row.context_window)} tokens")
    _warnings(row)


def comparison(rows: Sequence[ModelCost], then: Callable[[str], None]) -> None:
    """Every current model, cheapest first; choosing one asks ``then`` for it."""
    ordered = sorted(rows, key=lambda row: (row.cost is None, row.cost or 0, row.display))
    with heading("On every current model", key="estimate-models"):
        tables.export("estimate", lambda: _exported(ordered), key="estimate")

    def chosen(place: int) -> None:
        row = ordered[place]
        if not row.asked and row.model:
            then(row.model)

    tables.choose(
        _frame(ordered),
        _texts(ordered),
        key="estimate-rows",
        columns=_COLUMNS,
        opener="model",
        then=chosen,
        alt="Cost on every current model, cheapest first",
    )
    for said in _notes(rows):
        st.caption(names.markdown(said))


_COLUMNS: dict[str, Any] = {
    "model": "Model",
    "input": tables.figures("Input", said="Tokens of the prompt, as this model's tokenizer counts them"),
    "cost": tables.figures("Cost", said="Nothing cached, answers as long as expected"),
    "worst": tables.figures(
        "At most", said="The dearest it can be: written to the cache if marked, the longest answer"
    ),
    "write": tables.figures("Cache write", said="The first time, its cached part written for five minutes or an hour"),
    "read": tables.figures("Cache read", said="Each time after that, while the cache holds"),
    "batch": tables.figures("Batch", said="As part of a batch, nothing cached"),
    "runs": tables.figures("Runs for $1"),
    "share": tables.figures("Context", said="Share of the context window, with the longest answer"),
}


def _frame(rows: Sequence[ModelCost]) -> pd.DataFrame:
    """The values the table sorts by; what it says is in `_texts`."""
    return pd.DataFrame(
        {
            "model": [
                names.button(f"{names.short(row.display, 26)}{'' if row.same_tokenizer else ' *'}") for row in rows
            ],
            "input": [row.input_tokens or 0 for row in rows],
            **{name: [(getattr(row, name) or 0) / numbers.PICO for row in rows] for name in AMOUNTS},
            "runs": [row.runs or 0 for row in rows],
            "share": [float(row.share or 0) for row in rows],
        }
    )


def _texts(rows: Sequence[ModelCost]) -> dict[str, list[str]]:
    return {
        "input": [numbers.count(row.input_tokens) for row in rows],
        **{name: [numbers.unit(getattr(row, name)) for row in rows] for name in AMOUNTS},
        "runs": [numbers.count(row.runs) for row in rows],
        "share": [f"{_share(row)}, too long" if row.misfits else _share(row) for row in rows],
    }


def _share(row: ModelCost) -> str:
    if row.share is None:
        return numbers.UNKNOWN
    return numbers.percent(int(row.share * 10**6), 10**6)


def _worst_said(row: ModelCost) -> str:
    if row.worst is None:
        return f"Unknown: {row.unknown_because}"
    if row.worst == row.cost:
        return "that is every token it may take"
    return "written to the cache if marked, with every search and the longest answer"


def _warnings(row: ModelCost) -> None:
    if row.misfits:
        of = (
            f"{numbers.count(row.misfits)} of {numbers.count(row.requests)} requests do not fit"
            if row.requests > 1
            else ("It does not fit")
        )
        st.warning(names.markdown(f"{of}: {row.does_not_fit}."))
    if row.unknown_because:
        st.warning(names.markdown(f"What it costs is unknown: {row.unknown_because}."))
    if row.retired:
        st.warning(names.markdown(f"{row.display} is retired: this is what it would cost if it still answered."))
    if row.not_covered:
        st.caption(names.markdown(f"Not in these figures: {'; '.join(row.not_covered)}."))


def _notes(rows: Sequence[ModelCost]) -> list[str]:
    notes = []
    if any(not row.same_tokenizer for row in rows):
        notes.append("* has another tokenizer: the same text has another count there than the one typed.")
    if any(row.uncached_because for row in rows):
        notes.append("No cache figures where the cached part is shorter than the model caches.")
    if any(row.input_tokens is None for row in rows):
        notes.append("— where the API did not count for the model.")
    return notes


def _exported(rows: Sequence[ModelCost]) -> tables.Columns:
    """The table under plain names, money exact."""
    return {
        "model": [row.model for row in rows],
        "requests": [row.requests for row in rows],
        "input_tokens": [row.input_tokens for row in rows],
        "output_tokens": [row.output_tokens for row in rows],
        **{name: tables.money([getattr(row, amount) for row in rows]) for amount, name in AMOUNTS.items()},
        "runs_per_usd": [row.runs for row in rows],
        "context_share": [None if row.share is None else f"{row.share:.6f}" for row in rows],
        "does_not_fit": [row.does_not_fit for row in rows],
    }
