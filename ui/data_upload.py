"""Logs on their way in: choose files, look at what they become, say which field is which, load."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from ui import names
from ui.cached import StoreError, the_store
from ui.data_loads import cost_said
from ui.data_preview import counts_said, mapping_editor, preview_view, time_picker
from ui.data_shapes import Arrived, FieldMap, Load, Loading, Preview, Progress
from ui.look import heading
from ui.uploader import uploader

LOADED = "data-loaded"  # the load that has just ended, in the session
_RUNNING = "data-loading"  # the load that is under way
_BEFORE = "upload-preview"
_EVERY = 0.1  # seconds between two looks at a running load
_PREVIEWED = 20  # of the files uploaded together


@dataclass(frozen=True)
class Running:
    """A load under way: of what, its number when it has ended, and what it told of itself so far."""

    what: str
    load_id: Future[int]
    heard: list[tuple[int, int, str]]


def upload(loading: Loading, timezone: str, *, offer_sample: bool) -> None:
    """The uploader and, once files have arrived, their preview and the button that loads them."""
    with heading("Load logs", key="upload"):
        _from_a_shell(loading.command)
    if offer_sample:
        left, right = st.columns([2, 1], gap="large")
    else:
        left, right = st.container(), None
    with left:
        files = uploader(loading.ticket, loading.arrived)
    if right is not None and not files:
        with right:
            _sample(loading)
    if _RUNNING in st.session_state:
        _watch()
    elif files:
        _look_and_load(loading, files, timezone)


def welcome() -> None:
    """What is said while nothing is loaded."""
    st.header("No usage loaded yet", anchor=False)
    st.text(
        "Choose the logs your apps or Claude Code already write. You see what they become before anything is loaded, "
        "and every load can be undone."
    )


def loaded(load: Load) -> None:
    """Says, once, what became of the files."""
    st.success(names.markdown(f"Loaded. {counts_said(load)}. {cost_said(load)}"))


def _look_and_load(loading: Loading, files: Sequence[Arrived], timezone: str) -> None:
    batch = files[0].upload_id[:8]
    chosen = files[_looked_at(loading, files, batch)]
    found = _previewed(loading, chosen, {}, None)
    st.markdown(f"**{names.markdown(names.shown(chosen.name))}** · {names.markdown(found.format)}")
    field_map: dict[str, str] = {}
    moment: datetime | None = None
    if not found.recognised_format:
        st.caption(_unrecognised(found))
    if found.mappable:
        with st.container(border=True):
            field_map = mapping_editor(found, key=f"map-{batch}")
            if field_map and len(files) > 1:
                st.caption("The choice holds for every home-made log among these files.")
    if found.undated:
        moment = time_picker(timezone, key=f"time-{batch}")
    shown = _previewed(loading, chosen, field_map, moment) if field_map or moment else found
    preview_view(shown, timezone)
    if any(field_map.values()):
        st.caption("The same on the command line:")
        st.code(_command_with(field_map, chosen.name), language="bash", wrap_lines=True)
    _buttons(loading, files, field_map, moment, ready=bool(shown.requests))


def _looked_at(loading: Loading, files: Sequence[Arrived], batch: str) -> int:
    """The place of the file whose preview is shown."""
    if len(files) == 1:
        return 0

    def said(place: int) -> str:
        name = names.short(files[place].name, 60)
        if place >= _PREVIEWED:
            return name
        found = _previewed(loading, files[place], {}, None)
        return f"{name}  ·  {found.format}" + ("" if found.requests else ", nothing to load as it is")

    place: int = st.selectbox("Look at", range(len(files)), format_func=said, key=f"look-{batch}", width=520)
    return place


def _buttons(
    loading: Loading, files: Sequence[Arrived], field_map: FieldMap, moment: datetime | None, *, ready: bool
) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        one = len(files) == 1
        label = "Load this file" if one else f"Load {len(files)} files"
        what = names.short(files[0].name, 60) if one else f"{len(files)} files"
        wanted = st.button(label, key="load-uploads", type="primary" if ready else "secondary")
        st.button("Discard", key="discard-uploads", type="tertiary", on_click=loading.discard, args=(files,))
    if wanted:
        _start(what, lambda progress: loading.load(files, field_map, moment, progress))


def _start(what: str, work: Callable[[Progress], int]) -> None:
    """Begins a load, which goes on to its end whatever the reader does meanwhile."""
    heard: list[tuple[int, int, str]] = []
    pool = ThreadPoolExecutor(1)
    load_id = pool.submit(work, lambda *told: heard.append(told))
    pool.shutdown(wait=False)
    st.session_state[_RUNNING] = Running(what, load_id, heard)
    _watch()


def _watch() -> None:
    """Shows how far the running load is, to its end; a reader who turned away and came back sees the rest of it."""
    running: Running = st.session_state[_RUNNING]
    with st.spinner(names.markdown(f"Loading {running.what}"), show_time=True):
        bar = st.empty()
        while not running.load_id.done():
            if running.heard:
                bar.progress(*_how_far(*running.heard[-1], the_store().percent()))
            time.sleep(_EVERY)
        bar.empty()
    del st.session_state[_RUNNING]
    problem = running.load_id.exception()
    if isinstance(problem, (OSError, ValueError, StoreError)):
        st.error(names.markdown(f"Nothing was loaded. {problem}"))
        return
    st.session_state[LOADED] = running.load_id.result()
    st.session_state.pop(_BEFORE, None)
    st.rerun()


def _how_far(done: int, files: int, name: str, percent: int | None) -> tuple[float, str]:
    """How much of the bar is full, and what stands over it: reading is nine tenths, the last is pricing."""
    step = (percent or 0) / 100
    if done == files:
        return 0.9 + 0.1 * step, "Sorting out duplicates and pricing"
    return 0.9 * (done + step) / files, names.markdown(f"{names.short(name, 60)}, {done + 1} of {files}")


def _previewed(loading: Loading, file: Arrived, field_map: FieldMap, moment: datetime | None) -> Preview:
    """The preview of a file, made once for each question the session asks in a row."""
    kept: dict[str, Preview] = st.session_state.setdefault(_BEFORE, {})
    question = repr((loading.version, file.upload_id, sorted(field_map.items()), moment))
    if question not in kept:
        if len(kept) > 2 * _PREVIEWED:
            kept.clear()
        kept[question] = loading.preview(file, field_map, moment)
    return kept[question]


def _sample(loading: Loading) -> None:
    st.text("Or look around first: a month of one made-up product, about 20,000 requests. Undo takes it out again.")
    if st.button("Load the sample", key="load-sample") and _RUNNING not in st.session_state:
        _start("the sample", loading.load_sample)


def _from_a_shell(command: str) -> None:
    with st.popover("A folder, or from a shell", key="from-a-shell", type="tertiary"):
        st.text("What lies on the dashboard's machine need not be uploaded. From a shell there, also while this runs:")
        st.code(command, language="bash", wrap_lines=True)
        st.text("PATH is a log file or a folder of them, such as ~/.claude/projects.")


def _unrecognised(found: Preview) -> str:
    if found.mappable:
        return "No known format. If each line is one request, say below which field is which."
    return "No known format, and no JSON objects to choose fields from. Is it a log of Claude API calls?"


def _command_with(field_map: Mapping[str, str], name: str) -> str:
    pairs = [f"--map {shlex.quote(f'{ours}={theirs}')}" for ours, theirs in field_map.items() if theirs]
    return " ".join(["python -m ingest", shlex.quote(names.shown(name)), *pairs])
