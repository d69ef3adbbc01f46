"""Uploads on their way into the store: spooled to a private folder, loaded, and gone again whatever happens."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from ingest.json_values import MAX_BYTES
from ingest.load import LoadSummary, load
from ingest.options import LoadOptions
from ingest.preview import Preview, preview
from store.connection import Store

HEAD_BYTES = MAX_BYTES + 4 * 1024 * 1024  # what a preview spools: the largest value there may be, and more
_OURS = re.compile(r"upload-[0-9a-f]{32}")
_COPIED_AT_ONCE = 1 << 20

_in_use: set[Path] = set()
_lock = threading.Lock()


@dataclass(frozen=True)
class Upload:
    """A file as the user knows it by name, and its bytes."""

    name: str
    content: BinaryIO


def inbox_of(store_path: str | Path) -> Path:
    """The store's own spool folder: in $SPENDGLASS_INBOX, else in "inbox" beside the store."""
    folder = Path(os.environ.get("SPENDGLASS_INBOX") or Path(store_path).parent / "inbox")
    return folder / Path(store_path).name


def sweep(inbox: Path) -> int:
    """Deletes what a killed process left behind and says how many files; only for the process that owns the store."""
    if not inbox.is_dir():
        return 0
    with _lock:
        stale = [path for path in inbox.iterdir() if _OURS.fullmatch(path.name) and path.absolute() not in _in_use]
        for path in stale:
            path.unlink(missing_ok=True)
    return len(stale)


@contextmanager
def spooled(inbox: Path, uploads: Sequence[Upload], *, limit: int | None = None) -> Iterator[dict[Path, str]]:
    """The uploads as files (path -> the user's name), of ``limit`` bytes each at most; deleted when the block ends."""
    inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    inbox.chmod(0o700)
    names: dict[Path, str] = {}
    try:
        for upload in uploads:
            path = _claimed(inbox)
            names[path] = upload.name
            _copy(upload.content, path, limit)
        yield names
    finally:
        with _lock:
            for path in names:
                path.unlink(missing_ok=True)
            _in_use.difference_update(names)


def preview_upload(
    store: Store,
    inbox: Path,
    upload: Upload,
    *,
    field_map: Mapping[str, str] | None = None,
    file_time: datetime | None = None,
) -> Preview:
    """The preview of an upload, of which only the head is spooled. Raises ``WrongFormat``."""
    size = upload.content.seek(0, os.SEEK_END)
    with spooled(inbox, [upload], limit=HEAD_BYTES) as names:
        (path,) = names
        cut = size > HEAD_BYTES
        return preview(store, path, name=upload.name, field_map=field_map, file_time=file_time, cut=cut)


def load_uploads(
    store: Store,
    inbox: Path,
    uploads: Sequence[Upload],
    *,
    field_map: Mapping[str, str] | None = None,
    file_time: datetime | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> LoadSummary:
    """Loads uploads in one transaction under the user's names; ``progress`` hears (files done, in all, name)."""
    with spooled(inbox, uploads) as names:
        options = LoadOptions(
            field_map=dict(field_map or {}), origin="upload", file_time=file_time, number_lines=True, names=names
        )

        def heard(done: int, files: int, path: Path) -> None:
            if progress:
                progress(done, files, names[path])

        return load(store, list(names), options=options, progress=heard)


def _claimed(inbox: Path) -> Path:
    path = inbox.absolute() / f"upload-{secrets.token_hex(16)}"
    with _lock:
        _in_use.add(path)
    return path


def _copy(content: BinaryIO, path: Path, limit: int | None) -> None:
    content.seek(0)
    path.touch(mode=0o600, exist_ok=False)
    with path.open("wb") as file:
        if limit is None:
            shutil.copyfileobj(content, file, _COPIED_AT_ONCE)
        else:
            file.write(content.read(limit))
