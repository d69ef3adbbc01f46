"""Fingerprints of what a prompt begins with: keyed hashes at the end of its tools, its system prompt and its blocks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

LAST_BLOCKS, MOST = 20, 60
MARK = b'"cache_control"'


class _Prompt:
    """A prompt as it is read: its hash so far, its bytes so far, and the boundaries passed."""

    def __init__(self, key: bytes, may_be_marked: bool) -> None:
        self.hashed = hashlib.blake2b(key=key, digest_size=8)
        self.size = 0
        self.found: list[tuple[str, int, bool, bool]] = []  # hash, bytes, whether of a message, whether marked
        self._may_be_marked = may_be_marked

    def _take(self, text: bytes) -> None:
        self.hashed.update(text)
        self.size += len(text)

    def _ends(self, *, of_message: bool, marked: bool) -> None:
        self.found.append((self.hashed.copy().hexdigest(), self.size, of_message, marked))

    def take_list(self, name: bytes, blocks: list[Any]) -> None:
        """Tools or system prompt: a boundary at its end and after each marked entry."""
        if blocks:
            self._take(name)
        for number, block in enumerate(blocks, 1):
            text, marked = _told(block, self._may_be_marked)
            self._take(text)
            if marked or number == len(blocks):
                self._ends(of_message=False, marked=marked)

    def take_message(self, message: object) -> None:
        """A message: a boundary after each block."""
        if isinstance(message, dict):
            self._take(f"role {message.get('role')}\n".encode(errors="replace"))
            for block in _blocks(message.get("content")):
                text, marked = _told(block, self._may_be_marked)
                self._take(text)
                self._ends(of_message=True, marked=marked)


def prefixes_of(request: Mapping[str, Any], key: bytes, *, may_be_marked: bool = True) -> list[dict[str, Any]]:
    """Each boundary's hash, its share of the prompt's bytes, and whether the request asks to cache up to it.

    ``request`` is the body of a request: tools, system prompt and messages in the order in which the API puts them into
    the prompt. Of the messages' blocks the last 20 are kept and all that are marked.
    """
    prompt = _Prompt(key, may_be_marked)
    prompt.take_list(b"tools", _list(request.get("tools")))
    prompt.take_list(b"system", _blocks(request.get("system")))
    for message in _list(request.get("messages")):
        prompt.take_message(message)
    found = prompt.found
    if found and request.get("cache_control"):
        found[-1] = (*found[-1][:3], True)
    return [
        {"hash": digest, "share": round(upto / prompt.size, 4), **({"cached": True} if marked else {})}
        for digest, upto, _, marked in _kept(found)
    ]


def _kept(found: list[tuple[str, int, bool, bool]]) -> list[tuple[str, int, bool, bool]]:
    first_of_last = len(found) - LAST_BLOCKS
    if first_of_last <= 0:
        return found
    kept = [one for number, one in enumerate(found) if one[3] or not one[2] or number >= first_of_last]
    return kept[-MOST:]


def _blocks(content: object) -> list[Any]:
    """A text alone is one block of text."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else _list(content)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _told(block: object, may_be_marked: bool) -> tuple[bytes, bool]:
    """A block's bytes, without its marks, and whether it bears one."""
    marked = False
    if may_be_marked:
        block, marked = _unmarked(block)
    if isinstance(block, dict) and len(block) == 2 and block.get("type") == "text":
        text = block.get("text")
        if isinstance(text, str):
            content = text.encode(errors="surrogatepass")
            return b"text %d\n%b" % (len(content), content), marked
    content = json.dumps(block, separators=(",", ":"), sort_keys=True).encode()
    return b"json %d\n%b" % (len(content), content), marked


def _unmarked(value: Any) -> tuple[Any, bool]:
    if isinstance(value, dict):
        pairs = [(name, *_unmarked(held)) for name, held in value.items() if name != "cache_control"]
        marked = bool(value.get("cache_control")) or any(found for _, _, found in pairs)
        return {name: held for name, held, _ in pairs}, marked
    if isinstance(value, list):
        held = [_unmarked(one) for one in value]
        return [one for one, _ in held], any(found for _, found in held)
    return value, False
