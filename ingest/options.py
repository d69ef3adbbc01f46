"""How a load reads its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class LoadOptions:
    """How to read: a format by name instead of by content, and where the log says our fields (ours -> theirs).

    ``file_time`` (UTC, without a zone) stands in where a format bears no time, instead of the file's own;
    ``number_lines`` keeps every request's line, for files that will not be there to look it up in; ``names`` are the
    names the user knows such files by. ``growing`` leaves a last line without its line end for the next load.
    """

    format: str | None = None
    field_map: Mapping[str, str] = field(default_factory=dict)
    origin: str = "command line"
    file_time: datetime | None = None
    number_lines: bool = False
    names: Mapping[Path, str] = field(default_factory=dict)
    growing: bool = False
