"""The key of the fingerprints: random, made once, in a file beside the logs that only its owner can read."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from usage_recorder.counters import TALLY, reason

BYTES = 32


def key_in(folder: Path | None) -> bytes:
    """The key that all processes with this folder share. Where none can be kept, one for this process alone."""
    made = secrets.token_bytes(BYTES)
    if folder is None:
        return made
    path = folder / "key"
    try:
        return _read(path) or _put(path, made)
    except OSError as error:
        TALLY.warn(f"no key can be kept beside the logs ({reason(error)}): prefixes differ from process to process")
        return made


def _read(path: Path) -> bytes | None:
    try:
        key = bytes.fromhex(path.read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return None
    if len(key) != BYTES:
        return None
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return key


def _put(path: Path, made: bytes) -> bytes:
    """Puts the whole key there at once, unless another process was first."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    own = path.with_name(f"key.{secrets.token_hex(8)}")
    handle = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(made.hex())
        try:
            os.link(own, path)
        except FileExistsError:
            if (held := _read(path)) is not None:
                return held
            own.replace(path)  # what was there is no key
        return made
    finally:
        with contextlib.suppress(FileNotFoundError):
            own.unlink()
