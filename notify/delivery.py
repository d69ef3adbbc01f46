"""Messages brought to their destinations: claimed in the store, sent with a few tries, and settled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from notify import mail, slack, webhook
from notify.destinations import Address, Destinations, Mail
from notify.events import Event
from notify.messages import Message, message
from notify.record import TOLD, UNCERTAIN, Record, claim, due, known_as, settle
from notify.sending import Outcome, Sent
from store.connection import Store

PAUSES = (1.0, 4.0)  # seconds before the second try and before the third


@dataclass(frozen=True)
class Channel:
    """A destination by its name, and one try to send there."""

    name: str
    send: Callable[[Message], Sent]


@dataclass(frozen=True)
class Delivery:
    """What became of a message to a destination."""

    channel: str
    message: Message
    sent: Sent


def channels_of(destinations: Destinations) -> tuple[Channel, ...]:
    """Those that are set."""
    found = []
    if destinations.webhook:
        found.append(Channel("webhook", partial(_to_webhook, destinations.webhook)))
    if destinations.slack:
        found.append(Channel("slack", partial(_to_slack, destinations.slack)))
    if destinations.mail:
        found.append(Channel("mail", partial(_to_mail, destinations.mail)))
    return tuple(found)


def waiting(record: Record, event: Event, channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
    """The destinations that have something to be told of an event."""
    known = known_as(record, event)
    return tuple(channel for channel in channels if due(event, known.to.get(channel.name)))


def deliver(
    store: Store,
    event: Event,
    body: dict[str, Any],
    channel: Channel,
    *,
    url: str | None,
    stop: threading.Event,
    pauses: tuple[float, ...] | None = None,
) -> Delivery | None:
    """Tells a destination the next of an event; None when there is nothing to tell, or another sender tells it.

    Sends once, and again only what is known not to have been taken. Raises StoreError.
    """
    claimed = claim(store, event, channel.name, body, datetime.now(UTC))
    if claimed is None:
        return None
    told = claimed.told
    to_send = message(body, event, claimed.id, told.state, told.number, url)
    sent = Sent(Outcome.UNCERTAIN, "it was broken off")
    try:
        sent = _tried(channel, to_send, stop, PAUSES if pauses is None else pauses)
    finally:
        how = {Outcome.DELIVERED: TOLD, Outcome.UNCERTAIN: UNCERTAIN}.get(sent.outcome)
        settle(store, claimed, how)
    return Delivery(channel.name, to_send, sent)


def _tried(channel: Channel, told: Message, stop: threading.Event, pauses: tuple[float, ...]) -> Sent:
    sent = channel.send(told)
    for pause in pauses:
        if sent.outcome is not Outcome.NOT_NOW or stop.wait(max(pause, sent.wait)):
            return sent
        sent = channel.send(told)
    return sent


def _to_webhook(to: Address, told: Message) -> Sent:
    return webhook.post(to, told.json(), key=told.key)


def _to_slack(to: Address, told: Message) -> Sent:
    return webhook.post(to, slack.payload(told), key=None)


def _to_mail(to: Mail, told: Message) -> Sent:
    lines = [*told.lines, *([told.link] if told.link else []), f"Incident {told.about}"]
    return mail.send(to, mail.written(to, f"Spendglass: {told.title}", lines, key=told.key, about=told.about))
