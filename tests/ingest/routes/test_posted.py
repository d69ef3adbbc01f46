from __future__ import annotations

import gzip
import json
import socket
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ingest.routes import loads, posted
from ingest.routes.posted import shown_name
from ingest.summary import COUNTED
from store.process import process_store
from tests.conftest import SAMPLE
from tests.factories import rows, usage_record
from tests.ingest.routes.asked import Asked, bearer, left_in_inbox, server, until

SECRET = "the text of a prompt nobody may keep"


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SPENDGLASS_DB", str(tmp_path_factory.mktemp("posted") / "usage.duckdb"))
        with server() as running:
            yield running


def lines(*records: Any) -> bytes:
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in records)


def without_id(**over: Any) -> dict[str, Any]:
    return usage_record(message_id=None, request_id=None, **over)


def count(what: str = "usage") -> int:
    return int(rows(process_store(), f"SELECT count(*) FROM {what}")[0][0])


def test_lines_are_loaded_and_the_summary_is_that_of_the_command_line(ask: Asked) -> None:
    first, second = usage_record(feature="by http"), usage_record()
    answer = ask.post(lines(first, second), "?name=app.jsonl")
    said = answer.json
    assert answer.status == 200
    assert list(said) == [*COUNTED, "load_id", "rejected_lines"]
    assert {name: said[name] for name in COUNTED if name != "seconds"} == {
        "files": 1,
        "lines": 2,
        "requests": 2,
        "duplicates": 0,
        "ignored": 0,
        "rejected": 0,
        "unpriced": 0,
        "cost_usd": "0.003",  # 2 x (1,000 x $1 + 100 x $5 a million)
    }
    assert said["rejected_lines"] == []
    query = "SELECT origin, path FROM load JOIN load_file USING (load_id) WHERE load_id = ?"
    assert rows(process_store(), query, said["load_id"]) == [("api", "app.jsonl")]
    query = "SELECT line, feature FROM usage WHERE request_key = ?"
    assert rows(process_store(), query, first["message_id"]) == [(1, "by http")]
    assert rows(process_store(), query, second["message_id"]) == [(2, None)]


@pytest.mark.parametrize("kind", ["application/json", "application/jsonl", "text/plain; charset=utf-8", None])
def test_every_way_to_send_json_is_taken(ask: Asked, kind: str | None) -> None:
    headers = {} if kind is None else {"Content_Type": kind}
    assert ask.post(json.dumps(usage_record(), indent=2), **headers).json["requests"] == 1


@pytest.mark.parametrize("headers", [{"Content_Encoding": "gzip"}, {"Content_Type": "application/gzip"}, {}])
def test_a_gzipped_body_is_taken_as_it_is(ask: Asked, headers: dict[str, str]) -> None:
    answer = ask.post(gzip.compress(lines(*[usage_record() for _ in range(50)])), **headers)
    assert (answer.status, answer.json["requests"]) == (200, 50)


def test_another_format_than_ours_is_recognised_or_named(ask: Asked) -> None:
    message = {"id": "msg_by_http", "type": "message", "role": "assistant", "model": "claude-haiku-4-5"}
    body = json.dumps(message | {"content": [], "usage": {"input_tokens": 10, "output_tokens": 5}})
    assert ask.post(body).json["requests"] == 1
    home_made = {"ts": "2026-11-05T10:00:00Z", "model": "claude-haiku-4-5", "input_tokens": 7, "output_tokens": 9}
    assert ask.post(lines(home_made), "?format=home-made").json["requests"] == 1


def test_the_same_body_twice_adds_nothing_even_where_no_line_has_an_id(ask: Asked) -> None:
    body = lines(without_id(input_tokens=11), without_id(input_tokens=12), usage_record())
    first, second = ask.post(body).json, ask.post(gzip.compress(body), "?name=copy.gz").json
    assert (first["requests"], first["duplicates"]) == (3, 0)
    assert (second["requests"], second["duplicates"], second["cost_usd"]) == (0, 3, "0.00")


def test_rejected_lines_come_back_with_field_reason_and_advice(ask: Asked) -> None:
    said = ask.post(lines(usage_record(), b"not json", usage_record(output_tokens=-5), *[b"no"] * 30)).json
    assert (said["lines"], said["requests"], said["rejected"]) == (33, 1, 32)
    assert len(said["rejected_lines"]) == 20
    assert said["rejected_lines"][1] == {
        "line": 3,
        "field": "usage.output_tokens",
        "found": "-5",
        "reason": "a negative token count",
        "advice": said["rejected_lines"][1]["advice"],
    }
    assert all(line["reason"] and line["advice"] for line in said["rejected_lines"])


def test_of_what_is_not_recognised_nothing_is_kept_and_the_reasons_are_said(ask: Asked) -> None:
    before = count("load")
    answer = ask.post(lines({"event": "login", "prompt": SECRET}, b"no json"))
    assert (answer.status, count("load")) == (422, before)
    said = answer.json
    assert said["error"]["code"] == "nothing_recognised"
    assert [(line["line"], line["reason"]) for line in said["rejected_lines"]] == [(2, "not JSON: expecting value")]
    assert SECRET not in answer.body.decode()


REFUSED: list[tuple[int, str, dict[str, Any]]] = [
    (401, "wrong_token", {"headers": {"Authorization": ""}}),
    (401, "wrong_token", {"headers": {"Authorization": "Bearer "}}),
    (401, "wrong_token", {"headers": {"Authorization": "Bearer wr\xf6ng"}}),
    (401, "wrong_token", {"secret": "owner"}),
    (401, "wrong_token", {"scheme": "Basic"}),
    (403, "other_origin", {"headers": {"Origin": "http://elsewhere.example"}}),
    (403, "other_origin", {"headers": {"Origin": "null"}}),
    (405, "wrong_method", {"method": "GET"}),
    (405, "wrong_method", {"method": "PUT"}),
    (405, "wrong_method", {"method": "OPTIONS"}),
    (405, "wrong_method", {"method": "BREW"}),
    (415, "wrong_content_type", {"headers": {"Content-Type": "application/x-www-form-urlencoded"}}),
    (415, "wrong_content_type", {"headers": {"Content-Type": "multipart/form-data; boundary=x"}}),
    (415, "wrong_encoding", {"headers": {"Content-Encoding": "br"}}),
    (415, "wrong_encoding", {"headers": {"Content-Encoding": "gzip, gzip"}}),
    (422, "nothing_recognised", {"body": b""}),
    (422, "nothing_recognised", {"body": b"\n\n"}),
    (422, "nothing_recognised", {"body": b"hello\nworld\n"}),
    (422, "nothing_recognised", {"body": b"\x1f\x8b\x08damaged"}),
    (422, "nothing_recognised", {"body": b"PAR1\x00\xff" * 99}),
    (400, "wrong_format", {"query": "?format=usage-recrd"}),
]


@pytest.mark.parametrize(("status", "code", "how"), REFUSED)
def test_what_is_refused_is_said_in_json_and_leaves_nothing(
    ask: Asked, status: int, code: str, how: dict[str, Any]
) -> None:
    before = count("load")
    token = bearer(how.get("secret", "ingest"))["Authorization"].removeprefix("Bearer")
    headers = {"Authorization": f"{how.get('scheme', 'Bearer')}{token}", **how.get("headers", {})}
    path = f"/api/ingest{how.get('query', '')}"
    answer = ask(how.get("method", "POST"), path, how.get("body", lines(usage_record())), headers)
    answer.json.pop("rejected_lines", None)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)
    assert set(answer.json["error"]) == {"code", "message", "advice"}
    assert (answer.headers.get("www-authenticate"), answer.headers.get("allow")) == (
        'Bearer realm="spendglass"' if status == 401 else None,
        "POST" if status == 405 else None,
    )
    assert answer.headers["cache-control"] == "no-store"
    assert (count("load"), left_in_inbox()) == (before, [])


def test_our_own_origin_is_no_other_site(ask: Asked) -> None:
    assert ask.post(lines(usage_record()), Origin=f"http://127.0.0.1:{ask.port}").status == 200


def test_too_large_a_body_is_refused_before_any_of_it_is_taken(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDGLASS_MAX_POST_MB", "1")
    with closing(ask.connected()) as wire:
        wire.putrequest("POST", "/api/ingest")
        for name, value in {**bearer("ingest"), "Content-Length": "1000001"}.items():
            wire.putheader(name, value)
        wire.endheaders()
        assert wire.getresponse().status == 413


def test_too_large_a_body_is_refused_while_it_is_sent(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDGLASS_MAX_POST_MB", "1")
    before = count("load")
    padded = usage_record(feature="f" * 900)
    for records, status in ((lines(*[padded] * 200), 200), (lines(*[padded] * 2000), 413)):
        pieces = (records[start : start + 10_000] for start in range(0, len(records), 10_000))
        answer = ask("POST", "/api/ingest", pieces, bearer("ingest"), encode_chunked=True)
        assert answer.status == status
    assert answer.error == "too_large"
    assert (count("load"), left_in_inbox()) == (before + 1, [])


def test_a_limit_that_is_no_number_is_said(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDGLASS_MAX_POST_MB", "1 GB")
    answer = ask.post(lines(usage_record()))
    assert (answer.status, answer.error) == (503, "wrong_setting")


@pytest.mark.parametrize("length", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
def test_a_body_that_breaks_off_leaves_nothing(ask: Asked, length: str) -> None:
    before = count("load")
    body = lines(*[usage_record() for _ in range(100)])
    chunk = b"%x\r\n%s\r\n" % (len(body), body) if "chunked" in length else body
    token = bearer("ingest")["Authorization"]
    head = f"POST /api/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\n{length}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", ask.port)) as wire:
        wire.sendall(head.encode() + chunk)
        until(left_in_inbox)
        (spooled,) = left_in_inbox()
        assert stat.S_IMODE(spooled.stat().st_mode) == 0o600
        assert stat.S_IMODE(spooled.parent.stat().st_mode) == 0o700
    until(lambda: not left_in_inbox())
    assert ask.post(lines(usage_record())).status == 200
    assert count("load") == before + 1


def test_a_sender_that_falls_silent_is_given_up(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posted, "IDLE", 0.2)
    with closing(ask.connected()) as wire:
        wire.putrequest("POST", "/api/ingest")
        for name, value in {**bearer("ingest"), "Content-Length": "1000"}.items():
            wire.putheader(name, value)
        wire.endheaders(b"{")
        answer = wire.getresponse()
        assert (answer.status, json.loads(answer.read())["error"]["code"]) == (408, "too_slow")
    assert left_in_inbox() == []


def test_so_many_may_wait_for_the_writer_and_the_next_is_told_to_come_again(ask: Asked) -> None:
    before = count()
    with ThreadPoolExecutor(loads.MOST_WAITING + 1) as pool:
        with process_store().writing():
            posts = [pool.submit(ask.post, lines(usage_record())) for _ in range(loads.MOST_WAITING + 1)]
            until(lambda: loads.LOADS.waiting == loads.MOST_WAITING)
            refused = ask.post(lines(usage_record()))
            assert ask("GET", "/api/health").status == 200  # nobody else waits
        assert (refused.status, refused.error) == (429, "too_many_waiting")
        assert int(refused.headers["retry-after"]) > 0
        assert [post.result().status for post in posts] == [200] * len(posts)
    assert count() == before + len(posts)
    assert ask.post(lines(usage_record())).status == 200


def test_a_store_that_cannot_be_opened_is_said_and_tried_again(
    ask: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = tmp_path / "usage.duckdb"
    monkeypatch.setenv("SPENDGLASS_DB", str(db))
    db.write_text("no database")
    answer = ask.post(lines(usage_record()))
    assert (answer.status, answer.error) == (503, "no_store")
    assert str(db) in answer.json["error"]["message"]
    db.unlink()
    assert ask.post(lines(usage_record())).status == 200


def test_secrets_that_cannot_be_read_are_said(ask: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = bearer("ingest")
    monkeypatch.setenv("SPENDGLASS_DB", str(tmp_path / "usage.duckdb"))
    (tmp_path / "usage.duckdb.access.json").mkdir()
    answer = ask("POST", "/api/ingest", b"", headers)
    assert (answer.status, answer.error) == (503, "no_access_file")


def test_a_disk_that_is_full_is_said(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPENDGLASS_INBOX", "/dev/null/nowhere")
    answer = ask.post(lines(usage_record()))
    assert (answer.status, answer.error) == (507, "no_room")


def test_readers_see_all_of_a_load_or_nothing(ask: Asked) -> None:
    before, seen, over = count(), set(), threading.Event()

    def look() -> None:
        while not over.is_set():
            seen.add(count())

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        until(lambda: seen)
        answer = ask.post(SAMPLE.read_bytes())
        until(lambda: len(seen) > 1)
        over.set()
        looking.result()
    assert (answer.json["requests"], seen) == (20_544, {before, count()})


def test_no_text_of_a_post_stays_on_the_disk(ask: Asked) -> None:
    assert ask.post(lines(usage_record(prompt=SECRET))).json["requests"] == 1
    process_store().cursor().execute("CHECKPOINT")
    folder = Path(process_store().path).parent
    assert [path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()] == []


def test_a_name_is_kept_as_a_name_and_no_path(ask: Asked) -> None:
    for asked, kept in (("..%2F..%2Fetc%2Fpasswd", "passwd"), ("a%0d%0ab%00%1b%5B31m", "ab[31m"), ("", "api")):
        said = ask.post(lines(usage_record()), f"?name={asked}").json
        assert rows(process_store(), "SELECT path FROM load_file WHERE load_id = ?", said["load_id"]) == [(kept,)]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("app.jsonl", "app.jsonl"),
        ("C:\\logs\\app.jsonl", "app.jsonl"),
        ("/", "api"),
        ("..", "api"),
        ("...", "api"),
        (" \t\n", "api"),
        ("logs/", "api"),
        ("\u202egpj.exe", "gpj.exe"),
        ("\ud800\u200b\x7f", "api"),
        ("grüße 日本.jsonl", "grüße 日本.jsonl"),
        ("x" * 300, "x" * 100),
        ("<b>:red[x]</b>", "b>"),
    ],
)
def test_of_a_name_only_what_prints_is_left(asked: str, shown: str) -> None:
    assert shown_name(asked) == shown
