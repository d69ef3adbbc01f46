"""What is said of an event: the JSON of the webhook, and from it the same in words. Names in it are hostile text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from notify.events import BUDGET, CLOSED, CROSSED, GROWN, OPENED, SPIKE, Event
from spend.spikes.incidents import WATCH
from spend.spikes.words import money, printable, scope_words
from store.money import PICOS_PER_USD

_LONGEST = 500  # characters of a line
_LONGEST_TITLE = 140
_WITHDRAWN = "With all that is known by now it is not unusual any more."
_BEGINNINGS = {OPENED: "", GROWN: "Still rising: ", CLOSED: "Over: "}


@dataclass(frozen=True)
class Message:
    """One message to one destination. ``body`` is what the webhook gets, ``key`` the same at every try to send it."""

    body: dict[str, Any]

    @property
    def key(self) -> str:
        """The id of this message, in which that of its incident is."""
        return str(self.body["delivery_id"])

    @property
    def about(self) -> str:
        """The id of its incident."""
        return str(self.body["incident_id"])

    @property
    def link(self) -> str | None:
        """Where the dashboard shows it."""
        found = self.body["link"]
        return None if found is None else str(found)

    def json(self) -> bytes:
        """The body as it is sent."""
        return json.dumps(self.body, ensure_ascii=False).encode("utf-8", "replace")

    @property
    def title(self) -> str:
        """One line that says it all."""
        told = _title_of_budget(self.body) if self.body["event"] == BUDGET else _title_of_spike(self.body)
        return clean(told, _LONGEST_TITLE)

    @property
    def lines(self) -> list[str]:
        """The rest, a sentence or a list each."""
        found = _of_budget(self.body) if self.body["event"] == BUDGET else _of_spike(self.body)
        return [clean(line) for line in found]


def link_of(event: Event, url: str) -> str:
    """Where the dashboard at ``url`` shows an event: a spike's own card, for a budget the first page."""
    if not event.kind.startswith(SPIKE):
        return f"{url}/"
    card = hashlib.sha256(event.key.encode()).hexdigest()[:10]
    return f"{url}/spikes?{urlencode({'night': event.evening, 'incident': card, 'timezone': event.timezone})}"


def message(body: dict[str, Any], event: Event, incident_id: str, state: str, number: int, url: str | None) -> Message:
    """The message of an incident's or a budget's own fields; ``number`` counts those to one destination."""
    link = link_of(event, url) if url else None
    return Message(
        {
            "event": event.kind.partition(" ")[0],
            "incident_id": incident_id,
            "state": state,
            "delivery_id": f"{incident_id}.{number}.{state}",
            "link": link,
            **body,
        }
    )


def clean(text: str, longest: int = _LONGEST) -> str:
    """One line without control characters, cut where it is too long."""
    plain = printable(text)
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"


def _title_of_spike(body: dict[str, Any]) -> str:
    excess = _money(body["excess_usd"])
    when = f"night of {body['night']}" if body["kind"] == "overnight" else str(body["night"])
    watch = "To watch: " if body["level"] == WATCH and body["state"] == OPENED else ""
    return f"{watch}{_BEGINNINGS[body['state']]}{excess} more than usual, {_scope(body['scope'])}, {when}"


def _of_spike(body: dict[str, Any]) -> Iterator[str]:
    yield body["sentence"]
    if body["planned"]:
        yield "It was marked as planned."
    if body.get("withdrawn"):
        yield _WITHDRAWN
    yield from body["changed"]
    bars = [_bar(bar) for bar in body["drivers"]]
    if bars:
        yield f"Why: usual {_money(body['expected_usd'])}, {', '.join(bars)} = {_money(body['actual_usd'])}"
    parts = [f"{' and '.join(_scopes(part['scope']))} ({part['share']:.0%})" for part in body["where"]]
    if parts:
        yield f"Where: {', '.join(parts)}"


def _bar(bar: dict[str, Any]) -> str:
    change = _money(bar["change_usd"])
    whose = f"{bar['feature']}: " if bar["feature"] else ""
    return f"{whose}{bar['driver']} {'' if change.startswith('-') else '+'}{change}"


def _title_of_budget(body: dict[str, Any]) -> str:
    whose = f"{_scope(body['scope'])}, {body['period']} of {body['since']}"
    if body["state"] == CROSSED:
        return f"Budget crossed: {_money(body['spent_usd'])} of {_money(body['budget_usd'])}, {whose}"
    return f"Budget of {_money(body['budget_usd'])} is likely to be crossed, {whose}"


def _of_budget(body: dict[str, Any]) -> Iterator[str]:
    yield f"{_money(body['spent_usd'])} of {_money(body['budget_usd'])} are spent by {body['today']}."
    if body["crossed_on"]:
        yield f"The budget was crossed on {body['crossed_on']}."
    rough = ", with little history to tell from" if body["rough"] else ""
    between = f", between {_money(body['low_usd'])} and {_money(body['high_usd'])}" if body["low_usd"] else ""
    yield f"The {body['period']} is projected to end at {_money(body['projected_usd'])}{between}{rough}."
    if body["breach_on"]:
        days = [body[name] for name in ("breach_earliest", "breach_latest")]
        span = f" ({days[0]} to {days[1] or 'not at all'})" if days[0] else ""
        sure = (
            "" if body["probability"] is None else f"; the probability that it is crossed is {body['probability']:.0%}"
        )
        yield f"It is projected to be crossed on {body['breach_on']}{span}{sure}."


def _scopes(scope: dict[str, str | None]) -> list[str]:
    return [scope_words((pair,)) for pair in scope.items()]


def _scope(scope: dict[str, str | None]) -> str:
    return " and ".join(_scopes(scope)) or "everything together"


def _money(amount: str) -> str:
    return money(int(Decimal(amount) * PICOS_PER_USD))
