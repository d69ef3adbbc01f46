from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ingest.inbox import spool_of
from ingest.routes import uploads as route
from ingest.routes.uploads import UPLOADS
from ingest.spool import Spool
from ingest.spooled import MAX_SLICE
from ingest.upload_tickets import mint
from store.process import process_path
from tests.ingest.routes.asked import Answer, Asked, server, until
from tests.ingest.small_disk import disk_that_takes

ANN, BOB = mint("ann"), mint("bob")
MIB = 1024 * 1024


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spool:
    monkeypatch.setenv("SPENDGLASS_DB", str(tmp_path / "usage.duckdb"))
    return spool_of(process_path())


@pytest.fixture
def asked(spool: Spool) -> Iterator[Asked]:
    with server(UPLOADS) as running:
        yield running


def begin(asked: Asked, size: int, name: str = "app.jsonl", ticket: str = ANN, **headers: str) -> Answer:
    body = json.dumps({"name": name, "size": size, "modified": 1})
    return asked("POST", "/api/upload", body, {"Upload-Ticket": ticket, **headers})


def put(asked: Asked, upload: Any, offset: int, content: Any, ticket: str = ANN, **more: Any) -> Answer:
    headers = {"Upload-Ticket": ticket, "Upload-Offset": str(offset)}
    return asked("PUT", f"/api/upload/{upload}", content, headers, **more)


def ask(asked: Asked, method: str, upload: Any = "", ticket: str = ANN) -> Answer:
    return asked(method, f"/api/upload/{upload}".rstrip("/"), None, {"Upload-Ticket": ticket})


def spooled(spool: Spool) -> list[bytes]:
    return [path.read_bytes() for path in spool.folder.iterdir()]


def test_a_file_arrives_slice_by_slice(asked: Asked, spool: Spool) -> None:
    content = random.Random(1).randbytes(3 * MIB + 17)

    begun = begin(asked, len(content), "../../<b>.jsonl")
    assert begun.status == 201
    upload = begun.json["id"]
    assert begun.json == {"id": upload, "name": "../../<b>.jsonl", "size": len(content), "modified": 1, "offset": 0}
    for offset in range(0, len(content), MIB):
        answer = put(asked, upload, offset, content[offset : offset + MIB])
        assert answer.status == 200
        assert answer.json["offset"] == min(offset + MIB, len(content))

    assert spooled(spool) == [content]
    assert ask(asked, "GET").json == [ask(asked, "GET", upload).json]
    assert answer.headers["cache-control"] == "no-store"


def test_two_users_send_at_once_and_neither_meets_the_other(asked: Asked, spool: Spool) -> None:
    contents = {ANN: random.Random(1).randbytes(5 * MIB), BOB: random.Random(2).randbytes(5 * MIB)}
    found: dict[str, str] = {}

    def send(ticket: str) -> None:
        found[ticket] = begin(asked, 5 * MIB, ticket=ticket).json["id"]
        for offset in range(0, 5 * MIB, MIB // 2):
            put(asked, found[ticket], offset, contents[ticket][offset : offset + MIB // 2], ticket)

    threads = [threading.Thread(target=send, args=(ticket,)) for ticket in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for session, ticket, other in (("ann", ANN, BOB), ("bob", BOB, ANN)):
        assert spool.find(session, found[ticket]).path.read_bytes() == contents[ticket]
        for method in ("GET", "DELETE"):
            assert ask(asked, method, found[ticket], other).error == "unknown"
        assert put(asked, found[ticket], 5 * MIB, b"", other).error == "unknown"
        assert [one["id"] for one in ask(asked, "GET", ticket=ticket).json] == [found[ticket]]


def test_an_empty_file_is_there_at_once(asked: Asked, spool: Spool) -> None:
    assert begin(asked, 0).json["offset"] == 0
    assert spooled(spool) == [b""]


def test_the_wrong_place_is_answered_with_the_right_one(asked: Asked, spool: Spool) -> None:
    upload = begin(asked, 9 * MIB).json["id"]
    put(asked, upload, 0, b"a" * MIB)

    for offset in (0, MIB - 1, MIB + 1):
        answer = put(asked, upload, offset, b"b" * (8 * MIB))
        assert answer.status == 409
        assert answer.json["offset"] == MIB
        assert answer.json["error"]["code"] == "wrong_offset"
    assert spooled(spool) == [b"a" * MIB]


def test_a_connection_that_drops_is_taken_up_where_it_broke(asked: Asked, spool: Spool) -> None:
    content = random.Random(3).randbytes(4 * MIB)
    upload = begin(asked, len(content)).json["id"]

    with closing(asked.connected()) as wire:
        wire.putrequest("PUT", f"/api/upload/{upload}")
        for name, value in {"Upload-Ticket": ANN, "Upload-Offset": "0", "Content-Length": str(len(content))}.items():
            wire.putheader(name, value)
        wire.endheaders(content[: 2 * MIB + 5])
        assert put(asked, upload, 0, b"x").status == 423
    until(lambda: spool.find("ann", upload).busy is None)

    offset = begin(asked, len(content)).json["offset"]
    assert 0 < offset <= 2 * MIB + 5
    assert put(asked, upload, offset, content[offset:]).json["offset"] == len(content)
    assert spooled(spool) == [content]


def test_a_sender_who_falls_silent_does_not_keep_the_file(
    asked: Asked, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "SILENCE", 0.2)
    upload = begin(asked, 100).json["id"]

    with closing(asked.connected()) as wire:
        wire.putrequest("PUT", f"/api/upload/{upload}")
        for name, value in {"Upload-Ticket": ANN, "Upload-Offset": "0", "Content-Length": "100"}.items():
            wire.putheader(name, value)
        wire.endheaders(b"a" * 40)
        assert wire.getresponse().status == 408

    assert ask(asked, "GET", upload).json["offset"] == 40
    assert put(asked, upload, 40, b"b" * 60).json["offset"] == 100


def test_slices_without_a_length_are_taken_as_they_come(asked: Asked, spool: Spool) -> None:
    upload = begin(asked, 3 * MIB).json["id"]

    answer = put(asked, upload, 0, iter([b"a" * MIB] * 3), encode_chunked=True)

    assert answer.json["offset"] == 3 * MIB
    assert spooled(spool) == [b"a" * 3 * MIB]


def test_a_slice_that_is_too_large_leaves_nothing_behind(asked: Asked, spool: Spool) -> None:
    upload = begin(asked, 99 * MIB).json["id"]

    said_so = put(asked, upload, 0, b"a" * (MAX_SLICE + 1))
    not_said = put(asked, upload, 0, (b"a" * MIB for _ in range(33)), encode_chunked=True)

    assert (said_so.status, said_so.error) == (413, "slice_too_large")
    assert (not_said.status, not_said.error) == (413, "slice_too_large")
    assert spooled(spool) == [b""]


def test_more_than_was_announced_is_refused(asked: Asked, spool: Spool) -> None:
    upload = begin(asked, 5).json["id"]
    put(asked, upload, 0, b"abc")

    answer = put(asked, upload, 3, b"def")

    assert (answer.status, answer.error) == (413, "too_long")
    assert spooled(spool) == [b"abc"]


def test_what_cannot_be_kept_does_not_begin(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = begin(asked, 65_000_000_000)
    assert (answer.status, answer.error) == (413, "too_large")

    monkeypatch.setenv("SPENDGLASS_MAX_UPLOAD_GB", "1e9")
    answer = begin(asked, 10**18)
    assert (answer.status, answer.error) == (507, "disk_full")
    assert answer.json["error"]["advice"] == "Free some space there, then retry."


def test_a_disk_that_fills_up_meanwhile_is_said_and_the_slice_taken_back(asked: Asked, spool: Spool) -> None:
    upload = begin(asked, 3 * MIB).json["id"]
    put(asked, upload, 0, b"a" * 1000)

    with disk_that_takes(2 * MIB):
        answer = put(asked, upload, 1000, b"b" * (3 * MIB - 1000))
    assert (answer.status, answer.error) == (507, "disk_full")
    assert spooled(spool) == [b"a" * 1000]

    assert ask(asked, "GET", upload).json["offset"] == 1000
    assert put(asked, upload, 1000, b"b" * (3 * MIB - 1000)).json["offset"] == 3 * MIB


def test_cancelling_frees_the_disk(asked: Asked, spool: Spool) -> None:
    upload = begin(asked, 100).json["id"]
    put(asked, upload, 0, b"a" * 50)

    assert ask(asked, "DELETE", upload).status == 204

    assert spooled(spool) == []
    for answer in (ask(asked, "DELETE", upload), ask(asked, "GET", upload), put(asked, upload, 50, b"a")):
        assert (answer.status, answer.error) == (404, "unknown")


def test_a_file_that_is_being_loaded_is_not_taken_away(asked: Asked, spool: Spool) -> None:
    upload = begin(asked, 3).json["id"]
    put(asked, upload, 0, b"abc")

    with spool.loading([spool.find("ann", upload)]):
        answer = ask(asked, "DELETE", upload)
        assert (answer.status, answer.error) == (423, "busy")
        assert spooled(spool) == [b"abc"]


TICKETS = ["", "ann", "ann.99999999999.0", mint("ann", now=0), "\xe9"]


@pytest.mark.parametrize("ticket", TICKETS, ids=["none", "no end", "forged", "over", "not ascii"])
def test_without_a_ticket_that_holds_nothing_is_told_or_done(asked: Asked, spool: Spool, ticket: str) -> None:
    upload = begin(asked, 3).json["id"]

    for answer in (
        begin(asked, 3, "b", ticket),
        ask(asked, "GET", ticket=ticket),
        ask(asked, "GET", upload, ticket),
        put(asked, upload, 0, b"abc", ticket),
        ask(asked, "DELETE", upload, ticket),
    ):
        assert (answer.status, answer.error) == (401, "no_ticket")
    assert spooled(spool) == [b""]


def test_another_site_is_refused_whatever_it_holds(asked: Asked, spool: Spool) -> None:
    here = f"127.0.0.1:{asked.port}"
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": f"http://{here}.evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": f"http://{here}"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ):
        answer = begin(asked, 3, **headers)
        assert (answer.status, answer.error) == (403, "other_site")
    assert not spool.folder.exists()

    for headers in ({}, {"Origin": f"http://{here}", "Sec-Fetch-Site": "same-origin"}):
        assert begin(asked, 3, **headers).status == 201


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[",
        "[]",
        "[" * 10_000,
        "{}",
        '{"name": "", "size": 1, "modified": 1}',
        '{"name": 5, "size": 1, "modified": 1}',
        '{"name": "a", "size": true, "modified": 1}',
        '{"name": "a", "size": 1.5, "modified": 1}',
        '{"name": "a", "size": -1, "modified": 1}',
        '{"name": "a", "size": 1}',
        json.dumps({"name": "a" * 1025, "size": 1, "modified": 1}),
        json.dumps({"name": "a" * 20_000, "size": 1, "modified": 1}),
    ],
)
def test_a_file_that_is_not_announced_as_it_should_be_does_not_begin(asked: Asked, spool: Spool, body: str) -> None:
    answer = asked("POST", "/api/upload", body, {"Upload-Ticket": ANN})

    assert (answer.status, answer.error) == (400, "bad_request")
    assert not spool.folder.exists()


@pytest.mark.parametrize("offset", ["", "-1", "+0", "1e3", "٣", " 0x0", "9" * 30])
def test_an_offset_is_a_plain_number(asked: Asked, offset: str) -> None:
    upload = begin(asked, 3).json["id"]

    headers = {"Upload-Ticket": ANN, "Upload-Offset": offset.encode().decode("latin-1")}
    answer = asked("PUT", f"/api/upload/{upload}", b"abc", headers)

    assert (answer.status, answer.error) == (400, "bad_request")


def test_a_name_no_text_can_hold_is_taken_all_the_same(asked: Asked) -> None:
    body = '{"name": "a\\ud800.jsonl\\u0000\\u202e", "size": 1, "modified": 1}'
    assert asked("POST", "/api/upload", body, {"Upload-Ticket": ANN}).json["name"] == "a?.jsonl\x00\u202e"


def test_no_id_leads_out_of_the_inbox(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    for upload in ("..%2f..%2fsecret", "%2e%2e", "secret", "%00", "a" * 5000):
        assert ask(asked, "GET", upload).status in (400, 404)
        assert ask(asked, "DELETE", upload).status in (400, 404)
    assert (tmp_path / "secret").read_text() == "s"
