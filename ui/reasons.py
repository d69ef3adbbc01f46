"""Why something has no price, in words."""

from __future__ import annotations

_WORDS = {
    "no_tokens": "the log gives no token counts for it",
    "no_time": "the log gives no time, and prices are dated",
    "priority_tier": "priority tier is a commitment, not a price by the token",
    "unknown_tier": "its service tier is not in the price list",
    "unknown_speed": "its speed is not in the price list",
    "unknown_geo": "its inference geography is not in the price list",
    "unknown_model": "its model is not in the price list",
    "no_refusal_category": "whether this refusal is billed depends on a category that was not logged",
    "no_price_on_date": "the price list has no price for its model on that day",
    "no_class_price": "the price list has no price for one of its token classes",
    "no_search_price": "the price list has no price for web searches on that day",
}


def why_unpriced(code: str) -> str:
    """The reason in plain words; a code not known here is shown as it is."""
    return _WORDS.get(code, code.replace("_", " "))
