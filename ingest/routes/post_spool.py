"""Where a post lies between its coming and its load: a private file in the store's inbox, gone when it is done."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.inbox import inbox_of

_OURS = re.compile(r"post-([0-9a-f]{16})-[0-9a-f]{16}")
_THIS_PROCESS = secrets.token_hex(8)


@contextmanager
def spooled_post(store_path: str | Path) -> Iterator[Path]:
    """An empty file only its owner can read; deleted when the block ends. Raises OSError."""
    folder = inbox_of(store_path)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    path = folder / f"post-{_THIS_PROCESS}-{secrets.token_hex(8)}"
    path.touch(mode=0o600, exist_ok=False)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def sweep_posts(store_path: str | Path) -> int:
    """Deletes what a killed process left behind and says how many files; only for the owner of the store."""
    folder = inbox_of(store_path)
    found = [(path, _OURS.fullmatch(path.name)) for path in folder.iterdir()] if folder.is_dir() else []
    stale = [path for path, ours in found if ours and ours[1] != _THIS_PROCESS]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)
