"""The HTTP routes beside the pages; docs/http.md describes them."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import Route

from ingest.routes.asking import asking
from ingest.routes.by_path import load_by_path
from ingest.routes.health import health
from ingest.routes.lifespan import serving
from ingest.routes.posted import post
from ingest.routes.uploads import UPLOADS

__all__ = ["ROUTES", "asking", "serving", "under"]

ROUTES = [
    Route("/api/ingest", post),
    Route("/api/load", load_by_path),
    Route("/api/health", health),
    *UPLOADS,
]


def under(base: str, routes: Sequence[Route]) -> list[Route]:
    """The same routes below a path, "" or "/spend"."""
    return [
        Route(f"{base}{route.path}", route.endpoint, methods=route.methods and sorted(route.methods))
        for route in routes
    ]
