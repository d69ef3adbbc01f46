"""An incident and its explanation as JSON has them."""

from __future__ import annotations

from typing import Any

from spend.explain.explanation import Explanation
from spend.spikes.incidents import Incident
from spend.spikes.series import Scope
from spend.spikes.words import sentence
from store.money import usd


def record(incident: Incident, told: Explanation) -> dict[str, Any]:
    """One incident: money is exact decimal strings, and the drivers add up to the excess."""
    one = incident.finding
    return {
        "kind": one.kind,
        "level": incident.level,
        "scope": _scope(one.scope),
        "night": one.night.isoformat(),
        "from": one.from_.isoformat(),
        "until": one.until.isoformat(),
        "actual_usd": usd(one.actual),
        "expected_usd": usd(one.expected),
        "excess_usd": usd(one.excess),
        "z": None if one.z is None else round(one.z, 2),
        "drivers": [
            {"driver": bar.driver, "feature": bar.feature, "change_usd": usd(bar.change)} for bar in told.drawn()
        ],
        "where": [{"scope": _scope(part.scope), "share": round(part.share, 4)} for part in told.where],
        "changed": [change.sentence for change in told.changed],
        "inside": [{"scope": _scope(inner.scope), "excess_usd": usd(inner.excess)} for inner in incident.inside],
        "so_far": one.running,
        "new_level": one.new_level,
        "planned": incident.planned,
        "note": incident.note,
        "sentence": sentence(incident),
    }


def _scope(scope: Scope) -> dict[str, str | None]:
    return dict(scope)
