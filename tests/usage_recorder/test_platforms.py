from __future__ import annotations

from pathlib import Path

import anthropic
import pytest
from anthropic import AnthropicBedrock, AnthropicVertex

from store.connection import open_store
from tests.usage_recorder.messages_server import MessagesServer
from tests.usage_recorder.recording import PLAIN, only, records
from usage_recorder import flush, record
from usage_recorder.routes import BATCH, COUNT, MESSAGES, RESULTS, Platform, Route, platform_of, route_of

BEDROCK_ID = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
REQUEST = {**PLAIN, "model": BEDROCK_ID}


@pytest.fixture
def bedrock(server: MessagesServer, logs: Path) -> AnthropicBedrock:
    client = AnthropicBedrock(base_url=server.url, aws_region="eu-west-1", api_key="bedrock-key")
    return record(client, to=logs)


@pytest.fixture
def vertex(server: MessagesServer, logs: Path) -> AnthropicVertex:
    client = AnthropicVertex(base_url=f"{server.url}/v1", region="europe-west1", project_id="p", access_token="t")
    return record(client, to=logs)


def test_bedrock_is_recorded_with_its_profile_and_region(
    bedrock: AnthropicBedrock, server: MessagesServer, logs: Path
) -> None:
    with bedrock:
        bedrock.messages.create(**REQUEST)
    found = only(logs)
    assert (found["provider"], found["region"]) == ("bedrock", "eu-west-1")
    assert (found["model"], found["model_requested"], found["stream"]) == (BEDROCK_ID, BEDROCK_ID, False)
    assert found["usage"] == server.ledger.billed[0].usage


def test_a_stream_of_bedrock_is_read_from_its_frames(
    bedrock: AnthropicBedrock, server: MessagesServer, logs: Path
) -> None:
    with bedrock, bedrock.messages.with_streaming_response.create(stream=True, **REQUEST) as answer:
        assert sum(map(len, answer.iter_bytes(chunk_size=50))) > 500
    found = only(logs)
    assert found["usage"] == server.ledger.billed[0].usage
    assert found["time_to_first_token_ms"] >= 0
    assert (found["stream"], found["stop_reason"], found["max_tokens"]) == (True, "end_turn", 50)


@pytest.mark.parametrize("stream", [False, True])
def test_vertex_is_recorded_with_its_region(
    stream: bool, vertex: AnthropicVertex, server: MessagesServer, logs: Path
) -> None:
    with vertex:
        answer = vertex.messages.create(**{**PLAIN, "model": "claude-haiku-4-5@20251001"}, stream=stream)
        if isinstance(answer, anthropic.Stream):
            list(answer)
    found = only(logs)
    assert (found["provider"], found["region"]) == ("vertex", "europe-west1")
    assert found["model_requested"] == "claude-haiku-4-5@20251001"
    assert found["usage"] == server.ledger.billed[0].usage


def test_counting_on_vertex_is_free(vertex: AnthropicVertex, logs: Path) -> None:
    with vertex:
        vertex.messages.count_tokens(model="claude-haiku-4-5@20251001", messages=PLAIN["messages"])
    assert records(logs) == []


def test_regional_endpoints_are_priced_as_such(
    bedrock: AnthropicBedrock, vertex: AnthropicVertex, logs: Path, tracked_prices: Path
) -> None:
    from ingest.load import load

    with bedrock, vertex:
        bedrock.messages.create(**REQUEST)
        vertex.messages.create(**{**PLAIN, "model": "claude-haiku-4-5@20251001"})
    flush()
    with open_store(":memory:", prices=tracked_prices) as store:
        load(store, [logs])
        query = "SELECT provider, region, model, regional FROM model_name ORDER BY provider"
        assert store.cursor().execute(query).fetchall() == [
            ("bedrock", "eu-west-1", "claude-haiku-4-5", True),
            ("vertex", "europe-west1", "claude-haiku-4-5", True),
        ]


US = "bedrock-runtime.us-east-1.amazonaws.com"
AT = "/v1/projects/p/locations/global/publishers/anthropic/models"


@pytest.mark.parametrize(
    ("method", "host", "path", "route"),
    [
        ("POST", "api.anthropic.com", "/v1/messages", Route(MESSAGES, "anthropic")),
        ("POST", "gateway.example", "/claude/v1/messages?beta=true", Route(MESSAGES, "anthropic")),
        ("POST", "api.anthropic.com", "/v1/messages/count_tokens", Route(COUNT, "anthropic")),
        ("POST", "api.anthropic.com", "/v1/messages/batches?beta=true", Route(BATCH, "anthropic")),
        ("GET", "api.anthropic.com", "/v1/messages/batches/b_1/results", Route(RESULTS, "anthropic", batch="b_1")),
        ("GET", "api.anthropic.com", "/v1/messages/batches/b_1", None),
        ("GET", "api.anthropic.com", "/v1/messages/batches", None),
        ("POST", "api.anthropic.com", "/v1/messages/batches/b_1/cancel", None),
        ("POST", "api.anthropic.com", "/v1/files", None),
        ("GET", "api.anthropic.com", "/v1/models", None),
        ("POST", US, "/model/a%3A0/invoke", Route(MESSAGES, "bedrock", "us-east-1", "a:0")),
        (
            "POST",
            US,
            "/model/arn%3Aaws%3Abedrock%3A%2Fx/invoke-with-response-stream",
            Route(MESSAGES, "bedrock", "us-east-1", "arn:aws:bedrock:/x", True),
        ),
        ("POST", "bedrock-mantle.eu-west-1.api.aws", "/v1/messages", Route(MESSAGES, "bedrock", "eu-west-1")),
        ("POST", "x", f"{AT}/claude:rawPredict", Route(MESSAGES, "vertex", "global", "claude")),
        ("POST", "x", f"{AT}/claude%40x:streamRawPredict", Route(MESSAGES, "vertex", "global", "claude@x", True)),
        ("POST", "x", f"{AT}/count-tokens:rawPredict", Route(COUNT, "vertex", "global", "count-tokens")),
    ],
)  # fmt: skip
def test_an_address_tells_what_is_asked(method: str, host: str, path: str, route: Route | None) -> None:
    assert route_of(method, host, path, Platform()) == route


def test_a_client_tells_its_platform(server: MessagesServer) -> None:
    with anthropic.Anthropic(base_url=server.url, api_key="k") as plain:
        assert platform_of(plain) == Platform("anthropic")
    with anthropic.AnthropicFoundry(base_url=server.url, api_key="k") as foundry:
        assert platform_of(foundry) == Platform("foundry")


def test_bedrocks_opaque_profiles_are_recorded_by_the_model_that_answers(bedrock: AnthropicBedrock, logs: Path) -> None:
    profile = "arn:aws:bedrock:eu-west-1:1:application-inference-profile/x1"
    with bedrock:
        bedrock.post(
            f"/model/{profile.replace('/', '%2F')}/invoke", body={"messages": [], "max_tokens": 5}, cast_to=object
        )
    assert only(logs)["model_requested"] == profile
