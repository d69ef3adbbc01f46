"""`python -m spend report`: spend by anything, as a table, JSON or CSV."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from spend.breakdown import breakdown, total
from spend.commands.asked import add_filters, add_store, filters_of, opened, say
from spend.report import FORMATS, render

HELP = "spend by any combination of time, feature, model, user, ..."


def arguments(parser: ArgumentParser) -> None:
    """What is asked, and how it is told."""
    add_store(parser)
    parser.add_argument(
        "--by",
        type=lambda text: [name.strip() for name in text.split(",") if name.strip()],
        default=[],
        metavar="day,feature,...",
        help="hour, day, week or month; feature, model, user, session, tier, stop_reason, tag, tag:NAME",
    )
    add_filters(parser)
    parser.add_argument("--format", choices=FORMATS, default="table")


def run(args: Namespace) -> int:
    """Prints the breakdown; the table ends with its total."""
    filters = filters_of(args)
    with opened(args) as store:
        con = store.cursor()
        say(render(args.format, args.by, breakdown(con, filters, args.by), total(con, filters)))
    return 0
