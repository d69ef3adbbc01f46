"""`python -m spend QUESTION`: the dashboard's questions, from a shell, whether the dashboard runs or not."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from spend.commands import COMMANDS, command
from spend.commands.asked import store_path, warn
from spend.elsewhere import NoAnswer, ask_elsewhere
from spend.filters import WrongQuestion
from store.connection import StoreBusy, StoreError
from store.prices import PriceListError


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: that of the question; 2 for one that cannot be asked."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    args = _parser(arguments).parse_args(arguments)
    try:
        status = _asked(args, arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # nobody reads on, as behind a pipe to head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (WrongQuestion, StoreError, PriceListError, NoAnswer) as error:
        warn(f"spend: {error}")
        return 2


def _asked(args: argparse.Namespace, arguments: Sequence[str]) -> int:
    try:
        status: int = args.run(args)
    except StoreBusy:
        answer = ask_elsewhere(store_path(args), arguments)
        if answer is None:
            raise
        sys.stdout.write(answer.said)
        sys.stderr.write(answer.warned)
        return answer.status
    return status


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Knows the question that is asked; all of them, where none is."""
    parser = argparse.ArgumentParser(prog="python -m spend", description="Questions about spend.")
    questions = parser.add_subparsers(required=True, metavar="QUESTION")
    for name in [name for name in arguments[:1] if name in COMMANDS] or COMMANDS:
        asked = command(name)
        question = questions.add_parser(name, help=asked.HELP)
        asked.arguments(question)
        question.set_defaults(run=asked.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
