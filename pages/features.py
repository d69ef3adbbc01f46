"""Features: the ranked list, one feature, one request."""

from __future__ import annotations

from ui.kinds import FEATURES
from ui.ranking import ranking_page


def page() -> None:
    ranking_page(FEATURES)
