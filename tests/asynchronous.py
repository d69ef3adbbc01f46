"""Coroutines in tests: each in a thread of its own, since the browser of other tests keeps a loop in the main one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

Result = TypeVar("Result")


def ran(main: Coroutine[Any, Any, Result]) -> Result:
    """What a coroutine returns, run to its end in the context of who calls."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, asyncio.run, main).result()
