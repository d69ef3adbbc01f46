"""`python -m spend report`: the dashboard's questions, from a shell."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from spend.breakdown import breakdown, total
from spend.filters import Filters, WrongQuestion
from spend.report import FORMATS, render
from store.connection import Store, StoreBusy, StoreError, default_path, open_store
from store.prices import PriceListError

PATIENCE = 2  # seconds


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 2 wrong call."""
    args = _arguments().parse_args(argv)
    try:
        filters = Filters(args.since, args.until, args.timezone, tuple(_pair(text) for text in args.where))
        path = args.db or default_path()
        if not path.exists():
            raise WrongQuestion(f"there is no store at {path}; load logs first: python -m ingest PATH...")
        with _opened(path) as store:
            con = store.cursor()
            print(render(args.format, args.by, breakdown(con, filters, args.by), total(con, filters)))
    except (WrongQuestion, StoreError, PriceListError) as error:
        print(f"spend: {error}", file=sys.stderr)
        return 2
    return 0


def _opened(path: Path) -> Store:
    """The store; a load that holds it for a moment is waited for."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return open_store(path)
        except StoreBusy:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m spend", description="Questions about spend.")
    commands = parser.add_subparsers(required=True, metavar="QUESTION")
    report = commands.add_parser("report", help="spend by any combination of time, feature, model, user, ...")
    report.add_argument("--db", type=Path, help="the store (default: $SPENDGLASS_DB, else data/usage.duckdb)")
    report.add_argument(
        "--by",
        type=lambda text: [name.strip() for name in text.split(",") if name.strip()],
        default=[],
        metavar="day,feature,...",
        help="hour, day, week or month; feature, model, user, session, tier, stop_reason, tag, tag:NAME",
    )
    report.add_argument("--since", type=date.fromisoformat, help="first local day, e.g. 2026-11-01")
    report.add_argument("--until", type=date.fromisoformat, help="the local day after the last")
    report.add_argument("--timezone", default="UTC", help="IANA name the days are counted in (default UTC)")
    report.add_argument(
        "--where", action="append", default=[], metavar="feature=x", help="only these; several of one are alternatives"
    )
    report.add_argument("--format", choices=FORMATS, default="table")
    return parser


def _pair(text: str) -> tuple[str, str | None]:
    dimension, equals, value = text.partition("=")
    if not equals:
        raise WrongQuestion(f"--where {text}: write DIMENSION=VALUE, such as --where feature=search")
    return dimension, value or None


if __name__ == "__main__":
    sys.exit(main())
