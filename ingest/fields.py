"""Typed readers of one logged field; each raises ``Rejected`` naming the field, what was found and what to do."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from math import isfinite

from ingest.record import MAX_TOKENS, Rejected

EARLIEST = datetime(2022, 1, 1)
LATEST = datetime(2100, 1, 1)
EPOCH = datetime(1970, 1, 1)
MAX_TEXT = 4096
MAX_INTEGER = 2**63 - 1
MAX_USD = Decimal(1_000_000)
PICOS = Decimal(10**12)


def tokens(value: object, field: str, *, digits: bool = False, of: str = "token") -> int:
    """A count of tokens (or ``of`` what), 0 to ``MAX_TOKENS``.

    Whole floats count as whole numbers, digit strings only with ``digits``.
    """
    if type(value) is int:
        number = value
    elif isinstance(value, float):
        number = _whole(value, field, of)
    elif digits and isinstance(value, str):
        number = _digits(value, field, of)
    elif value is None:
        raise _no_count(value, field, f"the {of} count is missing", of)
    else:
        raise _no_count(value, field, _no_number(value), of)
    if number < 0:
        raise _no_count(number, field, f"a negative {of} count", of)
    if number > MAX_TOKENS:
        raise _no_count(value, field, f"more than {MAX_TOKENS:,} {of}s", of)
    return number


def _no_count(found: object, field: str, reason: str, of: str) -> Rejected:
    advice = f"Log the count as a whole number of {of}s, zero or more."
    return Rejected(field=field, found=found, reason=reason, advice=advice)


def _no_number(value: object, *, digits: bool = False) -> str:
    """Why a value is no number; digits in quotes look like one where they are shown."""
    if isinstance(value, bool):
        return "true or false, not a number"
    return "a text, not a number" if isinstance(value, str) and not digits else "not a number"


def _whole(value: float, field: str, of: str) -> int:
    if not isfinite(value):
        raise _no_count(value, field, "not a finite number", of)
    if not value.is_integer():
        raise _no_count(value, field, f"a fraction of a {of}", of)
    return int(value)


def _digits(value: str, field: str, of: str) -> int:
    text = value.strip()
    sign, number = (-1, text[1:]) if text[:1] == "-" else (1, text)
    if number.isascii() and number.isdigit() and len(number) <= 19:
        return sign * int(number)
    try:
        return _whole(float(text), field, of)
    except ValueError as error:
        if isinstance(error, Rejected):
            raise
        raise _no_count(value, field, "not a number", of) from None


def integer(value: object, field: str, *, digits: bool = False) -> int | None:
    """A whole number, zero or more; fractions are rounded. Missing and empty are ``None``."""
    if type(value) is int and 0 <= value <= MAX_INTEGER:
        return value
    if value is None or value == "":
        return None
    advice = "Log a number, zero or more, or leave the field out."
    if digits and isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Rejected(field=field, found=value, reason=_no_number(value, digits=digits), advice=advice)
    number = value
    if not 0 <= number <= MAX_INTEGER - 1024:
        raise Rejected(field=field, found=value, reason="out of range", advice=advice)
    return round(number)


def time(value: object, field: str) -> datetime:
    """A moment as UTC without a zone.

    Takes ISO 8601 (without a zone: UTC), the mail and HTTP form ("Sun, 07 Apr 2024 07:30:05 GMT"), and epoch seconds,
    milliseconds, microseconds or nanoseconds, told apart by size.
    """
    moment: datetime | None = None
    if type(value) is str:
        moment = _time_of_text(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        moment = _time_of_number(value)
    elif value is None:
        raise Rejected(field=field, found=value, reason="the time is missing", advice=TIME_ADVICE)
    if moment is None:
        raise Rejected(field=field, found=value, reason="not a time", advice=TIME_ADVICE)
    if not EARLIEST <= moment < LATEST:
        when = "before 2022, when there was no such request" if moment < EARLIEST else "after 2099"
        raise Rejected(field=field, found=value, reason=f"a time of another century: {when}", advice=TIME_ADVICE)
    return moment


TIME_ADVICE = "Log the time in UTC, such as 2026-11-20T09:30:00.000Z, or as epoch seconds or milliseconds."


def _time_of_text(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _time_of_other_text(text)
    if len(text) > 8 and text.isdigit():
        return _time_of_other_text(text)
    return _in_utc(moment)


def _time_of_other_text(text: str) -> datetime | None:
    text = text.strip()
    if text[:1].isdigit() and text.isascii() and len(text) < 40:
        try:
            return _time_of_number(Decimal(text))
        except InvalidOperation:
            pass
    try:
        return _in_utc(datetime.fromisoformat(text.removesuffix("UTC").rstrip().replace("/", "-")))
    except ValueError:
        pass
    return _time_of_mail(text[:64])


# a zone in words after the clock, or PM: what the mail's way does not know it passes over
ZONE_IN_WORDS = re.compile(r"\d:\d\d.*[a-z]", re.IGNORECASE)


def _time_of_mail(text: str) -> datetime | None:
    """The mail and HTTP form, and what others made of it: "Wed Nov 18 2026 09:00:00 GMT+0200 (Central ...)"."""
    text = re.sub(r"GMT(?=[+-]\d{4})", "", re.sub(r"\s*\(.*", "", text))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return None if moment.tzinfo is None and ZONE_IN_WORDS.search(text) else _in_utc(moment)


def _in_utc(moment: datetime) -> datetime | None:
    zone = moment.tzinfo
    if zone is None:
        return moment
    if zone is UTC:
        return moment.replace(tzinfo=None)
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        return None


def _time_of_number(number: int | float | Decimal) -> datetime | None:
    exact = Decimal(number)
    size = exact.copy_abs()  # abs() would compute, and overflow
    if not exact.is_finite() or size >= 10**20:
        return None
    scale = 10**6 if size < 10**11 else 10**3 if size < 10**14 else 1
    micros = exact * scale if size < 10**17 else exact / 1000
    try:
        return EPOCH + timedelta(microseconds=round(micros))
    except OverflowError:
        return None


def hidden(value: object) -> object:
    """What may be shown of a value where a prompt or an answer may stand: of a text no more than that it is one."""
    return "a text" if isinstance(value, str) else value


def text(value: object, field: str) -> str | None:
    """A short text; numbers become text, missing and empty are ``None``. At most ``MAX_TEXT`` characters."""
    if type(value) is str:
        if len(value) <= MAX_TEXT:
            if value.isascii():
                return value or None
            return value.encode("utf-8", "replace").decode()
        raise Rejected(
            field=field,
            found=f"{len(value):,} characters",
            reason=f"longer than {MAX_TEXT:,} characters",
            advice="Log a short name or an opaque id here.",
        )
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return text(repr(value), field)
    raise Rejected(field=field, found=value, reason="not a text", advice="Log a short name or an opaque id here.")


def boolean(value: object, field: str) -> bool | None:
    """True or false; the texts "true" and "false" and the numbers 1 and 0 count too. Missing is ``None``."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false", ""):
        return {"true": True, "false": False}.get(value.strip().lower())
    if isinstance(value, (int, float)) and value in (0, 1):
        return value == 1
    raise Rejected(field=field, found=value, reason="neither true nor false", advice="Log true or false.")


def money(value: object, field: str) -> int | None:
    """Dollars, as a number or a decimal text, in whole pico-dollars. Missing and empty are ``None``."""
    if value is None or value == "":
        return None
    advice = "Log the cost in US dollars as a number, zero or more."
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise Rejected(field=field, found=value, reason="not an amount of money", advice=advice)
    try:
        dollars = Decimal(value.strip().lstrip("$").replace(",", "") if isinstance(value, str) else repr(value))
        known = dollars.is_finite()
    except InvalidOperation:
        known = False
    if not known:
        raise Rejected(field=field, found=value, reason="not an amount of money", advice=advice)
    if not 0 <= dollars <= MAX_USD:
        reason = "a negative cost" if dollars < 0 else "more than a million dollars for one request"
        raise Rejected(field=field, found=value, reason=reason, advice=advice)
    return int((dollars * PICOS).to_integral_value(ROUND_HALF_EVEN))
