from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anthropic
import pytest

from tests.usage_recorder.messages_server import MessagesServer, serving
from usage_recorder import record
from usage_recorder.counters import TALLY


@pytest.fixture(autouse=True)
def counted_from_zero() -> None:
    TALLY.reset()


@pytest.fixture
def server() -> Iterator[MessagesServer]:
    with serving() as one:
        yield one


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path / "logs"


@pytest.fixture
def client(server: MessagesServer, logs: Path) -> Iterator[anthropic.Anthropic]:
    with record(anthropic.Anthropic(base_url=server.url, api_key="sk-test"), to=logs) as one:
        yield one


@pytest.fixture
def async_client(server: MessagesServer, logs: Path) -> anthropic.AsyncAnthropic:
    return record(anthropic.AsyncAnthropic(base_url=server.url, api_key="sk-test"), to=logs)
