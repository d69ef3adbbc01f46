from __future__ import annotations

import shutil
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ingest import spooled as one_upload
from ingest.spool import KEPT, MAX_UPLOADS, Spool
from ingest.spooled import Spooled
from ingest.upload_refused import UploadRefused
from tests.ingest.small_disk import disk_that_takes

GB = 1_000_000_000


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "inbox")


def sent(spool: Spool, *pieces: bytes, owner: str = "ann", name: str = "app.jsonl", size: int | None = None) -> Spooled:
    """An upload into which these slices went."""
    upload = spool.begin(owner, name, sum(map(len, pieces)) if size is None else size, 1)
    for piece in pieces:
        append(spool, upload, piece)
    return upload


def append(spool: Spool, upload: Spooled, content: bytes, offset: int | None = None) -> None:
    with spool.appending(upload.owner, upload.upload_id, upload.offset if offset is None else offset) as piece:
        piece.write(content)


@contextmanager
def refused(code: str) -> Iterator[list[UploadRefused]]:
    """What the block does is refused for this reason, with words on what to do."""
    why: list[UploadRefused] = []
    with pytest.raises(UploadRefused) as caught:
        yield why
    why.append(caught.value)
    assert caught.value.code == code
    assert caught.value.message.endswith(".")
    assert caught.value.advice.endswith(".")


def test_only_its_owner_on_the_machine_can_read_an_upload_and_its_place_tells_nothing(spool: Spool) -> None:
    upload = sent(spool, b"te", b"xt", name="../../etc/app.jsonl")

    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(upload.path.stat().st_mode) == 0o600
    assert upload.path.parent == spool.folder
    assert "app" not in upload.path.name
    assert upload.path.read_bytes() == b"text"
    assert upload.complete


def test_a_file_chosen_again_goes_on_where_it_was(spool: Spool) -> None:
    upload = sent(spool, b"abc", size=9)

    again = spool.begin("ann", "app.jsonl", 9, 1)

    assert again is upload
    assert again.offset == 3


def test_a_file_changed_since_or_of_somebody_else_begins_anew(spool: Spool) -> None:
    upload = sent(spool, b"abc", size=9)

    others = [
        spool.begin("ann", "app.jsonl", 9, 2),
        spool.begin("ann", "app.jsonl", 10, 1),
        spool.begin("ann", "b.jsonl", 9, 1),
        spool.begin("bob", "app.jsonl", 9, 1),
    ]

    assert [other.offset for other in others] == [0, 0, 0, 0]
    assert len({upload.upload_id, *(other.upload_id for other in others)}) == 5


def test_nobody_finds_an_upload_of_somebody_else(spool: Spool) -> None:
    upload = sent(spool, b"abc", size=9)

    with refused("unknown"):
        spool.find("bob", upload.upload_id)
    with refused("unknown"), spool.appending("bob", upload.upload_id, 3):
        pass
    assert spool.of("bob") == []
    assert spool.of("ann") == [upload]


def test_a_slice_at_another_place_is_refused_and_says_where_to_go_on(spool: Spool) -> None:
    upload = sent(spool, b"abc", size=9)

    for offset in (0, 2, 4):
        with refused("wrong_offset") as why:
            append(spool, upload, b"x", offset)
        assert why[0].offset == 3
    append(spool, upload, b"def")
    assert upload.path.read_bytes() == b"abcdef"


def test_one_at_a_time_writes_a_file(spool: Spool) -> None:
    upload = sent(spool, b"abc", size=9)

    with spool.appending("ann", upload.upload_id, 3) as piece:
        piece.write(b"de")
        with refused("busy"):
            append(spool, upload, b"x", 3)
        with refused("busy"):
            append(spool, upload, b"x", 5)
        piece.write(b"f")
    append(spool, upload, b"ghi")

    assert upload.path.read_bytes() == b"abcdefghi"


def test_many_threads_at_one_offset_add_one_slice(spool: Spool) -> None:
    upload = sent(spool, size=800)
    outcomes: list[str] = []
    together = threading.Barrier(8)

    def write(letter: bytes) -> None:
        together.wait()
        try:
            append(spool, upload, letter * 100, 0)
            outcomes.append("taken")
        except UploadRefused as why:
            outcomes.append(why.code)

    threads = [threading.Thread(target=write, args=(b"%d" % n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes.count("taken") == 1
    assert set(outcomes) <= {"taken", "busy", "wrong_offset"}
    assert len(set(upload.path.read_bytes())) == 1
    assert upload.path.stat().st_size == upload.offset == 100


def test_what_came_of_a_slice_that_broke_off_stays(spool: Spool) -> None:
    upload = sent(spool, b"abc", size=9)

    with suppress(ZeroDivisionError), spool.appending("ann", upload.upload_id, 3) as piece:
        piece.write(b"de")
        raise ZeroDivisionError

    assert upload.path.read_bytes() == b"abcde"
    append(spool, upload, b"fghi", 5)
    assert upload.complete


def test_a_slice_the_disk_cannot_take_leaves_nothing_behind(spool: Spool) -> None:
    upload = sent(spool, b"a" * 4096, size=100_000)

    with disk_that_takes(20_000), refused("disk_full"):
        append(spool, upload, b"b" * 50_000)

    assert upload.path.stat().st_size == upload.offset == 4096
    append(spool, upload, b"c" * (100_000 - 4096))
    assert upload.complete


def test_more_bytes_than_announced_are_refused(spool: Spool) -> None:
    upload = sent(spool, b"abc", size=5)

    with refused("too_long"), spool.appending("ann", upload.upload_id, 3) as piece:
        piece.write(b"de")
        piece.write(b"f")

    assert upload.path.read_bytes() == b"abc"


def test_a_slice_larger_than_allowed_is_refused(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_upload, "MAX_SLICE", 10)
    upload = sent(spool, b"abc", size=100)

    with refused("slice_too_large"), spool.appending("ann", upload.upload_id, 3) as piece:
        for _ in range(11):
            piece.write(b"x")

    assert upload.path.read_bytes() == b"abc"


def test_a_file_for_which_there_is_no_room_does_not_begin(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDGLASS_MAX_UPLOAD_GB", "1000000000")
    free = shutil.disk_usage(spool.folder.parent).free

    with refused("disk_full"):
        spool.begin("ann", "app.jsonl", free, 1)

    spool.begin("ann", "half.jsonl", free // 2, 1)
    with refused("disk_full") as why:
        spool.begin("bob", "half.jsonl", free // 2, 1)  # the first half is promised already
    assert "there is room for" in why[0].message
    assert [path.stat().st_size for path in spool.folder.iterdir()] == [0]


def test_a_file_over_the_limit_does_not_begin(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    with refused("too_large") as why:
        spool.begin("ann", "app.jsonl", 64 * GB + 1, 1)
    assert why[0].message == "The file has 64.0 GB; 64.0 GB may be uploaded."

    monkeypatch.setenv("SPENDGLASS_MAX_UPLOAD_GB", "0.5")
    with refused("too_large"):
        spool.begin("ann", "app.jsonl", GB // 2 + 1, 1)
    spool.begin("ann", "app.jsonl", GB // 2, 1)

    for nonsense in ("much", "nan", "inf"):
        monkeypatch.setenv("SPENDGLASS_MAX_UPLOAD_GB", nonsense)
        with refused("misconfigured"):
            spool.begin("ann", "b.jsonl", 1, 1)


def test_one_session_cannot_begin_without_end(spool: Spool) -> None:
    for number in range(MAX_UPLOADS):
        spool.begin("ann", f"{number}.jsonl", 1, 1)

    with refused("too_many"):
        spool.begin("ann", "one more.jsonl", 1, 1)
    spool.begin("bob", "one.jsonl", 1, 1)


def test_a_name_no_store_could_hold_is_made_one_it_can(spool: Spool) -> None:
    upload = spool.begin("ann", "a\udc80b.jsonl", 1, 1)

    assert upload.name.encode() == b"a?b.jsonl"


def test_a_dropped_upload_frees_the_disk_even_while_it_is_being_sent(spool: Spool) -> None:
    upload = sent(spool, b"abc", size=9)

    with refused("unknown"), spool.appending("ann", upload.upload_id, 3) as piece:
        spool.drop(upload)
        assert list(spool.folder.iterdir()) == []
        piece.write(b"def")

    with refused("unknown"):
        spool.find("ann", upload.upload_id)


def test_an_upload_is_lent_to_one_load_and_dropped_after_it(spool: Spool) -> None:
    upload = sent(spool, b"abc")

    with spool.loading([upload]):
        with refused("busy"):
            spool.drop(upload)
        with refused("busy"), spool.loading([upload]):
            pass
        assert upload.path.read_bytes() == b"abc"

    assert list(spool.folder.iterdir()) == []
    with refused("unknown"), spool.loading([upload]):
        pass


def test_uploads_of_a_load_that_fails_stay(spool: Spool) -> None:
    uploads = [sent(spool, b"abc"), sent(spool, b"de", name="b.jsonl", size=9)]

    with pytest.raises(ZeroDivisionError), spool.loading(uploads[:1]):
        raise ZeroDivisionError
    with refused("incomplete"), spool.loading(uploads):
        pass
    with spool.loading(uploads[:1]):
        pass

    assert spool.of("ann") == uploads[1:]


def test_an_upload_nobody_touches_for_a_day_is_dropped(spool: Spool) -> None:
    old, looked_at, loading = sent(spool, b"a"), sent(spool, b"b", name="b"), sent(spool, b"c", name="c")

    assert spool.drop_abandoned(now=time.monotonic() + KEPT - 60) == 0
    looked_at.touched += 120
    with spool.loading([loading]):
        assert spool.drop_abandoned(now=time.monotonic() + KEPT + 60) == 1
        assert spool.of("ann") == [looked_at, loading]
    assert not old.path.exists()


def test_what_a_killed_process_left_is_swept_and_nothing_else(spool: Spool) -> None:
    spool.folder.mkdir()
    stale = [spool.folder / f"upload-{'a' * 32}", spool.folder / f"upload-{'b' * 32}-head"]
    for path in stale:
        path.write_text("a prompt")
    (spool.folder / "mine.txt").write_text("not a spooled file")
    upload = sent(spool, b"abc" * 10)
    head = spool.head(upload, 5)

    assert spool.sweep() == 2

    assert {path.name for path in spool.folder.iterdir()} == {"mine.txt", upload.path.name, head.name}


def test_sweeping_a_folder_that_is_not_there_does_nothing(spool: Spool) -> None:
    assert spool.sweep() == 0


def test_the_head_of_a_large_upload_is_a_file_that_goes_with_it(spool: Spool) -> None:
    small, large = sent(spool, b"abc"), sent(spool, b"abcdef", name="b")

    assert spool.head(small, 3) == small.path
    head = spool.head(large, 3)
    assert head.read_bytes() == b"abc"
    assert stat.S_IMODE(head.stat().st_mode) == 0o600
    assert spool.head(large, 3) == head
    spool.drop(large)
    assert list(spool.folder.iterdir()) == [small.path]
