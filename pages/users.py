"""Users: the ranked list, one user, one request."""

from __future__ import annotations

from ui.kinds import USERS
from ui.ranking import ranking_page


def page() -> None:
    ranking_page(USERS)
