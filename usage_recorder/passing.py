"""An answer of the Messages API as its bytes pass: only the model and the usage are kept, of JSON and of a stream."""

from __future__ import annotations

import json
from typing import Any


class Passing:
    """``usage`` and ``model`` once it has ended; None of an answer that was cut off or holds none."""

    def __init__(self) -> None:
        self.usage: dict[str, Any] | None = None
        self.model: str | None = None
        self._started: dict[str, Any] | None = None
        self._rest = b""
        self._streamed: bool | None = None

    def add(self, chunk: bytes) -> None:
        """The next bytes of it."""
        self._rest += chunk
        if self._streamed is None and self._rest.lstrip():
            self._streamed = not self._rest.lstrip().startswith(b"{")
        if self._streamed:
            *lines, self._rest = self._rest.split(b"\n")
            for line in lines:
                self._line(line)

    def end(self) -> None:
        """There is no more."""
        if self._streamed is False:
            self._take(self._rest, whole=True)
        elif self._rest:
            self._line(self._rest)
        self._rest = b""

    def _line(self, line: bytes) -> None:
        if line.startswith(b"data:") and b'"usage"' in line:
            self._take(line[5:], whole=False)

    def _take(self, text: bytes, *, whole: bool) -> None:
        try:
            said = json.loads(text)
        except ValueError:
            return
        if not isinstance(said, dict):
            return
        message = said if whole else said.get("message")
        if said.get("type") == "message_delta" and self._started is not None:
            counted = said.get("usage") or {}
            self.usage = {**self._started, **{name: value for name, value in counted.items() if value is not None}}
        elif isinstance(message, dict) and isinstance(message.get("usage"), dict):
            self.model = message.get("model")
            self._started = message["usage"]
            if whole:
                self.usage = self._started
