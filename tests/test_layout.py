"""The shape of the code: who may import whom, which folders there are, how long a module may be."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOLDERS = (
    "bench",
    "data",
    "docs",
    "examples",
    "ingest",
    "notify",
    "pages",
    "spend",
    "store",
    "tests",
    "ui",
    "usage_recorder",
)
OURS = {"bench", "dashboard", "data", "ingest", "notify", "pages", "spend", "store", "tests", "ui", "usage_recorder"}
MAY_IMPORT = {
    "dashboard": {"pages", "ui", "spend", "ingest", "notify"},
    "pages": {"pages", "ui", "spend", "ingest", "usage_recorder"},
    "ui": {"ui", "spend", "store", "usage_recorder"},
    "spend": {"spend", "store", "usage_recorder", "notify"},
    "notify": {"notify", "spend", "store"},
    "ingest": {"ingest", "store"},
    "store": {"store"},
    "usage_recorder": {"usage_recorder"},
    "data": {"data"},
}
MAX_LINES = 300


@cache
def tracked() -> tuple[Path, ...]:
    """Files that are part of the project, committed or about to be, relative to its root."""
    listed = git("ls-files", "--cached", "--others", "--exclude-standard")
    return tuple(Path(name) for name in listed.splitlines() if (ROOT / name).exists())


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def modules(part: str | None = None) -> list[Path]:
    """Python modules, of one folder or entry module or of all."""
    paths = [path for path in tracked() if path.suffix == ".py"]
    return paths if part is None else [path for path in paths if path.parts[0].removesuffix(".py") == part]


@cache
def imports(path: Path) -> frozenset[str]:
    """Dotted names a module imports, anywhere in it; a relative import as the module it means."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(path.parts[: len(path.parts) - node.level]) if node.level else ""
            module = ".".join(name for name in (package, node.module) if name)
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def importers(parts: tuple[str, ...], *packages: str) -> list[str]:
    """Modules of ``parts`` that import one of ``packages`` or something in it."""
    return [
        f"{path} imports {name}"
        for part in parts
        for path in modules(part)
        for name in sorted(imports(path))
        if any(name == package or name.startswith(f"{package}.") for package in packages)
    ]


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_run_backwards_along_the_flow_never_forwards(part: str) -> None:
    assert importers((part,), *(OURS - MAY_IMPORT[part])) == []


def test_the_dashboard_takes_nothing_of_ingest_but_its_routes() -> None:
    names = {name for path in modules("dashboard") for name in imports(path) if name.startswith("ingest.")}
    assert {name for name in names if not name.startswith("ingest.routes")} == set()


def test_of_ui_only_the_cache_opens_the_store() -> None:
    """It holds the one connection of the process; everything else in ui asks through it."""
    own = ("ui/cached.py imports store.connection", "ui/cached.py imports store.process")
    assert [line for line in importers(("ui",), "store") if not line.startswith(own)] == []


def test_of_spend_only_the_command_line_tells_anybody() -> None:
    """Questions about spend send nothing; `--notify` does, and nothing that it tells imports the command line."""
    assert [line for line in importers(("spend",), "notify") if not line.startswith("spend/commands/")] == []
    assert importers(("notify",), "spend.commands") == []


def test_streamlit_is_never_imported_below_ui() -> None:
    assert importers(("spend", "notify", "ingest", "store", "usage_recorder", "data", "bench"), "streamlit") == []


def test_pages_and_ui_never_speak_to_duckdb_themselves() -> None:
    assert importers(("pages", "ui"), "duckdb") == []


def test_pages_hold_no_sql() -> None:
    sql = re.compile(r"\b(SELECT|INSERT INTO|DELETE FROM|UPDATE)\s[^\n]*\b(FROM|VALUES|SET|WHERE)\b")
    assert [str(path) for path in modules("pages") if sql.search((ROOT / path).read_text(encoding="utf-8"))] == []


def test_spend_never_imports_ingest() -> None:
    assert importers(("spend",), "ingest") == []


def test_ingest_never_imports_spend() -> None:
    assert importers(("ingest",), "spend") == []


def test_a_page_never_imports_another_page() -> None:
    screens = {f"pages.{path.stem}" for path in modules("pages") if is_page(path)}
    assert [
        f"{path} imports {sorted(screens & imports(path))}" for path in modules("pages") if screens & imports(path)
    ] == []


def test_of_the_pages_only_data_loads_logs() -> None:
    found = importers(("pages",), "ingest")
    assert [line for line in found if not Path(line.split()[0]).stem.startswith("data")] == []


def test_a_page_does_nothing_when_it_is_imported() -> None:
    calls = [
        f"{path}:{node.lineno}"
        for path in modules("pages")
        for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    ]
    assert calls == []


def test_the_usage_recorder_imports_nothing_of_ours() -> None:
    assert importers(("usage_recorder",), *(OURS - {"usage_recorder"})) == []


def test_nothing_that_runs_imports_tests_or_measurements() -> None:
    parts = ("dashboard", "pages", "ui", "notify", "spend", "ingest", "store", "usage_recorder", "data")
    assert importers(parts, "tests", "bench") == []


def test_money_is_never_a_float_where_it_is_computed() -> None:
    pricing = [path for path in (*modules("spend"), *modules("store")) if path.stem.startswith(("pricing", "price"))]
    assert pricing
    assert [str(path) for path in pricing if "float(" in (ROOT / path).read_text(encoding="utf-8")] == []


def test_the_top_level_folders_are_those_of_the_design() -> None:
    found = {path.parts[0] for path in tracked() if len(path.parts) > 1 and not path.parts[0].startswith(".")}
    assert found <= set(FOLDERS)
    assert {path.name for path in tracked() if len(path.parts) == 1 and path.suffix == ".py"} <= {"dashboard.py"}


def test_a_module_has_at_most_three_hundred_lines() -> None:
    code = [path for path in modules() if path.parts[0] != "tests"]
    lengths = {str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in code}
    assert {path: length for path, length in lengths.items() if length > MAX_LINES} == {}


def test_no_module_is_called_utils_helpers_or_manager() -> None:
    assert [str(path) for path in modules() if re.search(r"util|helper|manager", str(path))] == []


def test_own_prices_and_logs_are_never_tracked() -> None:
    private = (
        "data/prices/mine.toml",
        "data/logs/x.jsonl",
        "data/usage.duckdb",
        "data/inbox/x",
        ".streamlit/secrets.toml",
    )
    assert git("check-ignore", "--no-index", *private).splitlines() == list(private)
    assert git("ls-files", *private) == ""


def test_formatter_linter_and_type_checker_have_nothing_to_say() -> None:
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    check = subprocess.run(["make", "--silent", "check"], cwd=ROOT, env=quiet, capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr


def is_page(path: Path) -> bool:
    """Has the module a function ``page``?"""
    body = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    return any(isinstance(node, ast.FunctionDef) and node.name == "page" for node in body)
