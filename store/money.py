"""Money at the edge: whole pico-dollars inside, exact decimal dollars outside."""

from __future__ import annotations

from decimal import Decimal

PICOS_PER_USD = 10**12


def dollars(picos: int) -> Decimal:
    """Pico-dollars as exact dollars, to calculate with; ``usd`` is the one to show."""
    return Decimal(usd(picos))


def usd(picos: int) -> str:
    """Pico-dollars as an exact decimal string of dollars, with at least two decimals: "0.000406", "12.50"."""
    sign = "-" if picos < 0 else ""
    whole, rest = divmod(abs(picos), PICOS_PER_USD)
    return f"{sign}{whole}.{f'{rest:012d}'.rstrip('0').ljust(2, '0')}"
