"""The hook: an HTTP client of the SDK whose ``send`` tells the recorder of each request and its answer."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from usage_recorder.counters import TALLY

if TYPE_CHECKING:
    from usage_recorder.call import Call
    from usage_recorder.recorder import Recorder

ATTRIBUTE = "usage_recorder"


def hook(client: object, recorder: Recorder) -> None:
    """Hooks the HTTP client of an SDK client, which its copies share. A second time the recorder is replaced.

    Raises ``TypeError`` for what is no client of the SDK.
    """
    http: Any = getattr(client, "_client", None)
    send = getattr(type(http), "send", None)
    if send is None:
        raise TypeError(f"{type(client).__name__} is no client of the anthropic SDK")
    if not hasattr(http, ATTRIBUTE):
        kind = type(http)
        body = {"send": _later(kind) if inspect.iscoroutinefunction(send) else _now(kind)}
        http.__class__ = type(kind.__name__, (kind,), {**body, "__module__": kind.__module__})
    setattr(http, ATTRIBUTE, recorder)


def _now(kind: Any) -> Any:
    def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        recorder: Recorder = self.usage_recorder
        call = _begun(recorder, request)
        if call is None:
            return kind.send(self, request, *args, **kwargs)
        try:
            response = kind.send(self, request, *args, **kwargs)
        except BaseException as error:
            _failed(recorder, call, error)
            raise
        _answered(recorder, call, response, later=False)
        return response

    return send


def _later(kind: Any) -> Any:
    async def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        recorder: Recorder = self.usage_recorder
        call = _begun(recorder, request)
        if call is None:
            return await kind.send(self, request, *args, **kwargs)
        try:
            response = await kind.send(self, request, *args, **kwargs)
        except BaseException as error:
            _failed(recorder, call, error)
            raise
        _answered(recorder, call, response, later=True)
        return response

    return send


def _begun(recorder: Recorder, request: Any) -> Call | None:
    try:
        return recorder.begin(request)
    except Exception as error:  # noqa: BLE001  the request is sent whatever happens here
        TALLY.failed(error)
        return None


def _failed(recorder: Recorder, call: Call, error: BaseException) -> None:
    try:
        recorder.failed(call, error)
    except Exception as failure:  # noqa: BLE001  the app is to see its own error
        TALLY.failed(failure)


def _answered(recorder: Recorder, call: Call, response: Any, *, later: bool) -> None:
    try:
        recorder.answered(call, response, later=later)
    except Exception as error:  # noqa: BLE001  the answer is the app's whatever happens here
        TALLY.failed(error)
