from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.usage_recorder.messages_server import MessagesServer
from tests.usage_recorder.recording import PLAIN, counters, records
from usage_recorder import flush, record
from usage_recorder.counters import Counters
from usage_recorder.destinations import destination_of, state_of
from usage_recorder.folder import Folder
from usage_recorder.recorder import recorder_of


def plain(server: MessagesServer) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=server.url, api_key="k")


def test_without_a_word_it_is_the_folder_of_the_environment_else_logs(
    server: MessagesServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable, folder in ((None, "logs"), ("elsewhere", "elsewhere")):
        if variable:
            monkeypatch.setenv("SPENDGLASS_LOGS", variable)
        with record(plain(server)) as client:
            client.messages.create(**PLAIN)
        assert len(records(tmp_path / folder)) == 1


def test_standard_error_gets_a_line(server: MessagesServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with record(plain(server), to="stderr", state=tmp_path) as client:
        client.messages.create(**PLAIN)
    flush()
    assert json.loads(capsys.readouterr().err)["status"] == 200
    assert counters() == Counters(written=1)


def test_standard_error_that_is_gone_harms_nothing(
    server: MessagesServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with record(plain(server), to="stderr", state=tmp_path) as client:
        assert client.messages.create(**PLAIN).content
    assert counters() == Counters(lost=1)


def test_a_function_gets_each_record(server: MessagesServer, tmp_path: Path) -> None:
    found: list[dict[str, Any]] = []
    with record(plain(server), to=found.append, state=tmp_path) as client:
        client.messages.create(**PLAIN)
    flush()
    assert [one["usage"] for one in found] == [server.ledger.billed[0].usage]
    assert counters() == Counters(written=1)


def test_what_is_kept_beside_the_logs_is_hidden_from_who_loads_them(
    server: MessagesServer, logs: Path, tracked_prices: Path
) -> None:
    from ingest.load import load
    from store.connection import open_store

    with record(plain(server), to=logs) as client:
        client.messages.create(**PLAIN)
        client.messages.batches.create(requests=[{"custom_id": "a", "params": PLAIN}])  # type: ignore[typeddict-item]
    flush()
    with open_store(":memory:", prices=tracked_prices) as store:
        found = load(store, [logs])
    assert (len(found.files), found.requests, found.rejected) == (1, 1, 0)


def test_the_state_of_what_is_no_folder_lies_in_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_of("stderr", None) == tmp_path / "usage_recorder"
    assert state_of("https://example.com", None) == tmp_path / "usage_recorder"
    assert state_of(print, None) == tmp_path / "usage_recorder"
    assert state_of(tmp_path / "logs", None) == tmp_path / "logs" / ".recorder"
    assert state_of("stderr", tmp_path) == tmp_path


def test_a_path_object_is_a_folder(tmp_path: Path) -> None:
    assert isinstance(destination_of(tmp_path, None, tmp_path, None), Folder)


def test_a_client_tells_its_recorder(server: MessagesServer, logs: Path) -> None:
    with record(plain(server), to=logs) as client:
        found = recorder_of(client.with_options(timeout=3))
        assert found is not None
        client.messages.create(**PLAIN)
        flush()
        assert counters() == Counters(written=1)
    assert recorder_of(object()) is None
