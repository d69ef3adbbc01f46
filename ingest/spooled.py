"""One upload on the disk: whose it is, how far it has come, and the slice that is being added to it."""

from __future__ import annotations

import errno
import time
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from ingest import upload_refused as refused

MAX_SLICE = 32 * 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(eq=False)
class Spooled:
    """A file as its user knows it, and where its bytes are; ``offset`` of ``size`` are there.

    ``modified`` (milliseconds since 1970, by the browser) tells the file from what it was before or will be later;
    ``busy`` says what is being done with it.
    """

    upload_id: str
    owner: str
    name: str
    size: int
    modified: int
    path: Path
    offset: int = 0
    touched: float = field(default_factory=time.monotonic)
    busy: str | None = None
    gone: bool = False

    @property
    def complete(self) -> bool:
        return self.offset == self.size

    @property
    def head(self) -> Path:
        """Where a copy of its beginning is, once it was asked for."""
        return self.path.with_name(f"{self.path.name}-head")

    def take(self, purpose: str) -> None:
        """Keeps everybody else off. Raises UploadRefused."""
        if self.busy:
            raise refused.busy(self.busy)
        self.busy = purpose

    def release(self) -> None:
        self.touched = time.monotonic()
        self.busy = None


class Slice:
    """What is being appended to an upload."""

    def __init__(self, upload: Spooled, file: FileIO) -> None:
        self.start = upload.offset
        self.end = upload.offset
        self._upload = upload
        self._file = file

    def write(self, chunk: bytes | bytearray) -> None:
        """Appends. Raises UploadRefused, for which the whole slice is taken back."""
        if self._upload.gone:
            raise refused.unknown()
        if self.end + len(chunk) > self._upload.size:
            raise refused.too_long()
        if self.end + len(chunk) > self.start + MAX_SLICE:
            raise refused.slice_too_large(MAX_SLICE)
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            if error.errno in _FULL:
                raise refused.disk_full() from error
            raise
        self.end += len(chunk)
