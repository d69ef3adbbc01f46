"""The dashboard: the served app and the ordered list of its pages. `streamlit run dashboard.py`"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route
from streamlit.navigation.page import StreamlitPage

from ingest.routes import ROUTES, asking, serving, under
from notify.schedule import notifying
from pages import data, estimate, features, models, overview, spikes, users, what_if
from spend.__main__ import main as question
from spend.elsewhere import ROUTE, answered
from ui import drill, look, names
from ui.cached import store_problem
from ui.empty import holds_data
from ui.filters import Seen, draw_in_frame
from ui.security import SecurityHeaders, allowed_hosts

ICON = Path(__file__).with_name("ui") / "assets" / "icon.png"


async def to_overview(request: Request) -> RedirectResponse:
    """The first page answers at the root alone; its name is an address too."""
    return RedirectResponse(f"./?{request.url.query}" if request.url.query else "./")


def main() -> None:
    """Runs on every interaction: the frame, then the page the URL names."""
    st.set_page_config(page_title="Spendglass", page_icon=str(ICON), layout="wide")
    pages: dict[StreamlitPage, Seen] = {  # each with what it shows of the filter bar
        st.Page(overview.page, title="Overview", url_path="overview", default=True): "all",
        st.Page(features.page, title="Features", url_path="features"): "all",
        st.Page(models.page, title="Models", url_path="models"): "all",
        st.Page(users.page, title="Users", url_path="users"): "all",
        st.Page(spikes.page, title="Spikes", url_path="spikes"): "timezone",
        st.Page(what_if.page, title="What if", url_path="what-if"): "all",
        st.Page(estimate.page, title="Estimate", url_path="estimate"): "none",
        st.Page(data.page, title="Data", url_path="data"): "timezone",
    }
    drill.announce({page.url_path or "overview": page for page in pages})
    chosen = st.navigation(list(pages), position="top")
    look.apply()
    problem = store_problem()
    if problem:
        st.error(names.markdown(problem))
        return
    if holds_data():
        draw_in_frame(pages[chosen])
    chosen.run()


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any] | None]:
    """Holds the store, answers over HTTP and tells of spikes while the server runs.

    The imported modules are kept out of garbage collection, which would otherwise walk them after every rerun.
    """
    import pandas  # noqa: F401
    import plotly.graph_objects  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    gc.collect()
    gc.freeze()
    async with serving(lambda: int(st.get_option("server.port")), _base()), notifying():
        yield None
    gc.unfreeze()


def _base() -> str:
    """The path the dashboard is served under: "" or "/spend"."""
    path = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


if __name__ != "__main__":
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from streamlit.runtime.pages_manager import PagesManager

    PagesManager.uses_pages_directory = False  # else a deep link on a fresh server runs pages/x.py without this file
    guards = [Middleware(SecurityHeaders), Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts())]
    answer = asking(partial(answered, main=question))
    routes = under(_base(), [Route("/overview", to_overview), Route(ROUTE, answer), *ROUTES])
    app = st.App(Path(__file__), routes=routes, middleware=guards, lifespan=lifespan)
else:
    main()
