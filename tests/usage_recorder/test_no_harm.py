from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anthropic
import pytest

from tests.asynchronous import ran
from tests.ingest.small_disk import disk_that_takes
from tests.usage_recorder.messages_server import MessagesServer
from tests.usage_recorder.recording import PLAIN, counters, records
from usage_recorder import flush, record
from usage_recorder.counters import Counters

# where the recorder touches a request, a place each
PLACES = [
    "usage_recorder.recorder.route_of",
    "usage_recorder.recorder.current",
    "usage_recorder.recorder.record_of",
    "usage_recorder.recorder.answer_of",
    "usage_recorder.recorder.Recorder._write",
    "usage_recorder.following.watch",
    "usage_recorder.events.Events.feed",
    "usage_recorder.events.Events.end",
    "usage_recorder.watched._decoder",
    "usage_recorder.folder.Folder.write",
    "usage_recorder.folder._append",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", ["create", "stream", "async", "async stream"])
def test_whatever_breaks_in_the_recorder_the_app_gets_its_answer(
    place: str,
    how: str,
    server: MessagesServer,
    client: anthropic.Anthropic,
    async_client: anthropic.AsyncAnthropic,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def later() -> list[object]:
        async with async_client:
            for _ in range(2):
                if how == "async":
                    told: list[object] = [(await async_client.messages.create(**PLAIN)).content]
                else:
                    told = [event async for event in await async_client.messages.create(stream=True, **PLAIN)]
        return told

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("broken")

    with monkeypatch.context() as patched:
        patched.setattr(place, broken)
        if "async" in how:
            assert ran(later())
        else:
            for _ in range(2):
                answer = client.messages.create(**PLAIN, stream=how == "stream")
                assert list(answer)
        found = counters()
    of_streams = ("usage_recorder.events", "usage_recorder.following", "usage_recorder.watched")
    if ("answer_of" in place) if "stream" in how else place.startswith(of_streams):  # not on its way
        assert found.failures == 0
    else:
        assert found.failures >= 2
        assert len([one for one in caplog.records if one.name == "usage_recorder"]) == 1


@pytest.mark.parametrize("place", PLACES)
def test_whatever_breaks_in_the_recorder_the_app_gets_its_own_exception(
    place: str, client: anthropic.Anthropic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("broken")

    monkeypatch.setattr(place, broken)
    for stream in (False, True):
        with pytest.raises(anthropic.BadRequestError, match="no: the answer"):
            client.messages.create(**PLAIN, stream=stream, extra_headers={"x-behave": "refuse:400"})
    with pytest.raises(anthropic.APITimeoutError):
        client.with_options(max_retries=0, timeout=0.05).messages.create(
            **PLAIN, extra_headers={"x-behave": "slow:0.2"}
        )


def test_what_is_no_client_is_handed_back_as_it_is(caplog: pytest.LogCaptureFixture, logs: Path) -> None:
    client = object()
    assert record(client, to=logs) is client
    assert counters().failures == 1
    assert len(caplog.records) == 1


def test_a_file_that_may_not_grow_loses_lines_and_tears_none(
    client: anthropic.Anthropic, logs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client.messages.create(**PLAIN)
    flush()
    (path,) = logs.glob("*.jsonl")
    with disk_that_takes(path.stat().st_size + 100):
        for _ in range(3):
            assert client.messages.create(**PLAIN).content
        assert counters().lost == 3
    client.messages.create(**PLAIN)
    assert len(records(logs)) == 2
    assert counters() == Counters(written=2, lost=3)
    assert [one.getMessage() for one in caplog.records] == [
        "records of API usage are being lost: File too large; the app is not affected"
    ]


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_loses_lines_and_tears_none(
    tiny: Path, server: MessagesServer, caplog: pytest.LogCaptureFixture
) -> None:
    with record(anthropic.Anthropic(base_url=server.url, api_key="k"), to=tiny / "logs") as client:
        client.messages.create(**PLAIN)
        flush()
        for number in range(16):
            (tiny / f"filler{number}").write_bytes(b"")
        with pytest.raises(OSError, match="No space"):
            (tiny / "filler").write_bytes(b"x" * 65_536)
        for _ in range(12):
            assert client.messages.create(**PLAIN).content
        assert counters().lost > 0
        (tiny / "filler").unlink()
        client.messages.create(**PLAIN)
    found = counters()
    assert found.written + found.lost == 14
    assert len(records(tiny / "logs")) == found.written
    assert "No space left on device" in caplog.text
    assert len(caplog.records) == 1


def test_a_folder_that_cannot_be_written_loses_records_and_says_so_once(
    server: MessagesServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    with record(anthropic.Anthropic(base_url=server.url, api_key="k"), to=tmp_path / "file" / "logs") as client:
        for _ in range(3):
            assert client.messages.create(**PLAIN).content
    assert counters() == Counters(lost=3)
    assert sum("being lost: Not a directory" in one.getMessage() for one in caplog.records) == 1


def test_a_read_only_folder_loses_records_and_says_so_once(
    client: anthropic.Anthropic, logs: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is read-only to root, so the system's own answer is given for it."""

    def refuses(*_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("usage_recorder.folder.os.open", refuses)
    for _ in range(3):
        assert client.messages.create(**PLAIN).content
    assert counters() == Counters(lost=3)
    assert [one.getMessage() for one in caplog.records] == [
        "records of API usage are being lost: Permission denied; the app is not affected"
    ]
    monkeypatch.undo()
    client.messages.create(**PLAIN)
    assert len(records(logs)) == 1


def test_a_function_that_raises_does_not_end_the_request(server: MessagesServer) -> None:
    def takes(_: object) -> None:
        raise KeyError

    with record(anthropic.Anthropic(base_url=server.url, api_key="k"), to=takes) as client:
        assert client.messages.create(**PLAIN).content
    assert counters() == Counters(lost=1)
