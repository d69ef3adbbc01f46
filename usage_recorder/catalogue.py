"""The price list as the formula needs it: models, their names, dated prices; read from prices.json when first asked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from usage_recorder.pricing import Price, SearchPrice, Tokens, cost_usd, price_for, search_price_for

PRICES = Path(__file__).with_name("prices.json")
REASONS = {
    "priority_tier": "the priority tier has no list price",
    "unknown_tier": "the service tier is not one of the price list",
    "unknown_speed": "the speed is neither standard nor fast",
    "unknown_geo": "the inference geography is neither global nor us",
    "unknown_model": "the model is not in the price list",
    "no_price_on_date": "the price list has no price for the model, this speed and prompt length on that day",
    "no_class_price": "the price list lacks the price of a token class the request can use",
    "no_search_price": "the price list has no price of a web search on that day",
    "no_max_uses": "a web search tool without max_uses can search without end",
}
_BEDROCK = re.compile(r"(?:(?P<group>global|us|eu|jp|au|apac|us-gov)\.)?anthropic\.(?P<id>claude.+)")
_BEDROCK_VERSION = re.compile(r"-v[0-9]+:[0-9]+$")


@dataclass(frozen=True, slots=True)
class Model:
    """What a model can take; None where it is not known. ``names`` are in lower case, without "anthropic."."""

    model: str
    display: str
    names: tuple[str, ...]
    context_window: int | None = None
    max_output_tokens: int | None = None
    min_cacheable_tokens: int | None = None
    tokenizer: str | None = None
    released_on: date | None = None
    retired_on: date | None = None

    def is_current(self, day: date) -> bool:
        """Can it be called on that day: released, as far as is known, and not retired?"""
        return (self.released_on is None or self.released_on <= day) and (
            self.retired_on is None or day < self.retired_on
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """What decides a price beside the tokens. ``when`` is UTC without a zone."""

    when: datetime
    speed: str | None = None
    tier: str | None = None
    geo: str | None = None
    regional: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """Exact dollars, or None and why, a key of ``REASONS``."""

    usd: Decimal | None
    because: str | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A price list to price requests with."""

    models: Mapping[str, Model]
    names: Mapping[str, str]
    prices: Mapping[str, tuple[Price, ...]]
    searches: tuple[SearchPrice, ...]

    @classmethod
    def of(cls, models: tuple[Model, ...], prices: tuple[Price, ...], searches: tuple[SearchPrice, ...]) -> Catalogue:
        by_model: dict[str, list[Price]] = {}
        for price in prices:
            by_model.setdefault(price.model, []).append(price)
        return cls(
            {model.model: model for model in models},
            {name: model.model for model in models for name in (model.model.lower(), *model.names)},
            {name: tuple(rows) for name, rows in by_model.items()},
            searches,
        )

    def resolved(self, name: str, region: str | None = None) -> tuple[Model | None, bool]:
        """The model a name means (None: unknown), and whether it is called at a regional endpoint of a cloud.

        ``region`` is that of a Vertex client. A Bedrock id that names no region group counts as regional.
        """
        asked = name.strip().lower()
        regional = region is not None and region.lower() != "global"
        if bedrock := _BEDROCK.fullmatch(asked):
            asked, regional = bedrock["id"], bedrock["group"] != "global"
        elif _BEDROCK_VERSION.search(asked):
            regional = True
        model = self.names.get(asked)
        return (self.models[model] if model else None), regional

    def cost(self, model: str | None, tokens: Tokens, terms: Terms, *, web_searches: int = 0) -> Cost:
        """What a request of a canonical ``model`` costs on these terms."""
        because = _refused(terms) or (None if model in self.models else "unknown_model")
        if because or model is None:
            return Cost(None, because)
        speed = terms.speed or "standard"
        price = price_for(self.prices.get(model, ()), model, when=terms.when, prompt=tokens.prompt, speed=speed)
        if price is None:
            return Cost(None, "no_price_on_date")
        batch, geo_us = terms.tier == "batch", terms.geo == "us"
        paid = cost_usd(price, tokens, batch=batch, geo_us=geo_us, regional=terms.regional)
        if paid is None:
            return Cost(None, "no_class_price")
        if not web_searches:
            return Cost(paid)
        each = search_price_for(self.searches, terms.when)
        usd = cost_usd(
            price,
            tokens,
            batch=batch,
            geo_us=geo_us,
            regional=terms.regional,
            web_searches=web_searches,
            search_price=each,
        )
        return Cost(usd, None if usd is not None else "no_search_price")


def _refused(terms: Terms) -> str | None:
    """Why no list price holds on these terms."""
    if (terms.tier or "").startswith("priority"):
        return "priority_tier"
    if terms.tier not in (None, "standard", "batch"):
        return "unknown_tier"
    if terms.speed not in (None, "standard", "fast"):
        return "unknown_speed"
    return None if terms.geo in (None, "global", "us") else "unknown_geo"


@cache
def catalogue() -> Catalogue:
    """Anthropic's list prices as they came with this package."""
    return read(PRICES.read_text(encoding="utf-8"))


def now() -> datetime:
    """The time as the price list has it: UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def read(text: str) -> Catalogue:
    """The catalogue that ``written`` wrote."""
    listed = json.loads(text)
    return Catalogue.of(
        tuple(_model(name, one) for name, one in listed["models"].items()),
        tuple(Price(**{**row, **_period(row)}) for row in listed["prices"]),
        tuple(SearchPrice(**{**row, **_period(row)}) for row in listed["web_searches"]),
    )


def written(catalogue: Catalogue) -> str:
    """A catalogue as JSON, a model or a price row a line."""
    models = [f"{json.dumps(name)}: {_line(model, ('model',))}" for name, model in catalogue.models.items()]
    prices = [_line(price) for rows in catalogue.prices.values() for price in rows]
    searches = [_line(one) for one in catalogue.searches]
    parts = {"models": ("{", models, "}"), "prices": ("[", prices, "]"), "web_searches": ("[", searches, "]")}
    unit = '"unit": "pico-dollars (1e-12 USD) a token, or a search; times UTC"'
    blocks = [f'"{name}": {head}\n' + ",\n".join(lines) + f"\n{tail}" for name, (head, lines, tail) in parts.items()]
    return "{\n" + ",\n".join([unit, *blocks]) + "\n}\n"


def _line(value: Any, without: tuple[str, ...] = ()) -> str:
    held = {one.name: getattr(value, one.name) for one in fields(value) if one.name not in without}
    return json.dumps(held, default=lambda moment: moment.isoformat())


def _period(row: Mapping[str, Any]) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(row[name]) for name in ("valid_from", "valid_until")}


def _model(name: str, one: Mapping[str, Any]) -> Model:
    days = {key: date.fromisoformat(one[key]) if one[key] else None for key in ("released_on", "retired_on")}
    return Model(**{**one, "model": name, "names": tuple(one["names"]), **days})
