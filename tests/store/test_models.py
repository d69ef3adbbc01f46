from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from store.derive import derive_all
from store.model_names import LoggedModels
from store.models import BEDROCK_BARE, BEDROCK_UNKNOWN, GOVCLOUD, VERTEX_UNKNOWN, ModelNames, resolve
from store.prices import PriceList, read_price_lists
from tests.factories import costs, emptied, loaded, rows, usage_record

ROOT = Path(__file__).parents[2]
BEDROCK_ARN = "arn:aws:bedrock:us-east-1:123456789012"


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> PriceList:
    """The tracked list, without the own prices of whoever runs the tests."""
    folder = tmp_path_factory.mktemp("prices")
    shutil.copy(ROOT / "data" / "prices" / "anthropic.toml", folder)
    return read_price_lists(folder)


@pytest.fixture(scope="module")
def names(listed: PriceList) -> ModelNames:
    return ModelNames.of(listed)


@pytest.mark.parametrize(
    ("logged", "model"),
    [
        # canonical names, ids, aliases
        ("claude-haiku-4-5", "claude-haiku-4-5"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-opus-5-5", "claude-opus-5-5"),
        ("claude-opus-4-7-20260416", "claude-opus-4-7"),
        ("claude-opus-4-6-20260205", "claude-opus-4-6"),
        ("claude-opus-4", "claude-opus-4"),
        ("claude-opus-4-0", "claude-opus-4"),
        ("claude-opus-4-20250514", "claude-opus-4"),
        ("claude-opus-4-1", "claude-opus-4-1"),
        ("claude-opus-4-1-20250805", "claude-opus-4-1"),
        ("claude-sonnet-4-0", "claude-sonnet-4"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("claude-3-7-sonnet-latest", "claude-3-7-sonnet"),
        ("claude-3-7-sonnet-20250219", "claude-3-7-sonnet"),
        ("claude-3-5-sonnet-20240620", "claude-3-5-sonnet"),
        ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
        ("claude-3-opus-latest", "claude-3-opus"),
        ("claude-3-haiku-20240307", "claude-3-haiku"),
        ("claude-2.1", "claude-2"),
        ("claude-2", "claude-2"),
        ("claude-instant-1.2", "claude-instant-1"),
        ("claude-mythos-preview", "claude-mythos-preview"),
        # letter case, blanks, the long-context mark of Claude Code
        ("  Claude-Haiku-4-5 ", "claude-haiku-4-5"),
        ("claude-sonnet-4-6[1m]", "claude-sonnet-4-6"),
        ("claude-opus-5-5[1M] ", "claude-opus-5-5"),
        ("us.anthropic.claude-opus-4-6-v1[1m]", "claude-opus-4-6"),
        # provider prefixes, one inside another
        ("anthropic/claude-opus-4-8", "claude-opus-4-8"),
        ("anthropic:claude-opus-4-8", "claude-opus-4-8"),
        ("openrouter/anthropic/claude-opus-4-8", "claude-opus-4-8"),
        ("azure_ai/claude-sonnet-5", "claude-sonnet-5"),
        ("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("bedrock/converse/eu.anthropic.claude-sonnet-5", "claude-sonnet-5"),
        ("bedrock/us-east-1/anthropic.claude-v2", "claude-2"),
        ("litellm_proxy/bedrock/global.anthropic.claude-opus-5", "claude-opus-5"),
        ("vertex_ai/claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        # dots for dashes, and the version before the family
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("anthropic/claude-3.5-sonnet", "claude-3-5-sonnet"),
        ("anthropic/claude-3.7-sonnet:thinking", "claude-3-7-sonnet"),
        ("anthropic/claude-haiku-5.5", "claude-haiku-5-5"),
        ("anthropic/claude-4.5-sonnet-20250929", "claude-sonnet-4-5"),
        ("claude-haiku-3.5", "claude-3-5-haiku"),
        ("claude-4-opus", "claude-opus-4"),
        # Bedrock
        ("anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet"),
        ("anthropic.claude-v2:1", "claude-2"),
        ("anthropic.claude-instant-v1", "claude-instant-1"),
        ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("anthropic.claude-opus-4-6-v1:0", "claude-opus-4-6"),
        ("anthropic.claude-opus-4-6", "claude-opus-4-6"),
        ("anthropic.claude-haiku-4-5", "claude-haiku-4-5"),
        ("anthropic.claude-haiku-4-5-20251001:0", "claude-haiku-4-5"),
        ("global.anthropic.claude-fable-5-2", "claude-fable-5-2"),
        ("jp.anthropic.claude-sonnet-4-6", "claude-sonnet-4-6"),
        ("au.anthropic.claude-haiku-5-5", "claude-haiku-5-5"),
        ("apac.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4"),
        ("us-gov.anthropic.claude-sonnet-5-5", "claude-sonnet-5-5"),
        ("claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        (f"{BEDROCK_ARN}:inference-profile/us.anthropic.claude-opus-4-1-20250805-v1:0", "claude-opus-4-1"),
        ("arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku"),
        (f"bedrock/{BEDROCK_ARN}:inference-profile/global.anthropic.claude-opus-5-5", "claude-opus-5-5"),
        # Vertex
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5"),
        ("claude-3-5-sonnet-v2@20241022", "claude-3-5-sonnet"),
        ("claude-opus-5-5@default", "claude-opus-5-5"),
        ("claude-sonnet-4-5@default", "claude-sonnet-4-5"),
        ("publishers/anthropic/models/claude-opus-4-8", "claude-opus-4-8"),
        ("projects/p/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-6", "claude-sonnet-4-6"),
    ],
)
def test_a_logged_name_means_a_model(names: ModelNames, logged: str, model: str) -> None:
    assert resolve(logged, None, None, names).model == model


@pytest.mark.parametrize(
    "logged",
    [
        *("", " ", "opus", "sonnet", "Opus 4.5", "claude", "claude-opus", "claude-sonnet-latest", "claude-instant"),
        *("gpt-4o", "openai/gpt-4o", "anthropic/gpt-4o", "gemini-2.5-pro", "amazon.nova-pro-v1:0", "<synthetic>"),
        *("claude-opus-6", "claude-sonnet-4-7", "claude-opus-5-5-fast", "anthropic/claude-opus-4.8-fast", "claude-v1"),
        *("claude-haiku-4-5-2025", "claude-haiku-4-5-20251399", "claude-haiku-4-5-20251001-20251001", "claude-v3"),
        *("xclaude-haiku-4-5", "my/claude-haiku-4-5", "zz.anthropic.claude-haiku-4-5", "anthropic.", "claude-opus-4.9"),
        *(
            "anthropic.claude-v2:1:200k",
            "anthropic.claude-3-haiku-20240307-v1:0:48k",
            "anthropic/claude-haiku-4.5:batch",
        ),
        *(f"{BEDROCK_ARN}:application-inference-profile/abc123", f"{BEDROCK_ARN}:provisioned-model/abc123"),
        *(f"{BEDROCK_ARN}:custom-model/anthropic.claude-3-haiku-20240307-v1:0", "bedrock/arn:aws:s3:::claude"),
        *("claude-3-5-sonnet\nclaude-3-haiku", "claude-haiku-4-5'; DROP TABLE model", "claude-haiku-4-5" * 1000),
    ],
)
def test_a_name_that_is_not_known_is_never_guessed(names: ModelNames, logged: str) -> None:
    found = resolve(logged, None, None, names)
    assert (found.model, found.regional, found.assumption) == (None, False, None)


@pytest.mark.parametrize(
    ("logged", "provider", "region", "regional", "assumption"),
    [
        ("claude-sonnet-5", None, None, False, None),
        ("claude-sonnet-5", "anthropic", "us-east-1", False, None),
        ("global.anthropic.claude-sonnet-5", "bedrock", "us-east-1", False, None),
        ("us.anthropic.claude-sonnet-5", "bedrock", "us-east-1", True, None),
        ("eu.anthropic.claude-sonnet-5", None, None, True, None),
        ("jp.anthropic.claude-sonnet-5", "anthropic", None, True, None),
        ("anthropic.claude-sonnet-5", "bedrock", "eu-west-1", True, BEDROCK_BARE),
        ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-5", None, None, True, BEDROCK_BARE),
        ("anthropic.claude-3-haiku-20240307-v1:0", "bedrock", "eu-west-1", True, None),
        ("claude-sonnet-5", "aws.bedrock", None, True, BEDROCK_UNKNOWN),
        ("claude-sonnet-4-5-20250929-v1:0", None, None, True, BEDROCK_UNKNOWN),
        ("us-gov.anthropic.claude-sonnet-5", "bedrock", None, True, GOVCLOUD),
        ("anthropic.claude-sonnet-5", "bedrock", "us-gov-west-1", True, GOVCLOUD),
        (
            "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/anthropic.claude-sonnet-5",
            None,
            None,
            True,
            GOVCLOUD,
        ),
        ("bedrock/us-gov-west-1/anthropic.claude-sonnet-5", None, None, True, GOVCLOUD),
        ("claude-sonnet-5", "vertex", "global", False, None),
        ("claude-sonnet-5", "vertex", "Global", False, None),
        ("claude-sonnet-5", "vertex_ai", "europe-west1", True, None),
        ("claude-sonnet-5", "google-vertex", "eu", True, None),
        ("claude-sonnet-5", "vertex", None, False, VERTEX_UNKNOWN),
        ("claude-sonnet-5", "vertex", "", False, VERTEX_UNKNOWN),
        ("claude-sonnet-5@default", None, None, False, VERTEX_UNKNOWN),
        ("vertex_ai/claude-sonnet-5", None, "us-east5", True, None),
        ("projects/p/locations/us-east5/publishers/anthropic/models/claude-sonnet-5", None, None, True, None),
        ("projects/p/locations/global/publishers/anthropic/models/claude-sonnet-5", None, None, False, None),
        ("claude-3-haiku@20240307", "vertex", None, False, None),
        ("claude-sonnet-4@20250514", "vertex", "us-east5", True, None),
    ],
)
def test_a_regional_endpoint_is_told_by_name_provider_and_region(
    names: ModelNames, logged: str, provider: str | None, region: str | None, regional: bool, assumption: str | None
) -> None:
    found = resolve(logged, provider, region, names)
    assert (found.regional, found.assumption) == (regional, assumption)


@pytest.mark.parametrize(
    ("logged", "model"),
    [
        ("claude-haiku-4-5-20260101", "claude-haiku-4-5"),
        ("claude-opus-5-5-20261001", "claude-opus-5-5"),
        ("anthropic/claude-4-sonnet-20250522", "claude-sonnet-4"),
        ("global.anthropic.claude-haiku-4-5-20260101-v1:0", "claude-haiku-4-5"),
    ],
)
def test_an_unlisted_snapshot_of_a_known_model_is_said(names: ModelNames, logged: str, model: str) -> None:
    found = resolve(logged, None, None, names)
    assert found.model == model
    assert found.assumption is not None
    assert found.assumption.endswith(f"is not in the price list; priced as {model}")


def test_two_assumptions_are_both_said(names: ModelNames) -> None:
    found = resolve("claude-haiku-4-5@20260101", "vertex", None, names)
    assert found.assumption == (
        "the snapshot 20260101 is not in the price list; priced as claude-haiku-4-5; "
        "the endpoint's region is not in the log; priced as the global endpoint"
    )


def test_every_listed_name_means_its_own_model(names: ModelNames, listed: PriceList) -> None:
    for model in listed.models:
        for name in (*model.names, *model.bedrock, *model.vertex):
            found = resolve(name, None, None, names)
            assert found.model == model.model
            assert "snapshot" not in (found.assumption or "")


def test_names_are_resolved_once_for_each_model_provider_and_region() -> None:
    store = emptied()
    sonnet = ("claude-sonnet-5", None, None)
    logged = [sonnet, sonnet, ("claude-sonnet-5", "vertex", "eu"), ("gpt-4o", "openai", None)]
    with store.writing() as con:
        models = LoggedModels(con, store.prices)
        assert models.learn(logged) == ["claude-sonnet-5", "claude-sonnet-5"]
        assert models.learn(logged) == LoggedModels(con, store.prices).learn(logged) == []
    assert rows(store, "FROM model_name ORDER BY ALL") == [
        ("claude-sonnet-5", "vertex", "eu", "claude-sonnet-5", True, None),
        ("claude-sonnet-5", None, None, "claude-sonnet-5", False, None),
        ("gpt-4o", "openai", None, None, False, None),
    ]


def test_what_was_foreseen_and_did_not_come_is_dropped(tmp_path: Path) -> None:
    store = emptied()
    records = [usage_record(model="claude-haiku-4-5", message_id="m")]
    loaded(store, tmp_path / "log.jsonl", records)
    assert rows(store, "SELECT model_logged FROM model_name") == [("claude-haiku-4-5",)]


def test_a_model_first_named_far_down_a_file_is_priced_all_the_same(tmp_path: Path) -> None:
    store = emptied()
    arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0"
    many = [usage_record(feature="f" * 400) for _ in range(1000)]
    late = [usage_record(message_id="late", model="claude-sonnet-4-6", provider="vertex", region="global")]
    loaded(store, tmp_path / "log.jsonl", [*many, *late, usage_record(message_id="arn", model=arn), *many])
    found = costs(store)
    assert found["late"] == (1000 * 3 + 100 * 15) * 10**6
    assert found["arn"] == (1000 * 1 + 100 * 5) * 10**6 * 11 // 10
    assert rows(store, "SELECT count(*), sum(unpriced_requests) FROM rollup WHERE unpriced_requests > 0") == [(0, None)]
    assert sum(cost or 0 for cost in found.values()) == rows(store, "SELECT sum(cost) FROM rollup")[0][0]
    assert rows(store, "SELECT count(*) FROM model_name") == [(3,)]


def test_a_changed_price_list_resolves_names_anew(tmp_path: Path) -> None:
    store = emptied()
    loaded(store, tmp_path / "log.jsonl", [usage_record(model="our-sonnet")])
    ours = [
        replace(m, names=(*m.names, "our-sonnet")) if m.model == "claude-sonnet-5" else m for m in store.prices.models
    ]
    with store.writing() as con:
        derive_all(con, LoggedModels(con, replace(store.prices, models=tuple(ours))))
    assert rows(store, "SELECT model FROM model_name") == [("claude-sonnet-5",)]
    assert rows(store, "SELECT model FROM usage") == [("claude-sonnet-5",)]
