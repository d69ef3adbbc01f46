"""What the store knows of a file from earlier loads: whether it is unchanged, and where it has grown since."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from duckdb import DuckDBPyConnection

from ingest.options import LoadOptions
from store.provenance import kept_path

_SEALED = 4096  # bytes at either end
_READERS = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*")) if path.suffix in (".py", ".sql"))
).hexdigest()[:16]
_EARLIER = """
SELECT path, device, inode, arg_max(struct_pack(file_id, bytes, modified_ns, changed_ns, place, place_line, seal,
       format, whole_lines, whole_ignored, whole_rejected), file_id)
FROM load_file WHERE read_as = ? AND seal IS NOT NULL GROUP BY path, device, inode
"""


@dataclass(frozen=True)
class Identity:
    """What tells that a file is the one it was, without reading it; times in nanoseconds."""

    device: int
    inode: int
    bytes: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> Identity:
        stat = os.stat(path)  # noqa: PTH116
        return cls(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@dataclass(frozen=True)
class Watched:
    """A file before it is read, to tell afterwards whether what was in it is still there."""

    identity: Identity
    seal: str | None

    @classmethod
    def of(cls, path: Path) -> Watched:
        identity = Identity.of(path)
        return cls(identity, seal(path, identity.bytes))

    def is_there(self, path: Path) -> bool:
        """Is the file the same one, grown at most?"""
        try:
            now = Identity.of(path)
        except OSError:
            return False
        if self.seal is None or (now.device, now.inode) != (self.identity.device, self.identity.inode):
            return False
        return now == self.identity or self.seal == seal(path, self.identity.bytes)

    def seal_to(self, path: Path, place: int | None) -> str | None:
        """The seal of its whole lines, which end at ``place``; of all of it where that is not known."""
        return self.seal if place in (None, self.identity.bytes) else seal(path, place or 0)


@dataclass(frozen=True)
class Seen:
    """How an earlier load found a file: its size, how far whole lines were read, and what became of them."""

    file_id: int
    bytes: int
    modified_ns: int
    changed_ns: int
    place: int | None
    place_line: int | None
    seal: str
    format: str | None
    whole_lines: int
    whole_ignored: int
    whole_rejected: int

    def unchanged(self, path: Path, now: Identity) -> bool:
        """Is there nothing in the file that was not there then?"""
        if (self.bytes, self.modified_ns) != (now.bytes, now.modified_ns):
            return False
        return self.changed_ns == now.changed_ns or self.seal == seal(path, self.place or self.bytes)

    def begins(self, path: Path, now: Identity) -> bool:
        """Does the file begin with what it was then?"""
        return now.bytes >= self.bytes and self.seal == seal(path, self.place or self.bytes)

    def grown(self, path: Path, now: Identity) -> bool:
        """Is the file what it was then, with more behind it?"""
        return bool(self.place) and now.bytes > self.bytes and self.seal == seal(path, self.place or 0)


class Memory:
    """The files of earlier loads that were read as this one is to be."""

    def __init__(self, con: DuckDBPyConnection, options: LoadOptions) -> None:
        self._names = options.names
        self.read_as = json.dumps(
            [options.format, dict(sorted(options.field_map.items())), str(options.file_time), _READERS]
        )
        self._by_path: dict[str, Seen] = {}
        self._by_inode: dict[tuple[int, int], Seen] = {}
        for path, device, inode, found in con.execute(_EARLIER, [self.read_as]).fetchall():
            seen = Seen(**found)
            for known, name in ((self._by_path, path), (self._by_inode, (device, inode))):
                if name not in known or known[name].file_id < seen.file_id:  # type: ignore[index]
                    known[name] = seen  # type: ignore[index]

    def of(self, path: Path) -> Seen | None:
        """How the file was found last, under this name or, if it was renamed, another."""
        try:
            return self._of(path, Identity.of(path)) if self._by_path else None
        except OSError:
            return None

    def _of(self, path: Path, now: Identity) -> Seen | None:
        if not self._by_path:
            return None
        return self._by_inode.get((now.device, now.inode)) or self._by_path.get(kept_path(path))

    def unchanged(self, paths: Mapping[Path, bool]) -> dict[Path, Seen]:
        """Those of the files in which there is nothing new; never one that is only here to be loaded, under a name."""
        found: dict[Path, Seen] = {}
        if self._names or not self._by_path:
            return found
        for path in paths:
            try:
                now = Identity.of(path)
                seen = self._of(path, now)
                if seen and seen.unchanged(path, now):
                    found[path] = seen
            except OSError:
                continue
        return found


def seal(path: Path, length: int) -> str | None:
    """A digest of both ends of a file's first ``length`` bytes; None when it is shorter or cannot be read."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < length:
                return None
            first = file.read(min(_SEALED, length))
            file.seek(max(0, length - _SEALED))
            last = file.read(min(_SEALED, length))
    except OSError:
        return None
    return hashlib.sha256(b"%d %b %b" % (length, first, last)).hexdigest()[:32]


def last_line_end(path: Path, length: int) -> int:
    """Where the last whole line within a file's first ``length`` bytes ends."""
    with path.open("rb") as file:
        end, step = length, 1 << 12
        while end > 0:
            start = max(0, end - step)
            step = 1 << 20
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0


def lines_within(path: Path, end: int, start: int = 0) -> int:
    """How many lines of a file end between two of its bytes."""
    lines, left = 0, end - start
    with path.open("rb") as file:
        file.seek(start)
        while left > 0 and (chunk := file.read(min(left, 1 << 20))):
            lines += chunk.count(b"\n")
            left -= len(chunk)
    return lines
