"""Who a request is made for: feature, user, session and tags, held for the running thread or task."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from contextvars import ContextVar
from functools import partial, wraps
from types import TracebackType
from typing import Any, TypeVar, cast

from usage_recorder.counters import TALLY

FIELDS = ("feature", "user", "session")
MAX_TEXT = 512
ABSENT = object()
OF_CLIENT = "usage_recorder_tags"

Tags = Mapping[str, str]
Of = Mapping[str, Mapping[str, object]]
Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Client = TypeVar("Client")


class _Held:
    """Tags in force, what batch entries add to them, and what was in force around them."""

    __slots__ = ("entries", "outer", "tags")

    def __init__(self, tags: Tags, entries: Mapping[str, Tags], outer: _Held | None) -> None:
        self.tags = tags
        self.entries = entries
        self.outer = outer


_held: ContextVar[_Held | None] = ContextVar("usage_recorder.tags", default=None)
_NONE = _Held({}, {}, None)


def current() -> Tags:
    """The tags in force here."""
    return (_held.get() or _NONE).tags


def current_entries() -> Mapping[str, Tags]:
    """What entries of a batch created here have of their own, by custom_id."""
    return (_held.get() or _NONE).entries


def clean(tags: Mapping[str, object]) -> dict[str, str | None]:
    """Tags as short texts; ``None`` takes an outer tag away. What cannot be written is left out."""
    return {name[:MAX_TEXT]: _text(value) for name, value in tags.items() if name}


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return str(value)[:MAX_TEXT]
    except Exception:  # noqa: BLE001  an app's own __str__ must not end its request
        return None


def _given(feature: object, user: object, session: object, tags: Mapping[str, object]) -> Mapping[str, object]:
    named = zip(FIELDS, (feature, user, session), strict=True)
    return {**{name: value for name, value in named if value is not ABSENT}, **tags}


def merged(outer: Tags, inner: Mapping[str, str | None]) -> Tags:
    """Both, where the inner ones win."""
    return {name: value for name, value in {**outer, **inner}.items() if value is not None}


class tagged:  # noqa: N801  it is used like a function
    """Tags every request made inside: ``with tagged(feature="triage", user=uid, team="support"):``.

    Also a decorator of functions, coroutines and generators. Nested tags merge, the inner ones win, and None takes an
    outer one away. Tags hold for the running thread or asyncio task and for the tasks it starts, not for threads it
    starts. ``entries`` gives entries of a batch tags of their own, by custom_id: ``entries={"t-1": {"user": "u1"}}``.
    """

    def __init__(
        self,
        *,
        feature: object = ABSENT,
        user: object = ABSENT,
        session: object = ABSENT,
        entries: Of | None = None,
        **tags: object,
    ) -> None:
        self._tags = clean(_given(feature, user, session, tags))
        self._entries = {custom_id: merged({}, clean(own)) for custom_id, own in (entries or {}).items()}

    def __enter__(self) -> None:
        outer = _held.get() or _NONE
        _held.set(_Held(merged(outer.tags, self._tags), {**outer.entries, **self._entries}, _held.get()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        held = _held.get()
        _held.set(None if held is None else held.outer)

    def __call__(self, function: Decorated) -> Decorated:
        wrapped: Callable[..., Any]
        if inspect.isasyncgenfunction(function):
            wrapped = self._async_generator(function)
        elif inspect.isgeneratorfunction(function):
            wrapped = self._generator(function)
        elif inspect.iscoroutinefunction(function):

            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

            wrapped = coroutine
        else:

            def plain(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return function(*args, **kwargs)

            wrapped = plain
        return cast(Decorated, wraps(function)(wrapped))

    def _generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The tags hold while the generator runs, not while its caller does."""

        def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            inner = function(*args, **kwargs)
            step: Callable[[], Any] = partial(next, inner)
            while True:
                try:
                    with self:
                        item = step()
                except StopIteration as stop:
                    return stop.value
                try:
                    step = partial(inner.send, (yield item))
                except GeneratorExit:
                    with self:
                        inner.close()
                    raise
                except BaseException as error:  # noqa: BLE001  handed on to the generator itself
                    step = partial(inner.throw, error)

        return generator

    def _async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def generator(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            inner = function(*args, **kwargs)
            step: Callable[[], Any] = inner.__anext__
            while True:
                try:
                    with self:
                        item = await step()
                except StopAsyncIteration:
                    return
                try:
                    step = partial(inner.asend, (yield item))
                except GeneratorExit:
                    with self:
                        await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001  handed on to the generator itself
                    step = partial(inner.athrow, error)

        return generator


def with_tags(
    client: Client, *, feature: object = ABSENT, user: object = ABSENT, session: object = ABSENT, **tags: object
) -> Client:
    """A copy of a recorded client whose requests all bear these tags, over those in force around the call.

    For one call: ``with_tags(client, feature="triage").messages.create(...)``. Copies made of it keep the tags.
    """
    copy: Any = client
    try:
        copy = copy.copy()
        copy.__class__ = _tagging(type(copy), _given(feature, user, session, tags))
    except Exception as error:  # noqa: BLE001  a request without its tags is better than none
        TALLY.failed(error)
    return cast(Client, copy)


def _tagging(kind: Any, own: Mapping[str, object]) -> type:
    """A client's class whose requests, retries too, are sent under tags; later ones win over those it has already."""
    if OF_CLIENT in vars(kind):
        kind, own = kind.__base__, {**getattr(kind, OF_CLIENT), **own}
    under = tagged(**own)  # type: ignore[arg-type]

    async def awaited(sent: Coroutine[Any, Any, Any]) -> Any:
        with under:
            return await sent

    def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        with under:
            sent = kind.request(self, *args, **kwargs)
        return awaited(sent) if inspect.iscoroutine(sent) else sent

    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "request": request, OF_CLIENT: own}
    return type(kind.__name__, (kind,), names)
