"""`python -m spend opportunities`: what would save money, found unasked."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from spend.commands.asked import add_filters, add_store, filters_of, opened, say
from spend.levers.lever import told
from spend.opportunities import Opportunity
from spend.opportunities.ranked import opportunities
from spend.spikes.words import printable
from store.money import usd

HELP = "what would save money, most first: each with the levers to put to `what-if`"
FORMATS = ("table", "json")


def arguments(parser: ArgumentParser) -> None:
    """What is asked, and how it is told."""
    add_store(parser)
    add_filters(parser)
    parser.add_argument("--format", choices=FORMATS, default="table")


def run(args: Namespace) -> int:
    """Prints the findings, largest saving first."""
    filters = filters_of(args)
    with opened(args) as store:
        found = opportunities(store.cursor(), filters)
    if args.format == "json":
        say(json.dumps([record(one) for one in found], indent=2, ensure_ascii=False))
    else:
        say(_table(found))
    return 0


def record(one: Opportunity) -> dict[str, object]:
    """A finding for programs: money as exact decimal strings of dollars, levers as `what-if` takes them."""
    return {
        "kind": one.kind,
        "feature": one.feature,
        "model": one.model,
        "title": one.title,
        "why": one.why,
        "confidence": one.confidence,
        "saving_usd": usd(one.saving),
        "month_usd": usd(one.month),
        "adds_usd": usd(one.adds),
        "at_most_month_usd": None if one.at_most_month is None else usd(one.at_most_month),
        "levers": [told(lever) for lever in one.levers],
    }


def _table(found: Sequence[Opportunity]) -> str:
    if not found:
        return "Nothing found."
    lines = [("USD a month", "adds", "confidence", "")]
    lines += [(*_money(one), one.confidence, printable(one.title)) for one in found]
    widths = [max(len(line[n]) for line in lines) for n in range(3)]
    text = []
    for line, one in zip(lines, [None, *found], strict=True):
        text.append("  ".join([line[0].rjust(widths[0]), line[1].rjust(widths[1]), line[2].ljust(widths[2]), line[3]]))
        if one and one.levers:
            text.append(" " * (sum(widths) + 6) + " ".join(f"--lever {printable(told(lever))}" for lever in one.levers))
    return "\n".join(line.rstrip() for line in text)


def _money(one: Opportunity) -> tuple[str, str]:
    if one.levers:
        return f"{_cents(one.month)}", f"{_cents(one.adds_month)}"
    return ("", "") if one.at_most_month is None else (f"<= {_cents(one.at_most_month)}", "")


def _cents(picos: int) -> str:
    cents = (abs(picos) + 5 * 10**9) // 10**10
    return f"{'-' if picos < 0 else ''}{cents // 100:,}.{cents % 100:02d}"
