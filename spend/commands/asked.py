"""What the questions have in common: of which store, which period and which requests, and where the answer goes."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from pathlib import Path
from typing import TextIO

from spend.filters import Filters, WrongQuestion
from store.connection import Store, StoreBusy, default_path, open_store
from store.dashboard import running

PATIENCE = 2  # seconds
_held: ContextVar[Store | None] = ContextVar("held", default=None)
_out: ContextVar[TextIO | None] = ContextVar("out", default=None)
_errors: ContextVar[TextIO | None] = ContextVar("errors", default=None)


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


def store_path(args: Namespace) -> Path:
    """The store that ``add_store`` was given."""
    return args.db or default_path()


@contextmanager
def opened(args: Namespace) -> Iterator[Store]:
    """The store that ``add_store`` was given; a load that holds it for a moment is waited for, a dashboard is not.

    Raises WrongQuestion when there is none, else StoreError as ``open_store`` does.
    """
    held = _held.get()
    if held is not None:
        yield held
        return
    path = store_path(args)
    if not path.exists():
        raise WrongQuestion(f"there is no store at {path}; load logs first: python -m ingest PATH...")
    with _patiently(path) as store:
        yield store


def say(text: str) -> None:
    """A line of the answer."""
    _print(text, _out.get() or sys.stdout)


def warn(text: str) -> None:
    """A line about the answer, or in place of one."""
    _print(text, _errors.get() or sys.stderr)


def _print(text: str, out: TextIO) -> None:
    """What the terminal has no sign for is spelt out, as \\u20ac."""
    encoding = out.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=out)


@contextmanager
def answering(store: Store, out: TextIO, errors: TextIO) -> Iterator[None]:
    """Inside, questions of this thread are asked of a store that is open already, and answered into these."""
    here, told, warned = _held.set(store), _out.set(out), _errors.set(errors)
    try:
        yield
    finally:
        _held.reset(here)
        _out.reset(told)
        _errors.reset(warned)


def _patiently(path: Path) -> Store:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return open_store(path)
        except StoreBusy:
            if time.monotonic() > until or running(path):
                raise
            time.sleep(0.1)


def _pair(text: str) -> tuple[str, str | None]:
    dimension, equals, value = text.partition("=")
    if not equals:
        raise WrongQuestion(f"--where {text}: write DIMENSION=VALUE, such as --where feature=search")
    return dimension, value or None
