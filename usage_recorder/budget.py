"""A limit on spend that refuses a request before it is sent: of each request, and running by feature, user and day.

UsageRefused
    OverBudget       the request is over a limit, or would take what is spent over it
    CostUnknown      nothing bounds what the request costs, so no limit in dollars can hold it
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import TypeVar

from usage_recorder.bound import Estimate, dollars
from usage_recorder.catalogue import Catalogue
from usage_recorder.pricing import EXACT

PARTS = ("feature", "user", "day")
_KEPT_DAYS = 2  # a request of yesterday can still be running
_ACTIVE: ContextVar[tuple[Budget, ...]] = ContextVar("usage_recorder_budgets", default=())

Client = TypeVar("Client")
Key = tuple[str | None, ...]


class UsageRefused(Exception):
    """A request that was not sent."""


class OverBudget(UsageRefused):
    """The request was not sent: ``measured`` is over ``limit``.

    name: the limit: "max_usd", "max_request_usd" or "max_input_tokens".
    measured, limit: dollars, of max_input_tokens a count.
    bound: the worst case of the request in dollars; None if unknown. spent: what its part of the budget holds already.
    advice: what to do.
    """

    def __init__(
        self,
        name: str,
        *,
        measured: Decimal | int,
        limit: Decimal | int,
        bound: Decimal | None,
        spent: Decimal = Decimal(0),
        of: str = "",
        advice: str,
    ) -> None:
        self.name, self.measured, self.limit, self.bound, self.spent, self.advice = (
            *(name, measured, limit),
            *(bound, spent, advice),
        )
        unit = "{} input tokens" if name == "max_input_tokens" else "{} USD"
        held = f" ({spent:f} USD of it spent or reserved{of})" if spent else of
        found = unit.format(measured if isinstance(measured, int) else f"{measured:f}")
        super().__init__(
            f"Not sent: {found}{held} is over {name} = {limit if isinstance(limit, int) else f'{limit:f}'}. {advice}"
        )


class CostUnknown(UsageRefused):
    """The request was not sent: its worst case is unknown, ``because`` says why."""

    def __init__(self, because: str) -> None:
        self.because = because
        super().__init__(
            f"Not sent: what it can cost is unknown: {because}. "
            "Set that right, or let such requests pass with budget(..., unknown='send')."
        )


@dataclass(eq=False)
class Reservation:
    """The worst case of one request, held until what it did cost is known."""

    budget: Budget
    key: Key
    usd: Decimal
    open: bool = True

    def settle(self, usd: Decimal | None) -> None:
        """Puts what it did cost in the place of its worst case; None: unknown, the worst case stays. Once only."""
        self.budget._settle(self, self.usd if usd is None else usd)

    def release(self) -> None:
        """Gives it back: nothing was billed."""
        self.budget._settle(self, Decimal(0))


@dataclass(eq=False)
class Budget:
    """Limits, and what is spent and reserved under them; see ``budget``. Safe among threads and tasks."""

    max_usd: Decimal | None = None
    max_request_usd: Decimal | None = None
    max_input_tokens: int | None = None
    per: tuple[str, ...] = ()
    unknown: str = "refuse"
    zone: tzinfo = UTC
    prices: Catalogue | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _held: dict[Key, Decimal] = field(default_factory=dict)
    _days: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def guard(self, client: Client, *, feature: str | None = None, user: str | None = None) -> Client:
        """A client like ``client`` that sends only what this budget has room for; sync or async.

        ``feature`` and ``user`` are whose budget it is, unless the request is tagged.
        """
        from usage_recorder.guard import guarded

        copy: Client = guarded(self, client, feature, user)
        return copy

    def spent_usd(self, *, feature: str | None = None, user: str | None = None) -> Decimal:
        """What is spent and reserved, today where it goes by day."""
        with self._lock:
            return self._held.get(self._key(feature, user), Decimal(0))

    def check(self, estimate: Estimate) -> None:
        """Holds one request against the limits of each. Raises OverBudget or CostUnknown."""
        most, worst = self.max_input_tokens, estimate.max_usd
        if most is not None and estimate.input_tokens > most:
            cut = f"Shorten the prompt by {estimate.input_tokens - most:,} tokens, or raise max_input_tokens."
            raise OverBudget("max_input_tokens", measured=estimate.input_tokens, limit=most, bound=worst, advice=cut)
        if worst is None:
            if self.unknown == "refuse" and (self.max_usd is not None or self.max_request_usd is not None):
                raise CostUnknown(estimate.unknown_because or "it has no price")
            return
        if self.max_request_usd is not None and worst > self.max_request_usd:
            advice = self._advice(estimate, self.max_request_usd, "max_request_usd")
            raise OverBudget("max_request_usd", measured=worst, limit=self.max_request_usd, bound=worst, advice=advice)

    def reserve(
        self, estimate: Estimate, *, feature: str | None = None, user: str | None = None, whole: bool = False
    ) -> Reservation:
        """Holds the worst case of a request back until it is settled. Raises OverBudget or CostUnknown, holding none.

        ``whole``: the estimate is that of several requests, each checked already.
        """
        if not whole:
            self.check(estimate)
        worst = estimate.max_usd or Decimal(0)
        with self._lock:
            key = self._key(feature, user)
            held = self._held.get(key, Decimal(0))
            both = EXACT.add(held, worst)
            fits = self.max_usd is None or both <= self.max_usd
            if fits:
                self._forget(key)
                self._held[key] = both
        if not fits and self.max_usd is not None:
            raise OverBudget(
                "max_usd",
                measured=both,
                limit=self.max_usd,
                bound=worst,
                spent=held,
                of=self._words(key),
                advice=self._advice(estimate, max(EXACT.subtract(self.max_usd, held), Decimal(0)), "max_usd"),
            )
        return Reservation(self, key, worst)

    def __enter__(self) -> Budget:
        from usage_recorder.guard import watch_every_client

        watch_every_client()
        _ACTIVE.set((*_ACTIVE.get(), self))
        return self

    def __exit__(self, *_: object) -> None:
        held = list(_ACTIVE.get())
        last = max(place for place, one in enumerate(held) if one is self)
        _ACTIVE.set(tuple(held[:last] + held[last + 1 :]))

    def _settle(self, reservation: Reservation, usd: Decimal) -> None:
        with self._lock:
            if reservation.open:
                reservation.open = False
                if reservation.key in self._held:
                    change = EXACT.subtract(usd, reservation.usd)
                    self._held[reservation.key] = EXACT.add(self._held[reservation.key], change)

    def _key(self, feature: str | None, user: str | None) -> Key:
        today = self.clock().astimezone(self.zone).date().isoformat()
        named = {"feature": feature, "user": user, "day": today}
        return tuple(named[part] for part in self.per)

    def _forget(self, new: Key) -> None:
        """On a new day those long over are not kept; by the day's place in the keys."""
        day = new[self.per.index("day")] if "day" in self.per else None
        if day is not None and day not in self._days:
            self._days = sorted((*self._days, day))[-_KEPT_DAYS:]
            place = self.per.index("day")
            self._held = {key: usd for key, usd in self._held.items() if key[place] in self._days}

    def _words(self, key: Key) -> str:
        named = [f"{part} {value!r:.60}" for part, value in zip(self.per, key, strict=True) if value is not None]
        return f", {', '.join(named)}" if named else ""

    def _advice(self, estimate: Estimate, room: Decimal, name: str) -> str:
        fitting = self._fitting(estimate, room)
        shorter = f"max_tokens up to {fitting:,} would fit; else shorten" if fitting else "Shorten"
        return f"{room:f} USD is left for it. {shorter} the prompt, or raise {name}."

    def _fitting(self, estimate: Estimate, room: Decimal) -> int:
        """The longest answer this prompt leaves room for, in tokens."""
        none, one = (self._worst(estimate, tokens) for tokens in (0, 1))
        if none is None or one is None or one > room or one == none:
            return 0
        return min(int((room - none) / (one - none)), estimate.max_output_tokens)

    def _worst(self, estimate: Estimate, max_tokens: int) -> Decimal | None:
        """The worst case with a shorter answer: the answer's part of it is its share by the token."""
        whole = estimate.max_usd
        if whole is None or estimate.answer_usd is None or not estimate.max_output_tokens:
            return None
        return whole - estimate.answer_usd * (estimate.max_output_tokens - max_tokens) / estimate.max_output_tokens


def budget(
    max_usd: Decimal | str | float | None = None,
    *,
    max_request_usd: Decimal | str | float | None = None,
    max_input_tokens: int | None = None,
    per: Iterable[str] | str = (),
    unknown: str = "refuse",
    zone: tzinfo = UTC,
    prices: Catalogue | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Budget:
    """Limits that hold before a request is sent.

    max_usd: all requests together, each counted with its worst case until its real cost is known; ``per`` "feature",
    "user" or "day" (of ``zone``), or several, each combination has that much of its own. max_request_usd,
    max_input_tokens: each request alone. unknown: "refuse" or "send" a request whose worst case is unknown.

    Use it around calls (``with budget(...):`` holds for every client of the SDK in that context), or on a client
    (``client = budget(...).guard(client)``). Raises ValueError for a limit that is none.
    """
    parts = (per,) if isinstance(per, str) else tuple(per)
    for part in parts:
        if part not in PARTS:
            raise ValueError(f"per={part!r}: a budget goes by {', '.join(PARTS)}")
    if unknown not in ("refuse", "send"):
        raise ValueError(f"unknown={unknown!r}: write 'refuse' or 'send'")
    if max_usd is None and max_request_usd is None and max_input_tokens is None:
        raise ValueError("a budget without a limit: give max_usd, max_request_usd or max_input_tokens")
    if max_input_tokens is not None and max_input_tokens < 0:
        raise ValueError(f"max_input_tokens={max_input_tokens}: a count is zero or more")
    return Budget(
        None if max_usd is None else dollars(max_usd),
        None if max_request_usd is None else dollars(max_request_usd),
        max_input_tokens,
        parts,
        unknown,
        zone,
        prices,
        clock or (lambda: datetime.now(UTC)),
    )


def active() -> tuple[Budget, ...]:
    """The budgets this context is inside, outermost first."""
    return _ACTIVE.get()
