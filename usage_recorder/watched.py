"""The body of a response on its way to the app: each piece is seen, the end is told once, however it comes."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from functools import cache
from typing import Any, Protocol

from usage_recorder.counters import TALLY


class Watcher(Protocol):
    """Sees the bytes of a body, decoded."""

    def feed(self, piece: bytes) -> None:
        """The next bytes."""

    def over(self) -> None:
        """Nothing more comes: read to its end, closed, broken off, or dropped."""


class _Watched:
    """What both kinds of body share; everything else is asked of the body itself."""

    def __init__(self, body: Any, watcher: Watcher, decode: Callable[[bytes], bytes]) -> None:
        self._body = body
        self._watcher: Watcher | None = watcher
        self._decode = decode

    def __getattr__(self, name: str) -> Any:
        if name in ("_body", "_watcher", "_decode"):
            raise AttributeError(name)
        return getattr(self._body, name)

    def _saw(self, piece: bytes) -> None:
        if self._watcher is not None:
            try:
                self._watcher.feed(self._decode(piece))
            except Exception as error:  # noqa: BLE001  what it cannot read is the app's all the same
                TALLY.failed(error)
                self._ended()

    def _ended(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            try:
                watcher.over()
            except Exception as failure:  # noqa: BLE001
                TALLY.failed(failure)

    def __del__(self) -> None:
        if getattr(self, "_watcher", None) is not None:
            self._ended()


class _Plain(_Watched):
    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._body:
                self._saw(piece)
                yield piece
        except Exception:
            self._ended()
            raise
        self._ended()

    def close(self) -> None:
        try:
            self._body.close()
        finally:
            self._ended()


class _Async(_Watched):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = self._body.__aiter__()
        try:
            async for piece in pieces:
                self._saw(piece)
                yield piece
        except Exception:
            self._ended()
            raise
        finally:
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()
        self._ended()

    async def aclose(self) -> None:
        try:
            await self._body.aclose()
        finally:
            self._ended()


@cache
def _kind(base: type) -> type[_Watched]:
    own = _Async if base.__name__ == "AsyncByteStream" else _Plain
    return type(own.__name__, (own, base), {})


def watch(response: Any, watcher: Watcher, *, later: bool) -> None:
    """Puts a watched body in place of a response's own. Raises if the response is of a kind not known."""
    wanted = "AsyncByteStream" if later else "SyncByteStream"
    base = next(kind for kind in type(response.stream).__mro__ if kind.__name__ == wanted)
    response.stream = _kind(base)(response.stream, watcher, _decoder(response))


def _decoder(response: Any) -> Callable[[bytes], bytes]:
    """Undoes the response's content encoding, apart from the response, whose own decoder is the app's."""
    encodings = response.headers.get("content-encoding", "identity").strip().lower()
    if encodings in ("", "identity"):
        return bytes
    if encodings in ("gzip", "x-gzip", "deflate"):
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress
    decoder = type(response)(200, headers={"content-encoding": encodings})._get_content_decoder()
    return lambda piece: _joined(decoder.decode(piece))


def _joined(decoded: Any) -> bytes:
    return decoded if isinstance(decoded, bytes) else b"".join(decoded)
