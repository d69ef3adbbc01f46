"""Data: logs in, what the store holds of them, what was rejected, what has no price, and the price list."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import streamlit as st

from ingest.history import PastLoad, RejectedLine, files_of_load, in_all, loads, rejected_lines, undoing
from ingest.inbox import load_uploads, preview_upload, spool_of
from ingest.load import load
from ingest.options import LoadOptions
from ingest.spool import Spool
from ingest.spooled import Spooled
from ingest.undo import undo
from ingest.upload_refused import UploadRefused
from ingest.upload_tickets import lasting, owner_of
from spend.coverage import covered, reread_prices
from ui.cached import ask, the_store
from ui.data_coverage import PRICES, REJECTED, UNPRICED, coverage, sections
from ui.data_loads import focus_on, load_in_focus, load_view, loads_table
from ui.data_prices import prices_view, reread_said
from ui.data_rejected import rejected
from ui.data_shapes import FieldMap, Loading, Preview, Progress, Sent
from ui.data_undo import undo_dialog
from ui.data_unpriced import unpriced_view
from ui.data_upload import LOADED, loaded, upload, welcome
from ui.filters import filter_bar, timezone_box
from ui.look import heading

SAMPLE = Path(__file__).parents[1] / "data" / "sample"


def page() -> None:
    """What is held, the way in, and the four lists."""
    spool_of(the_store().path).sweep()
    done = ask(loads)
    holds_any = bool(done and ask(covered).requests)
    if not holds_any:
        welcome()
    timezone = filter_bar().filters.timezone if holds_any else timezone_box()
    if holds_any:
        number, files, rejected = ask(in_all)
        coverage(timezone, loads=number, files=files, rejected=rejected)
    just_loaded = st.session_state.pop(LOADED, None)
    if just_loaded is not None:
        focus_on(just_loaded)
        loaded(next(one for one in done if one.load_id == just_loaded))
    reread_said()
    upload(_loading(), timezone, offer_sample=not done)
    _lists(done, timezone)
    undo_dialog(done, lambda load_id: ask(undoing, load_id), lambda load_id: undo(the_store(), load_id), timezone)


def _lists(done: Sequence[PastLoad], timezone: str) -> None:
    with heading("In the store", key="lists"):
        section = sections()
    if section == REJECTED:
        rejected(done, _rejected_lines, timezone)
    elif section == UNPRICED:
        unpriced_view()
    elif section == PRICES:
        prices_view(lambda: reread_prices(the_store()))
    elif done:
        loads_table(done, timezone)
        chosen = load_in_focus(done)
        if chosen:
            load_view(chosen, ask(files_of_load, chosen.load_id), timezone)
    else:
        st.text("Nothing is loaded yet.")


def _loading() -> Loading:
    store = the_store()
    spool = spool_of(store.path)

    def discard(files: Sequence[Any]) -> None:
        for file in files:
            with suppress(UploadRefused):
                spool.drop(file)

    def preview(file: Any, field_map: FieldMap, moment: datetime | None) -> Preview:
        return preview_upload(store, spool, file, field_map=field_map, file_time=moment)

    def load_files(files: Sequence[Any], field_map: FieldMap, moment: datetime | None, progress: Progress) -> int:
        return load_uploads(store, spool, files, field_map=field_map, file_time=moment, progress=progress).load_id

    def load_sample(progress: Progress) -> int:
        def heard(done: int, files: int, path: Path) -> None:
            progress(done, files, path.name)

        return load(
            store, sorted(SAMPLE.glob("*.jsonl*")), options=LoadOptions(origin="sample"), progress=heard
        ).load_id

    return Loading(
        ticket=_ticket(),
        arrived=lambda sent: _arrived(spool, sent),
        discard=discard,
        preview=preview,
        load=load_files,
        load_sample=load_sample,
        version=store.data_version,
        command=_command(store.path),
    )


def _ticket() -> str:
    """This session's right to upload; renewed in time."""
    session = st.session_state.setdefault("upload-session", secrets.token_hex(16))
    ticket = lasting(st.session_state.get("upload-ticket"), session)
    st.session_state["upload-ticket"] = ticket
    return ticket


def _arrived(spool: Spool, sent: Sequence[Sent]) -> list[Spooled]:
    """Of the files a browser says it has sent, those that are here, were sent with that ticket, and are complete."""
    found: dict[str, Spooled] = {}
    for one in sent:
        owner = owner_of(one.ticket)
        with suppress(UploadRefused):
            upload = spool.find(owner or "", one.upload_id)
            if upload.complete:
                found[upload.upload_id] = upload
    return list(found.values())


def _command(store_path: str) -> str:
    usual = Path(store_path) == SAMPLE.parent / "usage.duckdb"
    return "python -m ingest PATH" + ("" if usual else f" --db {shlex.quote(store_path)}")


def _rejected_lines(load_id: int | None, limit: int) -> Sequence[RejectedLine]:
    return ask(rejected_lines, load_id, limit=limit)
