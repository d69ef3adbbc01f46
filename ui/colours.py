"""A colour for each entity, the same on every page and in every period."""

from __future__ import annotations

from dataclasses import dataclass

from spend.places import places
from ui.cached import ask

PALETTE = ("#2D6CDF", "#D97A00", "#1B8A5A", "#A05195", "#D45087", "#4A9FB5")
GREY = "#7B8794"
PAPERS = {"light": "#FFFFFF", "dark": "#12161C"}
COST_UP = "#C2372E"
SAVING = "#1B8A5A"
OTHER = "Other"
_LAPS = ("", ".", "x")  # the seventh dearest takes the first colour again, dotted

TOKEN_CLASSES = {
    "output": PALETTE[0],
    "uncached_input": PALETTE[1],
    "cache_write_5m": PALETTE[3],
    "cache_write_1h": PALETTE[4],
    "cache_read": PALETTE[2],
    "web_search": PALETTE[5],
}


@dataclass(frozen=True, slots=True)
class Fill:
    """A colour and a Plotly pattern; "" is solid."""

    colour: str
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Colours:
    """Entities in the order of their spend when first loaded: each keeps its place whatever is filtered or loaded."""

    order: tuple[str, ...] = ()

    def of(self, name: str | None) -> Fill:
        if name is None:
            return Fill(GREY, "/")
        place = self.order.index(name) if name in self.order else len(PALETTE) * len(_LAPS)
        lap, colour = divmod(place, len(PALETTE))
        return Fill(PALETTE[colour], _LAPS[lap]) if lap < len(_LAPS) else Fill(GREY)


def colours_for(dimension: str) -> Colours:
    """The colours of the features, models or users of this store."""
    return Colours(tuple(ask(places, dimension, limit=len(PALETTE) * len(_LAPS))))
