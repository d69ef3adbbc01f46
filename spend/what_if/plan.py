"""Levers folded over the columns of a request: what it becomes under every subset of them, in one relation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spend.levers import LEVERS
from spend.levers.cache import CACHE
from spend.levers.lever import At, Pulled, Row
from spend.what_if.limits import Limits
from spend.what_if.replay import Arrivals, Replays
from spend.what_if.scene import Found, Scene

Subset = frozenset[int]
_NAMES = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_SUMMED_BELOW = 2  # swaps
_BY_TARGET = ("min_prefix", "caches", "batches")


@dataclass(frozen=True, slots=True)
class Seen:
    """A request's columns at the end of a replay, and the number of its price band."""

    row: Row
    band: str


class Plan:
    """Columns in levels, each an expression over the level below; equal expressions are one column.

    Numbers of levers count from 1 in the order in which they act. A subset's row differs from another's only in the
    columns that a lever changed, so all the subsets together need few columns more than one.
    """

    def __init__(
        self,
        scene: Scene,
        pulled: Sequence[Pulled],
        limits: Limits,
        replays: Replays,
        *,
        table: str = "what_if_row",
    ) -> None:
        self._scene, self._pulled, self._limits, self._replays = scene, pulled, limits, replays
        self._levels: list[dict[str, str]] = []
        self._joins: dict[int, list[str]] = {}
        self._done: dict[tuple[int, Row], Row] = {}
        self._unless: dict[tuple[int, Row], tuple[tuple[str, str], ...]] = {}
        self.before: dict[int, Row] = {}  # with every lever pulled: the row as each of them found it
        self.members = {number: f"({scene.member(one)})" for number, one in enumerate(pulled, start=1)}
        self._table = table

    def rows(self, subsets: Sequence[Subset]) -> dict[Subset, Seen]:
        """The columns of each subset; ``ask`` and ``relation`` then know them."""
        states: dict[Subset, Row] = {frozenset(): Row()}
        for number in self.members:
            wanted = {frozenset(n for n in subset if n <= number) for subset in subsets}
            before = {subset: states[subset - {number}] for subset in wanted}
            if (joint := frozenset(range(1, number + 1))) in before:
                self.before[number] = before[joint]
            moved = [row for subset, row in before.items() if number in subset]
            self._pull(number, list(dict.fromkeys(moved)))
            states = {s: self._done[number, row] if number in s else row for s, row in before.items()}
        level = self._level()
        return {subset: Seen(row, self._named(level, self._band(row))) for subset, row in states.items()}

    def reasons(self) -> dict[str, str]:
        """With every lever pulled: conditions on rows that a lever is for and does not change, by reason."""
        found: dict[str, list[str]] = {}
        for number, row in self.before.items():
            earlier: list[str] = []
            for reason, which in self._unless[number, row]:
                if which != "false":
                    others = f"NOT coalesce({' OR '.join(earlier)}, false)" if earlier else "true"
                    found.setdefault(reason, []).append(_all(self.members[number], others, which))
                    earlier.append(f"({which})")
        return {reason: " OR ".join(f"({which})" for which in whiches) for reason, whiches in found.items()}

    def ask(self, select: str, *, group: str = "") -> Found:
        """What a query over the rows finds, by column; the same over the same limits is not asked twice."""
        relation, names = self._relation(select)
        return self._scene.answered(f"SELECT {select} FROM ({relation}){group}", self._limits.values(names))

    def relation(self, *needed: str) -> str:
        """The rows with the columns of the plan that some expressions need, as a query."""
        return self._relation(" ".join(needed))[0]

    def _relation(self, needed: str) -> tuple[str, set[str]]:
        names = set(_NAMES.findall(needed))
        levels = []
        for number in reversed(range(len(self._levels))):
            columns = {name: expression for expression, name in self._levels[number].items() if name in names}
            names.update(_NAMES.findall(" ".join(columns.values())))
            levels.append((columns, [t for t in self._joins.get(number, ()) if f"outcome_{t}" in names]))
        # of more swaps the planner, summing below the join, would write each into the next: eight took it minutes
        apart = " OFFSET 0" if len(self._limits.swaps) > _SUMMED_BELOW else ""
        sql = f"SELECT * FROM {self._table} JOIN what_if_limit USING (kind){apart}"
        for columns, joins in reversed(levels):
            if columns or joins:
                added = "".join(f", {expression} AS {name}" for name, expression in columns.items())
                sql = f"SELECT *{added} FROM ({sql}){''.join(f' LEFT JOIN {table} USING (n)' for table in joins)}"
        return sql, names

    def _pull(self, number: int, rows: Sequence[Row]) -> None:
        one = self._pulled[number - 1]
        lever, member = LEVERS[one.lever], self.members[number]
        outcomes = self._replayed(number, rows) if one.lever == "cache" else {}
        conditions, values = self._level(), self._level()
        for row in rows:
            change = lever.change(row, one, At(number, self._limits_at(number, row), outcomes.get(row, "NULL")))
            when = self._named(conditions, f"coalesce({_all(member, change.when)}, false)")
            changed = {
                name: self._named(values, f"CASE WHEN {when} THEN {value} ELSE {getattr(row, name)} END")
                for name, value in change.columns.items()
            }
            self._done[number, row] = row.with_(changed)
            self._unless[number, row] = change.unless

    def _limits_at(self, number: int, row: Row) -> Mapping[str, str]:
        own = {}
        if self._pulled[number - 1].lever == "swap":
            own = {name: f"{name}_{number}" for name in ("from", "priced", "min_kept")}
            own |= self._limits.too_long(number, row)
        by_target = {name: f"({self._limits.by_target(name, row.target)})" for name in _BY_TARGET}
        return {**by_target, **own, "fast": "fast", "batched": "batched"}

    def _replayed(self, number: int, rows: Sequence[Row]) -> dict[Row, str]:
        """The column of what came of a request's prefix, by row; rows with the same arrivals share one."""
        level = self._level()
        arrivals = {}
        for row in rows:
            at = At(number, self._limits_at(number, row))
            eligible = f"coalesce({_all(self.members[number], CACHE.eligible(row, at))}, false)"
            place = self._limits.by_target("place", row.target)
            arrivals[row] = Arrivals(
                self._named(level, place), self._named(level, eligible), CACHE.prefix(row), row.target, self._band(row)
            )
        tables = self._replays.tables(self, arrivals, str(self._pulled[number - 1].value("ttl")))
        self._joins[len(self._levels)] = sorted(set(tables.values()))
        return {row: f"outcome_{table}" for row, table in tables.items()}

    def _band(self, row: Row) -> str:
        """How many band starts the prompt is over."""
        steps = [
            f"CASE WHEN {row.prompt} > {self._limits.by_target(f'band_{n}', row.target)} THEN 1 ELSE 0 END"
            for n in range(1, self._limits.bands)
        ]
        return " + ".join(steps) or "0"

    def _level(self) -> int:
        self._levels.append({})
        return len(self._levels) - 1

    def _named(self, level: int, expression: str) -> str:
        names = self._levels[level]
        return names.setdefault(expression, f"c{level}_{len(names)}")


def _all(*conditions: str) -> str:
    return " AND ".join(one for one in conditions if one not in ("true", "(true)")) or "true"


def keys_of(seen: Seen) -> tuple[str, str, str]:
    """The columns that, with the kind of request, decide its prices."""
    return seen.row.target, seen.row.batch, seen.band


def counted_of(seen: Seen) -> tuple[str, ...]:
    """The columns that are counted, in the order of unit prices."""
    row = seen.row
    return row.uncached, row.read, row.write_5m, row.write_1h, row.output, "searches"
