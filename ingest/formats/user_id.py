"""The ``metadata.user_id`` of a request to the Messages API: for whom it was made, and in which session."""

from __future__ import annotations

import json
import re

from ingest import fields
from ingest.formats.names import Row
from ingest.json_values import without_halves

# Claude Code writes who and when into the one id: as a text, since 2.1.78 as the text of an object
CLAUDE_CODE = re.compile("(?P<user>.+)_session_(?P<session>[0-9a-f-]{36})")


def user_and_session(request: Row, path: str) -> tuple[str | None, str | None]:
    """The user, and the session where Claude Code made the request; ``path`` is the request's in the log.

    Raises ``Rejected`` for what is not a text.
    """
    metadata, at = request.get("metadata"), f"{path}.metadata.user_id"
    name = fields.text(metadata.get("user_id"), at) if isinstance(metadata, dict) else None
    if name is None:
        return None, None
    if found := CLAUDE_CODE.fullmatch(name):
        return found["user"], found["session"]
    if not name.startswith("{"):
        return name, None
    try:
        inner = json.loads(without_halves(name))
    except (ValueError, RecursionError):
        return None, None
    device = inner.get("account_uuid") or inner.get("device_id")
    return fields.text(device, at), fields.text(inner.get("session_id"), at)
