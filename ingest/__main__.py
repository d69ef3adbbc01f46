"""`python -m ingest PATH...`: log files into the store, with a summary that adds up."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from ingest.access import USUAL_URL, access_of
from ingest.formats import WrongFormat
from ingest.handover import HandOverFailed, at_terminal, clear_terminal, hand_over, running
from ingest.load import NothingToLoad, load
from ingest.options import LoadOptions
from ingest.progress import shown
from ingest.summary import Summary, told
from store.connection import StoreBusy, StoreError, default_path, open_store
from store.prices import PriceListError


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 done but --strict found rejected lines or unpriced requests, 2 wrong call."""
    parser = _arguments()
    args = parser.parse_args(argv)
    if bool(args.paths) == args.token:
        parser.error("name log files or folders to load, or ask for --token alone")
    try:
        if args.token:
            _print_token(_store(args.db), as_json=args.json)
            return 0
        summary = _summary(args)
    except (NothingToLoad, WrongFormat, StoreError, PriceListError, OSError, HandOverFailed, _WrongCall) as error:
        print(f"ingest: {error}", file=sys.stderr)
        return 2
    print(json.dumps(summary.as_json()) if args.json else summary.as_text())
    return 1 if args.strict and (summary.rejected or summary.unpriced) else 0


class _WrongCall(ValueError):
    pass


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ingest",
        description="Load usage logs of Claude API calls. While the dashboard runs, it loads them.",
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="a log file, or a folder of log files")
    parser.add_argument("--db", type=Path, help="the store (default: $SPENDGLASS_DB, else data/usage.duckdb)")
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
    parser.add_argument("--origin", default="command line", help=argparse.SUPPRESS)
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


def _summary(args: argparse.Namespace) -> Summary:
    """What was loaded, by this process or by the dashboard that holds the store."""
    field_map = dict(_pair(text) for text in args.map)
    options = LoadOptions(format=args.format, field_map=field_map, origin=args.origin)
    path = _store(args.db)
    watched = sys.stderr.isatty()
    try:
        with open_store(path) as store, shown(store) if watched else nullcontext() as progress:
            return told(load(store, args.paths, options=options, progress=progress))
    except StoreBusy:
        try:
            handed_over = hand_over(path, args.paths, options, progress=at_terminal if watched else None)
        finally:
            if watched:
                clear_terminal()
        if handed_over is None:
            raise
        return handed_over


def _print_token(store: Path, *, as_json: bool) -> None:
    found = running(store)
    url = f"{found[0].url if found else USUAL_URL}/api/ingest"
    token = access_of(store).ingest
    print(json.dumps({"url": url, "token": token}) if as_json else f"POST {url}\nAuthorization: Bearer {token}")
    if not found:
        print("ingest: the dashboard does not run; that is its usual address.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
