"""Budgets: what may be spent in a month or a day, how much of it is, and how likely and when it will be passed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from duckdb import DuckDBPyConnection

from spend.breakdown import covers
from spend.filters import Filters, WrongQuestion, zone_of
from spend.forecast import Outlook, month_of, outlook
from store import settings
from store.connection import Store
from store.money import PICOS_PER_USD, usd

SCOPES = ("account", "feature", "user")
PERIODS = ("month", "day")
PROJECTED = 0.5  # a budget that is at least as likely as this to be passed is told of
_KEPT = "budgets"
_LIVE = timedelta(days=7)
_MOST = 10**9 * PICOS_PER_USD


@dataclass(frozen=True)
class Budget:
    """What the account, a feature or a user may spend in a calendar month or day: ``amount`` in pico-dollars.

    ``name`` None is for a feature or user what the log did not name.
    """

    scope: str
    name: str | None
    period: str
    amount: int

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise WrongQuestion(f"no budget for {self.scope!r}; there are {', '.join(SCOPES)}")
        if self.period not in PERIODS:
            raise WrongQuestion(f"no budget by the {self.period!r}; there are {', '.join(PERIODS)}")
        if not 0 < self.amount <= _MOST:
            raise WrongQuestion("a budget is more than nothing and at most a billion dollars")

    @property
    def of(self) -> str:
        """What it is for, as ``budget_of`` takes it: "account:month", "feature=search:day"."""
        whose = self.scope if self.scope == "account" else f"{self.scope}={self.name or ''}"
        return f"{whose}:{self.period}"

    @property
    def where(self) -> tuple[tuple[str, str | None], ...]:
        """The requests it is for, as in ``Filters.where``."""
        return () if self.scope == "account" else ((self.scope, self.name),)


@dataclass(frozen=True)
class BudgetState:
    """Where a budget stands in the period [since, until) that ``today`` is in. Money is pico-dollars.

    ``projected`` and its range hold as in a forecast. ``probability`` that the period ends over it is the share of the
    method's past errors with which it does; None: too little history. ``passed_on``: the day it was passed. Else
    ``breach_on`` is the day the projection passes it, ``earliest`` and ``latest`` those of the range; None: not in the
    period.
    """

    budget: Budget
    today: date
    since: date
    until: date
    spent: int
    projected: int
    low: int | None
    high: int | None
    probability: float | None
    rough: bool
    passed_on: date | None
    breach_on: date | None
    earliest: date | None
    latest: date | None

    @property
    def crossed(self) -> bool:
        """Is more spent than it allows?"""
        return self.spent > self.budget.amount

    @property
    def will_be_crossed(self) -> bool:
        """Is it more likely than not to be passed? Without past errors: does the projection pass it?"""
        over = self.projected > self.budget.amount
        return not self.crossed and (over if self.probability is None else self.probability >= PROJECTED)


def budget_of(text: str) -> Budget:
    """A budget from "account:month=500", "feature=search:month=500.50" or "user=u_1:day=20". Raises WrongQuestion."""
    whole, equals, amount = text.rpartition("=")
    try:
        picos = Decimal(amount) * PICOS_PER_USD
    except InvalidOperation:
        picos = Decimal("NaN")
    if not equals or not picos.is_finite() or picos != picos.to_integral_value() or abs(picos) > _MOST:
        raise WrongQuestion(
            f"{text!r} is no budget: write whose, the period and exact dollars, such as feature=search:month=500"
        )
    scope, name, period = _whose(whole)
    return Budget(scope, name, period, int(picos))


def _whose(text: str) -> tuple[str, str | None, str]:
    whose, _, period = text.rpartition(":")
    scope, equals, name = whose.partition("=")
    if scope == "account" and equals:
        raise WrongQuestion(f"{text!r}: the account has no name; write account:month")
    if scope in SCOPES[1:] and not equals:
        raise WrongQuestion(f"{text!r}: say which {scope}, such as {scope}=search:{period or 'month'}")
    return scope, name or None, period


def budgets_of(con: DuckDBPyConnection) -> tuple[Budget, ...]:
    """The budgets kept in the store: the account's first, then by name."""
    kept: list[dict[str, Any]] = settings.read(con, _KEPT) or []
    found = [Budget(one["scope"], one["name"], one["period"], int(one["picos"])) for one in kept]
    return tuple(sorted(found, key=lambda one: (SCOPES.index(one.scope), one.name or "", PERIODS.index(one.period))))


def keep_budget(store: Store, budget: Budget) -> None:
    """Keeps a budget in place of the one that was for the same."""
    with store.writing() as con:
        _keep(con, [*(one for one in budgets_of(con) if one.of != budget.of), budget])


def remove_budget(store: Store, of: str) -> None:
    """Takes away the budget for "feature=search:month". Raises WrongQuestion when there is none."""
    with store.writing() as con:
        kept = budgets_of(con)
        others = [one for one in kept if one.of != of]
        if len(others) == len(kept):
            there = ", ".join(one.of for one in kept) or "none"
            raise WrongQuestion(f"no budget for {of!r}; there is {there}")
        _keep(con, others)


def _keep(con: DuckDBPyConnection, kept: list[Budget]) -> None:
    value = [{"scope": one.scope, "name": one.name, "period": one.period, "picos": str(one.amount)} for one in kept]
    settings.put(con, _KEPT, value or None)


def today_of(con: DuckDBPyConnection, timezone: str, now: datetime | None = None) -> date:
    """Today in a zone, unless the logs ended over a week ago (a sample, an archive): then their last day."""
    today = (now or datetime.now(UTC)).astimezone(zone_of(timezone)).date()
    span = covers(con, timezone)
    last = span[1] - timedelta(days=1) if span else today
    return last if last < today - _LIVE else today


def standing(con: DuckDBPyConnection, budgets: tuple[Budget, ...], timezone: str, today: date) -> list[BudgetState]:
    """Where budgets stand on a day of a zone."""
    return [_standing(con, budget, timezone, today) for budget in budgets]


def _standing(con: DuckDBPyConnection, budget: Budget, timezone: str, today: date) -> BudgetState:
    first, after = month_of(today) if budget.period == "month" else (today, today + timedelta(days=1))
    found = outlook(con, Filters(timezone=timezone, where=budget.where), today, first, after)
    state = BudgetState(budget, today, first, after, 0, 0, None, None, None, True, None, None, None, None)
    if found is None:
        return state
    totals = found.draws()
    low, high = found.range()
    state = replace(
        state,
        spent=found.to_date,
        projected=found.projected,
        low=low,
        high=high,
        probability=sum(total > budget.amount for total in totals) / len(totals) if totals else None,
        rough=found.rough,
        passed_on=_passed_on(found, budget.amount),
    )
    if state.crossed:
        return replace(state, probability=1.0)
    days = [_breach(found, total, budget.amount) for total in (found.projected, high, low)]
    return replace(state, breach_on=days[0], earliest=days[1], latest=days[2])


def _passed_on(found: Outlook, amount: int) -> date | None:
    """The first day by whose end more than ``amount`` was spent."""
    so_far = 0
    for day, cost in sorted(found.spent.items()):
        so_far += cost
        if so_far > amount:
            return day
    return None


def _breach(found: Outlook, total: int | None, amount: int) -> date | None:
    """The first day the cumulative forecast passes ``amount`` if the period ends at ``total``."""
    if total is None or total <= amount:
        return None
    whole = sum(found.expected)
    left = total - found.done
    cumulative = 0
    for day, expected in zip(found.left, found.expected, strict=True):
        cumulative += expected
        if found.done * whole + cumulative * left > amount * whole:
            return day
    return found.left[-1] if found.left else None


def record(state: BudgetState) -> dict[str, Any]:
    """Where a budget stands, for programs: exact decimal strings of dollars, days as dates."""

    def money(picos: int | None) -> str | None:
        return None if picos is None else usd(picos)

    def day(on: date | None) -> str | None:
        return on.isoformat() if on else None

    budget = state.budget
    return {
        "scope": dict(budget.where),
        "period": budget.period,
        "since": state.since.isoformat(),
        "until": state.until.isoformat(),
        "today": state.today.isoformat(),
        "budget_usd": usd(budget.amount),
        "spent_usd": usd(state.spent),
        "projected_usd": usd(state.projected),
        "low_usd": money(state.low),
        "high_usd": money(state.high),
        "probability": None if state.probability is None else round(state.probability, 4),
        "rough": state.rough,
        "crossed": state.crossed,
        "crossed_on": day(state.passed_on),
        "breach_on": day(state.breach_on),
        "breach_earliest": day(state.earliest),
        "breach_latest": day(state.latest),
    }
