"""The levers, in the order in which they act on a request, whatever order they are given in."""

from __future__ import annotations

from spend.levers import batch, cache, cap, swap, trim, uncache
from spend.levers.lever import Lever, Pulled

LEVERS: dict[str, Lever] = {
    one.name: one
    for one in (
        trim.LEVER,
        cap.LEVER,
        swap.LEVER,
        uncache.LEVER,
        cache.LEVER,
        batch.LEVER,
    )
}

# two Haikus differ in price and in the least they cache; a swap begins with the first
PRESETS: dict[str, Pulled] = {
    "Everything to Haiku 5.5": Pulled("swap", (("to", "claude-haiku-5-5"),)),
    "Everything to Haiku 4.5": Pulled("swap", (("to", "claude-haiku-4-5"),)),
}
