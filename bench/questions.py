"""What every page asks of a store, over millions of requests: each page's questions one after the other, uncached.

    python bench/questions.py [--requests 2000000] [--runs 5] [--no-reference] [--no-reprice]

A store of so many made-up requests is kept in bench/out: 18 weeks, 50 features, 12 models, 5,000 users, a load for
each million. A row is a page with a filter and a period: the time of all its questions together, the filter bar's
included, the slowest of them, and the ratio to the same questions answered straight from the requests. Then a price
list is changed: in nothing, in one model, in every price.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.made_up import made_up  # noqa: E402
from ingest.history import loads  # noqa: E402
from spend import sources  # noqa: E402
from spend.breakdown import amounts, breakdown, costs, covers, period, total  # noqa: E402
from spend.coverage import covered, listed_prices, requests_by_day, unpriced  # noqa: E402
from spend.filters import Filters  # noqa: E402
from spend.forecast import month_end  # noqa: E402
from spend.price_changes import price_changes  # noqa: E402
from spend.request import request  # noqa: E402
from spend.requests import cost_spread, count_of_requests, page_of_requests  # noqa: E402
from spend.trends import by_time, moves, trend, weekday_hours  # noqa: E402
from store.connection import Store, open_store  # noqa: E402

ZONE = "Europe/Paris"
NAMES = {"feature": "support-answers", "model": "claude-opus-5", "user": "u_0012"}
INSIDE = {"feature": ("model", "user"), "model": ("feature", "user"), "user": ("feature", "model")}

Question = tuple[str, Callable[[Any], object]]


@dataclass(frozen=True)
class Asked:
    """What the filter bar says: the question, the equal period before, and the day it is asked on."""

    store: Store
    filters: Filters
    before: Filters | None
    today: date

    def answer(self, question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with self.store.cursor() as con:
            return question(con, *args, **kwargs)

    def narrowed(self, dimension: str, name: str) -> Asked:
        before = self.before.narrowed(dimension, name) if self.before else None
        return replace(self, filters=self.filters.narrowed(dimension, name), before=before)

    @property
    def grain(self) -> str:
        since, until = self.answer(period, self.filters)
        return "day" if (until - since).days <= 100 else "week"


# ── what the pages ask, as ui/ and pages/ do ────────────────────────────────────────────────────────────────────────


def bar() -> Iterator[Question]:
    yield "total", lambda con: total(con, Filters())
    yield "covers", lambda con: covers(con, ZONE)
    for dimension in NAMES:
        yield f"names of {dimension}s", partial(amounts, filters=Filters(), by=(dimension,), limit=200)


def overview(asked: Asked) -> Iterator[Question]:
    yield from spend(asked)
    yield "month end", partial(month_end, filters=asked.filters, today=asked.today)
    until = asked.today + timedelta(days=1)
    moving = asked.filters if asked.before else replace(asked.filters, since=until - timedelta(days=7), until=until)
    yield "moves", partial(moves, filters=moving, by="feature")
    yield from chart(asked)
    yield "trend", partial(trend, filters=asked.filters, by="feature", grain=asked.grain, limit=6)
    for dimension in NAMES:
        yield from bars(asked, dimension, 6)


def ranking(dimension: str, asked: Asked) -> Iterator[Question]:
    yield from spend(asked)
    top = partial(breakdown, filters=asked.filters, by=(dimension,), limit=100)
    yield f"top {dimension}s", top
    names = [row.key[0] for row in asked.answer(top)]
    yield from before(asked, dimension, names)
    yield "trends", partial(amounts, filters=only(asked.filters, dimension, names), by=(dimension, asked.grain))


def entity(dimension: str, whole: Asked) -> Iterator[Question]:
    yield "total of all", partial(total, filters=whole.filters)
    asked = whole.narrowed(dimension, NAMES[dimension])
    filters = asked.filters
    yield from spend(asked)
    yield "spread", partial(cost_spread, filters=filters)
    yield from chart(asked)
    yield "weekday hours", partial(weekday_hours, filters=filters)
    for inside in INSIDE[dimension]:
        yield from bars(asked, inside, 5)
    yield "count", partial(count_of_requests, filters=filters)
    yield "requests", partial(page_of_requests, filters=filters, limit=25)


def data(_: Asked) -> Iterator[Question]:
    yield "loads", loads
    yield "covered", covered
    yield "days", partial(requests_by_day, timezone=ZONE)


def unpriced_list(asked: Asked) -> Iterator[Question]:
    yield from data(asked)
    yield "unpriced", unpriced
    yield "prices", listed_prices


def one_request(asked: Asked) -> Iterator[Question]:
    [found] = asked.answer(page_of_requests, Filters(where=(("user", NAMES["user"]),)), limit=1, offset=50)
    yield "request", partial(request, request_key=found.request_key, at=found.started_at)


def deep(asked: Asked) -> Iterator[Question]:
    """The table of requests of a model, 100,000 down."""
    filters = asked.filters.narrowed("model", NAMES["model"])
    for order in ("cost", "time"):
        yield f"by {order}", partial(page_of_requests, filters=filters, order=order, limit=25, offset=100_000)


def spend(asked: Asked) -> Iterator[Question]:
    yield "total", partial(total, filters=asked.filters)
    if asked.before:
        yield "total before", partial(amounts, filters=asked.before, by=())


def chart(asked: Asked) -> Iterator[Question]:
    yield "period", partial(period, filters=asked.filters)
    yield "by time", partial(by_time, filters=asked.filters, grain=asked.grain)
    yield "price changes", partial(price_changes, filters=asked.filters)
    yield "days", partial(requests_by_day, timezone=ZONE)


def bars(asked: Asked, dimension: str, limit: int) -> Iterator[Question]:
    top = partial(costs, filters=asked.filters, by=(dimension,), limit=limit)
    yield f"top {dimension}s", top
    yield from before(asked, dimension, [name for (name,) in asked.answer(top)])


def before(asked: Asked, dimension: str, names: list[str | None]) -> Iterator[Question]:
    if asked.before and names:
        then = only(asked.before, dimension, names)
        yield f"{dimension}s before", partial(amounts, filters=then, by=(dimension,))


def only(filters: Filters, dimension: str, names: list[str | None]) -> Filters:
    kept = [pair for pair in filters.where if pair[0] != dimension]
    return replace(filters, where=(*kept, *((dimension, name) for name in names)))


PAGES: dict[str, Callable[[Asked], Iterator[Question]]] = {
    "overview": overview,
    **{f"{dimension}s": partial(ranking, dimension) for dimension in NAMES},
    **{f"one {dimension}": partial(entity, dimension) for dimension in NAMES},
}
OTHERS = {"data": data, "data, unpriced": unpriced_list, "one request": one_request, "requests, deep": deep}


# ── the measurement ─────────────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-reference", action="store_true")
    parser.add_argument("--no-reprice", action="store_true")
    args = parser.parse_args()
    path = made_up(args.requests)
    with open_store(path) as store:
        print(f"{args.requests:,} requests, {path.stat().st_size / 1e6:,.0f} MB; {_load()}")
        print(f"{'page':<15}{'filter':<9}{'period':<8}{'ms':>7}   slowest question{'ratio':>19}")
        for what, asked in asked_of(store):
            for name, page in {**PAGES, **({} if asked.filters.where else OTHERS)}.items():
                ours, slowest, longest = _time(asked, page, args.runs)
                ratio = ""
                if not args.no_reference:
                    with _straight():
                        ratio = f"{ours / _time(asked, page, 1)[0]:.2f}"
                print(f"{name:<15}{what}{ours:>7.0f}   {slowest:<20} {longest:4.0f} {ratio:>9}", flush=True)
        if not args.no_reprice:
            _reprice(store)
        print(_load())


def asked_of(store: Store) -> Iterator[tuple[str, Asked]]:
    """No filter and one of each dimension; the last 30 days and everything."""
    with store.cursor() as con:
        _, until = covers(con, ZONE) or (date(2026, 1, 1), date(2026, 1, 2))
    last = Filters(until - timedelta(days=30), until, ZONE)
    for dimension, name in ((None, ""), *NAMES.items()):
        for words, filters in (("30 days", last), ("all", Filters(timezone=ZONE))):
            asked = Asked(store, filters, filters.previous() if filters.since else None, until - timedelta(days=1))
            yield f"{dimension or '':<9}{words:<8}", asked.narrowed(dimension, name) if dimension else asked


def _time(asked: Asked, page: Callable[[Asked], Iterator[Question]], runs: int) -> tuple[float, str, float]:
    """Median milliseconds of a page's questions, its slowest question and that one's median."""
    questions = [*(bar() if page in PAGES.values() else ()), *page(asked)]
    times: dict[str, list[float]] = {name: [] for name, _ in questions}
    pages = []
    for number in range(runs + (runs > 1)):
        took = []
        for name, question in questions:
            began = time.perf_counter()
            asked.answer(question)
            took.append(1000 * (time.perf_counter() - began))
            times[name].append(took[-1])
        if number or runs == 1:  # the first time reads the file
            pages.append(sum(took))
    slowest, found = max(times.items(), key=lambda pair: statistics.median(pair[1]))
    return statistics.median(pages), slowest, statistics.median(found)


@contextmanager
def _straight() -> Iterator[None]:
    """Every question answered from the requests themselves."""
    kept, sources.COARSEST_FIRST = sources.COARSEST_FIRST, ()
    try:
        yield
    finally:
        sources.COARSEST_FIRST = kept


def _reprice(store: Store) -> None:
    listed = store.prices
    one = [replace(p, output=2 * (p.output or 0)) if p.model == NAMES["model"] else p for p in listed.prices]
    every = [replace(p, uncached_input=2 * (p.uncached_input or 0), output=3 * (p.output or 0)) for p in listed.prices]
    changes = {
        "nothing": listed.prices,
        "one model": tuple(one),
        "every price": tuple(every),
        "all back": listed.prices,
    }
    for what, prices in changes.items():
        began, worked = time.perf_counter(), time.process_time()
        store.reprice(replace(listed, prices=prices))
        said = f"{time.perf_counter() - began:5.1f} s ({time.process_time() - worked:.1f} s of processor)"
        print(f"prices changed: {what:<12} {said}; {_load()}", flush=True)


def _load() -> str:
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


if __name__ == "__main__":
    main()
