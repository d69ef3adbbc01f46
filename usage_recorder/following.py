"""A streamed answer followed to its end: which reader its bytes need, and what it means when they stop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from usage_recorder.events import BinaryEvents, Events
from usage_recorder.routes import MESSAGES, RESULTS
from usage_recorder.watched import watch

if TYPE_CHECKING:
    from usage_recorder.answer import Answer
    from usage_recorder.call import Call
    from usage_recorder.recorder import Recorder
    from usage_recorder.results import Results

DELTA = b"content_block_delta"
MAX_HELD = 1024 * 1024
MAX_BODY = 256 * 1024 * 1024
MAX_ERROR = 64 * 1024


def follow(recorder: Recorder, call: Call, response: Any, *, later: bool) -> None:
    """Watches the body of a response that is read as it comes."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    refused = response.status_code >= 400
    watcher: Streamed | Framed | Lines | Whole
    if call.route.call == MESSAGES and not refused and kind == "text/event-stream":
        watcher = Streamed(recorder, call)
    elif call.route.call == MESSAGES and not refused and kind == "application/vnd.amazon.eventstream":
        watcher = Framed(recorder, call)
    elif call.route.call == RESULTS and not refused:
        watcher = Lines(recorder.results(call))
    else:
        watcher = Whole(recorder, call)
    watch(response, watcher, later=later)


class Streamed:
    """Events, whose answer is written once they stop. They are only held while they come, and read beside the app."""

    def __init__(self, recorder: Recorder, call: Call) -> None:
        self._recorder, self._call = recorder, call
        self._events = Events(live=False)
        self._first_token: float | None = None
        self._held: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        self._held.append(piece)
        self._size += len(piece)
        if self._first_token is None and DELTA in piece:
            self._first_token = time.perf_counter()
        if self._size > MAX_HELD:
            self._read()

    def _read(self) -> None:
        self._events.feed(b"".join(self._held))
        self._held.clear()
        self._size = 0

    def _answer(self) -> Answer:
        self._read()
        answer = self._events.end()
        answer.first_token = self._first_token
        return answer

    def over(self) -> None:
        """What came is what is known: an error of the connection says nothing of what was billed."""
        self._recorder.finish(self._call, self._answer, self._size)


class Framed:
    """Events in frames, which do not show what they hold until they are read."""

    def __init__(self, recorder: Recorder, call: Call) -> None:
        self._recorder, self._call = recorder, call
        self._events = BinaryEvents()

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        self._events.feed(piece)

    def over(self) -> None:
        """What came is what is known."""
        self._recorder.finish(self._call, self._events.end)


class Lines:
    """The results of a batch."""

    def __init__(self, results: Results) -> None:
        self._results = results

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        self._results.feed(piece)

    def over(self) -> None:
        """The last line."""
        self._results.end()


class Whole:
    """A body that is one JSON object, or an error."""

    def __init__(self, recorder: Recorder, call: Call) -> None:
        self._recorder, self._call = recorder, call
        self._pieces: list[bytes] = []
        self._size = 0
        self._most = MAX_BODY if (call.status or 0) < 400 else MAX_ERROR

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        self._size += len(piece)
        if self._size <= self._most:
            self._pieces.append(piece)

    def over(self) -> None:
        """All of it, or as much as came."""
        self._recorder.read(self._call, b"".join(self._pieces))
