"""A budget at work in the SDK: each message is counted and held against it before it is sent, and settled after."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

import anthropic
from anthropic import APIConnectionError, Middleware

from usage_recorder.answer import Answer, answer_of
from usage_recorder.bound import Conditions, Estimate, bound
from usage_recorder.budget import Budget, Reservation, active
from usage_recorder.call import unsent
from usage_recorder.counters import TALLY
from usage_recorder.estimate import count, region_of
from usage_recorder.events import Events
from usage_recorder.spent import spent_usd
from usage_recorder.tags import current
from usage_recorder.watched import watch

if TYPE_CHECKING:
    from anthropic import AsyncCallNext, CallNext

MESSAGES, BATCHES = "/v1/messages", "/v1/messages/batches"
_patching = threading.Lock()


def guarded(budget: Budget, client: Any, feature: str | None, user: str | None) -> Any:
    """A copy of a client, sharing its connections, whose every attempt to send goes by the budget."""
    return client.with_middleware(Guard(budget, client, feature, user))


class Guard(Middleware):
    """Runs once for each attempt: a retry is a request of its own."""

    def __init__(self, budget: Budget, client: Any, feature: str | None, user: str | None) -> None:
        self.budget = budget
        self._client = client
        self._whose = {"feature": feature, "user": user}
        self._region = region_of(client)

    def handle(self, request: anthropic.APIRequest, call_next: CallNext) -> Any:
        asked = _asked(request)
        if asked is None:
            return call_next(request)
        held = self._reserve([self._bound(one, count(self._client, one).input_tokens) for one in asked], request)
        try:
            response = call_next(request)
        except BaseException as error:
            _failed(held, error)
            raise
        self._settle(held, request, response.http_response, later=False)
        return response

    async def handle_async(self, request: anthropic.APIRequest, call_next: AsyncCallNext) -> Any:
        asked = _asked(request)
        if asked is None:
            return await call_next(request)
        bounds = [self._bound(one, (await count(self._client, one)).input_tokens) for one in asked]
        held = self._reserve(bounds, request)
        try:
            response = await call_next(request)
        except BaseException as error:
            _failed(held, error)
            raise
        self._settle(held, request, response.http_response, later=True)
        return response

    def _bound(self, asked: Mapping[str, Any], input_tokens: int) -> Estimate:
        batch = bool(asked.get("_batch"))
        return bound(asked, input_tokens, Conditions(batch=batch, region=self._region, prices=self.budget.prices))

    def _reserve(self, bounds: list[Estimate], request: anthropic.APIRequest) -> Reservation:
        whose: dict[str, Any] = {name: current().get(name, own) for name, own in self._whose.items()}
        if _path(request) != BATCHES:
            return self.budget.reserve(bounds[0], **whose)
        for one in bounds:
            self.budget.check(one)
        return self.budget.reserve(_together(bounds), whole=True, **whose)

    def _settle(self, held: Reservation, request: anthropic.APIRequest, response: Any, *, later: bool) -> None:
        """Puts the real cost in the place of the worst case, now or when the answer has been read."""
        if not response.is_success:
            held.release()
        elif _path(request) == BATCHES:
            held.settle(None)  # its results come later, and elsewhere
        else:
            _settle_when_read(response, _Settling(response, held, self._cost), later=later)

    def _cost(self, answer: Answer) -> Decimal | None:
        if answer.model is None:
            return None
        return spent_usd(answer.usage, model=answer.model, region=self._region, prices=self.budget.prices)


def watch_every_client() -> None:
    """Has the SDK ask, at each request of any client, for the budgets of its context. Done once in a process."""
    with _patching:
        for kind in (anthropic.Anthropic, anthropic.AsyncAnthropic):
            base: Any = next(one for one in kind.__mro__ if "request" in vars(one))
            if not hasattr(base.request, "goes_by_budgets"):
                base.request = _going_by_budgets(base.request)


def _going_by_budgets(send: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(send)
    def request(client: Any, cast_to: Any, options: Any, **more: Any) -> Any:
        if options.url.partition("?")[0] in (MESSAGES, BATCHES) and options.method.lower() == "post":
            at_work = [one.budget for one in client.middleware if isinstance(one, Guard)]
            for budget in active():
                if not any(budget is one for one in at_work):
                    client = guarded(budget, client, None, None)
        return send(client, cast_to, options, **more)

    request.goes_by_budgets = True  # type: ignore[attr-defined]
    return request


def _path(request: anthropic.APIRequest) -> str:
    return request.url.partition("?")[0]


def _asked(request: anthropic.APIRequest) -> list[dict[str, Any]] | None:
    """The parameters of the messages a request sends; None: it sends none."""
    if request.method.lower() != "post" or _path(request) not in (MESSAGES, BATCHES):
        return None
    extra = request.options.extra_json
    body = {**cast(Mapping[str, Any], request.json or {}), **(extra or {})}
    named = {name.lower(): value for name, value in request.headers.items()}.get("anthropic-beta")
    beta = {"betas": [one.strip() for one in named.split(",")]} if isinstance(named, str) else {}
    if _path(request) == MESSAGES:
        return [{**body, **beta}]
    return [{**entry["params"], **beta, "_batch": True} for entry in body.get("requests", ())]


def _together(bounds: list[Estimate]) -> Estimate:
    """A batch as one: unknown as soon as one of it is."""
    worst = [one.max_usd for one in bounds]
    unknown = next((one.unknown_because for one in bounds if one.max_usd is None), None)
    return replace(
        bounds[0],
        input_tokens=sum(one.input_tokens for one in bounds),
        max_output_tokens=sum(one.max_output_tokens for one in bounds),
        max_usd=None if None in worst else sum((one for one in worst if one is not None), Decimal(0)),
        answer_usd=None,
        unknown_because=unknown,
    )


def _failed(held: Reservation, error: BaseException) -> None:
    """A request that got no answer: one that may have arrived keeps its worst case."""
    unanswered = isinstance(error, APIConnectionError) and unsent(error.__cause__ or error) is None
    if unanswered or not isinstance(error, Exception):
        held.settle(None)
    else:
        held.release()


class _Settling:
    """Sees an answer's bytes on their way to whoever reads it, and settles what was held for it at their end."""

    def __init__(self, response: Any, held: Reservation, cost: Callable[[Answer], Decimal | None]) -> None:
        streamed = response.headers.get("content-type", "").startswith("text/event-stream")
        self._events = Events(live=False) if streamed else None
        self._body: list[bytes] = []
        self._held, self._cost = held, cost

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        if self._events:
            self._events.feed(piece)
        else:
            self._body.append(piece)

    def over(self) -> None:
        """Nothing more comes; of an answer that did not come whole the worst case stays."""
        usd = None
        try:
            answer = self._events.end() if self._events else answer_of(b"".join(self._body))
            usd = self._cost(answer) if answer.ended else None
        except Exception as error:  # noqa: BLE001  the answer is the app's whatever happens here
            TALLY.failed(error)
        self._held.settle(usd)


def _settle_when_read(response: Any, settling: _Settling, *, later: bool) -> None:
    if response.is_stream_consumed:
        settling.feed(response.content)
        settling.over()
    else:
        watch(response, settling, later=later)
