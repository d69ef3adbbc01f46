"""One look at spikes and budgets: whoever has not been told of one is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

from notify.delivery import Channel, Delivery, channels_of, deliver, waiting
from notify.destinations import Destinations
from notify.events import Event, of_budget, of_incident
from notify.record import Record, known_as, record_of
from notify.sending import Outcome
from spend.budgets import budgets_of, standing, today_of
from spend.budgets import record as record_of_budget
from spend.explain.explanation import explain
from spend.explain.record import record as record_of_incident
from spend.filters import Filters
from spend.spikes.found import incidents
from spend.spikes.incidents import Incident
from spend.spikes.settings import SpikeSettings
from store.connection import Store

MOST = 10  # events a look tells of, dearest first; the others wait for the next


@dataclass(frozen=True)
class Asked:
    """Which nights are looked at, and how. What ended before quarter ``since`` is not begun to be told of.

    ``withdraws``: told incidents of these nights that are not found any more are told to be over.
    """

    filters: Filters
    settings: SpikeSettings
    first: date
    last: date
    since: int | None = None
    withdraws: bool = True


@dataclass(frozen=True)
class _News:
    """An event and how to come by what is said of it, which may take a while."""

    event: Event
    body: Callable[[], dict[str, Any]]


def look(
    store: Store,
    asked: Asked,
    destinations: Destinations,
    *,
    stop: threading.Event | None = None,
    pauses: tuple[float, ...] | None = None,
) -> list[Delivery]:
    """Tells every destination what is new, and what became of each message. Raises StoreError.

    A destination that does not answer is left alone for the rest of the look.
    """
    stop = stop or threading.Event()
    channels = channels_of(destinations)
    done: list[Delivery] = []
    told = 0
    record = record_of(store)  # whoever claims a message reads it again
    for news in _news(store, record, asked, destinations.level):
        waits = waiting(record, news.event, channels)
        if stop.is_set() or told == MOST:
            break
        if not waits:
            continue
        told += 1
        body = news.body()
        for channel in waits:
            delivery = deliver(store, news.event, body, channel, url=destinations.url, stop=stop, pauses=pauses)
            if delivery is None:
                continue
            done.append(delivery)
            if delivery.sent.outcome is Outcome.NOT_NOW:
                channels = _without(channels, channel)
    return done


def _without(channels: tuple[Channel, ...], one: Channel) -> tuple[Channel, ...]:
    return tuple(channel for channel in channels if channel is not one)


def _news(store: Store, record: Record, asked: Asked, level: str) -> list[_News]:
    with closing(store.cursor()) as con:
        found = incidents(con, asked.filters, asked.settings, asked.first, asked.last)
        zone = asked.settings.timezone or asked.filters.timezone
        standings = standing(con, budgets_of(con), zone, today_of(con, zone))
    events = [(incident, _old(of_incident(incident, level), asked)) for incident in found]
    news = [_News(event, partial(_body, store, asked, incident)) for incident, event in events]
    if asked.withdraws:
        news += _withdrawn(record, [event for _, event in events], asked)
    for state in standings:
        news.append(_News(_old(of_budget(state, zone), asked), partial(record_of_budget, state)))
    return news


def _old(event: Event, asked: Asked) -> Event:
    return replace(event, wanted=False) if asked.since is not None and event.past < asked.since else event


def _body(store: Store, asked: Asked, incident: Incident) -> dict[str, Any]:
    with closing(store.cursor()) as con:
        told = record_of_incident(incident, explain(con, asked.filters, incident.finding))
    return told | {"withdrawn": False}


def _withdrawn(record: Record, events: list[Event], asked: Asked) -> Iterator[_News]:
    """Incidents that were told, had not ended, and are not found any more in the nights that are looked at."""
    found = {known_as(record, event).id for event in events}
    for known in record.values():
        there = asked.first <= known.event.evening <= asked.last
        if known.open and there and known.id not in found and known.body:
            elsewhere = any(known.event.overlaps(event) for event in events)  # told with another by now
            body = known.body | {"so_far": False, "withdrawn": not elsewhere}
            yield _News(known.event.ended(), partial(dict, body))
