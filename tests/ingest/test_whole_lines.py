from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from ingest.whole_lines import FOR_A_DOCUMENT, FOR_A_LINE_END, FOR_A_PACKED_FILE, Now, State, Waiting, is_log, judged
from tests.factories import usage_record, write_log

BUSY, QUIET = Waiting(0, quiet=False), Waiting(1, quiet=True)
LINE = '{"model": "m"}\n'
DOCUMENT = json.dumps({"model": "m", "usage": {"input_tokens": 1}}, indent=1)


def judge(tmp_path: Path, text: str, waiting: Waiting, before: State | None = None) -> tuple[Now, int | None]:
    path = tmp_path / "log"
    path.write_text(text)
    now, state = judged(path, len(text), before, waiting)
    assert state.bytes == len(text)
    return now, state.end


@pytest.mark.parametrize(
    ("text", "busy", "quiet"),
    [
        ("", Now.NOTHING, Now.NOTHING),
        ('{"half', Now.NOTHING, Now.NOTHING),
        (LINE, Now.LINES, Now.ALL),
        (LINE + '{"half', Now.LINES, Now.LINES),
        (LINE + '{"half": {"a": 1}', Now.LATER, Now.LINES),
        (LINE + " ", Now.LINES, Now.LINES),
        (LINE + LINE.strip(), Now.LATER, Now.ALL),
        (LINE.strip(), Now.LATER, Now.ALL),
        ("[" + LINE.strip() + "]", Now.LATER, Now.ALL),
        (DOCUMENT, Now.LATER, Now.ALL),
        (DOCUMENT + "\n", Now.LATER, Now.ALL),
        (DOCUMENT[:-10], Now.LATER, Now.LINES),
        ("no json\n", Now.LATER, Now.ALL),
        ("1\n", Now.LATER, Now.ALL),
        (LINE + f'{{"prompt": "{"x" * 100_000}"}}\n', Now.LINES, Now.ALL),
    ],
)
def test_lines_are_loaded_at_once_and_other_values_when_nobody_writes(
    tmp_path: Path, text: str, busy: Now, quiet: Now
) -> None:
    assert judge(tmp_path, text, BUSY)[0] is busy
    assert judge(tmp_path, text, QUIET) == (quiet, text.rfind("\n") + 1)


@pytest.mark.parametrize(
    ("added", "busy"),
    [
        ("x", Now.NOTHING),
        ('"}\n', Now.LINES),
        ('"}\n{"half', Now.LINES),
        ('"}', Now.LATER),
        ('x"}}', Now.LATER),
    ],
)
def test_of_a_grown_file_what_was_added_counts(tmp_path: Path, added: str, busy: Now) -> None:
    begun = LINE + '{"begun": "'
    text = begun + added
    before = State(len(begun), len(LINE))
    assert judge(tmp_path, text, BUSY, before) == (busy, text.rfind("\n") + 1)


@pytest.mark.parametrize("text", [LINE, LINE * 3])
def test_a_file_that_is_no_longer_than_it_was_is_another(tmp_path: Path, text: str) -> None:
    assert judge(tmp_path, text, BUSY, State(len(text), len(text))) == (Now.LINES, len(text))
    assert judge(tmp_path, text, BUSY, State(1000, 1000)) == (Now.LINES, len(text))


def test_a_long_value_without_a_line_end_is_not_read_again_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("[" + LINE * 3)
    now, state = judged(path, path.stat().st_size, State(10, 0), BUSY)
    assert (now, state.end) == (Now.LINES, path.stat().st_size)
    path.write_text("[" + " " * 100 + "1")
    assert judged(path, 102, State(10, 0), BUSY) == (Now.NOTHING, State(102, 0))


@pytest.mark.parametrize(
    ("text", "seconds", "then"),
    [
        (LINE + LINE.strip(), FOR_A_LINE_END, Now.ALL),
        (LINE + '{"half": {"a": 1}', FOR_A_LINE_END, Now.LINES),
        ("no json\n", FOR_A_DOCUMENT, Now.LINES),
    ],
)
def test_who_never_stops_writing_is_not_waited_for_for_ever(
    tmp_path: Path, text: str, seconds: float, then: Now
) -> None:
    assert judge(tmp_path, text, Waiting(seconds - 0.01, quiet=False))[0] is Now.LATER
    assert judge(tmp_path, text, Waiting(seconds, quiet=False))[0] is then


def test_a_packed_file_is_loaded_whole_when_nobody_writes(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(LINE.encode()))
    size = path.stat().st_size
    for waiting, now in ((BUSY, Now.LATER), (QUIET, Now.ALL), (Waiting(FOR_A_PACKED_FILE, quiet=False), Now.ALL)):
        assert judged(path, size, State(5, None), waiting) == (now, State(size, None))


def test_a_log_is_told_from_what_is_none(tmp_path: Path) -> None:
    row = {"type": "user", "sessionId": "s", "uuid": "u", "message": {"role": "user", "content": "x" * 20_000}}
    assert is_log(write_log(tmp_path / "a", [usage_record()]))
    assert is_log(write_log(tmp_path / "a.gz", [usage_record()]))
    assert is_log(write_log(tmp_path / "b", [row]))
    assert is_log(write_log(tmp_path / "late", [*[{"note": "n" * 1000}] * 30, usage_record()]))
    assert not is_log(write_log(tmp_path / "c", ["notes", '{"note": 1}']))
    assert not is_log(write_log(tmp_path / "d", [bytes(range(256)) * 100]))
