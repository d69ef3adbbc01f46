"""How well spikes would be seen in these very data: known ones are put in and looked for while the page goes on."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

import pandas as pd
import streamlit as st

from spend.filters import Filters
from spend.spikes.settings import SpikeSettings
from spend.spikes.skill import Skill, SkillBySize, backtest
from ui import names, numbers
from ui.cached import the_store
from ui.look import heading
from ui.spike_question import Looked

_JOB = "_spike-backtest"


class Stopped(Exception):
    """The reader has had enough."""


@dataclass
class Job:
    """One backtest on its way: how far it is, and how to end it."""

    about: str
    done: float = 0.0
    stop: Event = field(default_factory=Event)
    skill: Future[Skill] = field(default_factory=Future)

    def hear(self, share: float) -> None:
        if self.stop.is_set():
            raise Stopped
        self.done = share


def backtest_shown(looked: Looked) -> None:
    """The button, the way it goes, and what can and cannot be seen."""
    with heading("What would be seen here?", key="skill"):
        pass
    about = f"{the_store().data_version} {looked.filters!r} {looked.settings!r}"
    job: Job | None = st.session_state.get(_JOB)
    if job is not None and job.skill.done() and not job.skill.cancelled() and job.skill.exception() is None:
        skill_shown(job.skill.result(), old=job.about != about)
    elif job is not None and not job.skill.done():
        _watch()
        return
    elif job is not None and not job.stop.is_set():
        st.error("It failed: the store may have changed meanwhile. Try it again.")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Try it on these data", key="backtest", on_click=_start, args=(about, looked.filters, looked.settings)
        )
        st.caption(
            "Puts spikes of 1 to 4 hours into copies of these nights, in memory, and looks for them. The page goes on."
        )


def _start(about: str, filters: Filters, settings: SpikeSettings) -> None:
    job = Job(about)
    store = the_store()

    def work() -> Skill:
        with store.cursor() as con:
            return backtest(con, filters, settings, progress=job.hear)

    pool = ThreadPoolExecutor(1)
    job.skill = pool.submit(work)
    pool.shutdown(wait=False)
    st.session_state[_JOB] = job


@st.fragment(run_every=0.5)
def _watch() -> None:
    """Looks every half second; the rest of the page stays as it is."""
    job: Job = st.session_state[_JOB]
    if job.skill.done():
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.progress(job.done, f"Looking for spikes put into these nights: {job.done:.0%}".replace("%", " %"))
        st.button("Stop", key="backtest-stop", on_click=job.stop.set)


def skill_shown(skill: Skill, *, old: bool) -> None:
    """What was put in, what was found, and what it cost until then."""
    if not skill.tested:
        st.caption("Not enough history to measure it: nights need 7 days and 4 nights before them.")
        return
    st.markdown(names.markdown(can_see(skill.sizes)))
    st.table(_table(skill.sizes), border="horizontal", hide_index=True, alt="Spikes put in, and how many were flagged")
    flags = f"{skill.flags} flags stand in these {skill.nights} nights without any put in, right or false"
    month = "" if skill.false_flags_a_month is None else f": {skill.false_flags_a_month:.1f} a month at most were false"
    st.caption(
        names.markdown(f"{skill.series} series, {numbers.count(skill.tested)} nights of one series; {flags}{month}.")
    )
    if old:
        st.caption("Measured before the data, the zone or the settings were changed.")


def can_see(sizes: Sequence[SkillBySize]) -> str:
    """From which size on spikes are seen, and what is missed."""
    put_in = [size for size in sizes if size.spikes]
    seen = next((n for n in range(len(put_in)) if all(10 * one.flagged >= 9 * one.spikes for one in put_in[n:])), None)
    if not put_in:
        return "Every spike that could be put in is below the least excess: none would be flagged."
    if seen is None:
        return f"Even of spikes of {put_in[-1].percent} % of a series' usual day more than one in ten is missed here."
    least, below = put_in[seen].percent, put_in[:seen]
    missed = "; ".join(f"of those of {one.percent} % {numbers.percent(one.flagged, one.spikes)}" for one in below)
    said = f"At least nine in ten spikes of {least} % of a series' usual day or more are flagged here"
    return f"{said}, {missed}." if missed else f"{said}; smaller ones may be missed."


def _table(sizes: tuple[SkillBySize, ...]) -> pd.DataFrame:
    """A row for each size put in."""
    return pd.DataFrame(
        {
            "A spike of": [f"{size.percent} % of a day" for size in sizes],
            "Put in": [numbers.count(size.spikes) for size in sizes],
            "Flagged": [numbers.percent(size.flagged, size.spikes) for size in sizes],
            "After, hours": [numbers.UNKNOWN if size.hours is None else f"{size.hours:g}" for size in sizes],
            "And by then": [names.markdown(numbers.usd(size.burnt)) for size in sizes],
        }
    )
