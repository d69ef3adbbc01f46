"""GET /api/health: says that Spendglass answers, and to who knows the owner's secret that it is the right one."""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from functools import cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ingest.routes.answers import Problem, guarded
from store.access import access_of
from store.process import process_path

_NONCE = re.compile(r"[A-Za-z0-9_-]{1,64}")


@guarded("GET", None)
async def health(request: Request) -> Response:
    """The version; a nonce is given back, with a proof that tells nothing to who does not know the secret."""
    said = {"spendglass": version()}
    nonce = request.query_params.get("nonce")
    if nonce is not None:
        if not _NONCE.fullmatch(nonce):
            raise Problem(400, "wrong_nonce", "This is no nonce.", "Send 1 to 64 letters, digits, - or _.")
        said["nonce"] = nonce
        with suppress(OSError):
            said["proof"] = (await run_in_threadpool(access_of, process_path())).proof(nonce)
    return JSONResponse(said)


@cache
def version() -> str:
    """The project's own."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])
