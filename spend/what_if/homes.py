"""Where requests are at home: their models as listed, their kinds, and the moment whose prices count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from duckdb import DuckDBPyConnection

from spend.filters import midnight
from spend.what_if.unit_prices import Kind

PRICED_AS = ("then", "today", "announced")


@dataclass(frozen=True, slots=True)
class ListedModel:
    """What the price list says of a model beside prices; None is unknown."""

    context_window: int | None
    max_output_tokens: int | None
    min_cacheable_tokens: int | None
    tokenizer: str | None


@dataclass(frozen=True, slots=True)
class Home:
    """A kind of request as it is in the rows: its price kind, where its cache is, the longest prompt and answer."""

    kind: Kind
    place: tuple[str | None, str | None]
    longest: int
    most: int


NOBODY = Home(Kind(None, False, None, None, None, datetime(1970, 1, 1)), (None, None), 0, 0)


def priced_at(con: DuckDBPyConnection, prices: str, today: date) -> datetime | None:
    """The one moment whose prices count; None: each request's own. "announced": when the last listed change is made."""
    if prices == "then":
        return None
    moment = midnight(today, "UTC")
    if prices == "announced":
        [(last,)] = con.execute(
            "SELECT max(change) FROM (SELECT unnest([valid_from, valid_until]) AS change FROM price)"
            " WHERE change < TIMESTAMP '9999-12-31'"
        ).fetchall()
        moment = max(moment, last or moment)
    return moment


def listed_models(con: DuckDBPyConnection) -> dict[str, ListedModel]:
    """What the price list says of each model."""
    found = con.execute(
        "SELECT model, context_window, max_output_tokens, min_cacheable_tokens, tokenizer FROM model"
    ).fetchall()
    return {model: ListedModel(*rest) for model, *rest in found}
