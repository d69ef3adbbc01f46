"""Questions put to the command line, as a shell puts them, and what it answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from spend.__main__ import main


def asked(question: str, db: Path, capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """The answer to a question that can be asked, in words."""
    assert main([question, "--db", str(db), *args]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def as_json(question: str, db: Path, capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    """The same for programs."""
    return json.loads(asked(question, db, capsys, "--format", "json", *args))
