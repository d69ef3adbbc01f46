"""The questions of `python -m spend`, a module each: its NAME, HELP, arguments, and how it is run."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Protocol

from spend.commands import budget, estimate, opportunities, report, spikes, what_if


class Command(Protocol):
    """What a module of this folder has."""

    NAME: str
    HELP: str

    def arguments(self, parser: ArgumentParser) -> None:
        """Adds what the question can be told."""

    def run(self, args: Namespace) -> int:
        """Asks, prints the answer, gives the exit status.

        Raises WrongQuestion, StoreError or PriceListError, which `python -m spend` puts into words, with status 2.
        """


COMMANDS: tuple[Command, ...] = (report, spikes, budget, estimate, what_if, opportunities)
