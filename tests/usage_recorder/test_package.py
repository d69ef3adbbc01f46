from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import usage_recorder
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's folder by itself, as building leaves files beside what it builds."""
    folder = tmp_path_factory.mktemp("source") / "usage_recorder"
    shutil.copytree(ROOT / "usage_recorder", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def installed(copy: Path, into: Path) -> Path:
    """A folder to import it from: by pip where a wheel can be built offline, else as setuptools lays it out."""
    if importlib.util.find_spec("wheel"):
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-index"]
        options = ["--no-deps", "--no-build-isolation", "--target", str(into), str(copy)]
        subprocess.run([*pip, *options], check=True, timeout=120)
    else:
        build = ["-c", "import setuptools; setuptools.setup()", "--quiet", "build", "--build-lib", str(into)]
        subprocess.run([sys.executable, "-W", "ignore", *build], cwd=copy, check=True, timeout=120)
    return into


def test_it_is_installed_by_itself_and_imported_from_outside_the_checkout(copy: Path, tmp_path: Path) -> None:
    found = installed(copy, tmp_path / "site")
    code = "import usage_recorder as u; print(u.__file__, u.record, u.tagged, u.budget, u.estimate)"
    environment = {**os.environ, "PYTHONPATH": str(found)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(found / "usage_recorder"))
    modules = {path.name for path in (ROOT / "usage_recorder").iterdir() if path.suffix in (".py", ".json", ".typed")}
    assert {path.name for path in (found / "usage_recorder").iterdir()} >= {*modules, "py.typed"}


def test_it_needs_nothing_but_the_sdk() -> None:
    project = tomllib.loads((ROOT / "usage_recorder" / "pyproject.toml").read_text("utf-8"))["project"]
    assert [name.split(">")[0] for name in project["dependencies"]] == ["anthropic"]


def test_importing_it_loads_neither_the_sdk_nor_what_only_some_apps_need() -> None:
    code = "import json, sys; import usage_recorder; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"anthropic", "asyncio", "urllib.request", "http.client", "decimal", "usage_recorder.posting"}
    assert heavy & set(json.loads(done.stdout)) == set()


def test_a_function_that_bears_its_modules_name_is_the_function() -> None:
    code = (
        "import usage_recorder.estimate, usage_recorder.budget, usage_recorder as u\n"
        "assert callable(u.estimate) and callable(u.budget), (u.estimate, u.budget)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_every_name_it_exports_is_there() -> None:
    assert all(getattr(usage_recorder, name) for name in usage_recorder.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = usage_recorder.nothing
