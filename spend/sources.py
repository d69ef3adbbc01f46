"""Where an answer is summed from: the coarsest rollups that fill its time exactly, and `usage` for what is left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from spend.filters import Filters, column_of
from spend.measures import OF_A_PART
from store.rollups import DAYS, HOURS, QUARTERS, USER_BLOCKS, USER_DAYS, Rollup

COARSEST_FIRST: tuple[tuple[Rollup, ...], ...] = ((DAYS, HOURS, QUARTERS), (USER_BLOCKS, USER_DAYS))
IN_ROLLUP = frozenset({"feature", "model", "tier"})  # the dimensions of the first of them
_PLACES = """
JOIN (SELECT place, unnest(range(first, past)) AS at
      FROM (SELECT unnest(?::INTEGER[]) AS place, unnest(?::INTEGER[]) AS first, unnest(?::INTEGER[]) AS past))
    AS placed ON placed.at = {unit}
"""


class Piece(NamedTuple):
    """Units of time from ``first`` to before ``past``, and where among the answer's buckets they count, if it has any.

    None for ``first`` or ``past`` leaves that side open; open on both, it holds what has no time too.
    """

    first: int | None
    past: int | None
    place: int | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """Rows of a rollup, or of `usage`: how they are joined with their places, and which they are."""

    level: Rollup | None
    time: str
    join: str = ""
    params: tuple[str, ...] = ()  # lists of numbers as text, which DuckDB takes far quicker than Python's


def partial_sums(
    filters: Filters,
    dimensions: Sequence[str],
    measures: Sequence[str],
    pieces: Sequence[Piece],
    *,
    undated: bool = False,
) -> tuple[str, list[Any]]:
    """A relation of sums yet to be added up, and its parameters: columns `place`, k0, k1, ... and the measures.

    Of what meets ``filters.where``, in disjoint ``pieces`` of quarters; ``undated`` adds what has no time, without a
    place.
    """
    where, values = replace(filters, since=None, until=None).sql()
    levels = _levels({*dimensions, *filters.dimensions()})
    keys = [f"{column_of(name)} AS k{n}" for n, name in enumerate(dimensions)]
    branches: list[str] = []
    params: list[Any] = []
    for read in _reads(pieces, levels, undated=undated):
        summed = measures if read.level else [f"{OF_A_PART.get(name, name)} AS {name}" for name in measures]
        columns = ["place" if read.join else "NULL::INTEGER AS place", *keys, *summed]
        table = read.level.table if read.level else "usage"
        branches.append(f"SELECT {', '.join(columns)} FROM {table} {read.join} WHERE {read.time} AND {where}")
        params += [*read.params, *values]
    return " UNION ALL ".join(branches), params


def _levels(dimensions: set[str]) -> tuple[Rollup, ...]:
    """The rollups that have these dimensions, coarsest first."""
    columns = {column_of(name) for name in dimensions}
    return next((levels for levels in COARSEST_FIRST if columns <= set(levels[0].keys)), ())


def _reads(pieces: Sequence[Piece], levels: Sequence[Rollup], *, undated: bool) -> Iterator[_Read]:
    """Each level takes the whole units in the pieces, the finer ones the rest, `usage` the quarters that are left."""
    if undated:
        level = levels[0] if levels else None
        yield _Read(level, f"{_unit(level)} IS NULL")
    left = list(pieces)
    for level in levels:
        split = [_split(piece, level.quarters) for piece in left]
        yield from _of_level(level, [whole for whole, _ in split if whole])
        left = [rest for _, rests in split for rest in rests]
    yield from _of_level(None, left)


def _split(piece: Piece, quarters: int) -> tuple[Piece | None, list[Piece]]:
    """The whole units of so many quarters in a piece of quarters, and the quarters left before and after them."""
    first = None if piece.first is None else -(-piece.first // quarters)
    past = None if piece.past is None else piece.past // quarters
    if first is not None and past is not None and first >= past:
        return None, [piece]
    rests = []
    if first is not None and piece.first != first * quarters:
        rests.append(Piece(piece.first, first * quarters, piece.place))
    if past is not None and piece.past != past * quarters:
        rests.append(Piece(past * quarters, piece.past, piece.place))
    return Piece(first, past, piece.place), rests


def _of_level(level: Rollup | None, pieces: Sequence[Piece]) -> Iterator[_Read]:
    """The pieces in the units of a level; of `usage` one by one, so that only their part of it is read."""
    unit = _unit(level)
    placed = [(piece.place, piece.first, piece.past) for piece in pieces if piece.place is not None]
    if placed:
        places, firsts, pasts = ([number or 0 for number in column] for column in zip(*placed, strict=True))
        time = f"{unit} >= {min(firsts)} AND {unit} < {max(pasts)}"
        yield _Read(level, time, _PLACES.format(unit=unit), (str(places), str(firsts), str(pasts)))
        return
    times = [_between(unit, piece) for piece in pieces]
    if level and len(times) > 1:
        times = [f"{_between(unit, _hull(pieces))} AND ({' OR '.join(times)})"]
    yield from (_Read(level, time) for time in times)


def _hull(pieces: Sequence[Piece]) -> Piece:
    """The one piece from the first to the last."""
    firsts, pasts = [piece.first for piece in pieces], [piece.past for piece in pieces]
    first = None if None in firsts else min(first for first in firsts if first is not None)
    return Piece(first, None if None in pasts else max(past for past in pasts if past is not None))


def _between(unit: str, piece: Piece) -> str:
    bounds = [f"{unit} {sign} {at}" for sign, at in ((">=", piece.first), ("<", piece.past)) if at is not None]
    return " AND ".join(bounds) or "true"


def _unit(level: Rollup | None) -> str:
    return level.unit if level else "quarter"
