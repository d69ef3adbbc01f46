"""What is done with a scenario: named, compared, linked to, and taken away as a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import streamlit as st

from spend.filters import Filters, WrongQuestion
from spend.levers.lever import Pulled
from spend.what_if import Scene, what_if
from spend.what_if.month import a_month
from spend.what_if.report import Report, command, report
from spend.what_if.report_formats import as_html, as_markdown
from spend.what_if.saved import LONGEST_NAME, forget, from_text, save, saved
from ui import names, numbers
from ui.cached import StoreError, ask, the_store
from ui.filters import Asked
from ui.look import heading
from ui.share import link_to
from ui.what_if_more import written
from ui.what_if_scene import PARAM, PRICES, pull

_BAR = ("period", "dates", "timezone", "feature", "model", "user")
_MOST_COMPARED = 4
_COMPARED = "what-if-compared"


def actions(asked: Asked, scene: Scene, levers: Sequence[Pulled]) -> None:
    """Save, link, report and the command line, in one row."""
    with st.container(key="what-if-actions", horizontal=True, gap="small"):
        with st.popover("Save", key="what-if-save", type="tertiary"):
            _save(levers)
        with st.popover("Link", key="what-if-link", type="tertiary"):
            st.caption("Shows this scenario over exactly these days to whoever opens it on this dashboard.")
            kept = {name: st.query_params[name] for name in (PARAM, PRICES) if name in st.query_params}
            st.code(link_to(asked.filters, st.context.url or "", kept), language=None, wrap_lines=True)
        with st.popover("Command line", key="what-if-command", type="tertiary"):
            st.caption("The same figures from a shell, on the machine of this dashboard.")
            text = command(scene.filters, levers, db=the_store().path, prices=scene.prices)
            st.code(text, language=None, wrap_lines=True)
        title = str(st.session_state.get("what-if-name") or "What if")
        for kind, mime, write in (("HTML", "text/html", as_html), ("Markdown", "text/markdown", as_markdown)):
            st.download_button(
                f"Report, {kind}",
                data=partial(_written, write, scene.filters, scene.prices, tuple(levers), title),
                file_name=f"what-if.{'html' if kind == 'HTML' else 'md'}",
                mime=mime,
                key=f"what-if-report-{kind.lower()}",
                type="tertiary",
                on_click="ignore",
            )


def _written(
    write: Callable[[Report], str], filters: Filters, prices: str, levers: Sequence[Pulled], title: str
) -> bytes:
    """In a scene of its own: the file is made in another thread than the page's."""
    store = the_store()
    with store.cursor() as cursor, Scene(cursor, filters, prices=prices) as scene:
        return write(report(store, scene, levers, title=title, today=datetime.now(UTC).date())).encode()


def _save(levers: Sequence[Pulled]) -> None:
    name = st.text_input("Name", key="what-if-name", max_chars=LONGEST_NAME, placeholder="Haiku for triage")
    if st.button("Save", key="what-if-save-now", type="primary", disabled=not name):
        try:
            save(the_store(), name, levers)
        except (WrongQuestion, StoreError) as error:
            st.error(names.markdown(str(error)))
            return
        kept = [one for one in st.session_state.get(_COMPARED, []) if one != name]
        st.session_state[_COMPARED] = [*kept, " ".join(name.split())][-_MOST_COMPARED:]
        st.rerun()


def kept_scenarios(scene: Scene, days: int) -> None:
    """Named scenarios: open one, forget one, compare up to four over the same requests."""
    found = ask(saved)
    if not found:
        return
    with heading("Saved scenarios", key="kept"):
        pass
    options = list(found)
    chosen = st.multiselect(
        "Compare",
        options,
        default=options[:_MOST_COMPARED],
        max_selections=_MOST_COMPARED,
        key=_COMPARED,
        label_visibility="collapsed",
        placeholder="Choose up to four",
    )
    rows = [_compared(scene, name, found[name], days) for name in chosen]
    if rows:
        columns = {name: [row[name] for row in rows] for name in _COLUMNS}
        written(columns, "kept-rows", "Scenarios side by side", text=("Scenario",))
    for place, name in enumerate(chosen):
        with st.container(key=f"kept-{place}", horizontal=True, vertical_alignment="center", gap="small"):
            st.text(names.short(name, 60))
            st.button("Open", key=f"kept-{place}-open", type="tertiary", on_click=_open, args=(found[name],))
            st.button("Forget", key=f"kept-{place}-forget", type="tertiary", on_click=_forget, args=(name,))


def _compared(scene: Scene, name: str, text: str, days: int) -> dict[str, str]:
    title = names.short(name, 40)
    try:
        answer = what_if(scene, from_text(text))
    except WrongQuestion as error:
        return dict.fromkeys(_COLUMNS, numbers.UNKNOWN) | {"Scenario": f"{title}: {names.short(str(error), 60)}"}
    saving, low, high = (a_month(one, days) for one in (answer.saving, answer.saving_low, answer.saving_high))
    return {
        "Scenario": title,
        "As it was": numbers.usd(answer.baseline),
        "In the scenario": numbers.usd(answer.scenario),
        "Saves": numbers.usd(answer.saving),
        "A month": numbers.usd(saving),
        "Between": f"{numbers.about(low)} and {numbers.about(high)}" if numbers.usd(low) != numbers.usd(high) else "",
    }


_COLUMNS = ("Scenario", "As it was", "In the scenario", "Saves", "A month", "Between")


def _open(text: str) -> None:
    try:
        pull(from_text(text))
    except WrongQuestion:
        pull([])


def _forget(name: str) -> None:
    st.session_state.pop(_COMPARED, None)
    forget(the_store(), name)
