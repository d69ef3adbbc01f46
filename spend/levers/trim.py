"""Shorten prompts to a length: what goes is priced at the class it really was."""

from __future__ import annotations

from dataclasses import dataclass

from spend.levers.lever import At, Change, Input, Lever, Pulled, Row, length


@dataclass(frozen=True, slots=True)
class Trim:
    """Cuts the prompt to ``max_prompt_tokens`` from its end: uncached tokens, then cached ones."""

    name: str = "trim"
    label: str = "Trim prompts"
    inputs: tuple[Input, ...] = (length("max_prompt_tokens", "Longest prompt", 50_000),)
    caveat: str = "Trimmed prompts leave something out; whether the answers stay as good is not modelled."

    def change(self, row: Row, pulled: Pulled, at: At) -> Change:  # noqa: ARG002
        most = pulled.whole("max_prompt_tokens")
        before_5m = f"{row.read} + {row.write_1h}"
        columns = {
            "read": f"least({row.read}, {most})",
            "write_1h": f"greatest(least({row.write_1h}, {most} - {row.read}), 0)",
            "write_5m": f"greatest(least({row.write_5m}, {most} - ({before_5m})), 0)",
            "uncached": f"greatest(least({row.uncached}, {most} - ({before_5m} + {row.write_5m})), 0)",
        }
        return Change(columns, when="first_part")


LEVER: Lever = Trim()
