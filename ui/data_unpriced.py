"""What has no price: which models, why, how much, and what to do about each reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import pandas as pd
import streamlit as st

from spend.coverage import ListedPrice, Unpriced, listed_prices, nearest_model, unpriced
from ui import names, numbers, tables
from ui.cached import ask
from ui.data_coverage import of
from ui.periods import day_words
from ui.reasons import why_unpriced

ADVICE = {
    "unknown_model": "Tell data/prices/mine.toml what the model is or costs, as below, then re-read the prices.",
    "no_time": "Prices are dated. Load the file again with a time: on this page for logs that carry none, or with a "
    "time field in each line.",
    "no_tokens": "Log the usage object of the response. A stream that was cut off has none; it stays unpriced.",
    "priority_tier": "Priority tier is paid by commitment: its cost is on the invoice, not in a price list.",
    "unknown_speed": "Log usage.speed as the API gives it: standard or fast.",
    "unknown_tier": "Log usage.service_tier as the API gives it: standard, batch or priority.",
    "unknown_geo": "Log usage.inference_geo as the API gives it: global or us.",
    "no_refusal_category": "Log stop_details of refusals: on that day the category decided whether one was billed.",
    "no_price_on_date": "Check the time in the log: the model had no price on that day. If you paid one, add a dated "
    "row to data/prices/mine.toml.",
    "no_class_price": "The list has no price for one of the token classes, cache writes of an old model, say. Add a "
    "row that has it to data/prices/mine.toml.",
    "no_search_price": "Add [[web_search]] with first_day and usd_per_1000 to data/prices/mine.toml.",
}
_PER_SNIPPET = 8


def unpriced_view() -> None:
    """The list, then the advice for each reason that occurs."""
    found = ask(unpriced)
    if not found:
        st.text("Nothing is unpriced: every request in the store has a price.")
        return
    st.text("These requests are counted everywhere and are in no sum: unknown is never taken as zero.")
    st.dataframe(
        pd.DataFrame(
            {
                "Model": [names.shown(row.model) for row in found],
                "Why": [why_unpriced(row.reason) for row in found],
                "Requests": [row.requests for row in found],
                "Tokens": [row.tokens for row in found],
                "First": [_day(row.first) for row in found],
                "Last": [_day(row.last) for row in found],
            }
        ),
        key="unpriced",
        hide_index=True,
        height="content" if len(found) <= 12 else 480,
        row_height=34,
        column_config={
            "Model": st.column_config.TextColumn("Model", width=220),
            "Why": st.column_config.TextColumn("Why", width="large"),
            "Requests": st.column_config.NumberColumn("Requests", format="localized"),
            "Tokens": st.column_config.NumberColumn("Tokens", format="localized"),
        },
        alt="What has no price, by model and reason",
    )
    tables.export("unpriced", lambda: export_columns(found), key="unpriced")
    st.subheader("What to do", anchor=False)
    for reason in dict.fromkeys(row.reason for row in found):
        rows = [row for row in found if row.reason == reason]
        said = f"{why_unpriced(reason).capitalize()}: {of(sum(row.requests for row in rows), 'request')}"
        st.markdown(f"**{names.markdown(said)}**")
        st.caption(names.markdown(ADVICE.get(reason, "docs/prices.md says how prices are found.")))
        if reason == "unknown_model":
            st.code(own_prices(rows[:_PER_SNIPPET], ask(listed_prices)), language="toml", wrap_lines=True)


def own_prices(rows: Sequence[Unpriced], listed: Sequence[ListedPrice]) -> str:
    """Text for data/prices/mine.toml: models with amounts to fill in; a near name of the list is offered, never taken.

    As it is, the price list refuses it: "?" is no amount.
    """
    models = {price.model for price in listed}
    return "\n\n".join(_own_price(row, nearest_model(row.model or "", models)) for row in rows if row.model)


def _own_price(row: Unpriced, near: str | None) -> str:
    name = toml_text(row.model or "")
    first = row.first.date() if row.first else date(2026, 1, 1)
    priced = (
        f"[models.{name}]\n[[models.{name}.prices]]\nfirst_day = {first.isoformat()}\n"
        'bands = [{ over = 0, uncached_input = "?", cache_read = "?", cache_write_5m = "?", cache_write_1h = "?", '
        'output = "?" }]  # USD per million tokens, in place of each "?"'
    )
    if near is None:
        return f"# {of(row.requests, 'request')}\n{priced}"
    alias = f"# [models.{toml_text(near)}]\n# aliases = [{name}]"
    return f"# {of(row.requests, 'request')}\n{priced}\n# Or, if it is another name of {near}, this alone:\n{alias}"


def toml_text(text: str) -> str:
    """A TOML string that holds any text, as a key too."""
    plain = "".join(letter if letter.isprintable() and letter not in '"\\' else _escaped(letter) for letter in text)
    return f'"{plain}"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    code = ord(letter)
    if 0xD800 <= code <= 0xDFFF:
        return "\\uFFFD"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def export_columns(found: Sequence[Unpriced]) -> tables.Columns:
    """The list as columns of a file."""
    return {
        "model": [row.model for row in found],
        "reason": [row.reason for row in found],
        "requests": [row.requests for row in found],
        "tokens": [row.tokens for row in found],
        "first_at": [row.first.isoformat() + "Z" if row.first else None for row in found],
        "last_at": [row.last.isoformat() + "Z" if row.last else None for row in found],
    }


def _day(moment: datetime | None) -> str:
    return day_words(moment.date()) if moment else numbers.UNKNOWN
