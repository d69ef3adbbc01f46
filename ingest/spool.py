"""Where uploads lie until they are loaded: a private folder, each a file that grows slice by slice."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ingest import upload_refused as refused
from ingest.spooled import Slice, Spooled
from ingest.upload_refused import UploadRefused

MAX_UPLOADS = 2000  # of one owner at a time
KEPT = 24 * 60 * 60  # seconds an upload may lie untouched
RESERVE = 256 * 1024 * 1024  # bytes of the disk that are left to the store
_GB = 1_000_000_000
_LOOKED_EVERY = 15 * 60  # seconds
_OURS = re.compile(r"upload-([0-9a-f]{32})(-head)?")


class Spool:
    """The uploads in one folder, each known by its owner and its id. Any thread may call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._uploads: dict[str, Spooled] = {}
        self._lock = threading.Lock()
        self._heads = threading.Lock()
        self._watch: threading.Timer | None = None

    def begin(self, owner: str, name: str, size: int, modified: int) -> Spooled:
        """The upload of a file: a new one, or as far as this owner has sent it before. Raises UploadRefused."""
        name = name.encode("utf-8", "replace").decode()
        with self._lock:
            for upload in self._uploads.values():
                if (upload.owner, upload.name, upload.size, upload.modified) == (owner, name, size, modified):
                    upload.touched = time.monotonic()
                    return upload
            self._make_room(owner, size)
            upload_id = secrets.token_hex(16)
            upload = Spooled(upload_id, owner, name, size, modified, self.folder / f"upload-{upload_id}")
            upload.path.touch(mode=0o600, exist_ok=False)
            self._uploads[upload_id] = upload
            self._watch_over()
        return upload

    def of(self, owner: str) -> list[Spooled]:
        """The owner's uploads, in the order they began."""
        with self._lock:
            return [upload for upload in self._uploads.values() if upload.owner == owner]

    def find(self, owner: str, upload_id: str) -> Spooled:
        """The owner's upload of this id. Raises UploadRefused."""
        with self._lock:
            return self._found(owner, upload_id)

    @contextmanager
    def appending(self, owner: str, upload_id: str, offset: int) -> Iterator[Slice]:
        """Takes a slice in at ``offset``, which must be where the upload ends. Raises UploadRefused.

        A slice that was refused leaves nothing behind; of one that broke off, what came of it stays.
        """
        with self._lock:
            upload = self._found(owner, upload_id)
            if offset != upload.offset and not upload.busy:
                raise refused.wrong_offset(upload.offset, offset)
            upload.take("sent")
        try:
            with upload.path.open("r+b", buffering=0) as file:
                file.seek(offset)
                piece = Slice(upload, file)
                try:
                    yield piece
                except (UploadRefused, OSError):
                    piece.end = offset
                    raise
                finally:
                    file.truncate(piece.end)
                    upload.offset = piece.end
        finally:
            upload.release()

    @contextmanager
    def loading(self, uploads: Sequence[Spooled]) -> Iterator[None]:
        """Lends complete uploads to a load: they are dropped if it ends well, and stay if it fails."""
        taken: list[Spooled] = []
        try:
            with self._lock:
                for upload in uploads:
                    if not self._found(upload.owner, upload.upload_id).complete:
                        raise refused.incomplete()
                    upload.take("loaded")
                    taken.append(upload)
            yield
        except BaseException:
            for upload in taken:
                upload.release()
            raise
        for upload in taken:
            self._forget(upload)

    def drop(self, upload: Spooled) -> None:
        """Forgets an upload and frees its place on the disk. Raises UploadRefused while it is being loaded."""
        with self._lock:
            if upload.busy == "loaded":
                raise refused.busy("loaded")
            upload.gone = True
        self._forget(upload)

    def sweep(self) -> int:
        """Deletes what a killed process left behind and says how many files; only for the owner of the store."""
        self.drop_abandoned()
        if not self.folder.is_dir():
            return 0
        with self._lock:
            ours = [(path, _OURS.fullmatch(path.name)) for path in self.folder.iterdir()]
            stale = [path for path, found in ours if found and found[1] not in self._uploads]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    def drop_abandoned(self, *, now: float | None = None) -> int:
        """Drops uploads nobody has touched for a day (``now`` by the monotonic clock) and says how many."""
        before = (time.monotonic() if now is None else now) - KEPT
        with self._lock:
            old = [one for one in self._uploads.values() if one.touched < before and not one.busy]
        for upload in old:
            with suppress(UploadRefused):
                self.drop(upload)
        return len(old)

    def head(self, upload: Spooled, length: int) -> Path:
        """A file of an upload's first ``length`` bytes: the upload itself if it has no more."""
        upload.touched = time.monotonic()
        if upload.size <= length:
            return upload.path
        with self._heads:
            if not upload.head.exists():
                with upload.path.open("rb") as whole:
                    first = whole.read(length)
                upload.head.touch(mode=0o600)
                upload.head.write_bytes(first)
        return upload.head

    def _found(self, owner: str, upload_id: str) -> Spooled:
        upload = self._uploads.get(upload_id)
        if upload is None or upload.owner != owner:
            raise refused.unknown()
        upload.touched = time.monotonic()
        return upload

    def _forget(self, upload: Spooled) -> None:
        with self._lock:
            self._uploads.pop(upload.upload_id, None)
        upload.path.unlink(missing_ok=True)
        upload.head.unlink(missing_ok=True)

    def _make_room(self, owner: str, size: int) -> None:
        if size > (most := max_bytes()):
            raise refused.too_large(size, most)
        if sum(upload.owner == owner for upload in self._uploads.values()) >= MAX_UPLOADS:
            raise refused.too_many(MAX_UPLOADS)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        promised = sum(upload.size - upload.offset for upload in self._uploads.values())
        free = shutil.disk_usage(self.folder).free - promised - RESERVE
        if size > free:
            raise refused.no_room(size, free)

    def _watch_over(self) -> None:
        """Looks for abandoned uploads now and then, as long as there are any uploads."""
        if self._watch is None:
            self._watch = threading.Timer(_LOOKED_EVERY, self._look)
            self._watch.daemon = True
            self._watch.start()

    def _look(self) -> None:
        self.drop_abandoned()
        with self._lock:
            self._watch = None
            if self._uploads:
                self._watch_over()


def max_bytes() -> int:
    """How large a file may be: $SPENDGLASS_MAX_UPLOAD_GB, else 64 GB. Raises UploadRefused if that is no number."""
    named = os.environ.get("SPENDGLASS_MAX_UPLOAD_GB") or "64"
    try:
        return int(float(named) * _GB)
    except (ValueError, OverflowError) as error:
        raise refused.misconfigured() from error
