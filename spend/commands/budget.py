"""`python -m spend budget`: what may be spent, how much of it is, and when it will be passed."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from datetime import date

from spend.budgets import BudgetState, budget_of, budgets_of, keep_budget, record, remove_budget, standing, today_of
from spend.commands.asked import add_store, opened, say
from spend.filters import zone_of
from spend.spikes.settings import settings_of
from spend.spikes.words import day_words, money, printable, scope_words

HELP = "what may be spent, how much of it is, and when it will be passed"
CROSSED, PROJECTED = "crossed", "projected"


def arguments(parser: ArgumentParser) -> None:
    """Which budgets to keep or take away, and how they are told."""
    add_store(parser)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="feature=search:month=500",
        help="keep a budget: account, feature=NAME or user=NAME, month or day, and dollars; may be repeated",
    )
    parser.add_argument(
        "--remove", action="append", default=[], metavar="feature=search:month", help="take one away; may be repeated"
    )
    parser.add_argument("--timezone", help="IANA name days are counted in (default: as set in the store, else UTC)")
    parser.add_argument("--on", type=date.fromisoformat, help="the day to look from (default: today)")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument(
        "--fail-on", choices=(CROSSED, PROJECTED), help="exit with 1 when one is crossed, or also is likely to be"
    )


def run(args: Namespace) -> int:
    """Keeps and takes away what it is told to, then prints where every budget stands."""
    wanted = [budget_of(text) for text in args.set]
    if args.timezone:
        zone_of(args.timezone)
    with opened(args) as store:
        for text in args.remove:
            remove_budget(store, text)
        for budget in wanted:
            keep_budget(store, budget)
        con = store.cursor()
        zone = args.timezone or settings_of(con).timezone or "UTC"
        states = standing(con, budgets_of(con), zone, args.on or today_of(con, zone))
    if args.format == "json":
        say(json.dumps([record(state) for state in states], indent=2, ensure_ascii=False))
    else:
        say(_table(states))
    failing = args.fail_on and any(_failing(state, args.fail_on) for state in states)
    return 1 if failing else 0


def _failing(state: BudgetState, on: str) -> bool:
    return state.crossed or (on == PROJECTED and state.will_be_crossed)


def _table(states: list[BudgetState]) -> str:
    if not states:
        return "No budgets. Keep one with --set account:month=500, or --set feature=search:day=20."
    heads = ["budget", "period", "spent", "of", "projected", ""]
    lines = [heads, *(_line(state) for state in states)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(heads))]
    right = range(2, 5)
    return "\n".join(
        "  ".join(
            cell.rjust(widths[n]) if n in right else cell.ljust(widths[n]) for n, cell in enumerate(line)
        ).rstrip()
        for line in lines
    )


def _line(state: BudgetState) -> list[str]:
    budget = state.budget
    when = f"{state.since:%Y-%m}" if budget.period == "month" else state.since.isoformat()
    return [
        printable(scope_words(budget.where)),
        when,
        money(state.spent),
        money(budget.amount),
        money(state.projected),
        _outlook(state),
    ]


def _outlook(state: BudgetState) -> str:
    if state.passed_on:
        return f"crossed on {day_words(state.passed_on)}"
    said = []
    if state.low is not None and state.high is not None:
        said.append(f"{money(state.low)} to {money(state.high)}")
    if state.probability is not None:
        said.append(f"{state.probability:.0%} likely to be crossed")
    if state.breach_on:
        first, last = state.earliest, state.latest
        span = f" ({day_words(first)} to {day_words(last) if last else 'not at all'})" if first else ""
        said.append(f"on {day_words(state.breach_on)}{span}")
    if state.rough:
        said.append("little history")
    return ", ".join(said)
