"""A load by this process, or by the dashboard that holds the store."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from ingest.handover import at_terminal, clear_terminal, hand_over
from ingest.load import load
from ingest.news import only_new
from ingest.options import LoadOptions
from ingest.progress import shown
from ingest.summary import Summary, told
from store.connection import StoreBusy, open_store

_AGAIN = 0.1  # seconds between two tries


def loaded(
    store: Path, paths: Sequence[Path], options: LoadOptions, *, patience: float = 0, added: bool = False
) -> Summary:
    """Loads into the store at a path, which is open no longer than that takes; a terminal is told how far it is.

    Raises StoreBusy when another process than a dashboard has held it for ``patience`` seconds. With ``added`` the
    summary tells what is new alone.
    """
    try:
        return _here(store, paths, options, added)
    except StoreBusy:
        handed_over = _there(store, paths, options, added)
    until = time.monotonic() + patience
    while handed_over is None:
        try:
            return _here(store, paths, options, added)
        except StoreBusy:
            if time.monotonic() > until:
                raise
            time.sleep(_AGAIN)
    return handed_over


def _here(store: Path, paths: Sequence[Path], options: LoadOptions, added: bool) -> Summary:
    with open_store(store) as opened, shown(opened) if sys.stderr.isatty() else nullcontext() as progress:
        summary = load(opened, paths, options=options, progress=progress)
        return told(only_new(summary) if added else summary)


def _there(store: Path, paths: Sequence[Path], options: LoadOptions, added: bool) -> Summary | None:
    watched = sys.stderr.isatty()
    try:
        return hand_over(store, paths, options, progress=at_terminal if watched else None, added=added)
    finally:
        if watched:
            clear_terminal()
