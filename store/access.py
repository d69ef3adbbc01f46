"""Who may load over HTTP, and where the dashboard listens: two small private files beside the store.

usage.duckdb.access.json  {"ingest", "owner"}: what to bear when posting logs, and when naming files to load
usage.duckdb.served.json  {"url", "pid"}: the running dashboard, as long as it runs
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

USUAL_URL = "http://127.0.0.1:8501"
_URL = re.compile(r"http://127\.0\.0\.1:([1-9][0-9]{0,4})(/[A-Za-z0-9._~-]+)*")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_MOST_BYTES = 10_000
_log = logging.getLogger(__name__)


class AccessError(OSError):
    """The file of secrets cannot be trusted or made; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Access:
    """``ingest`` is for apps and collectors that post logs. ``owner`` names files to read and stays on this machine."""

    ingest: str = field(repr=False)
    owner: str = field(repr=False)

    def proof(self, nonce: str) -> str:
        """What only who knows the owner's secret can answer to a nonce; it tells nothing about the secret."""
        return hmac.new(self.owner.encode(), f"spendglass {nonce}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Served:
    """A running dashboard; ``url`` is on 127.0.0.1 and has no slash at its end."""

    url: str
    pid: int

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 80

    @property
    def base(self) -> str:
        """The path before every address of it: "" or "/spend"."""
        return urlsplit(self.url).path


def same(found: str, expected: str) -> bool:
    """Are two secrets equal? Takes as long whatever they differ in."""
    return hmac.compare_digest(found.encode("utf-8", "replace"), expected.encode())


def access_of(store: Path) -> Access:
    """The secrets of a store, made when there are none.

    A file that others than its owner could read is replaced, secrets and all. Raises AccessError for one that belongs
    to somebody else, is damaged or cannot be kept private, and OSError.
    """
    path = _beside(store, "access")
    kept, mode = _made(path)
    if mode & 0o077:
        _log.warning("%s could be read by others: its tokens are replaced. Give your apps the new one.", path)
        path.unlink(missing_ok=True)
        kept, mode = _made(path)
    if mode & 0o077:
        raise AccessError(f"{path} cannot be kept from other users on this file system. Put the store on another.")
    ingest, owner = kept.get("ingest"), kept.get("owner")
    if not all(isinstance(secret, str) and _TOKEN.fullmatch(secret) for secret in (ingest, owner)):
        raise AccessError(f"{path} is damaged. Delete it: new tokens are made, to be given to your apps again.")
    return Access(str(ingest), str(owner))


def _made(path: Path) -> tuple[dict[str, Any], int]:
    with suppress(FileExistsError):  # somebody else was quicker
        if not os.path.lexists(path):
            _write_new(path, asdict(Access(secrets.token_urlsafe(32), secrets.token_urlsafe(32))))
    return _read(path)


def served_of(store: Path) -> Served | None:
    """Where the dashboard over a store says it listens; None when none says so or its process is gone."""
    try:
        kept, mode = _read(_beside(store, "served"))
    except OSError:
        return None
    url, pid = kept.get("url"), kept.get("pid")
    if mode & 0o022 or not isinstance(url, str) or type(pid) is not int:
        return None
    on_loopback = _URL.fullmatch(url)
    return Served(url, pid) if on_loopback and int(on_loopback[1]) < 1 << 16 and _runs(pid) else None


def announce(store: Path, served: Served) -> None:
    """Says where the dashboard over a store listens. Raises OSError."""
    path = _beside(store, "served")
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        _write(new, asdict(served))
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def withdraw(store: Path) -> None:
    """Takes back what this process announced, and nothing another did."""
    path = _beside(store, "served")
    with suppress(OSError):
        if _read(path)[0].get("pid") == os.getpid():
            path.unlink()


def _beside(store: Path, what: str) -> Path:
    path = store.resolve()
    return path.with_name(f"{path.name}.{what}.json")


def _write_new(path: Path, content: dict[str, Any]) -> None:
    """Whole from the first moment it is there. Raises FileExistsError if it is there already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        _write(new, content)
        os.link(new, path)
    finally:
        new.unlink(missing_ok=True)


def _write(path: Path, content: dict[str, Any]) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file)


def _read(path: Path) -> tuple[dict[str, Any], int]:
    """A small file of this user and its mode; what is no JSON object reads as an empty one."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise AccessError(
            f"{path} cannot be read ({error.strerror}). Is it another user's? Run as that user."
        ) from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise AccessError(f"{path} is not this user's own file. Delete it, or run as the user it belongs to.")
        text = os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    return content if isinstance(content, dict) else {}, stat.S_IMODE(found.st_mode)


def _runs(pid: int) -> bool:
    """Is this a process of this user's?"""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return True
