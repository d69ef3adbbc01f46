"""Files handed to the dashboard that holds the store, over HTTP on loopback and nowhere else."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from ingest.load import files_of
from ingest.options import LoadOptions
from ingest.progress import line
from ingest.summary import Summary
from store.dashboard import posted, running

_PATIENCE = 60  # seconds without a word from a dashboard that says something several times a second
_CLEAR = "\r\x1b[K"
_OVER = "Run this again: what is loaded by then counts as duplicates."

# (files done, files in all, name of the file at hand, per cent of the statement), None while others are loading
Progress = Callable[[tuple[int, int, str, int | None] | None], None]


class HandOverFailed(Exception):
    """The dashboard would not or could not load, or stopped answering; the message says which."""


class OtherStore(Exception):
    """The dashboard holds another store than the one asked for."""


def hand_over(
    store: Path,
    paths: Sequence[Path],
    options: LoadOptions,
    *,
    progress: Progress | None = None,
    added: bool = False,
) -> Summary | None:
    """Has the dashboard load files and folders of this machine; None when no dashboard holds the store.

    With ``added`` the summary tells what is new in them alone. Of ``options.names`` there may be one, standard input's.
    Raises NothingToLoad as a load of one's own does, and HandOverFailed.
    """
    dashboard = running(store)
    if dashboard is None:
        return None
    files_of(paths)
    wanted = {
        "store": str(store.resolve()),
        "paths": [str(path.absolute()) for path in paths],
        "options": _as_asked(options),
        "added": added,
    }
    try:
        with posted(dashboard, "/api/load", wanted, _PATIENCE) as answer:
            return _followed(_said(answer), store, progress)
    except OtherStore:
        return None
    except KeyboardInterrupt as stopped:
        raise HandOverFailed("the dashboard goes on loading; undo the load on its Data page.") from stopped
    except (OSError, HTTPException, LookupError, TypeError, ValueError) as error:
        message = "the dashboard stopped answering before it said how the load ended: all of it is loaded, or nothing."
        raise HandOverFailed(f"{message} {_OVER}") from error


def _as_asked(options: LoadOptions) -> dict[str, Any]:
    asked = {"format": options.format, "field_map": dict(options.field_map), "origin": options.origin}
    piped = next((str(path) for path in options.names), None)
    return {**asked, "growing": options.growing, "standard_input": piped}


def _said(answer: HTTPResponse) -> Iterator[dict[str, Any]]:
    if answer.status != 200:
        yield json.loads(answer.read())
        return
    for text in answer:
        yield json.loads(text)


def _followed(said: Iterator[dict[str, Any]], store: Path, progress: Progress | None) -> Summary:
    """Listens until the load is over; the first word is which store it goes into."""
    for told in said:
        if "error" in told:
            if told["error"].get("code") == "other_store":
                raise OtherStore
            raise HandOverFailed(told["error"]["message"])
        if "store" in told and Path(told["store"]) != store.resolve():
            raise OtherStore
        if "summary" in told:
            return Summary.from_wire(told["summary"])
        if progress and "progress" in told:
            progress(told["progress"])
    raise HTTPException("no summary")


def at_terminal(told: tuple[int, int, str, int | None] | None) -> None:
    """Rewrites the line that says how far the load is."""
    what = "waiting for another load" if told is None else line(told[0], told[1], Path(told[2]), told[3])
    print(f"{_CLEAR}{what}", end="", file=sys.stderr, flush=True)


def clear_terminal() -> None:
    """Takes that line away."""
    print(_CLEAR, end="", file=sys.stderr, flush=True)
