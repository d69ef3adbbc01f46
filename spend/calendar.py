"""Local days, hours, weeks and months as ranges of quarter-hours, daylight-saving days included."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from datetime import timezone as fixed_offset
from zoneinfo import ZoneInfo

from spend.filters import days, midnight, quarter_of, zone_of


def buckets(grain: str, since: date, until: date, timezone: str) -> list[tuple[str, int, int]]:
    """(label, first quarter, quarter after the last) of each local hour, day, week or month in [since, until).

    Days, weeks (from Monday) and months are labelled by their first date; one cut by the period keeps its own label.
    Hours carry their UTC offset, so the repeated hour of an autumn night stays two hours.
    """
    if grain == "hour":
        return _hours(since, until, timezone)
    found: dict[str, tuple[int, int]] = {}
    for day in days(since, until):
        start, end = (quarter_of(midnight(d, timezone)) for d in (day, day + timedelta(days=1)))
        label = _first_day(grain, day).isoformat()
        found[label] = (found[label][0] if label in found else start, end)
    return [(label, start, end) for label, (start, end) in found.items()]


def _first_day(grain: str, day: date) -> date:
    if grain == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if grain == "month" else day


def _hours(since: date, until: date, timezone: str) -> list[tuple[str, int, int]]:
    zone = zone_of(timezone)
    found: list[tuple[str, int, int]] = []
    for day in days(since, until):
        start, end = (quarter_of(midnight(d, timezone)) for d in (day, day + timedelta(days=1)))
        offsets = {_local(quarter, zone).utcoffset() for quarter in (*range(start, end, 24), end - 1)}
        if len(offsets) == 1 and end - start == 96:  # a day like most
            [sign] = {_local(start, zone).isoformat()[19:]}
            found += [(f"{day}T{n:02}:00:00{sign}", start + 4 * n, start + 4 * n + 4) for n in range(24)]
        else:
            found += _hours_of_changing_day(start, end, zone)
    return found


def _hours_of_changing_day(start: int, end: int, zone: ZoneInfo) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    for quarter in range(start, end):
        local = _local(quarter, zone)
        offset = local.utcoffset() or timedelta(0)
        label = local.replace(minute=0, second=0, tzinfo=fixed_offset(offset)).isoformat()
        if found and found[-1][0] == label:
            found[-1] = (label, found[-1][1], quarter + 1)
        else:
            found.append((label, quarter, quarter + 1))
    return found


def _local(quarter: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(quarter * 900, UTC).astimezone(zone)
