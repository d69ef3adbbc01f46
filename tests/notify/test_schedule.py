from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from notify.record import record_of
from notify.schedule import THREAD, at_night, notifying, pause, recent
from spend.budgets import budget_of, keep_budget
from spend.spikes.night import NightHours
from store.connection import open_store
from store.process import close_process_store, process_store
from tests.asynchronous import ran
from tests.factories import emptied
from tests.ingest.routes.asked import until
from tests.notify.nights import FIRST, MIDNIGHT, NIGHT, add, looked, night_until
from tests.notify.receivers import SILENT, webhook


@pytest.mark.parametrize(
    ("now", "zone", "seconds"),
    [
        ("2026-11-20T10:00:00", "UTC", 300),
        ("2026-11-20T10:04:59", "UTC", 1),
        ("2026-11-20T10:05:00", "UTC", 3600),
        ("2026-11-20T10:30:30", "UTC", 34 * 60 + 30),
        ("2026-11-20T10:30:00", "Asia/Kolkata", 300),
        ("2026-11-20T10:20:00", "Asia/Kathmandu", 0 * 60 + 3600),
    ],
)
def test_looks_are_at_five_past_the_hour(now: str, zone: str, seconds: int) -> None:
    assert pause(datetime.fromisoformat(now).replace(tzinfo=UTC), zone) == seconds


@pytest.mark.parametrize(
    ("hour", "night", "by_night"),
    [(21, "22-6", 0), (22, "22-6", 1), (0, "22-6", 1), (6, "22-6", 1), (7, "22-6", 0), (9, "9-17", 1), (18, "9-17", 0)],
)
def test_the_hour_after_a_night_belongs_to_it(hour: int, night: str, by_night: int) -> None:
    start, end = map(int, night.split("-"))
    assert at_night(datetime(2026, 11, 20, hour, 5, tzinfo=UTC), NightHours(start, end)) == bool(by_night)


def test_three_nights_are_looked_at_and_those_of_what_has_not_ended(tmp_path: Path) -> None:
    now = datetime(2026, 10, 3, 7, tzinfo=UTC)
    assert recent(emptied(8), now) is None
    store = night_until(tmp_path, 2, {1: 30})
    asked = recent(store, now)
    assert asked is not None
    assert (asked.first, asked.last) == (NIGHT - timedelta(days=2), NIGHT)
    with webhook() as hook:
        looked(store, hook)
    add(store, tmp_path, range(MIDNIGHT + 2, MIDNIGHT + 24 * 7))
    later = recent(store, now)
    assert later is not None
    assert (later.first, later.last) == (NIGHT, NIGHT + timedelta(days=7))


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store, that of this process, whose last night had a spike."""
    path = tmp_path / "usage.duckdb"
    monkeypatch.setenv("SPENDGLASS_DB", str(path))
    monkeypatch.setattr("notify.schedule.BEGIN", 0)
    shift = datetime.now(UTC).date() - date(2026, 10, 2)
    monkeypatch.setattr("tests.notify.nights.FIRST", FIRST + shift)
    with open_store(path) as store:
        add(store, tmp_path, range(MIDNIGHT + 12), {MIDNIGHT + 1: 30})
    return path


def test_it_tells_while_it_runs_and_not_again_when_it_is_started_again(
    live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with webhook() as hook:
        monkeypatch.setenv("SPENDGLASS_WEBHOOK_URL", hook.url)
        ran(_running(lambda: hook.taken != []))
        assert not looks()
        keep_budget(process_store(), budget_of("account:month=0.01"))  # told after incidents
        ran(_running(lambda: len(hook.taken) > 1))
    assert [body["event"] for body in hook.taken] == ["spike", "budget"]
    close_process_store()


def looks() -> bool:
    """Does it look by itself?"""
    return any(thread.name == THREAD for thread in threading.enumerate())


async def _running(happened: Callable[[], object]) -> None:
    async with notifying():
        await asyncio.to_thread(until, happened)
        assert looks()


def test_a_destination_that_never_answers_does_not_keep_the_dashboard_from_ending(
    live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notify.schedule.LET_GO", 0.2)
    with webhook(SILENT) as hook:
        monkeypatch.setenv("SPENDGLASS_WEBHOOK_URL", hook.url)
        ran(_running(lambda: hook.posts != []))
        assert hook.taken == []
        assert close_process_store()
    until(lambda: not looks())
    with open_store(live) as store:
        [known] = record_of(store).values()
        assert known.to["webhook"].how == "sending"


def test_without_a_destination_nothing_runs(
    live: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def begun() -> bool:
        async with notifying():
            return looks()

    assert not ran(begun())
    monkeypatch.setenv("SPENDGLASS_WEBHOOK_URL", "ftp://s3cret")
    assert not ran(begun())
    assert "SPENDGLASS_WEBHOOK_URL is no http" in caplog.text
    assert "s3cret" not in caplog.text
