"""A logged model name taken apart: the id, and the platform, inference profile and region it was written with."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

BEDROCK_PREFIXES = ("global", "us", "eu", "jp", "au", "apac", "us-gov")
PLATFORMS = {
    **dict.fromkeys(("bedrock", "bedrock_converse", "bedrock_mantle", "aws_bedrock", "amazon_bedrock"), "bedrock"),
    **dict.fromkeys(("vertex_ai", "vertex", "google-vertex", "google_vertex", "vertex_ai-anthropic_models"), "vertex"),
    **dict.fromkeys(("anthropic", "openrouter", "azure_ai", "litellm_proxy"), "direct"),
}
BEDROCK_ROUTES = ("converse", "converse_like", "invoke", "mantle")
LONGEST = 300  # no model has a longer name, and a hostile one must not be costly to take apart

ARN = re.compile(r"arn:aws[a-z-]*:bedrock:(?P<region>[a-z0-9-]*):[0-9]*:(?P<kind>[a-z-]+)/(?P<id>.+)")
VERTEX_PATH = re.compile(
    r"(?:projects/[^/]+/locations/(?P<region>[^/]+)/)?publishers/anthropic/models/(?P<id>[^/:]+)(:[a-z]+)?"
)
BEDROCK_ID = re.compile(rf"(?:(?P<prefix>{'|'.join(BEDROCK_PREFIXES)})\.)?anthropic\.(?P<id>claude.+)")
AWS_REGION = re.compile(r"[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-[0-9]")


@dataclass(frozen=True, slots=True)
class LoggedName:
    """A logged name taken apart."""

    id: str
    platform: str | None = None  # bedrock | vertex | direct; None: the name does not tell
    prefix: str | None = None  # of a Bedrock inference profile
    region: str | None = None
    bare: bool = False  # a Bedrock id without a prefix


def taken_apart(model_logged: str, listed: Collection[str]) -> LoggedName | None:
    """A logged name in its parts; one that is ``listed`` as it stands is left whole.

    None: a form that hides the model, such as an application inference profile.
    """
    if len(model_logged) > LONGEST:
        return None
    name = re.sub(r"\s*\[[0-9]+[km]\]$", "", model_logged.strip().lower())
    if name in listed:
        return LoggedName(name, platform="vertex" if "@" in name else None)
    name, platform = _without_provider(name)
    if arn := ARN.fullmatch(name):
        if arn["kind"] not in ("foundation-model", "inference-profile"):
            return None
        return _bedrock_name(arn["id"], arn["region"]) if BEDROCK_ID.fullmatch(arn["id"]) else None
    if path := VERTEX_PATH.fullmatch(name):
        return LoggedName(path["id"], platform="vertex", region=path["region"])
    if platform == "bedrock":
        name, region = _without_route(name)
        return _bedrock_name(name, region)
    if BEDROCK_ID.fullmatch(name):
        return _bedrock_name(name, None)
    return LoggedName(re.sub(r":(thinking|beta)$", "", name), platform="vertex" if "@" in name else platform)


def _without_provider(name: str) -> tuple[str, str | None]:
    """Without leading provider names, "openrouter/anthropic/": the name, and the platform the last one tells."""
    platform = None
    while (head := re.match(r"([a-z0-9_-]+)[/:]", name)) and head[1] in PLATFORMS:
        platform = PLATFORMS[head[1]]
        name = name[head.end() :]
    return name, platform


def _without_route(name: str) -> tuple[str, str | None]:
    """Without the routes and regions a gateway puts before a Bedrock id."""
    region = None
    while "/" in name:
        head, _, rest = name.partition("/")
        if AWS_REGION.fullmatch(head):
            region = head
        elif head not in BEDROCK_ROUTES:
            break
        name = rest
    return name, region


def _bedrock_name(name: str, region: str | None) -> LoggedName:
    if match := BEDROCK_ID.fullmatch(name):
        return LoggedName(match["id"], "bedrock", prefix=match["prefix"], region=region, bare=match["prefix"] is None)
    return LoggedName(name, "bedrock", region=region)
