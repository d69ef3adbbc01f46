"""Which model a logged name means: ids, aliases, Bedrock ids and ARNs, Vertex ids, provider prefixes. Never a guess."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from store.logged_names import LoggedName, taken_apart

if TYPE_CHECKING:
    from store.prices import PriceList

FAMILIES = "opus|sonnet|haiku|fable|mythos"
SNAPSHOT = re.compile(r"(?P<base>.+)[-@](?P<day>[0-9]{8})")

SNAPSHOT_UNLISTED = "the snapshot {day} is not in the price list; priced as {model}"
VERTEX_UNKNOWN = "the endpoint's region is not in the log; priced as the global endpoint"
BEDROCK_BARE = (
    "the Bedrock id names no region group; priced as a regional endpoint (+10 %), "
    "though sources conflict: one takes it for the global price"
)
BEDROCK_UNKNOWN = "the log does not say which Bedrock endpoint served it; priced as a regional endpoint (+10 %)"
GOVCLOUD = "GovCloud prices are uncertain; priced as a regional endpoint (+10 %)"


@dataclass(frozen=True, slots=True)
class ModelNames:
    """Every name of the price list, in lower case, and which models have a regional premium."""

    canonical: dict[str, str]
    listed: dict[str, str]
    with_premium: frozenset[str]

    @classmethod
    def of(cls, price_list: PriceList) -> ModelNames:
        canonical = {model.model.lower(): model.model for model in price_list.models}
        listed = {
            name.lower().removeprefix("anthropic."): model.model
            for model in price_list.models
            for name in (*model.bedrock, *model.vertex, *model.names)
        }
        premium = frozenset(row.model for row in price_list.prices if row.regional_twentieths != 20)
        return cls(canonical=canonical, listed=listed, with_premium=premium)


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A logged name resolved: the canonical model (None: unknown), whether its endpoint is a regional one."""

    model: str | None
    regional: bool
    assumption: str | None


UNKNOWN = ResolvedModel(model=None, regional=False, assumption=None)


def resolve(model_logged: str, provider: str | None, region: str | None, names: ModelNames) -> ResolvedModel:
    """The model a log means and the kind of endpoint, from the name and what was logged beside it."""
    name = taken_apart(model_logged, names.listed)
    if name is None:
        return UNKNOWN
    model, day = _model(name.id, names)
    if model is None:
        return UNKNOWN
    regional, said = _endpoint(name, _platform(name, provider), _plain(region))
    assumptions = [SNAPSHOT_UNLISTED.format(day=day, model=model)] if day else []
    if said and model in names.with_premium:
        assumptions.append(said)
    return ResolvedModel(model, regional, "; ".join(assumptions) or None)


def _plain(text: str | None) -> str | None:
    return (text or "").strip().lower() or None


def _model(name: str, names: ModelNames) -> tuple[str | None, str | None]:
    """The model, and the snapshot day if the name bears one that is not listed."""
    without_version = re.sub(r"(-v[0-9]+)?(:[0-9]+)?$", "", name)
    for spelling in (*_spellings(name), *_spellings(without_version), *_spellings(name.removesuffix("@default"))):
        if model := names.listed.get(spelling):
            return model, None
    snapshot = SNAPSHOT.fullmatch(without_version)
    if snapshot and _is_day(snapshot["day"]):
        for spelling in _spellings(snapshot["base"]):
            if model := names.canonical.get(spelling):
                return model, snapshot["day"]
    return None, None


def _spellings(name: str) -> Iterator[str]:
    """The name; with dashes for dots; with version and family in the other order."""
    yield name
    dashed = re.sub(r"(?<=[0-9])\.(?=[0-9])", "-", name)
    yield dashed
    yield dashed.replace("@", "-")
    if swapped := re.fullmatch(rf"claude-([0-9]+(?:-[0-9])?)-({FAMILIES})(-.+)?", dashed):
        yield f"claude-{swapped[2]}-{swapped[1]}{swapped[3] or ''}"
    if swapped := re.fullmatch(rf"claude-({FAMILIES})-([0-9]+(?:-[0-9])?)(-.+)?", dashed):
        yield f"claude-{swapped[2]}-{swapped[1]}{swapped[3] or ''}"


def _is_day(digits: str) -> bool:
    try:
        return date.fromisoformat(digits).year >= 2023
    except ValueError:
        return False


def _platform(name: LoggedName, provider: str | None) -> str | None:
    """The name tells it best; else the provider logged beside it."""
    if name.platform in ("bedrock", "vertex"):
        return name.platform
    logged = _plain(provider) or ""
    if "bedrock" in logged or "vertex" in logged:
        return "bedrock" if "bedrock" in logged else "vertex"
    return "bedrock" if re.search(r"-v[0-9]+:[0-9]+$", name.id) else name.platform


def _endpoint(name: LoggedName, platform: str | None, region: str | None) -> tuple[bool, str | None]:
    """Whether the endpoint is a regional one, and what had to be assumed for that."""
    region = name.region or region
    if platform == "vertex":
        return (region != "global", None) if region else (False, VERTEX_UNKNOWN)
    if platform != "bedrock" or name.prefix == "global":
        return False, None
    if name.prefix == "us-gov" or (region or "").startswith("us-gov-"):
        return True, GOVCLOUD
    if name.prefix:
        return True, None
    return True, BEDROCK_BARE if name.bare else BEDROCK_UNKNOWN
