"""Uploads from the browser: a file is announced, sent slice by slice, and stays on the disk until it is loaded.

Who holds a page's ticket (`ingest/upload_tickets.py`, in the header Upload-Ticket) asks:

    GET    /api/upload        the files of this ticket
    POST   /api/upload        {"name", "size", "modified"}: begins a file, or finds it as far as it was sent before
    GET    /api/upload/{id}   how far it is
    PUT    /api/upload/{id}   the bytes from the offset in the header Upload-Offset on, MAX_SLICE at most
    DELETE /api/upload/{id}   takes it back

Each answer is {"id", "name", "size", "modified", "offset"}, or {"error": {"code", "message", "advice"}} and, where the
bytes were not those that come next, the "offset" to go on from. No cookie speaks for anybody here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingest.inbox import spool_of
from ingest.spool import Spool
from ingest.spooled import MAX_SLICE, Slice, Spooled
from ingest.upload_refused import UploadRefused, slice_too_large
from ingest.upload_tickets import owner_of
from store.process import process_path

SILENCE = 20  # seconds without a byte after which a slice is given up, so that the file can be sent anew
MAX_NAME = 1024
_MAX_BODY = 16 * 1024
_WRITTEN_AT_ONCE = 1024 * 1024
_STATUS = {
    "bad_request": 400,
    "no_ticket": 401,
    "other_site": 403,
    "unknown": 404,
    "silent": 408,
    "wrong_offset": 409,
    "slice_too_large": 413,
    "too_large": 413,
    "too_long": 413,
    "too_many": 413,
    "busy": 423,
    "misconfigured": 500,
    "failed": 500,
    "disk_full": 507,
}
_OTHER_SITE = UploadRefused(
    "other_site",
    "This was asked by another site.",
    "Open the dashboard itself. Behind a proxy: let it pass the Host header on.",
)
_NO_TICKET = UploadRefused("no_ticket", "This page's right to upload has ended.", "Reload the page.")
_SILENT = UploadRefused("silent", f"Nothing came for {SILENCE} seconds.", "Ask how far the file is and go on.")

Answer = Callable[[Request, Spool, str], Awaitable[Response]]


def _for_ticket_holders(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Lets in who asks from our own page with a ticket, and puts what goes wrong into words."""

    async def endpoint(request: Request) -> Response:
        try:
            if _from_another_site(request):
                raise _OTHER_SITE
            owner = owner_of(request.headers.get("upload-ticket", ""))
            if owner is None:
                raise _NO_TICKET
            return await answer(request, spool_of(process_path()), owner)
        except UploadRefused as why:
            return _said(why)
        except OSError as error:
            message = f"The file could not be written: {error.strerror}."
            return _said(UploadRefused("failed", message, "See to the dashboard's disk, then retry."))

    return endpoint


@_for_ticket_holders
async def _all(_request: Request, spool: Spool, owner: str) -> Response:
    return _answer([_shown(upload) for upload in spool.of(owner)])


@_for_ticket_holders
async def _begin(request: Request, spool: Spool, owner: str) -> Response:
    name, size, modified = await _announced(request)
    return _answer(_shown(await asyncio.to_thread(spool.begin, owner, name, size, modified)), 201)


@_for_ticket_holders
async def _one(request: Request, spool: Spool, owner: str) -> Response:
    return _answer(_shown(spool.find(owner, request.path_params["id"])))


@_for_ticket_holders
async def _append(request: Request, spool: Spool, owner: str) -> Response:
    upload = spool.find(owner, request.path_params["id"])
    offset = _whole(request.headers.get("upload-offset"))
    if offset is None:
        raise _bad("the header Upload-Offset is missing or not a number")
    if (_whole(request.headers.get("content-length")) or 0) > MAX_SLICE:
        raise slice_too_large(MAX_SLICE)
    with spool.appending(owner, upload.upload_id, offset) as piece:
        try:
            await _receive(request, piece)
        except ClientDisconnect:
            pass  # what came stays
        except TimeoutError:
            return _said(_SILENT)
    return _answer(_shown(upload))


@_for_ticket_holders
async def _drop(request: Request, spool: Spool, owner: str) -> Response:
    upload = spool.find(owner, request.path_params["id"])
    await asyncio.to_thread(spool.drop, upload)
    return Response(status_code=204, headers={"cache-control": "no-store"})


UPLOADS = [
    Route("/api/upload", _all, methods=["GET"]),
    Route("/api/upload", _begin, methods=["POST"]),
    Route("/api/upload/{id}", _one, methods=["GET"]),
    Route("/api/upload/{id}", _append, methods=["PUT"]),
    Route("/api/upload/{id}", _drop, methods=["DELETE"]),
]


async def _receive(request: Request, piece: Slice) -> None:
    """Writes the body as it comes. Raises ClientDisconnect and TimeoutError, when all that came has been written."""
    stream = request.stream()
    waiting = bytearray()
    try:
        while True:
            async with asyncio.timeout(SILENCE):
                chunk = await anext(stream, None)
            if chunk is None:
                break
            waiting += chunk
            if len(waiting) >= _WRITTEN_AT_ONCE:
                full, waiting = waiting, bytearray()
                await asyncio.to_thread(piece.write, full)
    finally:
        if waiting:
            piece.write(waiting)


async def _announced(request: Request) -> tuple[str, int, int]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise _bad("the announcement is too long")
    try:
        file: Any = json.loads(body)
    except (ValueError, RecursionError):
        file = None
    found = file if isinstance(file, dict) else {}
    name, size, modified = found.get("name"), found.get("size"), found.get("modified")
    if not (isinstance(name, str) and 0 < len(name) <= MAX_NAME and type(size) is int and type(modified) is int):
        raise _bad('a file is announced as {"name": text, "size": bytes, "modified": milliseconds}')
    if size < 0:
        raise _bad("no file has fewer than no bytes")
    return name, size, modified


def _from_another_site(request: Request) -> bool:
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site != "same-origin":
        return True
    return origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower()


def _whole(header: str | None) -> int | None:
    return int(header) if header is not None and header.isascii() and header.isdigit() and len(header) < 20 else None


def _bad(reason: str) -> UploadRefused:
    return UploadRefused("bad_request", f"Not understood: {reason}.", "See ingest/routes/uploads.py.")


def _shown(upload: Spooled) -> dict[str, Any]:
    return {
        "id": upload.upload_id,
        "name": upload.name,
        "size": upload.size,
        "modified": upload.modified,
        "offset": upload.offset,
    }


def _said(why: UploadRefused) -> Response:
    told: dict[str, Any] = {"error": {"code": why.code, "message": why.message, "advice": why.advice}}
    if why.offset is not None:
        told["offset"] = why.offset
    return _answer(told, _STATUS[why.code])


def _answer(told: Any, status: int = 200) -> Response:
    return JSONResponse(told, status, headers={"cache-control": "no-store"})
