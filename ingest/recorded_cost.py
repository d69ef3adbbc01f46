"""The cost a log wrote down itself, held against what its tokens cost: compared and said, never summed."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from store.money import usd


def findings(con: DuckDBPyConnection, first: int) -> dict[int, str]:
    """For each file from id ``first`` on that recorded costs, in a sentence, how they compare with the list price.

    A recorded cost contradicts its tokens when it is off by more than 1 % and more than a thousandth of a cent.
    """
    where = "file_id >= ? AND part = 0 AND recorded_cost_picos IS NOT NULL"
    if not con.execute(f"SELECT count(*) FROM usage WHERE {where}", [first]).fetchall()[0][0]:
        return {}
    compared = con.execute(
        f"""
        SELECT file_id, count(*), count(request_cost), sum(recorded_cost_picos), sum(request_cost),
               count(*) FILTER (abs(recorded_cost_picos - request_cost) > greatest(request_cost // 100, 10000000)),
               sum(recorded_cost_picos) FILTER (request_cost IS NOT NULL)
        FROM usage WHERE {where}
        GROUP BY file_id
        """,
        [first],
    ).fetchall()
    return {row[0]: _sentence(*row[1:]) for row in compared}


def _sentence(
    recorded: int, priced: int, recorded_sum: int, list_sum: int | None, contradicting: int, comparable: int | None
) -> str:
    if not priced:
        return (
            f"{recorded:,} requests carry a cost of their own, ${usd(recorded_sum)} in all, but cannot be priced from "
            "their tokens; the recorded figure is kept beside each request and counted nowhere."
        )
    if not contradicting:
        return f"The log's own cost of {recorded:,} requests agrees with their tokens at list price."
    return (
        f"{contradicting:,} of {priced:,} recorded costs contradict their tokens at list price: the log says "
        f"${usd(comparable or 0)}, the tokens cost ${usd(list_sum or 0)}. Spend is counted from the tokens."
    )
