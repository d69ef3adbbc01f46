"""Cap the length of answers."""

from __future__ import annotations

from dataclasses import dataclass

from spend.levers.lever import At, Change, Input, Lever, Pulled, Row, length


@dataclass(frozen=True, slots=True)
class Cap:
    """Bills no more than ``max_output_tokens`` of an answer."""

    name: str = "cap"
    label: str = "Cap answers"
    inputs: tuple[Input, ...] = (length("max_output_tokens", "Longest answer", 500),)
    caveat: str = "A capped answer ends in mid-sentence, and thinking counts as output: see the share of answers cut."

    def change(self, row: Row, pulled: Pulled, at: At) -> Change:  # noqa: ARG002
        return Change({"output": f"least({row.output}, {pulled.whole('max_output_tokens')})"}, when="first_part")


LEVER: Lever = Cap()
