"""Move requests to another model."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from spend.levers.lever import At, Change, Input, Lever, Pulled, Row

TOKENIZER = (Fraction(1), Fraction("1.3"), Fraction("1.35"))  # tokens of a text from 4.7 on to those before
VERBOSITY = (Fraction("0.8"), Fraction(1), Fraction("1.5"))


@dataclass(frozen=True, slots=True)
class Swap:
    """Prices a request by model ``to``, on its own day, in its own band, if it fits there."""

    name: str = "swap"
    label: str = "Swap the model"
    inputs: tuple[Input, ...] = (
        Input("from", "Model to leave", "model", hint="left out: every model"),
        Input("to", "Model to move to", "model", required=True),
        Input(
            "tokenizer",
            "Tokens of a text there for each token here",
            "factor",
            "×",
            low=Fraction("0.5"),
            high=Fraction(2),
            hint="left out: by the models' tokenizers, 1 or 1.3 (1 to 1.35) or the inverse",
        ),
        Input(
            "verbosity",
            "Length of the answers there",
            "factor",
            "×",
            low=Fraction("0.1"),
            high=Fraction(5),
            hint="left out: 1 (0.8 to 1.5)",
        ),
    )
    caveat: str = "Quality is not modelled: try the other model on real requests before you move them."

    def change(self, row: Row, pulled: Pulled, at: At) -> Change:  # noqa: ARG002
        limit = at.limits
        mine = f"{limit['from']} AND {row.target} = 0"
        too_long = {reason: limit[reason] for reason in ("over_context_window", "over_max_output")}
        prefix = f"{row.read} + {row.write_5m} + {row.write_1h}"
        small = f"{prefix} < {limit['min_kept']}"  # as it would not be cached there
        columns = {
            "target": f"{at.number}",
            "uncached": f"CASE WHEN {small} THEN {row.prompt} ELSE {row.uncached} END",
            **{
                name: f"CASE WHEN {small} THEN 0 ELSE {column} END"
                for name, column in (("read", row.read), ("write_5m", row.write_5m), ("write_1h", row.write_1h))
            },
        }
        return Change(
            columns,
            when=" AND ".join(
                [mine, limit["priced"], *(f"NOT ({long})" for long in too_long.values() if long != "false")]
            ),
            unless=(
                ("no_price", f"{mine} AND NOT {limit['priced']}"),
                *((reason, "false" if long == "false" else f"{mine} AND {long}") for reason, long in too_long.items()),
            ),
        )


LEVER: Lever = Swap()
