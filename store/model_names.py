"""The table `model_name`: which model each logged name means, learnt before rows that bear the name are priced."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from duckdb import DuckDBPyConnection

from store.models import ModelNames, resolve

if TYPE_CHECKING:
    from store.prices import PriceList

Logged = tuple[str, str | None, str | None]  # model, provider, region, as logged


class LoggedModels:
    """The names of one transaction, by a price list."""

    def __init__(self, con: DuckDBPyConnection, prices: PriceList) -> None:
        self._con = con
        self._names = ModelNames.of(prices)
        self._known: set[Logged] = set(con.execute("SELECT model_logged, provider, region FROM model_name").fetchall())
        self._foreseen: list[Logged] = []

    def learn(self, logged: Iterable[Logged]) -> list[str]:
        """Resolves the names not known yet, and says which of them mean a model of the price list."""
        new = [one for one in dict.fromkeys(logged) if one not in self._known]
        if not new:
            return []
        self._known.update(new)
        found = [resolve(*one, self._names) for one in new]
        columns = [list(column) for column in zip(*new, strict=True)]
        self._con.execute(
            """INSERT INTO model_name (model_logged, provider, region, model, regional, assumption)
               SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[]),
                      unnest(?::VARCHAR[]), unnest(?::BOOLEAN[]), unnest(?::VARCHAR[])""",
            [
                *columns,
                [one.model for one in found],
                [one.regional for one in found],
                [one.assumption for one in found],
            ],
        )
        return [name for (name, _, _), one in zip(new, found, strict=True) if one.model is not None]

    def foresee(self, logged: Iterable[Logged]) -> None:
        """Learns what rows to come will bear most likely: these, and all listed names where these were served."""
        seen = set(logged)
        listed = sorted({*self._names.listed, *self._names.canonical})
        for one in (*seen, *((name, *place) for place in {one[1:] for one in seen} for name in listed)):
            if one not in self._known:
                self._foreseen.append(one)
                self.learn([one])

    def keep_only(self, of: str) -> None:
        """Drops what was foreseen and is not in the rows that meet ``of``, a condition on `usage`."""
        if self._foreseen:
            self._drop(set(self._foreseen) - set(self.logged(of)))
            self._foreseen.clear()

    def logged(self, of: str = "true", *, table: str = "usage") -> list[Logged]:
        """The names in the rows of a table that meet a condition."""
        query = f"SELECT DISTINCT model_logged, provider, region FROM {table} WHERE model_logged IS NOT NULL AND ({of})"
        return self._con.execute(query).fetchall()

    def forget_unused(self) -> None:
        """Drops the names that no row bears any more."""
        self._drop(self._known - set(self.logged()))

    def forget_all(self) -> None:
        """Drops every name."""
        self._con.execute("DELETE FROM model_name")
        self._known.clear()

    def _drop(self, names: set[Logged]) -> None:
        self._known -= names
        columns = [list(column) for column in zip(*names, strict=True)] or [[], [], []]
        self._con.execute(
            """DELETE FROM model_name AS n USING (
                   SELECT unnest(?::VARCHAR[]) AS model_logged, unnest(?::VARCHAR[]) AS provider,
                          unnest(?::VARCHAR[]) AS region) AS gone
               WHERE n.model_logged = gone.model_logged AND n.provider IS NOT DISTINCT FROM gone.provider
               AND n.region IS NOT DISTINCT FROM gone.region""",
            columns,
        )
