"""The user's own prices, data/prices/mine.toml, laid over the list: replaced rows and discounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from store.price_checks import PriceListError, Table, nearest
from store.price_list import Dated, Price, divided, usd
from store.price_rows import apart, period

ALL_OF_IT = 100_000_000  # 100 percent in millionths


@dataclass(frozen=True, slots=True)
class Discount:
    """What is taken off list prices in [valid_from, valid_until): percents in millionths, by model or for the rest."""

    table: Table
    valid_from: datetime
    valid_until: datetime
    percent: int
    by_model: dict[str, int]
    rounding: str | None


def laid_over(listed: Sequence[Dated], own: Sequence[Dated]) -> list[Dated]:
    """The listed rows, cut where an own row of the same thing holds, and the own rows."""
    rows = list(listed)
    for mine in own:
        kept = []
        for row in rows:
            same = _thing(row) == _thing(mine)
            kept += divided(row, since=mine.valid_from, until=mine.valid_until)[1] if same else [row]
        rows = kept
    return rows + list(own)


def _thing(row: object) -> tuple[str, ...]:
    return (row.model, row.speed) if isinstance(row, Price) else (str(getattr(row, "name", "")),)


def discounts(top: Table, *, models: Sequence[str]) -> list[Discount]:
    """[discount] or several [[discount]], each with its days."""
    single = isinstance(top.values.get("discount"), dict)
    tables = (top.table("discount"),) if single else top.tables("discount")
    found = [_discount(table, models) for table in tables]
    apart((one.table, one.valid_from, one.valid_until) for one in found)
    return found


def _discount(table: Table, models: Sequence[str]) -> Discount:
    table.only(("percent", "first_day", "last_day", "models", "rounding"))
    by_model = table.table("models")
    for name in by_model.values:
        if name not in models:
            raise by_model.wrong(name, f"No such model in the price list. {nearest(name, models)}", found=name)
    since, until = period(table)
    return Discount(
        table=table,
        valid_from=since,
        valid_until=until,
        percent=_percent(table, "percent") if "percent" in table.values or not by_model.values else 0,
        by_model={name: _percent(by_model, name) for name in by_model.values},
        rounding=table.choice("rounding", ("up", "down")) if "rounding" in table.values else None,
    )


def _percent(table: Table, field: str) -> int:
    if field not in table.values:
        raise table.wrong(field, 'Add the percentage taken off, percent = "15".')
    percent = table.millionths(field)
    if percent > ALL_OF_IT:
        raise table.wrong(field, "A discount is between 0 and 100 percent.")
    return percent


def discounted(prices: Sequence[Price], discount: Discount) -> list[Price]:
    """The rows with the discount taken off inside its days, cut where it begins and ends."""
    rows: list[Price] = []
    for price in prices:
        percent = discount.by_model.get(price.model, discount.percent)
        if not percent:
            rows.append(price)
            continue
        inside, outside = divided(price, since=discount.valid_from, until=discount.valid_until)
        rows += outside + [_less(row, percent, discount) for row in inside]
    return rows


def _less(price: Price, percent: int, discount: Discount) -> Price:
    step, rounded = price.step(), False
    changed: dict[str, Any] = {}
    for name, rate in price.rates().items():
        steps, rest = divmod(rate * (ALL_OF_IT - percent), ALL_OF_IT * step)
        if rest and discount.rounding is None:
            raise _not_whole(price, name, percent, discount)
        changed[name] = (steps + bool(rest and discount.rounding == "up")) * step
        rounded = rounded or bool(rest)
    said = f"list price less {usd(percent)} %, {discount.table.file}"
    said += f"; rounded {discount.rounding} to {usd(step)} USD" if rounded else ""
    return replace(price, **changed, note=f"{price.note}; {said}" if price.note else said)


def _not_whole(price: Price, name: str, percent: int, discount: Discount) -> PriceListError:
    table = discount.table
    field = f"models.{price.model}" if price.model in discount.by_model else "percent"
    advice = (
        f"The {name} price of {price.model} less {usd(percent)} % is not a multiple of {usd(price.step())} USD, so "
        'batch and place factors would leave part of a pico-dollar. Say how to round it, rounding = "up" or "down", or '
        "write this model's own prices."
    )
    return PriceListError(file=table.file, table=table.name, field=field, found=usd(percent), advice=advice)
