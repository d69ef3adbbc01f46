"""What the findings are made from: the shape of the requests of each feature and model, read in a few passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from duckdb import DuckDBPyConnection

from spend.filters import Filters
from spend.what_if import Bounds, Scene, bounds
from spend.what_if.month import days_of

_SQL = Path(__file__).parents[1] / "sql"
_SHAPES, _SESSIONS, _SHORT_MARKS = (
    (_SQL / f"opportunity_{name}.sql").read_text() for name in ("shapes", "sessions", "short_marks")
)
LEAST_REQUESTS = 20


class Shape(NamedTuple):
    """Requests of a feature to a model: counts, tokens (``usual`` the median, ``most`` nineteen in twenty), picos.

    ``edge`` is the prompt length from which the model costs more, if it has one.
    """

    feature: str | None
    model: str
    edge: int | None
    requests: int
    cost: int
    output_cost: int
    output_usual: int
    output_most: int
    output_nearly_all: int
    prompt_usual: int
    prompt_longest: int
    output: int
    reasoning: int
    max_tokens: int | None
    cut_off: int
    cut_off_cost: int
    streamed: int
    stream_known: int
    at_night: int
    no_batch: int
    open_prefixes: int
    prefixes: int
    read: int
    written_5m: int
    written_1h: int
    over_edge: int

    @property
    def where(self) -> tuple[tuple[str, str | None], ...]:
        return (("feature", self.feature), ("model", self.model))


class Sessions(NamedTuple):
    """Sessions of a feature on a model; ``growing`` ones have ever longer prompts."""

    feature: str | None
    model: str
    sessions: int
    growing: int
    first_usual: int
    long_sessions: int
    last_usual: int | None


class ShortMarks(NamedTuple):
    """Requests whose marked prefix is shorter than the ``minimum`` of the model."""

    feature: str | None
    model: str
    requests: int
    longest: int
    minimum: int


class Listed(NamedTuple):
    """A model that is sold: what a million tokens cost, in pico-dollars."""

    model: str
    display: str
    uncached_input: int
    output: int


@dataclass(frozen=True)
class Facts:
    """What kinds of findings look at; each part is read when it is asked for first."""

    con: DuckDBPyConnection
    filters: Filters
    scene: Scene

    @cached_property
    def days(self) -> int:
        return days_of(self.con, self.filters)

    @cached_property
    def shapes(self) -> list[Shape]:
        zone = self.filters.timezone.replace("'", "''")
        moment = f"((started_at AT TIME ZONE 'UTC') AT TIME ZONE '{zone}')"
        return [Shape(*row) for row in self._read(_SHAPES, moment=moment)]

    @cached_property
    def sessions(self) -> list[Sessions]:
        return [Sessions(*row) for row in self._read(_SESSIONS)]

    @cached_property
    def short_marks(self) -> list[ShortMarks]:
        return [ShortMarks(*row) for row in self._read(_SHORT_MARKS)]

    @cached_property
    def bounds(self) -> list[Bounds]:
        return bounds(self.scene)

    @cached_property
    def models(self) -> dict[str, str]:
        """How each model is called."""
        return dict(self.con.execute("SELECT model, display FROM model").fetchall())

    @cached_property
    def sold(self) -> list[Listed]:
        """Models that are not retired, at the prices of the period's last day; cheapest first."""
        which, params = self.filters.sql()
        found = self.con.execute(
            f"WITH last AS (SELECT max(started_at) AS day FROM usage WHERE cost > 0 AND {which})"
            " SELECT m.model, display, p.uncached_input, p.output"
            " FROM model m JOIN price p USING (model), last"
            " WHERE retired_on IS NULL AND p.speed = 'standard' AND p.valid_from <= day AND p.valid_until > day"
            " AND p.prompt_over <= 0 AND p.uncached_input IS NOT NULL AND p.output IS NOT NULL"
            " ORDER BY p.uncached_input + p.output, m.model",
            params,
        ).fetchall()
        return [Listed(*row) for row in found]

    def called(self, model: str) -> str:
        return self.models.get(model, model).removeprefix("Claude ")

    def _read(self, sql: str, **texts: str) -> Sequence[tuple[Any, ...]]:
        which, params = self.filters.sql()
        for name, text in {"which": which, **texts}.items():
            sql = sql.replace(f"{{{name}}}", text)
        return self.con.execute(sql, params).fetchall()


def named(feature: str | None) -> str:
    """A feature in a sentence."""
    return "requests without a feature" if feature is None else feature


def of(part: int, whole: int) -> str:
    """A share in a sentence."""
    return f"{100 * part // whole} %" if whole else "none"
