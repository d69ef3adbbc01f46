"""Uploads into the store: looked at and loaded where they are spooled, under their users' names, and gone again."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from ingest.json_values import MAX_BYTES
from ingest.load import LoadSummary, load
from ingest.options import LoadOptions
from ingest.preview import Preview, preview
from ingest.spool import Spool
from ingest.spooled import Spooled
from store.connection import Store

HEAD_BYTES = MAX_BYTES + 4 * 1024 * 1024  # what a preview reads: the largest value there may be, and more

_spools: dict[Path, Spool] = {}
_lock = threading.Lock()


def inbox_of(store_path: str | Path) -> Path:
    """The store's own spool folder: in $SPENDGLASS_INBOX, else in "inbox" beside the store."""
    folder = Path(os.environ.get("SPENDGLASS_INBOX") or Path(store_path).parent / "inbox")
    return folder / Path(store_path).name


def spool_of(store_path: str | Path) -> Spool:
    """What is uploaded for a store: one in a process, whoever asks."""
    folder = inbox_of(store_path).absolute()
    with _lock:
        return _spools.setdefault(folder, Spool(folder))


def preview_upload(
    store: Store,
    spool: Spool,
    upload: Spooled,
    *,
    field_map: Mapping[str, str] | None = None,
    file_time: datetime | None = None,
) -> Preview:
    """The preview of an upload, for which no more than its head is read. Raises ``WrongFormat``."""
    head = spool.head(upload, HEAD_BYTES)
    cut = head != upload.path
    return preview(store, head, name=upload.name, field_map=field_map, file_time=file_time, cut=cut)


def load_uploads(
    store: Store,
    spool: Spool,
    uploads: Sequence[Spooled],
    *,
    field_map: Mapping[str, str] | None = None,
    file_time: datetime | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> LoadSummary:
    """Loads uploads in one transaction under the user's names; ``progress`` hears (files done, in all, name).

    They are read where they lie and dropped when they are loaded; if the load fails, they stay. Raises
    ``UploadRefused`` for one that is not all there or is being loaded already.
    """
    names = {upload.path: upload.name for upload in uploads}
    options = LoadOptions(
        field_map=dict(field_map or {}), origin="upload", file_time=file_time, number_lines=True, names=names
    )

    def heard(done: int, files: int, path: Path) -> None:
        if progress:
            progress(done, files, names[path])

    with spool.loading(uploads):
        return load(store, list(names), options=options, progress=heard)
