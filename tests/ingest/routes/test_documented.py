"""docs/http.md says what the routes do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ingest.routes import ROUTES
from ingest.routes.posted import CONTENT_TYPES, MAX_POST_MB
from store.access import access_of
from tests.conftest import ROOT
from tests.factories import usage_record
from tests.ingest.routes.asked import server

PAGE = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
OURS = [path for path in (ROOT / "ingest" / "routes").glob("*.py") if path.name != "uploads.py"]


def test_every_error_is_there_with_its_status() -> None:
    raised = {found for path in OURS for found in re.findall(r"Problem\((\d+), \"(\w+)\"", path.read_text("utf-8"))}
    assert len(raised) > 15
    rows = {code: row[2:5] for row in PAGE.splitlines() if row.startswith("| ") for code in re.findall(r"`(\w+)`", row)}
    in_text = {code: status for status, code in re.findall(r"(\d{3}) `(\w+)`", PAGE)}
    assert {(rows.get(code) or in_text.get(code), code) for _, code in raised} == raised


def test_every_route_and_limit_is_there() -> None:
    assert {route.path.removesuffix("/{id}") for route in ROUTES} <= set(re.findall(r"/api/\w+", PAGE))
    assert all(f"`{kind}`" in PAGE for kind in CONTENT_TYPES)
    assert f"{MAX_POST_MB} MB" in PAGE


def test_the_python_in_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPENDGLASS_DB", str(tmp_path / "usage.duckdb"))
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    with server() as ask:
        token = access_of(tmp_path / "usage.duckdb").ingest
        exec(example.replace("8501", str(ask.port)), {"records": [usage_record()] * 2, "token": token})
    assert "'requests': 1, 'duplicates': 1" in capsys.readouterr().out
