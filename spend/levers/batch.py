"""Send what can wait as a batch."""

from __future__ import annotations

from dataclasses import dataclass

from spend.levers.lever import At, Change, Input, Lever, Pulled, Row


@dataclass(frozen=True, slots=True)
class Batch:
    """Prices a request as part of a batch; its ``share`` is how many of them can wait."""

    name: str = "batch"
    label: str = "Batch what can wait"
    inputs: tuple[Input, ...] = ()
    caveat: str = (
        "A batch may take a day to answer: only for what nobody waits for. Hits in the cache are kept as replayed."
    )

    def change(self, row: Row, pulled: Pulled, at: At) -> Change:  # noqa: ARG002
        limit = at.limits
        return Change(
            {"batch": "1"},
            when=f"{row.batch} = 0 AND NOT {limit['fast']} AND NOT {limit['batched']} AND {limit['batches']}",
            unless=(
                ("already_batch", limit["batched"]),
                ("fast_mode", limit["fast"]),
                ("no_price", f"NOT {limit['batches']}"),
            ),
        )


LEVER: Lever = Batch()
