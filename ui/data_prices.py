"""The price list in force: dated rows with every class, the factors, how sure each row is and where it is from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pandas as pd
import streamlit as st

from spend.coverage import ListedPrice, PriceListError, PricePerPiece, listed_prices, prices_per_piece
from ui import names, numbers, tables
from ui.cached import ask

CLASSES = {
    "uncached_input": "Uncached input",
    "cache_read": "Cache read",
    "cache_write_5m": "Write 5 min",
    "cache_write_1h": "Write 1 h",
    "output": "Output",
}


def prices_view(reread: Callable[[], int]) -> None:
    """Search, the table, what is paid by the piece, and the button that reads the files again."""
    prices = ask(listed_prices)
    with st.container(key="prices-head", horizontal=True, vertical_alignment="center", gap="medium"):
        wanted = st.text_input(
            "Search", key="price-search", placeholder="Model, source, note", label_visibility="collapsed", width=240
        )
        only_used = any(price.used for price in prices) and st.toggle("Only models used", value=True, key="only-used")
        again = st.button("Re-read prices", key="reread-prices", help="After editing a file in data/prices")
    if again:
        _reread(reread)
    shown = [price for price in prices if (price.used or not only_used) and _matches(price, wanted)]
    if shown:
        _table(shown)
    else:
        st.text("No row of the price list matches.")
    st.caption(names.markdown(_said(shown, prices)))
    for price in ask(prices_per_piece):
        st.caption(names.markdown(per_piece_said(price)))
    tables.export("price-list", lambda: export_columns(prices), key="prices")


def _table(shown: Sequence[ListedPrice]) -> None:
    frame = pd.DataFrame(
        {
            "Model": [names.shown(price.display or price.model) for price in shown],
            "From": [_from(price) for price in shown],
            "To": [_to(price.valid_until) for price in shown],
            "Speed": [price.speed for price in shown],
            "Prompt": [band(price) for price in shown],
            **{label: [rate(getattr(price, name)) for price in shown] for name, label in CLASSES.items()},
            "Batch": [_factor(price.batch_halves, 2) for price in shown],
            "US": [_factor(price.geo_us_twentieths, 20) for price in shown],
            "Regional": [_factor(price.regional_twentieths, 20) for price in shown],
            "Sure": [price.confidence for price in shown],
            "Source": [names.shown(price.source) for price in shown],
            "Checked": [price.checked_on.isoformat() if price.checked_on else numbers.UNKNOWN for price in shown],
            "Note": [names.shown(price.note) if price.note else "" for price in shown],
        }
    )
    right = {label: st.column_config.TextColumn(label, alignment="right") for label in CLASSES.values()}
    st.dataframe(
        frame,
        key="prices",
        hide_index=True,
        height="content" if len(shown) <= 12 else 444,
        row_height=34,
        column_config={
            **right,
            "Model": st.column_config.TextColumn("Model", width=130, pinned=True),
            "Batch": st.column_config.TextColumn("Batch", alignment="right", help="Factor for service tier batch"),
            "US": st.column_config.TextColumn("US", alignment="right", help="Factor for inference in the US"),
            "Regional": st.column_config.TextColumn(
                "Regional", alignment="right", help="Factor for a regional endpoint of Bedrock or Vertex"
            ),
            "Source": st.column_config.TextColumn("Source", width="medium"),
        },
        alt="The price list, USD per million tokens",
    )


def rate(picos: int | None) -> str:
    """A price a token as USD per million tokens; "—" where there is no such price."""
    return numbers.UNKNOWN if picos is None else numbers.rate(Decimal(picos).scaleb(-6))


def band(price: ListedPrice) -> str:
    """For which prompts a row holds."""
    if price.prompt_over is None and price.prompt_upto is None:
        return "any"
    if price.prompt_upto is None:
        return f"over {numbers.count(price.prompt_over)}"
    if price.prompt_over is None:
        return f"to {numbers.count(price.prompt_upto)}"
    return f"{numbers.count(price.prompt_over + 1)} to {numbers.count(price.prompt_upto)}"


def per_piece_said(price: PricePerPiece) -> str:
    """A price by the piece in words."""
    what = price.name.replace("_", " ")
    since = f" from {price.valid_from:%Y-%m-%d}" if price.valid_from else ""
    until = f" to {_to(price.valid_until)}" if price.valid_until else ""
    return f"One {what}{since}{until}: {numbers.usd_exact(price.pico_each)}. Source: {price.source}"


def export_columns(prices: Sequence[ListedPrice]) -> tables.Columns:
    """The whole list, amounts in USD per million tokens."""
    return {
        "model": [price.model for price in prices],
        "speed": [price.speed for price in prices],
        "from": [_from(price) for price in prices],
        "to": [_to(price.valid_until) for price in prices],
        "prompt": [band(price) for price in prices],
        **{
            f"{name}_usd_per_mtok": [
                None if (p := getattr(price, name)) is None else Decimal(p).scaleb(-6) for price in prices
            ]
            for name in CLASSES
        },
        "batch_factor": [Decimal(price.batch_halves) / 2 for price in prices],
        "us_factor": [Decimal(price.geo_us_twentieths) / 20 for price in prices],
        "regional_factor": [Decimal(price.regional_twentieths) / 20 for price in prices],
        "confidence": [price.confidence for price in prices],
        "source": [price.source for price in prices],
        "checked_on": [price.checked_on.isoformat() if price.checked_on else None for price in prices],
        "note": [price.note for price in prices],
    }


def _reread(reread: Callable[[], int]) -> None:
    try:
        with st.spinner("Pricing every request again", show_time=True):
            rows = reread()
    except PriceListError as error:
        st.error(names.markdown(f"The prices stay as they were. {error}"))
        return
    st.session_state["prices-reread"] = rows
    st.rerun()


def reread_said() -> None:
    """Says once that prices were re-read."""
    rows = st.session_state.pop("prices-reread", None)
    if rows is not None:
        st.success(f"{numbers.count(rows)} price rows read; every request is priced by them.")


def _said(shown: Sequence[ListedPrice], prices: Sequence[ListedPrice]) -> str:
    return (
        f"{numbers.count(len(shown))} of {numbers.count(len(prices))} rows. USD per million tokens, days UTC. A row "
        "prices every token of a request whose prompt is in its band; factors multiply all classes. From data/prices: "
        "edit a file there, or add mine.toml for your own prices."
    )


def _matches(price: ListedPrice, wanted: str | None) -> bool:
    text = " ".join((price.model, price.display or "", price.source, price.note or "", price.confidence, price.speed))
    return all(word in text.lower() for word in (wanted or "").lower().split())


def _from(price: ListedPrice) -> str:
    return price.valid_from.date().isoformat() if price.valid_from else "always"


def _to(until: datetime | None) -> str:
    return (until - timedelta(days=1)).date().isoformat() if until else "now"


def _factor(number: int, whole: int) -> str:
    return numbers.UNKNOWN if number == whole else f"× {numbers.plain(Decimal(number) / whole)}"
