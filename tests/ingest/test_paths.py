from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ingest.load import load
from ingest.paths import NothingToLoad, files_of
from tests.factories import emptied, usage_record, write_log


def names(found: dict[Path, bool], below: Path) -> dict[str, bool]:
    return {str(path.relative_to(below)): named for path, named in found.items()}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for name in ("a/1.jsonl", "a/b/2.jsonl", "a/.hidden.jsonl", ".git/3.jsonl", "4.txt"):
        write_log(tmp_path / name, [usage_record()])
    return tmp_path


def test_a_folder_is_searched_at_any_depth_but_for_what_is_hidden(logs: Path) -> None:
    assert names(files_of([logs]), logs) == {"4.txt": False, "a/1.jsonl": False, "a/b/2.jsonl": False}


def test_a_pattern_stands_for_the_files_that_match(logs: Path) -> None:
    assert names(files_of([logs / "**" / "*.jsonl"]), logs) == {"a/1.jsonl": False, "a/b/2.jsonl": False}
    assert names(files_of([logs / "a*"]), logs) == {"a/1.jsonl": False, "a/b/2.jsonl": False}
    with pytest.raises(NothingToLoad, match="matches no file"):
        files_of([logs / "*.csv"])


def test_a_file_whose_name_looks_like_a_pattern_is_itself(logs: Path) -> None:
    odd = write_log(logs / "a[1].jsonl", [usage_record()])
    assert files_of([odd]) == {odd: True}


def test_links_are_followed_and_a_loop_ends(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write_log(elsewhere / "5.jsonl", [usage_record()])
    (logs / "a" / "out").symlink_to(elsewhere, target_is_directory=True)
    (logs / "a" / "loop").symlink_to(logs, target_is_directory=True)
    (elsewhere / "back").symlink_to(logs / "a", target_is_directory=True)
    (logs / "nowhere.jsonl").symlink_to(logs / "gone")
    found = names(files_of([logs]), logs)
    assert sorted(found) == ["4.txt", "a/1.jsonl", "a/b/2.jsonl", "a/out/5.jsonl"]
    with pytest.raises(NothingToLoad, match="a link to nothing"):
        files_of([logs / "nowhere.jsonl"])


def test_what_is_neither_file_nor_folder_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NothingToLoad, match="neither a file nor a folder"):
        files_of([tmp_path / "pipe"])
    with pytest.raises(NothingToLoad, match="is not there"):
        files_of([tmp_path / "gone"])


def test_a_file_that_vanished_or_may_not_be_read_is_said_and_the_others_are_loaded(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = logs / "a" / "1.jsonl"
    inner = Path.open

    def refusing(path: Path, *args: object, **kwargs: object) -> object:
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return inner(path, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refusing)
    summary = load(emptied(), [logs])
    assert (summary.lines, summary.requests, summary.rejected) == (3, 2, 1)
    [(line, why)] = [reject for result in summary.files for reject in result.rejects]
    assert (line, why.reason) == (1, "the file cannot be read: permission denied")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_path_that_reads_from_a_process_is_not_taken_for_a_log() -> None:
    with pytest.raises(NothingToLoad):
        files_of([Path("/proc/self/fd/nothing")])
