"""Looks while the dashboard runs: hourly in the night, once it is over, and by day when something was loaded."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta

from notify.delivery import Delivery
from notify.destinations import DestinationError, Destinations, destinations_of
from notify.look import Asked, look
from notify.record import record_of
from notify.sending import Outcome
from spend.filters import Filters, quarter_of, zone_of
from spend.spikes.judged import last_night
from spend.spikes.night import DAY, NightHours
from spend.spikes.settings import settings_of
from store.connection import Store, StoreError
from store.prices import PriceListError
from store.process import process_path, process_store

BEGIN = 3.0  # seconds after the start: whoever finds the store taken is to find by whom first
MINUTE = 5  # past the hour: what was logged in it has come in
NIGHTS = 3
LIVE = timedelta(days=7)  # older ones are not begun to be told of
LONGEST = timedelta(days=30)  # how far back an incident that has not ended is followed
THREAD = "notify"
LET_GO = 5.0  # seconds that the end waits for a message on its way
_log = logging.getLogger(__name__)


@asynccontextmanager
async def notifying() -> AsyncIterator[None]:
    """Looks for as long as the block runs, in a thread of its own; does nothing unless a destination is set."""
    try:
        destinations = destinations_of(process_path())
    except DestinationError as error:
        _log.warning("Nobody is told of spikes: %s", error)
        destinations = Destinations()
    if not destinations:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_run, args=(destinations, stop), name=THREAD, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        await asyncio.to_thread(thread.join, LET_GO)


def _run(destinations: Destinations, stop: threading.Event) -> None:
    seen, zone = None, "UTC"
    stop.wait(BEGIN)
    while not stop.is_set():
        store = _opened()
        if store is None:
            stop.wait(2)
            continue
        try:
            night, zone = _settings(store)
            version = store.data_version
            if seen != version or at_night(datetime.now(zone_of(zone)), night):
                done = _looked(store, destinations, stop)
                seen = None if any(one.sent.outcome is Outcome.NOT_NOW for one in done) else version
        except Exception as error:  # noqa: BLE001  whatever it is, the next look may go well
            seen = None
            _log.warning("A look for spikes to tell of failed (%s).", type(error).__name__)
        _wait(stop, zone)


def _opened() -> Store | None:
    try:
        return process_store()
    except (StoreError, PriceListError, OSError):
        return None


def _looked(store: Store, destinations: Destinations, stop: threading.Event) -> list[Delivery]:
    asked = recent(store, datetime.now(UTC))
    if asked is None:
        return []
    done = look(store, asked, destinations, stop=stop)
    for one in done:
        if one.sent.outcome is not Outcome.DELIVERED:
            _log.warning("Incident %s, %s: %s.", one.message.about, one.channel, in_words(one))
    return done


def in_words(one: Delivery) -> str:
    """What became of a message."""
    state = one.message.body["state"]
    said = {
        Outcome.DELIVERED: f"told ({state})",
        Outcome.NOT_NOW: f"could not be told ({state}), and will be tried again",
        Outcome.REFUSED: f"could not be told ({state})",
        Outcome.UNCERTAIN: f"may not have been told ({state}), and will not be told again",
    }[one.sent.outcome]
    return f"{said}: {one.sent.why}" if one.sent.why else said


def recent(store: Store, now: datetime) -> Asked | None:
    """The last nights, and those before in which an incident began that has not ended; None without data."""
    with closing(store.cursor()) as con:
        settings = settings_of(con)
        filters = Filters(timezone=settings.timezone or "UTC")
        found = last_night(con, filters, settings)
    if found is None:
        return None
    last = found[1]
    nights = [known.event.evening for known in record_of(store).values() if known.open]
    first = min([last - timedelta(days=NIGHTS - 1), *(night for night in nights if night >= last - LONGEST)])
    since = quarter_of((now - LIVE).astimezone(UTC).replace(tzinfo=None))
    return Asked(filters, settings, first, last, since)


def _settings(store: Store) -> tuple[NightHours, str]:
    with closing(store.cursor()) as con:
        settings = settings_of(con)
    return settings.night, settings.timezone or "UTC"


def at_night(local: datetime, night: NightHours) -> bool:
    """Is it night, or the hour after?"""
    return (local.hour - night.start) % DAY <= night.length


def pause(now: datetime, zone: str) -> float:
    """Seconds until five past the next hour of a zone's clock."""
    local = now.astimezone(zone_of(zone))
    minutes = (MINUTE - local.minute - 1) % 60
    return minutes * 60 + 60 - local.second


def _wait(stop: threading.Event, zone: str) -> None:
    """Until the next look; in pieces, since a machine that slept is to look when it wakes."""
    until = datetime.now(UTC) + timedelta(seconds=pause(datetime.now(UTC), zone))
    while not stop.wait(20) and datetime.now(UTC) < until:
        pass
