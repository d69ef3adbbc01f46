"""Spikes in words: one sentence for an incident, and scopes, times and money as a sentence has them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from spend.spikes.incidents import Finding, Incident
from spend.spikes.judged import MORNING
from spend.spikes.night import local_time
from spend.spikes.series import Scope
from store.money import dollars

_TIMES = ("", "", "twice", "three times", "four times", "five times", "six times", "seven times", "eight times")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December")  # fmt: skip


def sentence(incident: Incident) -> str:
    """When, which scope, what it cost, what those hours usually cost, and how bad the nights before got."""
    one = incident.finding
    said = f"{_when(one)} {scope_words(one.scope)} cost {money(one.actual)}{_so_far(one)}, {_against_usual(one)}"
    return f"{said}{_before(one)}.{clock_note(one)}"


def scope_words(scope: Scope) -> str:
    """A scope as the subject of a sentence."""
    if not scope:
        return "everything together"
    [(dimension, name)] = scope
    return f"{dimension} {name}" if name is not None else f"requests without a {dimension}"


def money(picos: int) -> str:
    """Dollars with two decimals; under a cent with three significant digits."""
    amount = dollars(abs(picos))
    sign = "-" if picos < 0 else ""
    if 0 < amount < Decimal("0.01"):
        return f"{sign}${amount:.3g}" if amount >= Decimal("0.0001") else f"{sign}${amount:.1e}"
    return f"{sign}${amount.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"


def printable(text: str) -> str:
    """One line without what a name could steer a terminal with, or pass for another line with."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def clock_note(one: Finding) -> str:
    """What the clocks did in a night that they changed in; nothing in any other."""
    hours = round(one.real_hours, 2)
    if hours == one.clock_hours:
        return ""
    return f" The clocks changed: it had {hours:g} real hours, compared by the hours of the clock."


def day_words(day: date) -> str:
    """Such as "12 November"."""
    return f"{day.day} {_MONTHS[day.month - 1]}"


def _when(one: Finding) -> str:
    if one.new_level:
        return f"A new level since {day_words(one.from_.date())}, {one.from_:%H:%M}:"
    last = local_time(one.past, one.timezone)
    hours = f"{one.from_:%H:%M} to {_end(one.from_, last)}"
    if one.kind == MORNING:
        return f"On {day_words(one.from_.date())}, {hours},"
    return f"In the night of {day_words(one.night)}, {hours},"


def _end(start: datetime, end: datetime) -> str:
    """A time, and its day where that is not plain."""
    return f"{end:%H:%M}" if (end - start).total_seconds() <= 86_400 else f"{end:%H:%M} on {day_words(end.date())}"


def _so_far(one: Finding) -> str:
    return " so far" if one.running else ""


def _against_usual(one: Finding) -> str:
    usual = money(one.expected)
    if one.expected <= 0 or usual == "$0.00":
        return "where these hours usually cost nothing"
    times = one.actual / one.expected
    if times < 1.5:
        return f"{times - 1:.0%} above the usual {usual}"
    whole = int(times + 0.5)
    return f"{_TIMES[whole] if whole < len(_TIMES) else f'{whole:,} times'} the usual {usual}"


def _before(one: Finding) -> str:
    what = "days" if one.kind == MORNING else "nights"
    if not one.nights_before:
        return ""
    if one.z is None:
        dearest = money(one.worst_before) if one.worst_before > 0 else "nothing"
        return f"; the dearest of the {one.nights_before} {what} before cost {dearest}"
    if one.worst_before <= 0:
        return f"; none of the {one.nights_before} {what} before was above its usual"
    return f"; the worst of the {one.nights_before} {what} before was {money(one.worst_before)} above its usual"
