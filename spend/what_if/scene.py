"""The requests of a what-if, held narrow beside the store, so that levers can be moved without reading them anew."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from duckdb import ConnectionException, DuckDBPyConnection

from spend.filters import Filters, WrongQuestion
from spend.levers import LEVERS
from spend.levers.lever import WHOLE, Pulled
from spend.what_if.homes import PRICED_AS, Home, listed_models, priced_at
from spend.what_if.unit_prices import Band, Kind, unit_prices

_SQL = Path(__file__).parents[1] / "sql"
_KINDS, _ROWS, _PREFIXES = (
    (_SQL / f"{name}.sql").read_text() for name in ("what_if_kinds", "what_if_rows", "what_if_prefixes")
)
Where = tuple[tuple[str, str | None], ...]
Key = tuple[int | None, tuple[Where, ...], tuple[str, ...], bool]
Found = dict[str, npt.NDArray[np.int64]]
DICE = 1 << 24
_KEPT_ANSWERS, _KEPT_MEMBERS = 64, 16
# what costs nothing cannot cost less; what has no price on its day may have one on another
_COUNTS = "(cost > 0 OR unpriced_because = 'no_price_on_date') AND uncached_input_tokens IS NOT NULL"


class Scene:
    """The requests of some filters in temporary tables, for one thread and one question at a time.

    Made again by ``prepare`` when the store, the filters of a lever or what has to be known of a request has changed.
    """

    def __init__(
        self, con: DuckDBPyConnection, filters: Filters, *, prices: str = "then", today: date | None = None
    ) -> None:
        if prices not in PRICED_AS:
            raise WrongQuestion(f"no prices {prices!r}; there are {', '.join(PRICED_AS)}")
        self.con = con.cursor()  # its temporary tables are its own
        self.filters = filters
        self.prices = prices
        self.moment = priced_at(con, prices, today or datetime.now(UTC).date())
        self.models = listed_models(con)
        self.homes: dict[int, Home] = {}
        self._features: dict[str | None, int] = {}
        self.requests = 0
        self.unpriced = 0
        self._tables: dict[tuple[object, ...], str] = {}
        self._made = 0
        self._answers: dict[Hashable, Found] = {}
        self._rates: dict[Kind, tuple[Band, ...]] = {}
        self._key: Key = (None, (), (), False)

    @property
    def is_open(self) -> bool:
        """Is its store still open?"""
        try:
            self.con.execute("SELECT 1").fetchall()
        except ConnectionException:
            return False
        return True

    def close(self) -> None:
        """Drops the tables."""
        self.con.close()

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prepare(self, pulled: Sequence[Pulled]) -> None:
        """Sees to it that the rows hold what these levers ask of them."""
        [(version,)] = self.con.execute("SELECT data_version FROM store_info").fetchall()
        wheres = tuple(dict.fromkeys(where for one in pulled if (where := _of_columns(one.where))))
        dice = tuple(name for name in LEVERS if any(one.lever == name and one.share < WHOLE for one in pulled))
        caching = any(one.lever == "cache" for one in pulled)
        old_version, old_wheres, old_dice, old_caching = self._key
        enough = {*wheres} <= {*old_wheres} and {*dice} <= {*old_dice} and caching <= old_caching
        if version == old_version and enough:
            return
        if version == old_version:  # what levers asked before may be asked again
            wheres = tuple(dict.fromkeys((*wheres, *old_wheres)))[: max(_KEPT_MEMBERS, len(wheres))]
            dice, caching = tuple(dict.fromkeys((*dice, *old_dice))), caching or old_caching
        else:
            self.models, self._rates = listed_models(self.con), {}
        self._fill(wheres, dice, caching=caching)
        self._key = (version, wheres, dice, caching)

    def member(self, one: Pulled) -> str:
        """The condition on a row that a lever is for it."""
        where = _of_columns(one.where)
        conditions = [f"member_{self._key[1].index(where)}"] if where else []
        if features := {value for name, value in one.where if name == "feature"}:
            conditions.append(_one_of("feature_number", [self._features.get(name) for name in features]))
        if models := {value for name, value in one.where if name == "model"}:
            conditions.append(_one_of("kind", [n for n, home in self.homes.items() if home.kind.model in models]))
        if one.share < WHOLE:
            conditions.append(f"dice_{one.lever} < {int(one.share * DICE)}")
        return " AND ".join(conditions) or "true"

    def rates(self, kinds: Iterable[Kind]) -> dict[Kind, tuple[Band, ...]]:
        """The bands of each kind, from the cost formula."""
        new = [kind for kind in kinds if kind not in self._rates]
        self._rates |= unit_prices(self.con, new)
        return self._rates

    def kept(self, key: tuple[object, ...], make: Callable[[str], None]) -> str:
        """The temporary table that stands for a key: made when it is asked for first, gone when the rows change."""
        if key not in self._tables:
            self._made += 1
            table = f"what_if_kept_{self._made}"
            make(table)
            self._tables[key] = table
        return self._tables[key]

    @contextmanager
    def part(self, condition: str) -> Iterator[tuple[str, dict[int, Home]]]:
        """A table of the rows alone for which a condition holds, and their kinds; it is gone after."""
        self._made += 1
        table = f"what_if_part_{self._made}"
        self.con.execute(f"CREATE TEMP TABLE {table} AS FROM what_if_row WHERE {condition}")
        kinds = self.con.execute(f"SELECT DISTINCT kind FROM {table} ORDER BY kind").fetchall()
        try:
            yield table, {kind: self.homes[kind] for (kind,) in kinds}
        finally:
            self.con.execute(f"DROP TABLE {table}")

    def answered(self, query: str, limits: Hashable) -> Found:
        """The columns of a query over the rows and limits; the latest questions' answers are kept."""
        key = (query, limits)
        if key not in self._answers:
            if len(self._answers) >= _KEPT_ANSWERS:
                self._answers.pop(next(iter(self._answers)))
            found = self.con.execute(query).fetchnumpy()
            self._answers[key] = {name: np.ma.getdata(values).astype(np.int64) for name, values in found.items()}
        else:
            self._answers[key] = self._answers.pop(key)  # the latest again
        return self._answers[key]

    def write(self, table: str, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A temporary table of these rows: numbers and truths."""
        self.con.register("what_if_given", pd.DataFrame(rows, columns=list(names)))
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM what_if_given")
        self.con.unregister("what_if_given")

    def _fill(self, wheres: tuple[Where, ...], dice: tuple[str, ...], *, caching: bool) -> None:
        condition, params = self.filters.sql()
        which = f"{_COUNTS} AND {condition}"
        epoch = self._epoch(which, params)
        self.con.execute(_filled(_KINDS, epoch=epoch, which=which), params)
        self.con.execute(_FEATURES.format(which=which), params)
        self._features = dict(self.con.execute("SELECT feature, number FROM what_if_feature").fetchall())
        asked, asked_params = _asked(wheres, dice)
        prefixes = {"mark": "0", "prefix": "NULL::BIGINT", "prefix_tokens": "NULL::INTEGER", "marked": "false"}
        joins = "LEFT JOIN what_if_feature f ON f.feature IS NOT DISTINCT FROM u.feature"
        if caching:
            self.con.execute(_filled(_PREFIXES, which=which), params)
            self.con.execute(_PREFIX_NAMES)
            prefixes = {
                "mark": "CAST('0x' || substr(md5(CAST(u.n AS VARCHAR)), 1, 10) AS BIGINT)",
                "prefix": "x.prefix",
                "prefix_tokens": "CAST((x.millionths * u.prompt_tokens + 500000) // 1000000 AS INTEGER)",
                "marked": "coalesce(x.marked, false)",
            }
            joins += "\nLEFT JOIN what_if_prefix x ON x.n = u.n"
        columns = ", feature" + "".join(f",\n           {sql} AS {name}" for name, sql in asked.items())
        named = ", f.number AS feature_number" + "".join(f", u.{name}" for name in asked)
        rows = _filled(_ROWS, epoch=epoch, which=which, asked=columns, named=named, prefixes=joins, **prefixes)
        self.con.execute(rows, [*asked_params, *params])
        self.con.execute("DROP TABLE IF EXISTS what_if_prefix")
        self._forget()
        self._count(condition, params)
        self.homes = {row[0]: self._home(*row[1:]) for row in self.con.execute(_HOMES).fetchall()}

    def _epoch(self, which: str, params: list[Any]) -> str:
        """How many changes of prices are before a request, as an expression; one time of prices has one epoch."""
        if self.moment:
            return "0"
        ends = f"SELECT min(started_at) AS first, max(started_at) AS last FROM usage WHERE {which}"
        changes = self.con.execute(
            f"SELECT DISTINCT change FROM (SELECT unnest([valid_from, valid_until]) AS change FROM price UNION ALL"
            f" SELECT unnest([valid_from, valid_until]) FROM rule_price), ({ends})"
            " WHERE change > first AND change <= last ORDER BY change",
            params,
        ).fetchall()
        return " + ".join(["0", *(f"CASE WHEN started_at >= TIMESTAMP '{at}' THEN 1 ELSE 0 END" for (at,) in changes)])

    def _home(
        self,
        model: str | None,
        provider: str | None,
        region: str | None,
        regional: bool,
        speed: str | None,
        tier: str | None,
        geo: str | None,
        moment: datetime,
        longest: int,
        most: int,
    ) -> Home:
        return Home(Kind(model, regional, speed, tier, geo, self.moment or moment), (provider, region), longest, most)

    def _count(self, condition: str, params: list[Any]) -> None:
        unpriced = "cost IS NULL AND unpriced_because <> 'no_price_on_date'"
        self.requests, self.unpriced = self.con.execute(
            f"SELECT count(*) FILTER (part = 0), count(*) FILTER (part = 0 AND {unpriced})"
            f" FROM usage WHERE {condition}",
            params,
        ).fetchall()[0]

    def _forget(self) -> None:
        for table in self._tables.values():
            self.con.execute(f"DROP TABLE IF EXISTS {table}")
        self._tables.clear()
        self._answers.clear()


_PREFIX_NAMES = (
    "CREATE OR REPLACE TEMP TABLE what_if_prefix_name AS"
    " SELECT prefix, any_value(hash) AS hash FROM what_if_prefix GROUP BY prefix"
)
_FEATURES = (
    "CREATE OR REPLACE TEMP TABLE what_if_feature AS SELECT feature, CAST(row_number() OVER () AS INTEGER) AS number"
    " FROM (SELECT DISTINCT feature FROM usage WHERE {which})"
)
_HOMES = (
    "SELECT kind, model, provider, region, regional, speed, service_tier, inference_geo, moment, longest, most"
    " FROM what_if_kind ORDER BY kind"
)


def _of_columns(where: Where) -> Where:
    """What of a lever's filter takes a column of the rows to tell: models and features are told without."""
    return tuple(pair for pair in where if pair[0] not in ("feature", "model"))


def _one_of(column: str, values: Iterable[int | None]) -> str:
    known = sorted(value for value in values if value is not None)
    return f"{column} IN ({', '.join(map(str, known))})" if known else "false"


def _filled(sql: str, **texts: str) -> str:
    for name, text in texts.items():
        sql = sql.replace(f"{{{name}}}", text)
    return sql


def _asked(wheres: Sequence[Where], dice: Sequence[str]) -> tuple[dict[str, str], list[Any]]:
    """Columns of whom the levers are for: name and expression over `usage`, and parameters.

    The dice of a request are digits of the MD5 of a lever's name and its key: the same everywhere, for good.
    """
    columns: dict[str, str] = {}
    params: list[Any] = []
    for number, where in enumerate(wheres):
        sql, values = Filters(where=where).sql()
        columns[f"member_{number}"] = f"coalesce({sql}, false)"
        params += values
    for name in dice:
        columns[f"dice_{name}"] = f"CAST('0x' || substr(md5('{name}' || request_key), 1, 6) AS INTEGER)"
    return columns, params
