"""What was told to whom, kept in the store: written before a message is sent, and again when its end is known.

A message that was claimed counts as told unless it is known not to have been taken. So whoever is killed between the
two leaves a message that may never have gone out, and never one that goes out twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from notify.events import Event
from store import settings
from store.connection import Store

NAME = "notify.told"
SENDING, TOLD, UNCERTAIN = "sending", "told", "uncertain"
_ABANDONED = timedelta(minutes=15)  # after which who claimed a message will not come back to it
_MOST = 1000  # events that are remembered


@dataclass(frozen=True)
class Told:
    """The last message of an event to one destination: its ``number``, state and size (pico-dollars)."""

    number: int
    state: str
    size: int
    open: bool
    how: str
    at: str


@dataclass(frozen=True)
class Known:
    """An event that was told of. ``body`` is the last message, kept while a destination waits for its end."""

    id: str
    event: Event
    body: dict[str, Any] | None = None
    to: dict[str, Told] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Does any destination wait for its end?"""
        return any(told.open for told in self.to.values())


Record = dict[str, Known]


@dataclass(frozen=True)
class Claim:
    """A message that is ours to send, and what was told before it."""

    id: str
    channel: str
    told: Told
    before: Told | None


def record_of(store: Store) -> Record:
    """Everything that was told."""
    with closing(store.cursor()) as con:
        return _read(settings.read(con, NAME))


def known_as(record: Record, event: Event) -> Known:
    """The event as it was told of before, or as a new one.

    It is the same when its key is, or when it is of one kind, at a common time, about a common scope: which of several
    scopes tells an incident best may change while it runs.
    """
    same = (one for one in record.values() if one.event.key == event.key)
    alike = (one for one in record.values() if one.event.overlaps(event))
    found = next(same, None) or next(alike, None)
    return found or Known(hashlib.sha256(event.key.encode()).hexdigest()[:16], event)


def claim(store: Store, event: Event, channel: str, body: dict[str, Any] | None, now: datetime) -> Claim | None:
    """Claims the next message of an event; None when there is none, or another sender has it. Raises StoreError."""
    with _changed(store) as record:
        known = known_as(record, event)
        before = known.to.get(channel)
        if before and before.how == SENDING and now - datetime.fromisoformat(before.at) < _ABANDONED:
            return None
        state = due(event, before)
        if state is None:
            return None
        number = before.number + 1 if before else 1
        told = Told(number, state, event.size, event.going_on, SENDING, now.astimezone(UTC).isoformat())
        after = replace(known, event=event if known.event.key == event.key else known.event.joined(event))
        after = replace(after, to={**known.to, channel: told})
        record[known.id] = replace(after, body=(body or known.body) if after.open else None)
        return Claim(known.id, channel, told, before)


def settle(store: Store, claimed: Claim, how: str | None) -> None:
    """Says how a claimed message ended: TOLD, UNCERTAIN, or None when it is known not to have been taken."""
    with _changed(store) as record:
        known = record.get(claimed.id)
        if known is None or known.to.get(claimed.channel) != claimed.told:
            return
        to = {name: told for name, told in known.to.items() if name != claimed.channel}
        if how:
            to[claimed.channel] = replace(claimed.told, how=how)
        elif claimed.before:
            to[claimed.channel] = claimed.before
        record[claimed.id] = replace(known, to=to)
        if not to:
            del record[claimed.id]


def due(event: Event, told: Told | None) -> str | None:
    """The state that a destination is to be told next, given the last it was told; None: nothing new."""
    if told is None:
        return event.first()
    return event.next(told.state, told.size, open_=told.open)


@contextmanager
def _changed(store: Store) -> Iterator[Record]:
    with store.writing() as con:
        record = _read(settings.read(con, NAME))
        yield record
        latest = sorted(record.values(), key=lambda one: one.event.past)[-_MOST:]
        settings.put(con, NAME, [_value(one) for one in latest])


def _read(kept: list[dict[str, Any]] | None) -> Record:
    found = [
        Known(
            one["id"],
            Event(**one["event"] | {"scopes": tuple(one["event"]["scopes"]), "size": int(one["event"]["size"])}),
            one["body"],
            {name: Told(**told | {"size": int(told["size"])}) for name, told in one["to"].items()},
        )
        for one in kept or []
    ]
    return {one.id: one for one in found}


def _value(known: Known) -> dict[str, Any]:
    value = asdict(known)
    value["event"]["size"] = str(known.event.size)
    for told in value["to"].values():
        told["size"] = str(told["size"])
    return value
