"""Taking a load back: what goes and what returns, asked before it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from ui import names, numbers
from ui.cached import StoreError
from ui.data_coverage import of
from ui.data_loads import UNDOING, files_said, leave, title_of
from ui.data_shapes import Load, Undoing


def undo_dialog(
    loads: Sequence[Load], undoing: Callable[[int], Undoing], undo: Callable[[int], int], timezone: str
) -> None:
    """Asks whether to take back the load whose button was pressed, and does it."""
    load = next((one for one in loads if one.load_id == st.session_state.get(UNDOING)), None)
    if load is None:
        st.session_state.pop(UNDOING, None)
        return

    @st.dialog("Undo this load?", on_dismiss=_do_not_undo)
    def dialog() -> None:
        st.text(f"{title_of(load, timezone)}, {names.shown(load.origin)}: {files_said(load)}")
        for sentence in undoing_said(load, undoing(load.load_id)):
            st.text(sentence)
        with st.container(horizontal=True):
            wanted = st.button("Undo the load", key="undo-confirmed", type="primary")
            kept = st.button("Keep it", key="undo-kept")
        if wanted:
            try:
                undo(load.load_id)
            except StoreError as error:
                st.error(names.markdown(f"Nothing was undone. {error}"))
                return
            leave()
        if wanted or kept:
            _do_not_undo()
            st.rerun()

    dialog()


def undoing_said(load: Load, undoing: Undoing) -> list[str]:
    """What goes, what comes back, and what will be missing though it was loaded twice."""
    said = [f"{of(undoing.requests, 'request')} and {numbers.usd(load.cost)} leave every total."]
    if undoing.back:
        said.append(f"{of(undoing.back, 'less complete record')} of an earlier load, which this one replaced, return.")
    if undoing.skipped_later:
        said.append(
            f"Later loads skipped {of(undoing.skipped_later, 'line')} that this one held already, so those requests go "
            "too. Load those later files again to have them back."
        )
    said.append("The log files themselves are not touched: you can load them again.")
    return said


def _do_not_undo() -> None:
    st.session_state.pop(UNDOING, None)
