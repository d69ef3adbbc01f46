"""Loads asked for over HTTP: one after another, in a thread of their own, and only so many waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ingest.routes.answers import Problem

MOST_WAITING = 8
RETRY_AFTER = 5  # seconds
T = TypeVar("T")


class Loads:
    """The line of them. Everything but ``close`` is called on the event loop."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._posts = 0

    @property
    def waiting(self) -> int:
        """Posts beside the one that is being loaded."""
        return max(self._posts - 1, 0)

    def start(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Has work done after what was asked for before it; it is done even if nobody waits for it any more."""
        self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="load")
        return asyncio.get_running_loop().run_in_executor(self._pool, work)

    def check_room(self) -> None:
        """Raises Problem when as many posts wait as may."""
        if self.waiting >= MOST_WAITING:
            advice = f"Try again in {RETRY_AFTER} seconds, or send more lines at once."
            headers = {"Retry-After": str(RETRY_AFTER)}
            raise Problem(
                429, "too_many_waiting", f"{MOST_WAITING} posts are waiting to be loaded.", advice, headers=headers
            )

    async def post(self, work: Callable[[], T]) -> T:
        """Waits for work that was posted. Raises Problem when there is no room for it."""
        self.check_room()
        self._posts += 1
        try:
            return await self.start(work)
        finally:
            self._posts -= 1

    def close(self) -> None:
        """Returns when all of it is done."""
        if self._pool:
            self._pool.shutdown()
            self._pool = None


LOADS = Loads()
