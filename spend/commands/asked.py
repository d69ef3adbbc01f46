"""What the questions have in common: of which store, which period and which requests."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from datetime import date
from pathlib import Path

from spend.filters import Filters, WrongQuestion
from store.connection import Store, StoreBusy, default_path, open_store

PATIENCE = 2  # seconds


def add_store(parser: ArgumentParser) -> None:
    """--db"""
    parser.add_argument("--db", type=Path, help="the store (default: $SPENDGLASS_DB, else data/usage.duckdb)")


def add_filters(parser: ArgumentParser) -> None:
    """--since, --until, --timezone, --where"""
    parser.add_argument("--since", type=date.fromisoformat, help="first local day, e.g. 2026-11-01")
    parser.add_argument("--until", type=date.fromisoformat, help="the local day after the last")
    parser.add_argument("--timezone", default="UTC", help="IANA name the days are counted in (default UTC)")
    parser.add_argument(
        "--where", action="append", default=[], metavar="feature=x", help="only these; several of one are alternatives"
    )


def filters_of(args: Namespace) -> Filters:
    """What ``add_filters`` was given."""
    return Filters(args.since, args.until, args.timezone, tuple(_pair(text) for text in args.where))


def opened(args: Namespace) -> Store:
    """The store that ``add_store`` was given; a load that holds it for a moment is waited for.

    Raises WrongQuestion when there is none, else StoreError as ``open_store`` does.
    """
    path = args.db or default_path()
    if not path.exists():
        raise WrongQuestion(f"there is no store at {path}; load logs first: python -m ingest PATH...")
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return open_store(path)
        except StoreBusy:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _pair(text: str) -> tuple[str, str | None]:
    dimension, equals, value = text.partition("=")
    if not equals:
        raise WrongQuestion(f"--where {text}: write DIMENSION=VALUE, such as --where feature=search")
    return dimension, value or None
