"""What a question is asked of: a period in a time zone, and the requests that count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# What spend can be broken down by, and the column that holds it; `tag:NAME` is one tag of many.
DIMENSIONS = {
    "feature": "feature",
    "model": "model",
    "user": "user_id",
    "session": "session_id",
    "tier": "service_tier",
    "tag": "tags",
    "stop_reason": "stop_reason",
}
GRAINS = ("hour", "day", "week", "month")


class WrongQuestion(ValueError):
    """A question that cannot be asked: says which word was wrong and what it could have been."""


@dataclass(frozen=True)
class Filters:
    """Requests started in [since, until) of local days in ``timezone`` that match ``where``.

    ``where`` holds (dimension, value) pairs: values of one dimension are alternatives, dimensions all have to hold.
    The value None means "not in the log". ``since`` or ``until`` None leaves that side open; requests whose time is
    unknown count only where both sides are open.
    """

    since: date | None = None
    until: date | None = None
    timezone: str = "UTC"
    where: tuple[tuple[str, str | None], ...] = ()

    def __post_init__(self) -> None:
        zone_of(self.timezone)
        for dimension, _ in self.where:
            column_of(dimension)
        if self.since and self.until and self.since >= self.until:
            raise WrongQuestion(f"the period is empty: since {self.since} is not before until {self.until}")

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """The period as UTC times without a zone, [since, until)."""
        return tuple(midnight(day, self.timezone) if day else None for day in (self.since, self.until))  # type: ignore[return-value]

    def previous(self) -> Filters:
        """The equal period just before this one; both sides of this one must be given."""
        if self.since is None or self.until is None:
            raise WrongQuestion("only a period with both ends has a previous one")
        return replace(self, since=self.since - (self.until - self.since), until=self.since)

    def narrowed(self, dimension: str, value: str | None) -> Filters:
        """The same question of only those requests whose ``dimension`` is ``value``."""
        kept = tuple(pair for pair in self.where if pair[0] != dimension)
        return replace(self, where=(*kept, (dimension, value)))

    def dimensions(self) -> set[str]:
        return {dimension for dimension, _ in self.where}

    def sql(self) -> tuple[str, list[Any]]:
        """A condition on `usage` (or `rollup`, where it has the columns) and its parameters."""
        parts: list[str] = []
        params: list[Any] = []
        since, until = self.bounds()
        for bound, sign in ((since, ">="), (until, "<")):
            if bound is not None:
                parts.append(f"quarter {sign} ?")
                params.append(quarter_of(bound))
        for dimension in sorted(self.dimensions()):
            condition, values = _one_of(dimension, [value for name, value in self.where if name == dimension])
            parts.append(condition)
            params.extend(values)
        return " AND ".join(parts) or "true", params


def _one_of(dimension: str, values: list[str | None]) -> tuple[str, list[str]]:
    column = column_of(dimension)
    named = [value for value in values if value is not None]
    conditions = []
    if named:
        conditions.append(f"{column} IN ({', '.join('?' * len(named))})")
    if None in values:
        conditions.append(f"{column} IS NULL")
    return f"({' OR '.join(conditions)})", named


def column_of(dimension: str) -> str:
    """The SQL expression of a dimension over `usage`."""
    if dimension.startswith("tag:"):
        name = dimension[4:].replace("\\", "\\\\").replace('"', '\\"').replace("'", "''")
        return f"json_extract_string(tags, '$.\"{name}\"')"
    if dimension not in DIMENSIONS:
        raise WrongQuestion(f"no dimension {dimension!r}; there are {', '.join(DIMENSIONS)} and tag:NAME")
    return DIMENSIONS[dimension]


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongQuestion(f"no time zone {name!r}; use an IANA name such as Europe/Paris or UTC") from None


def midnight(day: date, timezone: str) -> datetime:
    """The instant a local day begins, in UTC without a zone."""
    return datetime.combine(day, time(), zone_of(timezone)).astimezone(UTC).replace(tzinfo=None)


def quarter_of(moment: datetime) -> int:
    """Quarter-hours since 1970 of a UTC time without a zone."""
    return int((moment - datetime(1970, 1, 1)) / timedelta(minutes=15) // 1)


def days(since: date, until: date) -> Iterator[date]:
    for n in range((until - since).days):
        yield since + timedelta(days=n)
