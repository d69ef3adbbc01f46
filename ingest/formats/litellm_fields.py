"""What gateways log beside the counts: JSON columns, names of many spellings, addresses of endpoints, statuses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ingest.formats.names import NAMES, Row, normal
from ingest.json_values import without_halves

HTTP_STATUS = re.compile("[1-5][0-9][0-9]")
REGION = re.compile(r"bedrock[a-z-]*\.([a-z0-9-]+)\.|/locations/([a-z0-9-]+)/|//([a-z0-9-]+)-aiplatform\.")


def parsed(value: object) -> object:
    """A JSON column: as it is, or out of its text; ``None`` for a text that cannot be read."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(without_halves(value))
        except (ValueError, RecursionError):
            return None
    return value


def object_in(row: Row, name: str) -> dict[str, Any]:
    """The object in a JSON column, empty if there is none."""
    inner = parsed(row.get(name))
    return inner if isinstance(inner, dict) else {}


def named(found: Mapping[str, object], ours: str) -> object:
    """What stands under the best of the usual names for a field of ours, however they are spelled."""
    by_name = {normal(name): value for name, value in found.items()}
    return next((by_name[name] for name in NAMES[ours].split() if by_name.get(name)), None)


def region_of(url: object) -> str | None:
    """The region in the address of a Bedrock or Vertex endpoint; ``None`` if there is none."""
    found = REGION.search(url) if isinstance(url, str) else None
    return next(filter(None, found.groups()), None) if found else None


def http_status(value: object) -> int | None:
    """An HTTP status, as a number or its digits; ``None`` for what is none, such as a gateway's own codes."""
    return int(str(value)) if HTTP_STATUS.fullmatch(str(value)) else None
