from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from ingest.__main__ import main as ingest
from spend.__main__ import main
from spend.elsewhere import ROUTE, ask_elsewhere
from store.access import access_of, served_of
from store.connection import StoreBusy, open_store
from store.dashboard import running
from tests.conftest import SAMPLE
from tests.e2e.served import served
from tests.impostor import holding, impostor
from tests.ingest.routes.asked import until

Captured = pytest.CaptureFixture[str]
QUESTIONS = {
    "a table": ["report", "--by", "day,feature", "--timezone", "Asia/Kolkata"],
    "json": ["report", "--by", "model", "--where", "feature=document-search", "--format", "json"],
    "spikes": ["spikes", "--format", "json", "--timezone", "Europe/Paris"],
    "what if": ["what-if", "--lever", "cap:max_output_tokens=500", "--format", "json"],
    "a status": ["spikes", "--fail-on", "flag"],
    "no such zone": ["report", "--timezone", "Mars/Olympus"],
    "no such lever": ["what-if", "--lever", "wish:much=1"],
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Two stores of the sample; a dashboard holds the first."""
    held, own = (tmp_path_factory.mktemp(name) / "usage.duckdb" for name in ("held", "own"))
    for path in (held, own):
        assert ingest([str(SAMPLE), "--db", str(path)]) == 0
    with served(held):
        until(lambda: running(held))
        yield held, own


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_dashboard_answers_as_if_it_did_not_run(stores: tuple[Path, Path], question: str, capsys: Captured) -> None:
    with pytest.raises(StoreBusy):
        open_store(stores[0])
    told = []
    for path in stores:
        status = main([*QUESTIONS[question], "--db", str(path)])
        told.append((status, *capsys.readouterr()))
    assert told[0] == told[1]
    assert told[0][1] or told[0][2]


def test_a_path_that_leads_to_the_same_file_is_the_same_store(
    stores: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    (tmp_path / "link").symlink_to(stores[0].parent)
    monkeypatch.chdir(tmp_path)
    assert main(["report", "--db", "link/usage.duckdb"]) == 0
    assert "1264.692887" in capsys.readouterr().out


def test_another_store_or_another_token_is_told_nothing(stores: tuple[Path, Path], tmp_path: Path) -> None:
    found = running(stores[0])
    assert found
    assert ask_elsewhere(tmp_path / "other.duckdb", ["report"]) is None
    for token, store, status in (
        (found[1].ingest, stores[0], 401),
        ("", stores[0], 401),
        (found[1].owner, stores[1], 409),
    ):
        assert _asked(stores[0], token, {"store": str(store), "arguments": ["report"]}) == status
    wrongs: list[object] = [
        {},
        {"store": "usage.duckdb", "arguments": []},
        {"store": str(stores[0]), "arguments": [1]},
        [],
    ]
    assert [_asked(stores[0], found[1].owner, wrong) for wrong in wrongs] == [400] * 4


def _asked(store: Path, token: str, body: object) -> int:
    address = served_of(store)
    assert address
    wire = HTTPConnection("127.0.0.1", address.port, timeout=60)
    try:
        wire.request("POST", f"{address.base}{ROUTE}", json.dumps(body), {"Authorization": f"Bearer {token}"})
        return wire.getresponse().status
    finally:
        wire.close()


def _held_by_another(store: Path, capsys: Captured) -> str:
    assert main(["report", "--db", str(store)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_a_store_that_somebody_else_holds_is_said_to_be_busy(tmp_path: Path, capsys: Captured) -> None:
    store = tmp_path / "usage.duckdb"
    with holding(store):
        assert "open in another process" in _held_by_another(store, capsys)
        other = '{"error": {"code": "other_store", "message": "no", "advice": "no"}}'
        with impostor(store, said=other, status=409):
            assert "open in another process" in _held_by_another(store, capsys)


@pytest.mark.parametrize(
    ("status", "said", "message"),
    [
        (200, "", "stopped answering"),
        (200, '{"status": 0, "said": "1', "stopped answering"),
        (200, '{"status": 0}', "stopped answering"),
        (200, "[]", "stopped answering"),
        (
            503,
            '{"error": {"code": "no_store", "message": "It is damaged.", "advice": "Mend it."}}',
            "damaged. Mend it.",
        ),
        (500, "Internal Server Error", "stopped answering"),
    ],
)
def test_a_dashboard_that_fails_half_way_is_said(
    tmp_path: Path, capsys: Captured, status: int, said: str, message: str
) -> None:
    store = tmp_path / "usage.duckdb"
    with holding(store), impostor(store, said=said, status=status) as heard:
        assert message in _held_by_another(store, capsys)
    assert heard[-1]["Authorization"] == f"Bearer {access_of(store).owner}"
