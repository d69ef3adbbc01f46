"""One line that leads to the largest finding, ready as a scenario."""

from __future__ import annotations

import streamlit as st

from spend.breakdown import Spend
from spend.opportunities.ranked import largest
from spend.what_if.saved import as_text
from ui import drill, names, numbers
from ui.cached import ask
from ui.filters import Asked
from ui.what_if_scene import PARAM

_QUICK = 1_000_000  # requests; of more, findings are looked for when they are asked for


def worth_a_look(asked: Asked, spend: Spend) -> None:
    """Drawn last, since it is looked for longest; nothing where nothing stands out."""
    if not spend.cost:
        return
    with st.container(key="worth-a-look", horizontal=True, gap="small", vertical_alignment="center"):
        if spend.requests > _QUICK:
            drill.link("what-if", "Worth a look: what would save money →")
            return
        found = ask(largest, asked.filters)
        if found:
            said = f"Worth a look: {names.short(found.title, 90)}; about {numbers.about(found.month)} a month less →"
            drill.link("what-if", said, query={PARAM: as_text(found.levers)})
