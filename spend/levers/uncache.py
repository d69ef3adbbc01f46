"""Leave prompts uncached: what was written to a cache or read from it is plain input again."""

from __future__ import annotations

from dataclasses import dataclass

from spend.levers.lever import At, Change, Input, Lever, Pulled, Row


@dataclass(frozen=True, slots=True)
class Uncache:
    """Takes the marks off a prompt; a cache lever may then mark it anew, for another time."""

    name: str = "uncache"
    label: str = "Stop caching"
    inputs: tuple[Input, ...] = ()
    caveat: str = "Without its cache a prompt takes longer to its first token."

    def change(self, row: Row, pulled: Pulled, at: At) -> Change:  # noqa: ARG002
        return Change(
            {"uncached": row.prompt, "read": "0", "write_5m": "0", "write_1h": "0", "cached": "false"},
            when=f"first_part AND {row.cached}",
        )


LEVER: Lever = Uncache()
