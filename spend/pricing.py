"""The cost formula of `usage_recorder` over this project's own price list: what a request costs without a store.

`python -m spend.pricing` writes the price list that comes with `usage_recorder`.
"""

from __future__ import annotations

import tempfile
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from shutil import copy

from store.connection import PRICES
from store.price_list import PriceList
from store.prices import read_price_lists
from usage_recorder import catalogue as listed
from usage_recorder.catalogue import Catalogue
from usage_recorder.pricing import EXACT, Price, SearchPrice

_RATES = tuple(field.name for field in fields(Price))


def catalogue_of(price_list: PriceList) -> Catalogue:
    """A price list as the formula reads it."""
    return Catalogue.of(
        tuple(
            listed.Model(
                model=model.model,
                display=model.display,
                names=tuple(
                    dict.fromkeys(
                        name.lower().removeprefix("anthropic.")
                        for name in (*model.names, *model.bedrock, *model.vertex)
                    )
                ),
                context_window=model.context_window,
                max_output_tokens=model.max_output_tokens,
                min_cacheable_tokens=model.min_cacheable_tokens,
                tokenizer=model.tokenizer,
                released_on=model.released_on,
                retired_on=model.retired_on,
            )
            for model in price_list.models
        ),
        tuple(Price(**{name: getattr(price, name) for name in _RATES}) for price in price_list.prices),
        tuple(
            SearchPrice(one.valid_from, one.valid_until, one.pico_each)
            for one in price_list.rule_prices
            if one.name == "web_search"
        ),
    )


def picos(usd: Decimal | None) -> int | None:
    """Exact dollars of the formula in pico-dollars, which its prices make whole; None where unknown."""
    return None if usd is None else int(EXACT.scaleb(usd, 12))


def prices_in_force(folder: Path = PRICES) -> Catalogue:
    """The price files of a folder, the user's own included. Raises PriceListError."""
    return catalogue_of(read_price_lists(folder))


def list_prices(folder: Path = PRICES) -> Catalogue:
    """The price files of a folder without the user's own, which are nobody else's. Raises PriceListError."""
    with tempfile.TemporaryDirectory() as public:
        for path in folder.glob("*.toml"):
            if path.name != "mine.toml":
                copy(path, public)
        return catalogue_of(read_price_lists(Path(public)))


if __name__ == "__main__":
    listed.PRICES.write_text(listed.written(list_prices()), encoding="utf-8")
