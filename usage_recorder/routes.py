"""What an HTTP request of the SDK asks for, told by its address: which call, on which platform, of which model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

MESSAGES, COUNT, BATCH, RESULTS = "messages", "count_tokens", "batch", "results"

BEDROCK = re.compile(r"/model/(?P<model>[^/]+)/invoke(?P<stream>-with-response-stream)?$")
VERTEX = re.compile(
    r"/locations/(?P<region>[^/]+)/publishers/anthropic/models/(?P<model>[^/:]+):(?P<stream>stream)?[rR]awPredict$"
)
OWN = re.compile(r"/v1/messages(?:/(?:(?P<count>count_tokens)|batches(?:/(?P<batch>[^/]+)/(?P<results>results))?))?/?$")
BEDROCK_HOST = re.compile(r"bedrock(?:-runtime|-mantle)?(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com|api\.aws)")
PLATFORMS = (("bedrock", "bedrock"), ("mantle", "bedrock"), ("vertex", "vertex"), ("foundry", "foundry"))


@dataclass(frozen=True, slots=True)
class Platform:
    """Where a client sends its requests, as far as the client tells."""

    provider: str = "anthropic"
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One call; ``model`` where the address names it, ``batch`` the batch whose results it reads."""

    call: str
    provider: str
    region: str | None = None
    model: str | None = None
    streams: bool = False
    batch: str | None = None


def platform_of(client: object) -> Platform:
    """The platform of a client, from its class and what it knows of its region."""
    name = " ".join(kind.__name__ for kind in type(client).__mro__).lower()
    provider = next((ours for theirs, ours in PLATFORMS if theirs in name), "anthropic")
    if provider not in ("bedrock", "vertex"):
        return Platform(provider)
    region = getattr(client, "aws_region" if provider == "bedrock" else "region", None)
    return Platform(provider, region if isinstance(region, str) else None)


def route_of(method: str, host: str, path: str, platform: Platform) -> Route | None:
    """What is asked for; ``None`` for anything that is neither a message, a count nor a batch of them."""
    path = path.partition("?")[0]
    if method == "POST":
        if found := BEDROCK.search(path):
            model = unquote(found["model"])
            return Route(MESSAGES, "bedrock", _bedrock_region(host, platform), model, bool(found["stream"]))
        if found := VERTEX.search(path):
            model = unquote(found["model"])
            call = COUNT if model == "count-tokens" else MESSAGES
            return Route(call, "vertex", found["region"], model, bool(found["stream"]))
    found = OWN.search(path)
    if found is None:
        return None
    provider, region = platform.provider, platform.region
    if "bedrock" in host:
        provider, region = "bedrock", _bedrock_region(host, platform)
    if method == "GET":
        return Route(RESULTS, provider, region, batch=found["batch"]) if found["results"] else None
    if method != "POST" or found["results"]:
        return None
    call = COUNT if found["count"] else BATCH if "/batches" in found[0] else MESSAGES
    return Route(call, provider, region)


def _bedrock_region(host: str, platform: Platform) -> str | None:
    found = BEDROCK_HOST.fullmatch(host)
    return found[1] if found else platform.region
