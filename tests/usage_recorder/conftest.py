from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anthropic
import pytest

from tests.usage_recorder.counting_server import Api, messages_api
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


@pytest.fixture
def api() -> Iterator[Api]:
    with messages_api() as served:
        yield served


@pytest.fixture
def unrecorded(api: Api) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="sk-test", base_url=api.address, max_retries=0) as one:
        yield one
