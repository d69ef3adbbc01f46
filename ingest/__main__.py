"""`python -m ingest PATH...`: log files into the store, with a summary that adds up."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from ingest.by_whom import loaded
from ingest.follow import follow
from ingest.formats import WrongFormat
from ingest.handover import HandOverFailed
from ingest.load import NothingToLoad
from ingest.options import LoadOptions
from ingest.standard_input import NAME, InputError, spooled, sweep
from store.access import USUAL_URL, access_of
from store.connection import StoreError, default_path
from store.dashboard import running
from store.prices import PriceListError

PIPED = "-"
PATIENCE = 1.0  # seconds for which another process, such as one that follows a log, may hold the store


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 done but --strict found rejected lines or unpriced requests, 2 wrong call."""
    parser = _arguments()
    args = parser.parse_args(argv)
    if bool(args.paths) == args.token or (args.token and args.follow):
        parser.error("name log files or folders to load, or ask for --token alone")
    try:
        if args.token:
            _print_token(_store(args.db), as_json=args.json)
            return 0
        is_bad = _followed(args) if args.follow else _loaded(args)
    except (
        *(NothingToLoad, WrongFormat, StoreError, PriceListError, OSError, HandOverFailed),
        *(InputError, _WrongCall),
    ) as error:
        print(f"ingest: {error}", file=sys.stderr)
        return 2
    return 1 if args.strict and is_bad else 0


class _WrongCall(ValueError):
    pass


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ingest",
        description="Load usage logs of Claude API calls. While the dashboard runs, it loads them.",
    )
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="a log file, a folder of log files, or - for standard input"
    )
    parser.add_argument("--db", type=Path, help="the store (default: $SPENDGLASS_DB, else data/usage.duckdb)")
    parser.add_argument("--follow", action="store_true", help="go on loading what is written, until Ctrl-C")
    parser.add_argument("--format", help="read as this format instead of recognising it by content")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="OURS=THEIRS",
        help="where the log holds a field, e.g. user=who.id",
    )
    parser.add_argument("--strict", action="store_true", help="exit 1 when a line was rejected or a request unpriced")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--token", action="store_true", help="print what an app needs to post its logs")
    parser.add_argument("--origin", help=argparse.SUPPRESS)
    return parser


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not (ours and equals and theirs):
        raise _WrongCall(f"--map {text}: write OURS=THEIRS, such as --map feature=app.name")
    return ours, theirs


def _store(named: Path | None) -> Path:
    """The store's path without symbolic links, since DuckDB keeps its journal beside the name it is given."""
    path = named or default_path()
    return path if str(path) == ":memory:" else path.resolve()


def _options(args: argparse.Namespace, origin: str) -> LoadOptions:
    field_map = dict(_pair(text) for text in args.map)
    return LoadOptions(format=args.format, field_map=field_map, origin=args.origin or origin)


def _loaded(args: argparse.Namespace) -> bool:
    """Loads once, in this process or in the dashboard that holds the store; was there anything --strict minds?"""
    options, store = _options(args, "command line"), _store(args.db)
    if args.paths.count(PIPED) > 1:
        raise _WrongCall("- is named twice, but there is one standard input.")
    sweep(store)
    with spooled(store) if PIPED in args.paths else nullcontext() as piped:
        if piped:
            options = replace(options, number_lines=True, names={piped: NAME})
        paths = [piped if piped and path == PIPED else Path(path) for path in args.paths]
        summary = loaded(store, paths, options, patience=PATIENCE)
    print(json.dumps(summary.as_json()) if args.json else summary.as_text())
    return bool(summary.rejected or summary.unpriced)


def _followed(args: argparse.Namespace) -> bool:
    """Loads until it is stopped; was there anything --strict minds?"""
    options, store = _options(args, "follow"), _store(args.db)
    if PIPED in args.paths:
        raise _WrongCall("standard input cannot be followed. Leave --follow out: it is read until it ends.")
    if str(store) == ":memory:":
        raise _WrongCall("--follow needs a store that is kept: name a file with --db.")
    sweep(store)
    total = follow(store, [Path(path) for path in args.paths], options, as_json=args.json)
    return bool(total.counts["rejected"] or total.counts["unpriced"])


def _print_token(store: Path, *, as_json: bool) -> None:
    found = running(store)
    url = f"{found[0].url if found else USUAL_URL}/api/ingest"
    token = access_of(store).ingest
    print(json.dumps({"url": url, "token": token}) if as_json else f"POST {url}\nAuthorization: Bearer {token}")
    if not found:
        print("ingest: the dashboard does not run; that is its usual address.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
