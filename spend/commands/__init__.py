"""The questions of `python -m spend`, a module each: its HELP, arguments, and how it is run."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from importlib import import_module
from typing import Protocol, cast

# each is a module of this folder, loaded when it is asked: some need what takes long to import
COMMANDS = ("report", "spikes", "budget", "estimate", "what-if", "opportunities")


class Command(Protocol):
    """What a module of this folder has."""

    HELP: str

    def arguments(self, parser: ArgumentParser) -> None:
        """Adds what the question can be told."""

    def run(self, args: Namespace) -> int:
        """Asks, prints the answer, gives the exit status.

        Raises WrongQuestion, StoreError or PriceListError, which `python -m spend` puts into words, with status 2.
        """


def command(name: str) -> Command:
    """The question of this name, one of COMMANDS."""
    return cast(Command, import_module(f"{__name__}.{name.replace('-', '_')}"))
