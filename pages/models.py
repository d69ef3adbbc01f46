"""Models: the ranked list, one model, one request."""

from __future__ import annotations

from ui.kinds import MODELS
from ui.ranking import ranking_page


def page() -> None:
    ranking_page(MODELS)
