"""What batches were made for: noted when a batch is created, looked up when its results are read, mostly elsewhere."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from usage_recorder.answer import word
from usage_recorder.counters import TALLY, reason
from usage_recorder.json_text import parsed_object
from usage_recorder.tags import Tags, merged

ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
KEPT_SECONDS = 60 * 24 * 3600  # results can be read for 29 days
REMEMBERED = 16


@dataclass(frozen=True, slots=True)
class Entry:
    """One request of a batch."""

    model: str | None = None
    max_tokens: int | None = None
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """One batch: when it was created, for what, and its entries by a hash of their custom_id."""

    time: float
    tags: Tags
    entries: Mapping[str, Entry]

    def of(self, custom_id: str, key: bytes) -> Entry:
        """The entry, its tags over those of the batch."""
        entry = self.entries.get(hashed(custom_id, key), Entry())
        return Entry(entry.model, entry.max_tokens, merged(self.tags, entry.tags))


class Batches:
    """The notes of one folder, a file for each batch."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = folder
        self._key = key
        self._held: dict[str, Note] = {}

    def note(self, batch: str, request: Mapping[str, Any], began: float, tags: Tags, own: Mapping[str, Tags]) -> None:
        """Keeps what a batch just created is for. ``request`` is the body that created it."""
        if not ID.fullmatch(batch):
            return
        entries = {}
        for one in request.get("requests") or ():
            custom_id, params = one.get("custom_id"), one.get("params") or {}
            if isinstance(custom_id, str):
                most = params.get("max_tokens")
                entry = Entry(
                    word(params.get("model")), most if isinstance(most, int) else None, dict(own.get(custom_id, {}))
                )
                entries[hashed(custom_id, self._key)] = entry
        note = Note(began, dict(tags), entries)
        self._remember(batch, note)
        try:
            self._write(batch, note)
        except OSError as error:
            TALLY.warn(f"what a batch is for could not be noted: {reason(error)}")

    def _write(self, batch: str, note: Note) -> None:
        rows = {name: [entry.model, entry.max_tokens, entry.tags] for name, entry in note.entries.items()}
        text = json.dumps({"time": note.time, "tags": note.tags, "entries": rows}, separators=(",", ":"))
        if not self._folder.is_dir():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._forget()
        own = self._folder / f".{secrets.token_hex(8)}"
        try:
            own.write_text(text, "ascii")
            own.replace(self._folder / f"{batch}.json")
        finally:
            with contextlib.suppress(OSError):
                own.unlink(missing_ok=True)

    def _forget(self) -> None:
        """Notes of batches whose results are gone."""
        with os.scandir(self._folder) as held:
            for one in held:
                with contextlib.suppress(OSError):
                    if one.stat().st_mtime < time.time() - KEPT_SECONDS:
                        Path(one.path).unlink()

    def _remember(self, batch: str, note: Note) -> None:
        while len(self._held) >= REMEMBERED:
            self._held.pop(next(iter(self._held)), None)
        self._held[batch] = note

    def find(self, batch: str | None) -> Note | None:
        """What was noted of a batch."""
        if batch is None or not ID.fullmatch(batch):
            return None
        if batch not in self._held:
            try:
                told = parsed_object((self._folder / f"{batch}.json").read_bytes()) or {}
            except OSError:
                return None
            try:
                entries = {name: Entry(*row) for name, row in told["entries"].items()}
                self._remember(batch, Note(told["time"], told["tags"], entries))
            except (KeyError, TypeError, AttributeError):  # somebody else's file
                return None
        return self._held.get(batch)


def hashed(custom_id: str, key: bytes) -> str:
    """A custom_id may say anything, so it is kept as a hash."""
    return hashlib.blake2b(custom_id.encode(errors="surrogatepass"), key=key, digest_size=12).hexdigest()
