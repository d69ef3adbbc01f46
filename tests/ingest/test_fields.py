"""One logged field to one value."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from ingest import fields
from ingest.record import Rejected

NOON = datetime(2026, 11, 20, 12)


@pytest.mark.parametrize(
    ("logged", "moment"),
    [
        ("2026-11-20T12:00:00Z", NOON),
        ("2026-11-20T12:00:00.000Z", NOON),
        ("2026-11-20T12:00:00.123456789Z", NOON.replace(microsecond=123456)),
        ("2026-11-20T17:30:00+05:30", NOON),
        ("2026-11-20T12:00:00", NOON),
        ("2026-11-20 12:00:00,5", NOON.replace(microsecond=500_000)),
        ("2026-11-20 12:00:00 UTC", NOON),
        ("2026/11/20 12:00:00", NOON),
        ("2026-11-20", datetime(2026, 11, 20)),
        ("20261120", datetime(2026, 11, 20)),
        ("Fri, 20 Nov 2026 12:00:00 GMT", NOON),
        ("Fri, 20 Nov 2026 13:00:00 +0100", NOON),
        (1795176000, NOON),
        (1795176000.25, NOON.replace(microsecond=250_000)),
        (1795176000123, NOON.replace(microsecond=123_000)),
        (1795176000123456, NOON.replace(microsecond=123_456)),
        (1795176000123456789, NOON.replace(microsecond=123_457)),
        ("1795176000", NOON),
        ("1795176000.123456", NOON.replace(microsecond=123_456)),
        ("1795176000123", NOON.replace(microsecond=123_000)),
        ("2022-01-01T00:00:00Z", datetime(2022, 1, 1)),
    ],
)
def test_times_of_every_kind(logged: object, moment: datetime) -> None:
    assert fields.time(logged, "time") == moment


@pytest.mark.parametrize(
    ("logged", "reason"),
    [
        ("yesterday", "not a time"),
        ("", "not a time"),
        (None, "missing"),
        (True, "not a time"),
        ({}, "not a time"),
        (float("nan"), "not a time"),
        (10**40, "not a time"),
        ("12:00:00", "not a time"),
        ("2026-13-01T00:00:00Z", "not a time"),
        ("\ud800", "not a time"),
        ("2021-12-31T23:59:59Z", "another century"),
        ("1970-01-01T00:00:00Z", "another century"),
        ("2126-11-20T12:00:00Z", "another century"),
        ("0001-01-01T00:00:00+14:00", "not a time"),
        (0, "another century"),
        (-1, "another century"),
        (1795176000 * 10, "another century"),
    ],
)
def test_times_that_cannot_be(logged: object, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        fields.time(logged, "time")


@pytest.mark.parametrize(
    ("logged", "picos"),
    [
        (0.0012, 1_200_000_000),
        (0, 0),
        ("0.000406", 406_000_000),
        ("$1,234.5", 1_234_500_000_000_000),
        (1e-12, 1),
        (0.1, 100_000_000_000),
        (2.81842335, 2_818_423_350_000),
        (None, None),
        ("", None),
    ],
)
def test_money_is_exact(logged: object, picos: int | None) -> None:
    assert fields.money(logged, "cost") == picos


@pytest.mark.parametrize("logged", [True, "free", [], float("nan"), "inf", -0.1, 10**9, "1e999999999", "٣"])
def test_money_that_is_none(logged: object) -> None:
    if logged == "٣":
        assert fields.money(logged, "cost") == 3 * 10**12
        return
    with pytest.raises(Rejected):
        fields.money(logged, "cost")


@pytest.mark.parametrize(
    ("logged", "expected"),
    [("u1", "u1"), ("", None), (None, None), (17, "17"), (17.0, "17"), (1.5, "1.5"), ("é", "é"), ("a\ud800", "a?")],
)
def test_texts(logged: object, expected: str | None) -> None:
    assert fields.text(logged, "user") == expected


@pytest.mark.parametrize("logged", [True, [], {}, "x" * 4097])
def test_texts_that_are_none(logged: object) -> None:
    with pytest.raises(Rejected) as caught:
        fields.text(logged, "user")
    assert "x" * 10 not in str(caught.value)


@pytest.mark.parametrize(
    ("logged", "number"), [("12", 12), (" 12 ", 12), ("12.0", 12), ("1e3", 1000), (12.0, 12), (0, 0)]
)
def test_digits_where_a_format_allows_them(logged: object, number: int) -> None:
    assert fields.tokens(logged, "tokens_in", digits=True) == number


@pytest.mark.parametrize(
    ("logged", "reason"),
    [
        ("-3", "negative"),
        ("1.5", "fraction"),
        ("1e99", "more than"),
        ("nan", "finite"),
        ("x", "not a number"),
        ("9" * 30, "more"),
    ],
)
def test_digits_that_are_no_count(logged: str, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        fields.tokens(logged, "tokens_in", digits=True)


@pytest.mark.parametrize(
    ("logged", "expected"), [(True, True), ("False", False), (1, True), (0.0, False), (None, None)]
)
def test_booleans(logged: Any, expected: bool | None) -> None:
    assert fields.boolean(logged, "stream") is expected
    with pytest.raises(Rejected):
        fields.boolean("maybe", "stream")
