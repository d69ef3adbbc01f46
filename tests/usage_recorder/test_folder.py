from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.usage_recorder.recording import records
from usage_recorder import counters
from usage_recorder.folder import Folder, folder_at

WRITER = """
import sys
from pathlib import Path
from usage_recorder.folder import Folder
folder = Folder(Path(sys.argv[1]), max_bytes=int(sys.argv[4]))
for number in range(int(sys.argv[3])):
    folder.write(b'{"writer":%d,"number":%d,"filler":"%b"}\\n' % (int(sys.argv[2]), number, b"x" * (number % 900)))
"""


def write_from_processes(logs: Path, processes: int, lines: int, max_bytes: int = 64 << 20) -> None:
    """Several processes, each with lines of its own, all into one folder."""
    words = [sys.executable, "-c", WRITER, str(logs)]
    running = [
        subprocess.Popen([*words, str(number), str(lines), str(max_bytes)], cwd=ROOT) for number in range(processes)
    ]
    assert [process.wait(300) for process in running] == [0] * processes


def line(number: int, size: int = 0) -> bytes:
    return json.dumps({"number": number, "filler": "x" * size}).encode() + b"\n"


@pytest.mark.parametrize("max_bytes", [64 << 20, 200_000], ids=["one file", "rotated"])
def test_processes_that_write_together_tear_and_lose_no_line(tmp_path: Path, max_bytes: int) -> None:
    write_from_processes(tmp_path, 4, 1_000, max_bytes)
    found = sorted((one["writer"], one["number"]) for one in records(tmp_path))
    assert found == [(writer, number) for writer in range(4) for number in range(1_000)]
    assert (len(list(tmp_path.iterdir())) > 5) is (max_bytes == 200_000)


@pytest.mark.soak
def test_eight_processes_write_ten_thousand_lines_each_and_tear_and_lose_none(tmp_path: Path) -> None:
    write_from_processes(tmp_path, 8, 10_000, 4_000_000)
    found = sorted((one["writer"], one["number"]) for one in records(tmp_path))
    assert found == [(writer, number) for writer in range(8) for number in range(10_000)]


def test_threads_that_write_together_tear_and_lose_no_line(tmp_path: Path) -> None:
    folder = Folder(tmp_path)

    def write(first: int) -> None:
        for number in range(first, first + 500):
            folder.write(line(number, number % 900))

    threads = [threading.Thread(target=write, args=(first,)) for first in range(0, 4_000, 500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one["number"] for one in records(tmp_path)) == list(range(4_000))
    assert counters().written == 4_000


def test_a_file_that_is_full_is_followed_by_another(tmp_path: Path) -> None:
    folder = Folder(tmp_path, max_bytes=1_000)
    for number in range(10):
        folder.write(line(number, 400))
    names = [path.name for path in sorted(tmp_path.iterdir())]
    day = time.strftime("%Y-%m-%d", time.gmtime())
    assert names == sorted([f"usage-{day}.jsonl", *(f"usage-{day}.{number}.jsonl" for number in range(1, 5))])
    assert all(path.stat().st_size <= 1_000 for path in tmp_path.iterdir())


def test_a_line_larger_than_a_file_has_a_file_of_its_own(tmp_path: Path) -> None:
    folder = Folder(tmp_path, max_bytes=100)
    for number in range(3):
        folder.write(line(number, 400))
    assert len(list(tmp_path.iterdir())) == 3
    assert len(records(tmp_path)) == 3


def test_another_day_has_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path)
    for moment in (1_700_000_000, 1_700_100_000):
        monkeypatch.setattr("usage_recorder.folder.time.gmtime", lambda moment=moment: time.localtime(moment))
        folder.write(line(1))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_that_was_moved_or_deleted_is_begun_anew(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(line(1))
    (path,) = tmp_path.iterdir()
    path.rename(tmp_path / "moved.jsonl")
    folder.write(line(2))
    path.unlink()
    folder.write(line(3))
    assert [one["number"] for one in records(tmp_path)] == [1, 3]


def test_what_something_else_left_torn_is_ended_before_the_next_line(tmp_path: Path) -> None:
    day = time.strftime("%Y-%m-%d", time.gmtime())
    (tmp_path / f"usage-{day}.jsonl").write_bytes(b'{"time": "2026-')
    Folder(tmp_path).write(line(1))
    assert (tmp_path / f"usage-{day}.jsonl").read_bytes().splitlines()[1] == line(1).rstrip()


def test_a_lock_that_cannot_be_had_sends_a_process_to_a_file_of_its_own(tmp_path: Path) -> None:
    day = time.strftime("%Y-%m-%d", time.gmtime())
    with (tmp_path / f"usage-{day}.jsonl").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        folder = Folder(tmp_path)
        for number in range(3):
            folder.write(line(number))
    assert sorted(path.stat().st_size > 0 for path in tmp_path.iterdir()) == [False, True]
    assert [one["number"] for one in records(tmp_path)] == [0, 1, 2]


def test_a_finalizer_that_writes_while_its_thread_is_writing_waits_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)
    fstat = os.fstat

    def as_a_finalizer_would(handle: int) -> os.stat_result:
        monkeypatch.undo()
        folder.write(line(2))
        return fstat(handle)

    monkeypatch.setattr("usage_recorder.folder.os.fstat", as_a_finalizer_would)
    folder.write(line(1))
    assert [one["number"] for one in records(tmp_path)] == [1, 2]


def test_a_disk_that_does_not_answer_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers = threading.Event()
    write = os.write

    def hangs(handle: int, data: bytes) -> int:
        answers.wait(30)
        return write(handle, data)

    monkeypatch.setattr("usage_recorder.folder.os.write", hangs)
    monkeypatch.setattr("usage_recorder.folder.MOST_LINES", 5)
    folder = Folder(tmp_path)
    stuck = threading.Thread(target=folder.write, args=(line(0),))
    stuck.start()
    while folder._lines or not folder._lock.locked():
        time.sleep(0.001)
    for number in range(1, 8):
        folder.write(line(number))
    answers.set()
    stuck.join()
    assert [one["number"] for one in records(tmp_path)] == [0, 1, 2, 3, 4, 5]
    assert (counters().lost, counters().written) == (2, 6)
    assert "the disk does not answer" in caplog.text


def test_writers_of_one_folder_share_it(tmp_path: Path) -> None:
    assert folder_at(tmp_path) is folder_at(tmp_path / "." / "")


FORKS = """
import os, sys, threading
from pathlib import Path
from usage_recorder.background import Background
from usage_recorder.counters import counters
from usage_recorder.folder import Folder
folder, beside = Folder(Path(sys.argv[1])), Background()
stop = threading.Event()
def write(first):
    number = first
    while not stop.is_set():
        folder.write(b'{"process":%d,"number":%d}\\n' % (os.getpid(), number))
        number += 1
threads = [threading.Thread(target=write, args=(n * 10**9,)) for n in range(2)]
[thread.start() for thread in threads]
children = []
for number in range(20):
    child = os.fork()
    if child == 0:
        for line in range(20):
            folder.write(b'{"process":%d,"number":%d}\\n' % (os.getpid(), line))
        beside.run(lambda: folder.write(b'{"process":%d,"number":-1}\\n' % os.getpid()), 1)
        beside.flush()
        os._exit(0 if counters().lost == 0 else 1)
    children.append(child)
codes = [os.waitpid(child, 0)[1] for child in children]
stop.set()
[thread.join() for thread in threads]
print(codes, counters().written)
"""


def test_forks_in_the_midst_of_writing_lose_tear_and_repeat_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKS, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    found = [(one["process"], one["number"]) for one in records(tmp_path)]
    assert len(set(found)) == len(found)
    assert done.stdout.split()[:20] == [*["[0,"], *["0,"] * 18, "0]"]
    written = int(done.stdout.split()[-1])
    processes = [process for process, _ in found]
    parent = max(set(processes), key=processes.count)
    assert processes.count(parent) == written
    assert sorted(processes.count(child) for child in set(processes) - {parent}) == [21] * 20


EXITS = """
import multiprocessing, sys
from pathlib import Path
from usage_recorder.background import Background
from usage_recorder.folder import Folder
folder, beside = Folder(Path(sys.argv[1])), Background()
def work(number):
    for _ in range(5):
        beside.run(lambda: folder.write(b'{"number":%d}\\n' % number), 1)
process = multiprocessing.get_context(sys.argv[2]).Process(target=work, args=(1,)) if sys.argv[2] else None
if process:
    process.start()
work(0)
if process:
    process.join()
"""


@pytest.mark.parametrize("how", ["", "fork"])
def test_what_is_under_way_is_written_when_a_process_ends(tmp_path: Path, how: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", EXITS, str(tmp_path), how]
    subprocess.run(command, cwd=ROOT, timeout=60, check=True)
    assert sorted(one["number"] for one in records(tmp_path)) == [0] * 5 + [1] * 5 * (how == "fork")
