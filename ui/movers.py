"""What moved most against the equal period before."""

from __future__ import annotations

from spend.trends import Move, moves
from ui.cached import ask
from ui.filters import Asked


def top_mover(asked: Asked) -> Move | None:
    """The feature whose spend changed by the largest amount; None without a period before, or when none changed."""
    if asked.before is None:
        return None
    largest = max(ask(moves, asked.filters, "feature"), key=lambda move: abs(move.change), default=None)
    return largest if largest and largest.change else None
