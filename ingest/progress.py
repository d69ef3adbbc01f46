"""A load's progress on a terminal: one line, rewritten several times a second."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.load import Progress
from store.connection import Store

_EVERY = 0.2  # seconds
_CLEAR = "\r\x1b[K"


@contextmanager
def shown(store: Store) -> Iterator[Progress]:
    """Yields what a load is to tell its progress to; the line is gone when the block ends."""
    heard: list[tuple[int, int, Path]] = []
    over = threading.Event()

    def keep_writing() -> None:
        while not over.wait(_EVERY):
            if heard:
                print(f"{_CLEAR}{line(*heard[-1], store.percent())}", end="", file=sys.stderr, flush=True)

    writer = threading.Thread(target=keep_writing, daemon=True)
    writer.start()
    try:
        yield lambda *told: heard.append(told)
    finally:
        over.set()
        writer.join()
        print(_CLEAR, end="", file=sys.stderr, flush=True)


def line(done: int, files: int, path: Path, percent: int | None) -> str:
    """What is being done, in at most 100 characters: "app.jsonl, 2 of 3  58 %"."""
    what = f"{path.name[:60]}, {done + 1} of {files}" if done < files else "sorting out duplicates and pricing"
    return what if percent is None else f"{what}  {percent} %"
