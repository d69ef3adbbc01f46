from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from ingest.__main__ import main as ingest
from spend.__main__ import main as spend
from store.__main__ import main as store_command
from store.check import check
from store.connection import Store, StoreBusy, StoreFull, StoreUnusable, open_store
from store.database import cut_off
from store.spare import BLOCK, HEADERS, spared
from tests.factories import derived, loaded, rows, usage_record, write_log
from tests.ingest.small_disk import disk_that_takes

pytestmark = pytest.mark.soak

Captured = pytest.CaptureFixture[str]
ROW = "INSERT INTO usage BY NAME SELECT md5(range::VARCHAR) AS request_key FROM range(?)"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    with open_store(folder / "usage.duckdb") as store:
        loaded(store, folder / "log.jsonl", [usage_record() for _ in range(100)])
    return folder / "usage.duckdb"


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(filled, tmp_path / "usage.duckdb"))


def write(store: Store, count: int) -> None:
    """Many rows: some DuckDB writes into the file at once, others it keeps in the journal."""
    with store.writing() as con:
        con.execute(ROW, [count])
        con.execute("INSERT INTO setting SELECT range, repeat(md5(range::VARCHAR), 20) FROM range(?)", [count // 10])


def held(store: Store) -> tuple[int, int, int]:
    [(requests,)], [(settings,)] = (
        rows(store, "SELECT count(*) FROM usage"),
        rows(store, "SELECT count(*) FROM setting"),
    )
    return requests, settings, store.data_version


def is_whole(store: Store) -> bool:
    with closing(store.cursor()) as con:
        return not any(one.wrong for one in check(con, store.prices))


# ── a full disk ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("room", [0, 1_000, 300_000, 1_000_000, 2_500_000, 5_000_000, 8_000_000])
def test_a_change_without_room_changes_nothing_and_the_next_one_works(path: Path, room: int) -> None:
    size = path.stat().st_size
    with open_store(path) as store:
        before = held(store)
        with disk_that_takes(size + room), pytest.raises(StoreFull, match=r"the disk is full.*Nothing was loaded"):
            write(store, 200_000)
        assert held(store) == before
        assert is_whole(store)
        assert path.stat().st_size <= size + 1_000_000  # what it took is given back
        with disk_that_takes(size + 3_000_000), store.writing() as con:
            con.execute("INSERT INTO setting VALUES ('a', '1')")
        write(store, 50_000)
        assert held(store) == (before[0] + 50_000, 5_001, before[2] + 2)
    with open_store(path) as store:
        assert held(store) == (before[0] + 50_000, 5_001, before[2] + 2)


def test_what_is_kept_stays_when_only_tidying_up_finds_no_room(path: Path) -> None:
    """The journal has room and the file has none: DuckDB gives the file up, which is then opened again."""
    with open_store(path) as store:
        before = held(store)
        with closing(store.cursor()) as reading:
            reading.execute("SELECT 1").fetchall()
            with disk_that_takes(path.stat().st_size):
                with store.writing() as con:
                    con.execute("INSERT INTO setting SELECT range, md5(range::VARCHAR) FROM range(20000)")
                assert Path(f"{path}.wal").stat().st_size > 0
                assert held(store) == (before[0], 20_000, before[2] + 1)
            with pytest.raises(duckdb.ConnectionException):
                reading.execute("SELECT count(*) FROM usage")
        with store.writing() as con:
            con.execute("DELETE FROM setting")
        assert held(store) == (before[0], 0, before[2] + 2)
        assert not Path(f"{path}.wal").exists()
        with pytest.raises(StoreBusy):
            opened_by_another(path)
    with open_store(path) as store:
        assert held(store) == (before[0], 0, before[2] + 2)


def test_a_question_is_answered_to_its_end_before_the_file_is_opened_again(path: Path) -> None:
    answers: list[int] = []
    with open_store(path) as store:
        before, asked = held(store), threading.Event()

        def ask() -> None:
            with closing(store.cursor()) as con:
                con.execute("SELECT 1")
                asked.set()
                query = "SELECT count(*) FROM range(1000000) a, range(1000) b WHERE (a.range + b.range) % 7 = 3"
                answers.extend(con.execute(query).fetchall()[0])

        asking = threading.Thread(target=ask)
        asking.start()
        asked.wait()
        with disk_that_takes(path.stat().st_size), store.writing() as con:
            con.execute("INSERT INTO setting SELECT range, md5(range::VARCHAR) FROM range(20000)")
        asking.join()
        assert held(store) == (before[0], 20_000, before[2] + 1)
    assert answers == [142_857_143]


def test_a_store_that_finds_no_room_is_not_begun(tmp_path: Path) -> None:
    with disk_that_takes(20_000), pytest.raises(StoreFull, match="the disk is full"):
        open_store(tmp_path / "usage.duckdb")
    assert list(tmp_path.iterdir()) == []
    open_store(tmp_path / "usage.duckdb").close()


def test_prices_that_find_no_room_leave_the_old_ones_in_force(path: Path, tracked_prices: Path, tmp_path: Path) -> None:
    with open_store(path) as store:
        write(store, 300_000)
        before = derived(store), rows(store, "FROM store_info")
    prices = Path(shutil.copytree(tracked_prices, tmp_path / "prices"))
    (prices / "mine.toml").write_text('[discount]\npercent = "50"\n')
    with disk_that_takes(20_000), pytest.raises(StoreFull):
        open_store(path, prices=prices)
    with open_store(path) as store:
        assert (derived(store), rows(store, "FROM store_info")) == before


def test_too_little_memory_is_said(path: Path) -> None:
    with open_store(path) as store:
        before = held(store)
        with pytest.raises(StoreFull, match=r"not enough memory.*Nothing was loaded"), store.writing() as con:
            con.execute("INSERT INTO setting SELECT 'a', list(repeat('x', 1000000)) FROM range(2000)")
        assert held(store) == before


def test_only_what_stands_behind_the_last_block_is_cut_off(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(3 * BLOCK + 5))
    with duckdb.connect(str(path)) as con:
        cut_off(con, str(path))
        assert path.read_bytes() == whole
        cut_off(con, str(path))
        assert path.read_bytes() == whole
        path.write_bytes(whole + bytes(BLOCK))
        con.execute("INSERT INTO setting VALUES ('a', '1')")  # the journal may tell of blocks there
        cut_off(con, str(path))
        assert path.stat().st_size == len(whole) + BLOCK


# ── a block that was half written ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def torn(path: Path) -> Path:
    """A store whose process was killed while it wrote over its first block of metadata, and the spare of that."""
    before = path.read_bytes()
    with open_store(path) as store:
        with closing(store.cursor()) as con, path.open("rb") as file, spared(con, str(path), file.fileno()):
            spare = Path(f"{path}.spare").read_bytes()
        with store.writing() as con:
            con.execute("INSERT INTO setting VALUES ('a', '1')")
    after = path.read_bytes()
    page, end = HEADERS + 4096, HEADERS + BLOCK
    assert before[HEADERS:page] != after[HEADERS:page]
    assert before[page:end] != after[page:end]
    path.write_bytes(before[:HEADERS] + after[HEADERS:page] + before[page:])
    Path(f"{path}.spare").write_bytes(spare)
    return path


def test_a_block_that_was_half_written_is_put_back(torn: Path, filled: Path) -> None:
    with open_store(torn) as store, open_store(filled) as before:
        assert (held(store), derived(store)) == (held(before), derived(before))
        assert is_whole(store)
    assert torn.read_bytes() == filled.read_bytes()
    assert list(torn.parent.iterdir()) == [torn]


def test_a_half_written_block_without_its_spare_is_damage(torn: Path) -> None:
    Path(f"{torn}.spare").unlink()
    with pytest.raises(StoreUnusable, match="is damaged: Corrupt database file"):
        open_store(torn)


def test_a_spare_that_is_not_whole_is_not_put_back(path: Path) -> None:
    """It was being written, and nothing had been written over."""
    whole = path.read_bytes()
    for spare in (b"", whole[: HEADERS + 100], whole[:HEADERS] + bytes(8 + BLOCK) + bytes(32)):
        Path(f"{path}.spare").write_bytes(spare)
        open_store(path).close()
        assert path.read_bytes() == whole
        assert list(path.parent.iterdir()) == [path]


def test_the_spare_of_a_change_that_was_finished_is_not_put_back(path: Path) -> None:
    with open_store(path) as store:
        with closing(store.cursor()) as con, path.open("rb") as file, spared(con, str(path), file.fileno()):
            spare = Path(f"{path}.spare").read_bytes()
        with store.writing() as con:
            con.execute("INSERT INTO setting VALUES ('a', '1')")
    after = path.read_bytes()
    Path(f"{path}.spare").write_bytes(spare)
    with open_store(path) as store:
        assert rows(store, "FROM setting") == [("a", "1")]
    assert path.read_bytes() == after
    assert list(path.parent.iterdir()) == [path]


def test_a_journal_that_a_killed_process_left_is_folded_in_by_whoever_opens_the_store(path: Path) -> None:
    left_a_journal(path)
    with open_store(path) as store:
        assert rows(store, "FROM setting") == [("a", "1")]
    assert list(path.parent.iterdir()) == [path]


def left_a_journal(path: Path) -> None:
    script = (
        "import os, sys, duckdb; con = duckdb.connect(sys.argv[1]);"
        "con.execute(\"INSERT INTO setting VALUES ('a', '1')\"); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert Path(f"{path}.wal").stat().st_size > 0


# ── one process ────────────────────────────────────────────────────────────────────────────────────────────────────


def opened_by_another(path: Path) -> None:
    """Another process opens the store. Raises StoreBusy when it says that this one has it."""
    script = """
import sys
from store.connection import StoreBusy, open_store
try:
    open_store(sys.argv[1]).close()
except StoreBusy as busy:
    sys.exit(str(busy))
"""
    tried = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)
    if "open in another process" in tried.stderr:
        raise StoreBusy
    assert tried.returncode == 0, tried.stderr


def test_looking_at_the_file_lets_no_other_process_in(path: Path) -> None:
    """DuckDB's lock is gone as soon as its process closes the file anywhere."""
    store = open_store(path)
    path.read_bytes()
    with pytest.raises(StoreBusy):
        opened_by_another(path)
    store.close()
    opened_by_another(path)


def test_a_store_nobody_needs_any_more_is_let_go(path: Path) -> None:
    store = open_store(path)
    del store
    opened_by_another(path)


def test_a_store_opened_twice_in_a_process_is_written_by_one_thread_at_a_time(path: Path) -> None:
    with open_store(path) as one, open_store(path) as other:
        before = one.data_version

        def change(store: Store, number: int) -> None:
            for n in range(10):
                with store.writing() as con:
                    con.execute("INSERT INTO setting VALUES (?, '1')", [f"{number} {n}"])

        threads = [threading.Thread(target=change, args=(store, n)) for n, store in enumerate((one, other) * 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (other.data_version, rows(one, "SELECT count(*) FROM setting")) == (before + 40, [(40,)])
        one.close()
        with pytest.raises(StoreBusy):
            opened_by_another(path)


def test_processes_that_make_one_store_at_the_same_time_make_one(tmp_path: Path) -> None:
    path = tmp_path / "usage.duckdb"
    script = "import sys; from store.connection import open_store; open_store(sys.argv[1]).close()"
    started = [subprocess.Popen([sys.executable, "-c", script, str(path)], stderr=subprocess.PIPE) for _ in range(4)]
    said = [process.communicate()[1].decode() for process in started]
    assert all(process.returncode == 0 or "StoreBusy" in text for process, text in zip(started, said, strict=True))
    assert any(process.returncode == 0 for process in started)
    assert list(tmp_path.iterdir()) == [path]
    with open_store(path) as store:
        assert is_whole(store)


def test_the_journal_of_a_store_that_is_gone_is_not_taken_for_the_new_ones(path: Path) -> None:
    left_a_journal(path)
    path.unlink()
    with open_store(path) as store:
        assert held(store)[:2] == (0, 0)


# ── no store ───────────────────────────────────────────────────────────────────────────────────────────────────────


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda whole: whole[: int(len(whole) * share)]


def overwritten(first: int, length: int) -> Callable[[bytes], bytes]:
    return lambda whole: whole[:first] + bytes(length) + whole[first + length :]


# what the file of a store became
RUINED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "one byte": lambda _: b"x",
    "text": lambda _: b"not a database at all" * 1000,
    "JSON": lambda _: b'{"a": 1}\n',
    "SQLite": lambda _: b"SQLite format 3\0" + bytes(5000),
    "cut in its first header": cut(0.0005),
    "cut behind its headers": cut(0.006),
    "without its first block": overwritten(0, 4096),
    "without its headers": overwritten(4096, 8192),
    "without its catalogue": overwritten(3 * 4096, 4096),
}


@pytest.mark.parametrize("how", RUINED)
def test_a_file_that_is_no_store_or_not_whole_is_refused_in_words(path: Path, how: str, capsys: Captured) -> None:
    path.write_bytes(RUINED[how](path.read_bytes()))
    ruined = path.read_bytes()
    with pytest.raises(StoreUnusable, match=r"usage\.duckdb (cannot be opened|is damaged)"):
        open_store(path)
    said_by_all(path, capsys)
    assert path.read_bytes() == ruined
    assert list(path.parent.iterdir()) == [path]


def said_by_all(path: Path, capsys: Captured) -> None:
    """Each command says in one line that this is no store, and does nothing."""
    log = write_log(path.parent.parent / f"{path.parent.name}.jsonl", [usage_record()])
    calls: list[tuple[Callable[[Sequence[str]], int], list[str]]] = [
        (ingest, [str(log)]),
        (spend, ["report"]),
        (store_command, ["check"]),
        (store_command, ["check", "--repair"]),
    ]
    for main, arguments in calls:
        assert main([*arguments, "--db", str(path)]) == 2
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n"), "store" in said.err) == ("", 1, True)


def test_a_folder_a_device_a_pipe_and_a_csv_are_no_stores(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b.csv").write_text("a,b\n1,2\n")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "a", tmp_path / "b.csv", tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(StoreUnusable, match="cannot be opened"):
            open_store(path)
    assert ingest([str(tmp_path / "b.csv"), "--db", str(tmp_path / "a")]) == 2
    assert spend(["report", "--db", str(tmp_path / "a")]) == 2
    assert store_command(["check", "--db", str(tmp_path / "a")]) == 2
    assert capsys.readouterr().err.count("cannot be opened as a store: it is not a file") == 3


def test_a_store_where_no_file_can_be_is_refused_in_words(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "file").touch()
    log = write_log(tmp_path / "log.jsonl", [usage_record()])
    for path in (tmp_path / "file" / "usage.duckdb", Path("/proc/spendglass/usage.duckdb"), Path("/proc/usage.duckdb")):
        with pytest.raises(StoreUnusable, match=r"cannot be opened as a store.*--db"):
            open_store(path)
        assert ingest([str(log), "--db", str(path)]) == 2
        assert "cannot be opened as a store" in capsys.readouterr().err


def test_a_store_damaged_where_its_rows_are_is_said_to_be_so_when_they_are_read(path: Path, capsys: Captured) -> None:
    with open_store(path) as store:
        write(store, 200_000)
    with duckdb.connect(str(path)) as con:
        blocks = con.execute(
            "SELECT DISTINCT block_id FROM pragma_storage_info('usage') WHERE block_id >= 0 AND column_name IN"
            " ('request_key', 'cost', 'quarter')"
        ).fetchall()
    with path.open("r+b") as file:
        for (block,) in blocks:
            file.seek(3 * 4096 + block * 256 * 1024 + 1000)
            file.write(bytes(1000))
    with pytest.raises(StoreUnusable, match=r"is damaged: Corrupt.*Put back a copy"), open_store(path) as store:
        rows(store, "SELECT max(request_key) FROM usage")
    with open_store(path) as store, pytest.raises(StoreUnusable, match="is damaged"), store.writing() as con:
        con.execute("UPDATE usage SET request_key = request_key || 'x'")
    assert spend(["report", "--db", str(path), "--by", "user"]) == 2
    log = write_log(path.parent / "log.jsonl", [usage_record(message_id="m")])
    assert ingest([str(log), "--db", str(path)]) == 2
    assert store_command(["check", "--db", str(path)]) == 1
    said = capsys.readouterr()
    assert said.err.count("is damaged: Corrupt database file") == 2
    assert "every table can be read to its end: 1 wrong" in said.out


def test_a_disk_that_is_only_read_from_is_refused_in_words(path: Path) -> None:
    """In a space of mounts of its own, which ends with the process."""
    script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
    inside = ["unshare", "--mount", "sh", "-c", script, "-", str(path.parent)]
    if shutil.which("unshare") is None or subprocess.run([*inside, "true"], capture_output=True).returncode:
        pytest.skip("mounting needs more rights")
    log = write_log(path.parent.parent / f"{path.parent.name}.jsonl", [usage_record()])
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    for arguments in (["ingest", str(log)], ["spend", "report"]):
        command = [*inside, sys.executable, "-m", *arguments, "--db", str(path)]
        said = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert (said.returncode, said.stderr.count("\n")) == (2, 1), said.stderr
        assert "cannot be opened or read as a store" in said.stderr
        assert "Read-only file system" in said.stderr
    command = [*inside, sys.executable, "-m", "store", "check", "--db", str(path)]
    assert subprocess.run(command, capture_output=True, env=environment).returncode == 0
