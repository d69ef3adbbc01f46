"""What one price file says, read table by table into the values of a price list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from store.price_checks import Table, nearest
from store.price_list import (
    BEGINNING,
    CLASSES,
    FOREVER,
    NO_LIMIT,
    Factors,
    Model,
    Price,
    RefusalRule,
    RulePrice,
    divided,
    usd,
)

SPEEDS = ("standard", "fast")
CONFIDENCES = ("confirmed", "likely", "uncertain")
DAYS = ("first_day", "last_day")
MODEL_KEYS = (
    *("display", "ids", "aliases", "bedrock", "bedrock_prefixes", "vertex", "released", "retired", "retirement"),
    *("context_window", "context_window_history", "max_output", "min_cacheable", "min_cacheable_history"),
    *("min_cacheable_note", "tokenizer", "access", "prices"),
)
PRICE_KEYS = (*DAYS, "speed", "bands", "sources", "checked_on", "confidence", "note")


def period(table: Table) -> tuple[datetime, datetime]:
    """[start of first_day, end of last_day), both optional in the file, UTC."""
    first, last = table.maybe_day("first_day"), table.maybe_day("last_day")
    if first is not None and last is not None and last < first:
        raise table.wrong("last_day", f"The last day is before the first, {first}.")
    since = datetime.combine(first, time()) if first else BEGINNING
    return since, datetime.combine(last, time()) + timedelta(days=1) if last and last < FOREVER.date() else FOREVER


def apart(periods: Iterable[tuple[Table, datetime, datetime]]) -> None:
    """Refuses two dated rows that hold on the same day."""
    ordered = sorted(periods, key=lambda one: one[1])
    for (_, _, until), (table, since, _) in pairwise(ordered):
        if since < until:
            advice = "Another row holds on that day too: end that one the day before, with last_day."
            raise table.wrong("first_day", advice, found=since.date())


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file's rows come from, for those that do not say it themselves."""

    sources: dict[str, str]
    checked_on: date | None
    default: str | None = None

    def source(self, table: Table) -> str:
        """The addresses of a row's sources."""
        keys = table.texts("sources")
        for key in keys:
            if key not in self.sources:
                raise table.wrong("sources", f"No such key in [sources]. {nearest(key, self.sources)}", found=key)
        if not keys and self.default is None:
            raise table.wrong("sources", "Say where the price is from: keys of the table [sources].")
        return "; ".join(self.sources[key] for key in keys) or str(self.default)


def model_of(name: str, table: Table, *, known: Model | None) -> Model:
    """A model's facts; over a known one (in the user's own file) only what is written changes, and names are added."""
    table.only(MODEL_KEYS).texts("bedrock_prefixes")
    for history in (*table.tables("context_window_history"), *table.tables("min_cacheable_history")):
        history.only((*DAYS, "tokens", "in_beta")).count("tokens")
        period(history)
    base = known or Model(model=name, display=name, names=(), bedrock=(), vertex=())
    return Model(
        model=name,
        display=table.maybe_text("display") or base.display,
        names=_joined((name,), base.names, table.texts("ids"), table.texts("aliases")),
        bedrock=_joined(base.bedrock, table.texts("bedrock")),
        vertex=_joined(base.vertex, table.texts("vertex")),
        context_window=_first(table.maybe_count("context_window"), base.context_window),
        max_output_tokens=_first(table.maybe_count("max_output"), base.max_output_tokens),
        min_cacheable_tokens=_first(table.maybe_count("min_cacheable"), base.min_cacheable_tokens),
        tokenizer=table.maybe_text("tokenizer") or base.tokenizer,
        released_on=table.maybe_day("released") or base.released_on,
        retired_on=table.maybe_day("retired") or base.retired_on,
    )


def prices_of(name: str, table: Table, *, factors: Factors, origin: Origin) -> list[Price]:
    """A model's price rows, one a period, speed and band."""
    rows = table.tables("prices")
    for speed in SPEEDS:
        apart((row, *period(row)) for row in rows if row.values.get("speed", "standard") == speed)
    return [price for row in rows for price in _price_row(name, row, factors=factors, origin=origin)]


def web_searches_of(top: Table, origin: Origin) -> list[RulePrice]:
    """What a web search costs, by period."""
    rows = []
    tables = top.tables("web_search")
    apart((table, *period(table)) for table in tables)
    for table in tables:
        table.only(("first_day", "last_day", "usd_per_1000", "sources", "note"))
        millionths = table.maybe_picos("usd_per_1000")
        if millionths is None:
            raise table.wrong("usd_per_1000", 'Add the price of a thousand searches, "10".')
        pico_each = millionths * 1_000  # from millionths of a dollar a thousand
        since, until = period(table)
        rows.append(RulePrice("web_search", since, until, pico_each, origin.source(table)))
    return rows


def refusals_of(top: Table) -> list[RefusalRule]:
    """Which refusals before any output are billed, by period."""
    rows = []
    tables = top.tables("refusal")
    apart((table, *period(table)) for table in tables)
    for table in tables:
        table.only(("first_day", "last_day", "billed", "billed_categories", "sources", "note"))
        since, until = period(table)
        rows.append(RefusalRule(since, until, None, table.choice("billed", ("yes", "no")) == "yes"))
        rows += [RefusalRule(since, until, category, billed=True) for category in table.texts("billed_categories")]
    return rows


def _price_row(name: str, row: Table, *, factors: Factors, origin: Origin) -> list[Price]:
    row.only(PRICE_KEYS).day("first_day")
    since, until = period(row)
    bands = row.tables("bands")
    starts = _band_starts(row, bands)
    prices = []
    for band, over, upto in zip(bands, starts, [*starts[1:], NO_LIMIT], strict=True):
        price = Price(
            model=name,
            speed=row.choice("speed", SPEEDS, default="standard"),
            valid_from=since,
            valid_until=until,
            prompt_over=over,
            prompt_upto=upto,
            **{rate: band.maybe_picos(rate) for rate in CLASSES},
            geo_us_twentieths=20,
            regional_twentieths=factors.regional_twentieths,
            batch_halves=factors.batch_halves,
            confidence=row.choice("confidence", CONFIDENCES, default="confirmed" if origin.default else None),
            source=origin.source(row),
            checked_on=row.maybe_day("checked_on") or origin.checked_on,
            note=row.maybe_text("note"),
        )
        inside, outside = divided(price, since=factors.geo_us_from, until=FOREVER)
        prices += outside + [replace(one, geo_us_twentieths=factors.geo_us_twentieths) for one in inside]
        _whole(band, prices[-1])
    return prices


def _band_starts(row: Table, bands: Sequence[Table]) -> list[int]:
    if not bands:
        raise row.wrong("bands", "Add bands: at least one table of prices.")
    starts = [band.only(("over", *CLASSES)).count("over") for band in bands]
    if starts[0] != 0:
        raise bands[0].wrong("over", "The first band is over = 0.")
    for band, lower, upper in zip(bands[1:], starts, starts[1:], strict=False):
        if upper <= lower:
            raise band.wrong("over", f"Bands rise: this one must be over more than {lower}.")
    return [-1, *starts[1:]]


def _whole(band: Table, price: Price) -> None:
    step = price.step()
    if not price.rates():
        raise band.wrong(None, f"Add at least one price: {', '.join(CLASSES)}.", found=dict(band.values))
    for name, rate in price.rates().items():
        if rate % step:
            advice = f"Batch and place factors would leave part of a pico-dollar: use a multiple of {usd(step)} USD."
            raise band.wrong(name, advice)


def _joined(*names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in names for name in group))


def _first(one: int | None, other: int | None) -> int | None:
    return other if one is None else one
