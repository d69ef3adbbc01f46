"""What is known of who writes spans: whether their input holds the cached tokens, and what they get wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

Version = tuple[int, ...]

# What an input count means. The convention is "inside": input holds what was read from and written to the cache.
INSIDE, OUTSIDE = "inside", "outside"
BY_TOTAL = "by total"  # both occur; the total of the API beside it tells
UNCLEAR = "unclear"  # both occur, and nothing tells


@dataclass(frozen=True, slots=True)
class Emitter:
    """Who writes the spans of one instrumentation scope, in versions from ``since`` to before ``below``.

    A name that ends in a separator stands for all that begin with it.
    """

    scope: str
    cached: str = INSIDE
    since: Version = ()
    below: Version | None = None
    tells_cache: bool = True
    known: bool = True

    def wrote(self, scope: str, version: Version) -> bool:
        """Are spans of this scope and version its own? An unknown version, (), is taken for a new one."""
        if not (scope == self.scope or (scope.startswith(self.scope) and self.scope.endswith((".", "_", "-")))):
            return False
        newest = self.below is None or (bool(version) and version < self.below)
        return newest and (not version or version >= self.since)


EMITTERS = (
    Emitter("com.anthropic.claude_code", OUTSIDE),
    Emitter("com.anthropic.claude_code.", OUTSIDE),
    Emitter("com.anthropic."),
    Emitter("opentelemetry.instrumentation.anthropic"),
    Emitter("opentelemetry.instrumentation.langchain"),
    Emitter("opentelemetry.instrumentation.bedrock", OUTSIDE),
    Emitter("opentelemetry.instrumentation.botocore.", OUTSIDE, tells_cache=False),
    Emitter("@traceloop/instrumentation-anthropic"),
    Emitter("openinference.instrumentation.bedrock", BY_TOTAL),
    Emitter("openinference.instrumentation."),
    Emitter("openlit.instrumentation.anthropic", OUTSIDE),
    Emitter("openlit.instrumentation.bedrock", OUTSIDE),
    Emitter("strands.telemetry.", BY_TOTAL),
    Emitter("logfire.anthropic", OUTSIDE, below=(4, 31), tells_cache=False),
    Emitter("logfire.anthropic", tells_cache=False),
    Emitter("pydantic-ai"),
    Emitter("litellm"),
    Emitter("gen_ai"),
    Emitter("ai", UNCLEAR, tells_cache=False),
)
UNKNOWN = Emitter("", known=False)

OVERSTATED = (
    "streamed, written by {scope} {version}, which adds a first guess to the final count: their output is a few tokens"
    " too large"
)
CACHE_LOST = "streamed, written by {scope} {version}, which leaves out cached tokens: they were priced as uncached ones"
CACHE_UNTOLD = "written by {scope}, which leaves out cached tokens: their cost is wrong where a cache was used"
TRACELOOP = "opentelemetry.instrumentation.anthropic"
_ADDS_UP = Emitter(TRACELOOP, below=(0, 63))
_LOST_CACHE = Emitter(TRACELOOP, since=(0, 48), below=(0, 52, 5))


@lru_cache(maxsize=256)
def emitter_of(scope: str, version: str) -> Emitter:
    """Who wrote the spans of a scope; ``UNKNOWN`` if nothing is known of it."""
    number = _version(version)
    return next((emitter for emitter in EMITTERS if emitter.wrote(scope, number)), UNKNOWN)


def overstates(scope: str, version: str, stream: bool) -> bool:
    """Is the output of such a span too large?"""
    return stream and _ADDS_UP.wrote(scope, _version(version))


def faults(scope: str, version: str, *, stream: bool, cache_told: bool) -> list[str]:
    """What is known to be wrong with such a span, to be said with the number of them."""
    number, found = _version(version), []
    if overstates(scope, version, stream):
        found.append(OVERSTATED)
    if stream and not cache_told and _LOST_CACHE.wrote(scope, number):
        found.append(CACHE_LOST)
    if not cache_told and not emitter_of(scope, version).tells_cache:
        found.append(CACHE_UNTOLD)
    return [text.format(scope=scope, version=version) for text in found]


@lru_cache(maxsize=256)
def _version(text: str) -> Version:
    found = re.match(r"v?(\d{1,9}(?:\.\d{1,9}){0,3})", text)
    return tuple(map(int, found[1].split("."))) if found else ()
