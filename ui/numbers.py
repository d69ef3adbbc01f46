"""Figures as text: money from whole pico-dollars, tokens, shares and changes. Never through a float."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, InvalidOperation

from spend.filters import WrongQuestion

UNKNOWN = "—"
MINUS = "\N{MINUS SIGN}"
PICO = 10**12
_WIDE = Context(prec=60)
_CENT = PICO // 100


def usd(picos: int | None, *, signed: bool = False) -> str:
    """Money to read: cents from a cent up, three significant digits below, "—" when unknown."""
    if picos is None:
        return UNKNOWN
    return _money(picos, _CENT, signed)


def unit(picos: int | None) -> str:
    """What one request costs: three significant digits below a dollar, cents from there, "—" when unknown."""
    if picos is None or picos == 0 or abs(picos) >= PICO:
        return usd(picos)
    dollars = dollars_of(abs(picos))
    return (
        f"{_sign(picos, False)}${dollars.quantize(Decimal(1).scaleb(dollars.adjusted() - 2), ROUND_HALF_UP, _WIDE):f}"
    )


def usd_exact(picos: int | None) -> str:
    """Money with every digit it has, at least cents."""
    if picos is None:
        return UNKNOWN
    return f"{_sign(picos, False)}${_plain(dollars_of(abs(picos)))}"


def about(picos: int) -> str:
    """Money that is an estimate: no cents from 100 dollars up."""
    return f"{_sign(picos, False)}${(abs(picos) + PICO // 2) // PICO:,}" if abs(picos) >= 100 * PICO else usd(picos)


def usd_axis(picos: int, step: int) -> str:
    """Money on an axis whose marks are ``step`` apart."""
    if step < PICO:
        return usd(picos)
    if step < 1000 * PICO:
        return f"${picos // PICO:,}"
    return f"${Decimal(picos // PICO) / 1000:,f} k"


def rate(usd_per_mtok: Decimal) -> str:
    """A price per million tokens with every digit it has, at least cents."""
    return f"${_plain(usd_per_mtok)}"


def plain(number: Decimal) -> str:
    """A factor with the digits it has: 0.5, 1.1."""
    return f"{number.normalize():f}"


def each(cost: int, requests: int) -> int | None:
    """Unit cost in whole pico-dollars, rounded; None of nothing."""
    return (2 * cost + requests) // (2 * requests) if requests else None


def dollars_of(picos: int) -> Decimal:
    """Pico-dollars as exact dollars."""
    return Decimal(picos).scaleb(-12, _WIDE)


def picos_of(text: str) -> int | None:
    """Dollars as typed in whole pico-dollars; None for nothing typed. Raises WrongQuestion."""
    said = text.strip().removeprefix("$").replace(",", "")
    if not said:
        return None
    try:
        dollars = Decimal(said)
    except InvalidOperation:
        dollars = Decimal("NaN")
    if not dollars.is_finite() or not 0 <= dollars <= 10**9:
        raise WrongQuestion(f"{text!r} are no dollars: write an amount such as 2.50, or nothing")
    picos = dollars.scaleb(12, _WIDE)
    if picos != picos.to_integral_value():
        raise WrongQuestion(f"{text!r} are no dollars: at most twelve decimals count")
    return int(picos)


def count(number: int | None) -> str:
    """A whole number with thousands separators."""
    return UNKNOWN if number is None else f"{_sign(number, False)}{abs(number):,}"


def tokens(number: int | None) -> str:
    """A number of tokens to read at a glance: 812, 12.0 k, 1.2 M."""
    return UNKNOWN if number is None else f"{_sign(number, False)}{_compact(abs(number))}"


def percent(part: int, whole: int) -> str:
    """A share: whole per cents, "<1 %" for a trace, "—" of nothing."""
    if whole == 0:
        return UNKNOWN
    share = Decimal(part) * 100 / Decimal(whole)
    if 0 < share < 1:
        return "<1 %"
    if 99 < share < 100:
        return ">99 %"
    return f"{share.quantize(Decimal(1), ROUND_HALF_EVEN):,} %".replace("-", MINUS)


def change(now: int, before: int | None) -> str:
    """What became of ``before``: "↑ +18 %", "↓ −4 %", "↑ ×12", "↑ new", "= 0 %"; "—" where there is no before."""
    if before is None or now == before == 0:
        return UNKNOWN
    if before <= 0:
        return "↑ new"
    if now >= 10 * before:
        return f"↑ ×{Decimal(now) / Decimal(before):,.0f}"
    moved = ((Decimal(now) - before) * 100 / Decimal(before)).quantize(Decimal(1), ROUND_HALF_EVEN)
    if moved == 0:
        return "= 0 %"
    return f"↑ +{moved} %" if moved > 0 else f"↓ {MINUS}{-moved} %"


def _money(picos: int, cents_from: int, signed: bool) -> str:
    dollars = dollars_of(abs(picos))
    if picos == 0 or abs(picos) >= cents_from:
        text = f"{dollars.quantize(Decimal('0.01'), ROUND_HALF_UP, _WIDE):,}"
    else:
        text = _plain(dollars.quantize(Decimal(1).scaleb(dollars.adjusted() - 2), ROUND_HALF_UP, _WIDE))
    return f"{_sign(picos, signed)}${text}"


def _compact(number: int) -> str:
    for size, unit in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            scaled = Decimal(number) / size
            return f"{scaled:,.0f} {unit}" if scaled >= 100 else f"{scaled:.1f} {unit}"
    return f"{number:,}"


def _plain(amount: Decimal) -> str:
    """Digits without an exponent or idle zeros, but never fewer than two decimals."""
    whole, _, decimals = f"{amount:,f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def _sign(number: int, signed: bool) -> str:
    if number < 0:
        return MINUS
    return "+" if signed and number > 0 else ""
