"""Files from the browser to the disk: our own uploader, which sends slices to a route and keeps none in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from ui.data_shapes import Arrived, Sent

KEY = "uploader"
_ASSETS = Path(__file__).with_name("assets")
_MOST = 10_000  # files a browser may speak of

_component = st.components.v2.component(
    "uploader",
    html=(_ASSETS / "uploader.html").read_text("utf-8"),
    css=(_ASSETS / "uploader.css").read_text("utf-8"),
    js="\n".join((_ASSETS / name).read_text("utf-8") for name in ("uploader.js", "uploader_view.js")),
)


def uploader(ticket: str, arrived: Callable[[Sequence[Sent]], Sequence[Arrived]]) -> Sequence[Arrived]:
    """Draws the uploader and gives the files that are here.

    ``ticket`` lets the browser send them; ``arrived`` says which of those it speaks of are really here.
    """
    told = sent()
    files = arrived(told)
    here = {file.upload_id for file in files}
    base = st.get_option("server.baseUrlPath").strip("/")
    data = {
        "ticket": ticket,
        "address": f"/{base}/api/upload" if base else "/api/upload",
        "heard": [{"ticket": one.ticket, "id": one.upload_id} for one in told],
        "gone": [one.upload_id for one in told if one.upload_id not in here],
    }
    _component(key=KEY, data=data, on_sent_change=lambda: None, on_asked_change=lambda: None)
    return files


def sent() -> list[Sent]:
    """The files that the browser says it has sent to the end."""
    return sent_files(st.session_state.get(KEY))


def sent_files(told: object) -> list[Sent]:
    """What the browser said, whatever it may say, as files; nobody has looked yet whether they are here."""
    files = told.get("sent") if isinstance(told, dict) else None
    found = [one for one in files[:_MOST] if isinstance(one, dict)] if isinstance(files, list) else []
    pairs = [(one.get("ticket"), one.get("id")) for one in found]
    return [Sent(ticket, name) for ticket, name in pairs if isinstance(ticket, str) and isinstance(name, str)]
