"""Records every request of a client: hooks its HTTP client, follows each answer to its end, writes what it cost."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from weakref import WeakSet

from usage_recorder.answer import Answer, answer_of, refusal_of
from usage_recorder.background import Background
from usage_recorder.batches import Batches
from usage_recorder.call import Call, record_of, unsent
from usage_recorder.counters import TALLY
from usage_recorder.destinations import Destination, To, destination_of, state_of
from usage_recorder.json_text import parsed_object
from usage_recorder.key import key_in
from usage_recorder.prefixes import MARK, prefixes_of
from usage_recorder.results import Results
from usage_recorder.routes import BATCH, COUNT, RESULTS, Platform, platform_of, route_of
from usage_recorder.sending import hook
from usage_recorder.tags import clean, current, current_entries, merged

Client = TypeVar("Client")

_background = Background()
_written = json.JSONEncoder(separators=(",", ":")).encode


def record(
    client: Client,
    to: To = None,
    *,
    token: str | None = None,
    key: bytes | None = None,
    state: str | os.PathLike[str] | None = None,
    prefixes: bool = True,
    rotate_bytes: int | None = None,
    tags: Mapping[str, object] | None = None,
) -> Client:
    """The same client, each of whose requests is recorded from now on, those of its ``with_options`` copies too.

    ``to`` is a folder (else $SPENDGLASS_LOGS, else ``logs``), the address of a dashboard with its ``token`` (else
    $SPENDGLASS_TOKEN), ``"stderr"`` or a function that takes each record. ``tags`` hold for every request, under those
    of ``tagged``. ``key`` (16 to 64 bytes) is for the fingerprints, else one is made and kept in ``state``, which is
    beside the logs. ``prefixes=False`` leaves the fingerprints out. Never raises for what happens outside the call.
    """
    if key is not None and not 16 <= len(key) <= 64:
        raise ValueError(f"a key has 16 to 64 bytes, not {len(key)}")
    try:
        recorder = Recorder(to, token=token, key=key, state=state, rotate_bytes=rotate_bytes, tags=tags or {})
        recorder.with_prefixes = prefixes
        recorder.platform = platform_of(client)
        hook(client, recorder)
    except Exception as error:  # noqa: BLE001  an app that cannot be recorded runs all the same
        TALLY.failed(error)
    return client


def recorder_of(client: object) -> Recorder | None:
    """The recorder of a client."""
    http = getattr(client, "_client", None)
    found = getattr(http, "usage_recorder", None)
    return found if isinstance(found, Recorder) else None


def flush(seconds: float = 5) -> None:
    """Waits until what was recorded so far is where it belongs, at most so long."""
    _background.flush(seconds)
    for recorder in list(Recorder.all):
        recorder.destination.flush(seconds)


class Recorder:
    """What one client's requests are recorded with."""

    all: ClassVar[WeakSet[Recorder]] = WeakSet()  # one for each client that is recorded
    with_prefixes = True
    platform = Platform()

    def __init__(
        self,
        to: To,
        *,
        token: str | None,
        key: bytes | None,
        state: str | os.PathLike[str] | None,
        rotate_bytes: int | None,
        tags: Mapping[str, object],
    ) -> None:
        folder = state_of(to, state)
        self.key = key or key_in(folder)
        token = token or os.environ.get("SPENDGLASS_TOKEN")
        self.destination: Destination = destination_of(to, token, folder, rotate_bytes)
        self._batches = Batches(Path(folder) / "batches", self.key)
        self._tags = merged({}, clean(tags))
        Recorder.all.add(self)

    def begin(self, request: Any) -> Call | None:
        """A request about to be sent; ``None`` for one that is not recorded."""
        url = request.url
        route = route_of(request.method, url.host, url.raw_path.decode("ascii", "replace"), self.platform)
        if route is None:
            return None
        tags = merged(self._tags, current())
        body = b"" if route.call in (COUNT, RESULTS) else request.content
        return Call(route, tags, current_entries(), body)

    def failed(self, call: Call, error: BaseException) -> None:
        """No answer came."""
        if call.route.call in (COUNT, BATCH, RESULTS):
            return
        answer = Answer(error=unsent(error))
        self.finish(call, lambda: answer)

    def answered(self, call: Call, response: Any, *, later: bool) -> None:
        """An answer begins, or is there already."""
        call.status = response.status_code
        headers = response.headers
        call.request_id = headers.get("request-id") or headers.get("x-amzn-requestid")
        whole = getattr(response, "is_stream_consumed", True) or hasattr(response, "_content")
        if whole:
            self.read(call, response.content)
        else:
            from usage_recorder.following import follow

            follow(self, call, response, later=later)

    def read(self, call: Call, body: bytes) -> None:
        """A whole answer."""
        status = call.status or 0
        if call.route.call == COUNT:
            TALLY.add("token_counts", status < 400)
        elif call.route.call == BATCH:
            if status < 400:
                self._note(call, body)
        elif call.route.call == RESULTS:
            if status < 400:
                results = self.results(call)
                results.feed(body)
                results.end()
        else:
            read = answer_of if status < 400 else partial(refusal_of, status=status)
            self.finish(call, lambda: read(body), len(body))

    def results(self, call: Call) -> Results:
        """A reader of a batch's results."""
        note = self._batches.find(call.route.batch)
        if note is None:
            _background.flush(2)  # the batch may have been created just now
            note = self._batches.find(call.route.batch)
        return Results(call, note, self.key, self._write)

    def _note(self, call: Call, body: bytes) -> None:
        created = (parsed_object(body) or {}).get("id")
        if not isinstance(created, str):
            return

        def note() -> None:
            request = parsed_object(call.body) or {}
            self._batches.note(created, request, call.began, call.tags, call.entries)

        self._do(note, len(call.body))

    def finish(self, call: Call, answer: Callable[[], Answer], size: int = 0) -> None:
        """An answer came to its end; it holds ``size`` bytes until it is read, which is done beside the app."""
        call.over()
        self._do(lambda: self._record(call, answer()), len(call.body) + size)

    def _record(self, call: Call, answer: Answer) -> None:
        request = parsed_object(call.body) or {}
        prefixes: list[dict[str, Any]] = []
        if self.with_prefixes and (answer.usage or answer.error is None):
            try:
                prefixes = prefixes_of(request, self.key, may_be_marked=MARK in call.body)
            except Exception as error:  # noqa: BLE001  the counts matter more
                TALLY.failed(error)
        self._write(record_of(call, request, answer, prefixes))

    def _do(self, job: Callable[[], None], size: int) -> None:
        """Does a thing beside the app; here if too much waits already."""
        if not _background.run(job, size):
            job()

    def _write(self, record: dict[str, Any]) -> None:
        self.destination.write(_written(record).encode() + b"\n")
