"""The values a price list is made of: models, dated prices by band, prices by the piece, refusal rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar

BEGINNING = datetime(1970, 1, 1)
FOREVER = datetime(9999, 12, 31)
NO_LIMIT = 9_223_372_036_854_775_807
CLASSES = ("uncached_input", "cache_read", "cache_write_5m", "cache_write_1h", "output")


@dataclass(frozen=True, slots=True)
class Model:
    """A model under its canonical name, with every other name it is listed under."""

    model: str
    display: str
    names: tuple[str, ...]
    bedrock: tuple[str, ...]
    vertex: tuple[str, ...]
    context_window: int | None = None
    max_output_tokens: int | None = None
    min_cacheable_tokens: int | None = None
    tokenizer: str | None = None
    released_on: date | None = None
    retired_on: date | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """One row of the table ``price``: rates in pico-dollars a token, times UTC, [valid_from, valid_until)."""

    model: str
    speed: str
    valid_from: datetime
    valid_until: datetime
    prompt_over: int
    prompt_upto: int
    uncached_input: int | None
    cache_read: int | None
    cache_write_5m: int | None
    cache_write_1h: int | None
    output: int | None
    geo_us_twentieths: int
    regional_twentieths: int
    batch_halves: int
    confidence: str
    source: str
    checked_on: date | None
    note: str | None

    def rates(self) -> dict[str, int]:
        """The rates there are, by token class."""
        return {name: rate for name in CLASSES if (rate := getattr(self, name)) is not None}

    def step(self) -> int:
        """Rates must be multiples of this many pico-dollars, so that every modifier leaves a whole number.

        A request bears batch or not, and at most one of the two place factors: the products are
        rate x halves/2 x twentieths/20 for those pairs.
        """
        pairs = [(h, t) for h in (2, self.batch_halves) for t in (20, self.geo_us_twentieths, self.regional_twentieths)]
        return next(step for step in range(1, 41) if all(step * h * t % 40 == 0 for h, t in pairs))


@dataclass(frozen=True, slots=True)
class RulePrice:
    """A price by the piece: one web search."""

    name: str
    valid_from: datetime
    valid_until: datetime
    pico_each: int
    source: str


@dataclass(frozen=True, slots=True)
class RefusalRule:
    """Whether a refusal before any output is billed; category None is every category without a rule of its own."""

    valid_from: datetime
    valid_until: datetime
    category: str | None
    billed: bool


@dataclass(frozen=True, slots=True)
class Factors:
    """What multiplies a model's rates."""

    batch_halves: int = 2
    regional_twentieths: int = 20
    geo_us_twentieths: int = 20
    geo_us_from: datetime = BEGINNING


Dated = TypeVar("Dated", Price, RulePrice)


def divided(row: Dated, *, since: datetime, until: datetime) -> tuple[list[Dated], list[Dated]]:
    """The parts of a dated row inside [since, until), and those outside."""
    first, last = max(row.valid_from, since), min(row.valid_until, until)
    if first >= last:
        return [], [row]
    before = [replace(row, valid_until=first)] if row.valid_from < first else []
    after = [replace(row, valid_from=last)] if last < row.valid_until else []
    return [replace(row, valid_from=first, valid_until=last)], before + after


@dataclass(frozen=True, slots=True)
class PriceList:
    """Every price file of a folder, the user's own laid over the others. Prices are pico-dollars a token."""

    models: tuple[Model, ...]
    prices: tuple[Price, ...]
    rule_prices: tuple[RulePrice, ...]
    refusal_rules: tuple[RefusalRule, ...]
    sources: dict[str, str]
    fingerprint: str  # sha256 over the files' names and contents
    files: tuple[str, ...]


def usd(picos: int) -> str:
    """Pico-dollars a token as USD per million tokens, without a float."""
    whole, part = divmod(picos, 1_000_000)
    return f"{whole}.{part:06d}".rstrip("0").rstrip(".")
