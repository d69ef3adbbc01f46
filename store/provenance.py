"""Where a request came from: the line of its log file, found when somebody asks."""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache
from pathlib import Path

from store.unpacked import Damaged, opened

ROOT = Path(__file__).parents[1]
_OUTPUT = re.compile(rb'"output_tokens"\s*:\s*(\d+)')


def kept_path(path: Path) -> str:
    """A file's path as the store keeps it: below this project relative to it, elsewhere absolute."""
    folder, name = os.path.split(path)
    if name in ("", ".", "..") or os.path.islink(path):  # noqa: PTH114
        return _kept(path.resolve())
    folder = os.path.join(os.getcwd(), folder)  # noqa: PTH109, PTH118
    try:
        stat = os.stat(folder)  # noqa: PTH116
    except OSError:
        return _kept(path.resolve())
    return f"{_kept_folder(folder, stat.st_dev, stat.st_ino)}{name}"


@lru_cache(maxsize=1024)
def _kept_folder(folder: str, _device: int, _inode: int) -> str:
    """A folder's part of a path; many files share it, and finding it asks about each folder on the way."""
    kept = _kept(Path(folder).resolve())
    return "" if kept == "." else f"{kept.rstrip('/')}/"


def _kept(absolute: Path) -> str:
    return str(absolute.relative_to(ROOT) if absolute.is_relative_to(ROOT) else absolute)


def line_of(kept: str, request_id: str, output_tokens: int | None) -> int | None:
    """The 1-based line that bears an id, in a file as ``kept_path`` named it.

    Of several such lines the first that has ``output_tokens``. None when the file is gone, cannot be read, or does not
    hold the id any more.
    """
    path, needles, found = ROOT / kept, _spellings(request_id), None
    try:
        with opened(path) as stream:
            for number, line in enumerate(stream, start=1):
                if any(needle in line for needle in needles):
                    found = found or number
                    counts = [int(count) for count in _OUTPUT.findall(line)]
                    if output_tokens is None or output_tokens in counts:
                        return number
    except (OSError, Damaged):
        return None
    return found


def _spellings(request_id: str) -> set[bytes]:
    """An id as JSON may hold it: a whole text, so that "req_1" is not found in "req_10"; a number as it is."""
    texts = {json.dumps(request_id).encode(), json.dumps(request_id, ensure_ascii=False).encode("utf-8", "replace")}
    return texts | {request_id.encode()} if request_id.isdecimal() else texts
