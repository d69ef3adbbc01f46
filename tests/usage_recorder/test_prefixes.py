from __future__ import annotations

import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.usage_recorder.messages_server import MessagesServer
from tests.usage_recorder.recording import PLAIN, only, records
from usage_recorder import flush, record
from usage_recorder.key import key_in
from usage_recorder.prefixes import prefixes_of

KEY = bytes(range(32))
MARK = {"cache_control": {"type": "ephemeral"}}
TOOL = {"name": "weather", "input_schema": {"type": "object"}}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def hashes(request: dict[str, Any]) -> list[str]:
    return [one["hash"] for one in prefixes_of(request, KEY)]


def test_there_is_one_for_the_tools_the_system_prompt_and_each_block() -> None:
    request = {"tools": [TOOL], "system": "Be kind.", "messages": [user(text("a"), text("b")), user(text("c"))]}
    found = prefixes_of(request, KEY)
    assert len(found) == 5
    shares = [one["share"] for one in found]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert not any("cached" in one for one in found)


def test_requests_that_begin_alike_share_their_first_prefixes_and_no_others() -> None:
    begun = {"tools": [TOOL], "system": "Be kind.", "messages": [user(text("a")), user(text("b"))]}
    other = {"tools": [TOOL], "system": "Be kind.", "messages": [user(text("a")), user(text("B")), user(text("c"))]}
    assert hashes(begun)[:3] == hashes(other)[:3]
    assert not set(hashes(begun)[3:]) & set(hashes(other))


def test_a_mark_is_told_and_changes_no_hash() -> None:
    def request(**marks: Any) -> dict[str, Any]:
        system = [text("Be kind.", **marks), text("Be brief.")]
        return {"tools": [{**TOOL, **marks}], "system": system, "messages": [user(text("a", **marks))]}

    marked = prefixes_of(request(**MARK), KEY)
    assert [one.get("cached") for one in marked] == [True, True, None, True]
    assert hashes(request()) == [marked[0]["hash"], marked[2]["hash"], marked[3]["hash"]]


def test_a_mark_inside_a_tools_result_counts_for_its_block() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": [text("rain", **MARK)]}
    (found,) = prefixes_of({"messages": [user(result)]}, KEY)
    assert found["cached"] is True


def test_automatic_caching_marks_the_last_block() -> None:
    found = prefixes_of({"messages": [user(text("a"), text("b"))], **MARK}, KEY)
    assert [one.get("cached") for one in found] == [None, True]


def test_a_text_alone_is_a_block_of_text() -> None:
    assert hashes({"system": "s", "messages": [{"role": "user", "content": "a"}]}) == hashes({
        "system": [text("s")],
        "messages": [user(text("a"))],
    })  # fmt: skip


def test_of_many_blocks_the_last_and_the_marked_are_kept() -> None:
    blocks = [text(str(number), **(MARK if number in (3, 50) else {})) for number in range(200)]
    found = prefixes_of({"system": "s", "messages": [user(block) for block in blocks]}, KEY)
    assert len(found) == 1 + 2 + 20
    assert [one.get("cached", False) for one in found[:4]] == [False, True, True, False]


def test_another_key_makes_other_hashes() -> None:
    request = {"messages": [user(text("a"))]}
    assert prefixes_of(request, KEY)[0]["hash"] != prefixes_of(request, b"\1" * 32)[0]["hash"]


BLOCKS = st.lists(st.text(max_size=5).map(text) | st.just({"type": "image", "source": {"data": "abc"}}), max_size=4)


@given(BLOCKS, BLOCKS)
def test_equal_hashes_mean_equal_beginnings(one: list[Any], other: list[Any]) -> None:
    found, others = hashes({"messages": [user(*one)]}), hashes({"messages": [user(*other)]})
    shared = sum(here == there for here, there in zip(found, others, strict=False))
    assert one[:shared] == other[:shared]
    assert one[shared : shared + 1] != other[shared : shared + 1] or len(one) == shared or len(other) == shared


def test_a_long_prompt_is_hashed_beside_the_app(client: anthropic.Anthropic, logs: Path) -> None:
    messages = [{"role": "user", "content": "a" * 2_000_000}]
    client.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=messages)  # type: ignore[arg-type]
    flush()
    assert only(logs)["prefixes"][0]["hash"]
    assert only(logs)["max_tokens"] == 9


def test_fingerprints_can_be_left_out(server: MessagesServer, logs: Path) -> None:
    with record(anthropic.Anthropic(base_url=server.url, api_key="k"), to=logs, prefixes=False) as client:
        client.messages.create(**PLAIN)
    assert "prefixes" not in only(logs)


def test_the_key_is_kept_beside_the_logs_for_its_owner_alone(client: anthropic.Anthropic, logs: Path) -> None:
    client.messages.create(**PLAIN)
    path = logs / ".recorder" / "key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = bytes.fromhex(path.read_text())
    assert only(logs)["prefixes"] == prefixes_of(PLAIN, key)


def test_a_key_that_others_could_read_is_shut(tmp_path: Path) -> None:
    key = key_in(tmp_path)
    (tmp_path / "key").chmod(0o644)
    assert key_in(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_a_file_that_is_no_key_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("broken")
    key = key_in(tmp_path)
    assert key_in(tmp_path) == key
    assert len(key) == 32


def test_processes_and_threads_that_start_together_share_one_key(tmp_path: Path) -> None:
    code = "import pathlib,sys; from usage_recorder.key import key_in; print(key_in(pathlib.Path(sys.argv[1])).hex())"
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    found = {process.communicate(timeout=30)[0].strip() for process in processes}
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(key_in(tmp_path / "new"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1
    assert len(set(keys)) == 1


def test_a_key_may_be_given_and_is_then_written_nowhere(server: MessagesServer, logs: Path) -> None:
    with record(anthropic.Anthropic(base_url=server.url, api_key="k"), to=logs, key=KEY) as client:
        client.messages.create(**PLAIN)
    assert records(logs)[0]["prefixes"] == prefixes_of(PLAIN, KEY)
    assert not (logs / ".recorder" / "key").exists()


def test_a_key_of_the_wrong_length_is_a_wrong_call(server: MessagesServer, logs: Path) -> None:
    with anthropic.Anthropic(base_url=server.url, api_key="k") as client, pytest.raises(ValueError, match="16 to 64"):
        record(client, to=logs, key=b"short")
