"""`python -m ingest PATH...`: log files into the store, with a summary that adds up."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from ingest.formats import WrongFormat
from ingest.load import LoadSummary, NothingToLoad, load
from ingest.options import LoadOptions
from ingest.progress import shown
from store.connection import StoreError, default_path, open_store
from store.money import usd
from store.prices import PriceListError

SHOWN_REJECTS = 10


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 done but --strict found rejected lines or unpriced requests, 2 wrong call."""
    args = _arguments().parse_args(argv)
    try:
        field_map = dict(_pair(text) for text in args.map)
        options = LoadOptions(format=args.format, field_map=field_map, origin=args.origin)
        at_terminal = sys.stderr.isatty()
        with open_store(args.db or default_path()) as store, shown(store) if at_terminal else nullcontext() as progress:
            summary = load(store, args.paths, options=options, progress=progress)
    except (NothingToLoad, WrongFormat, StoreError, PriceListError, OSError, _WrongCall) as error:
        print(f"ingest: {error}", file=sys.stderr)
        return 2
    if args.json:
        print(json.dumps(_as_json(summary)))
    else:
        _print(summary)
    return 1 if args.strict and (summary.rejected or summary.unpriced) else 0


class _WrongCall(ValueError):
    pass


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ingest", description="Load usage logs of Claude API calls.")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a log file, or a folder of log files")
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
    parser.add_argument("--origin", default="command line", help=argparse.SUPPRESS)
    return parser


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not (ours and equals and theirs):
        raise _WrongCall(f"--map {text}: write OURS=THEIRS, such as --map feature=app.name")
    return ours, theirs


def _as_json(summary: LoadSummary) -> dict[str, object]:
    return {
        "files": len(summary.files),
        "lines": summary.lines,
        "requests": summary.requests,
        "duplicates": summary.duplicates,
        "ignored": summary.ignored,
        "rejected": summary.rejected,
        "unpriced": summary.unpriced,
        "cost_usd": usd(summary.cost) if summary.cost_known else None,
        "seconds": round(summary.seconds, 3),
    }


def _print(summary: LoadSummary) -> None:
    print(
        f"{summary.lines:,} lines of {len(summary.files):,} {'file' if len(summary.files) == 1 else 'files'}: "
        f"{summary.requests:,} requests, {summary.duplicates:,} duplicates, {summary.ignored:,} not usage records, "
        f"{summary.rejected:,} rejected, in {summary.seconds:.1f} s"
    )
    unpriced = f", {summary.unpriced:,} requests unpriced" if summary.unpriced else ""
    print(f"cost {f'${usd(summary.cost)}' if summary.cost_known else 'unknown'}{unpriced}")
    for result in summary.files:
        for finding in result.findings:
            print(f"note: {result.path}: {finding}")
    shown = 0
    for result in summary.files:
        for line, rejected in result.rejects[: SHOWN_REJECTS - shown]:
            print(f"rejected: {result.path}:{line}: {rejected}")
            shown += 1
    if summary.rejected > shown:
        print(f"and {summary.rejected - shown:,} more rejected lines; the Data page lists them")


if __name__ == "__main__":
    sys.exit(main())
