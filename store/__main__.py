"""`python -m store check`: is the store whole? See store/check.py."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from store import check as checking
from store.check import Finding, check, repair
from store.connection import PRICES, StoreError, StoreUnusable, default_path, looking_at, open_store
from store.prices import PriceListError, read_price_lists


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 the store is whole, 1 it is not, 2 wrong call, no store, or another process has it."""
    args = _arguments().parse_args(argv)
    path = args.db or default_path()
    try:
        found = _looked_at(path)
        before = [one.check for one in found if one.wrong]
        if before and args.repair:
            with open_store(path) as store:
                repair(store)
            found = _looked_at(path)
    except (StoreError, PriceListError) as error:
        print(f"store: {error}", file=sys.stderr)
        return 2
    mended = [one.check for one in found if one.check in before and not one.wrong]
    if args.json:
        print(json.dumps([{**asdict(one), "ok": not one.wrong, "mended": one.check in mended} for one in found]))
    else:
        print("\n".join(_lines(found, mended)))
    return 1 if any(one.wrong for one in found) else 0


def _looked_at(path: Path) -> list[Finding]:
    if not path.exists():
        raise StoreUnusable(f"there is no store at {path}. Load logs first: python -m ingest PATH...")
    with looking_at(path.resolve()) as con:
        return check(con, read_price_lists(PRICES))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m store", description="The store itself.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    asked = commands.add_parser(
        "check",
        help="is the store whole?",
        description=checking.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    asked.add_argument("--db", type=Path, help="the store (default: $SPENDGLASS_DB, else data/usage.duckdb)")
    asked.add_argument("--json", action="store_true", help="print a list of objects, one a check")
    asked.add_argument("--repair", action="store_true", help="derive again what comes from the facts, if need be")
    return parser


def _lines(found: Sequence[Finding], mended: Sequence[str]) -> list[str]:
    lines = []
    for one in found:
        state = "wrong" if one.wrong else "mended" if one.check in mended else "ok"
        lines.append(f"{state:<7}{one.holds}" + (f": {one.wrong:,} wrong" if one.wrong else ""))
        lines += [f"       {example}" for example in one.examples]
        if one.wrong > len(one.examples):
            lines.append(f"       and {one.wrong - len(one.examples):,} more")
        if one.advice:
            lines.append(f"       {one.advice}")
    wrong = sum(bool(one.wrong) for one in found)
    lines.append(f"{wrong} of {len(found)} checks found something wrong" if wrong else "the store is whole")
    return lines


if __name__ == "__main__":
    sys.exit(main())
