"""--notify: destinations are told of what is new, and how that went is printed."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from notify.destinations import DestinationError, destinations_of
from notify.look import Asked, look
from notify.schedule import in_words
from notify.sending import Outcome
from spend.commands.asked import warn
from spend.filters import WrongQuestion
from store.connection import Store


def add_notify(parser: ArgumentParser) -> None:
    """--notify"""
    parser.add_argument(
        "--notify", action="store_true", help="tell the webhook, Slack and mail that are set of what they were not told"
    )


def untold(store: Store, asked: Asked) -> bool:
    """Tells of what is new in the nights asked for, and of budgets; is there somebody who could not be told?

    Raises WrongQuestion when no destination is set, or one cannot be used.
    """
    try:
        destinations = destinations_of(Path(store.path))
    except DestinationError as error:
        raise WrongQuestion(f"--notify: {error}") from None
    if not destinations:
        raise WrongQuestion(
            "--notify: nobody to tell; set SPENDGLASS_WEBHOOK_URL, SPENDGLASS_SLACK_URL or SPENDGLASS_SMTP_URL"
        )
    done = look(store, asked, destinations)
    for one in done:
        warn(f"spend: {one.channel}, {one.message.about}: {in_words(one)}")
    return any(one.sent.outcome is not Outcome.DELIVERED for one in done)
