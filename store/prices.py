"""The price list: read from data/prices/*.toml, checked, and written into the store's tables."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from itertools import chain
from pathlib import Path

import duckdb

from store.own_prices import discounted, discounts, laid_over
from store.price_checks import PriceListError, Table, nearest
from store.price_list import BEGINNING, Factors, Model, Price, PriceList, RefusalRule, RulePrice
from store.price_rows import Origin, model_of, period, prices_of, refusals_of, web_searches_of

__all__ = [
    "Model",
    "Price",
    "PriceList",
    "PriceListError",
    "RefusalRule",
    "RulePrice",
    "read_price_lists",
    "write_price_list",
]

OWN_FILE = "mine.toml"
TOP_KEYS = ("checked_on", "sources", "tokenizers", "models", "modifiers", "web_search", "refusal", "facts")
OWN_KEYS = ("checked_on", "sources", "models", "modifiers", "web_search", "discount")
MODIFIERS = {
    "batch": ("multiplier", "first_day", "sources", "note"),
    "geo_us": ("multiplier", "first_day", "models", "sources", "note"),
    "regional": ("multiplier", "models", "sources", "note"),
    "priority": ("list_price", "sources", "note"),
}


def read_price_lists(folder: Path) -> PriceList:
    """Reads *.toml of ``folder``, mine.toml last. Raises ``PriceListError`` for a file that cannot be used exactly."""
    paths = sorted(folder.glob("*.toml"), key=lambda path: (path.name == OWN_FILE, path.name))
    if all(path.name == OWN_FILE for path in paths):
        advice = "Put a price list there: the project's own is data/prices/anthropic.toml."
        raise PriceListError(file=str(folder), table="", field=None, found="no price list", advice=advice)
    contents = [(path.name, path.read_bytes()) for path in paths]
    reading = _Reading()
    for name, content in contents:
        reading.add(_parsed(name, content))
    _names_apart(reading.models.values())
    return PriceList(
        models=tuple(reading.models.values()),
        prices=tuple(sorted(reading.prices, key=lambda row: (row.model, row.speed, row.valid_from, row.prompt_over))),
        rule_prices=tuple(sorted(reading.rule_prices, key=lambda row: (row.name, row.valid_from))),
        refusal_rules=tuple(reading.refusal_rules),
        sources=reading.sources,
        fingerprint=hashlib.sha256(b"".join(_framed(*one) for one in contents)).hexdigest(),
        files=tuple(name for name, _ in contents),
    )


def write_price_list(con: duckdb.DuckDBPyConnection, price_list: PriceList) -> None:
    """Replaces the rows of model, price, rule_price and refusal_rule; the caller opens and ends the transaction."""
    model_columns = [one.name for one in fields(Model) if one.name not in ("names", "bedrock", "vertex")]
    models = [tuple(getattr(model, name) for name in model_columns) for model in price_list.models]
    _replace_rows(con, "model", model_columns, models)
    _replace_rows(con, "price", [one.name for one in fields(Price)], [astuple(row) for row in price_list.prices])
    rule_columns = [one.name for one in fields(RulePrice)]
    _replace_rows(con, "rule_price", rule_columns, [astuple(row) for row in price_list.rule_prices])
    refusal_columns = [one.name for one in fields(RefusalRule)]
    _replace_rows(con, "refusal_rule", refusal_columns, [astuple(row) for row in price_list.refusal_rules])


def _replace_rows(
    con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> None:
    con.execute(f"DELETE FROM {table}")
    if rows:
        marks = "(" + ", ".join("?" * len(columns)) + ")"
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([marks] * len(rows))}"
        con.execute(statement, list(chain.from_iterable(rows)))


class _Reading:
    """The price list as read so far, file by file."""

    def __init__(self) -> None:
        self.models: dict[str, Model] = {}
        self.factors: dict[str, Factors] = {}
        self.prices: list[Price] = []
        self.rule_prices: list[RulePrice] = []
        self.refusal_rules: list[RefusalRule] = []
        self.sources: dict[str, str] = {}

    def add(self, top: Table) -> None:
        own = top.file == OWN_FILE
        top.only(OWN_KEYS if own else TOP_KEYS)
        sources = {key: top.table("sources").text(key) for key in top.table("sources").values}
        checked_on = top.maybe_day("checked_on") if own else top.day("checked_on")
        origin = Origin(sources, checked_on, default=f"your own price, {top.file}" if own else None)
        tables = top.named_tables("models")
        self._add_factors(top, tables)
        prices = []
        for name, table in tables.items():
            if name in self.models and not own:
                raise table.wrong(None, "Another price file has this model: keep it in one of them.", found=name)
            if name not in self.models and not table.tables("prices"):
                raise table.wrong("prices", f"Add prices, or write a listed name. {nearest(name, self.models)}")
            self.models[name] = model_of(name, table, known=self.models.get(name))
            prices += prices_of(name, table, factors=self.factors[name], origin=origin)
        for discount in discounts(top, models=tuple(self.models)) if own else ():
            self.prices = discounted(self.prices, discount)
        self.prices = laid_over(self.prices, prices)
        for key, held in (("web_search", self.rule_prices), ("refusal", self.refusal_rules)):
            if key in top.values and held and not own:
                raise top.wrong(key, "Another price file says this already: keep it in one of them.")
        self.rule_prices = laid_over(self.rule_prices, web_searches_of(top, origin))
        self.refusal_rules += refusals_of(top)
        self.sources |= sources

    def _add_factors(self, top: Table, models: dict[str, Table]) -> None:
        modifiers = top.table("modifiers").only(MODIFIERS)
        batch, geo, regional = (modifiers.table(name).only(MODIFIERS[name]) for name in ("batch", "geo_us", "regional"))
        modifiers.table("priority").only(MODIFIERS["priority"])
        halves = batch.multiplier("multiplier", 2) if batch.values else 2
        for table in (geo, regional):
            for name in table.texts("models"):
                if name not in models:
                    raise table.wrong("models", f"No such model in this file. {nearest(name, models)}", found=name)
        for name in models:
            if name in self.factors and not modifiers.values:
                continue
            self.factors[name] = Factors(
                batch_halves=halves,
                regional_twentieths=regional.multiplier("multiplier", 20) if name in regional.texts("models") else 20,
                geo_us_twentieths=geo.multiplier("multiplier", 20) if name in geo.texts("models") else 20,
                geo_us_from=period(geo)[0] if name in geo.texts("models") else BEGINNING,
            )


def _parsed(name: str, content: bytes) -> Table:
    try:
        return Table(name, "", tomllib.loads(content.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        advice = "The file is not valid TOML: correct it at the place named."
        raise PriceListError(file=name, table="", field=None, found=str(error), advice=advice) from error


def _names_apart(models: Iterable[Model]) -> None:
    """A name belongs to one model."""
    owners: dict[str, str] = {}
    for model in models:
        for name in (*model.names, *model.bedrock, *model.vertex):
            owner = owners.setdefault(name.lower(), model.model)
            if owner != model.model:
                advice = f"{owner} has that name already: keep it at one model."
                raise PriceListError(
                    file="price files", table=f"models.{model.model}", field=None, found=name, advice=advice
                )


def _framed(name: str, content: bytes) -> bytes:
    return f"{name}\0{len(content)}\0".encode() + content
