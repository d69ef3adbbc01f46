"""`python -m spend QUESTION`: the dashboard's questions, from a shell."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from spend.commands import COMMANDS
from spend.filters import WrongQuestion
from store.connection import StoreError
from store.prices import PriceListError


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: that of the question; 2 for one that cannot be asked."""
    parser = argparse.ArgumentParser(prog="python -m spend", description="Questions about spend.")
    questions = parser.add_subparsers(required=True, metavar="QUESTION")
    for command in COMMANDS:
        question = questions.add_parser(command.NAME, help=command.HELP)
        command.arguments(question)
        question.set_defaults(run=command.run)
    args = parser.parse_args(argv)
    try:
        status: int = args.run(args)
    except (WrongQuestion, StoreError, PriceListError) as error:
        print(f"spend: {error}", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
