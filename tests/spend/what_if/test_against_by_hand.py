from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from spend.breakdown import total
from spend.filters import Filters
from spend.levers import LEVERS
from spend.levers.lever import Pulled
from spend.what_if import Scene, joint_cost, what_if
from store.connection import Store
from tests.factories import store_with, usage_record
from tests.spend.what_if.by_hand import scenario

MODELS = (
    *("claude-opus-4-8", "claude-haiku-4-5", "claude-haiku-5-5", "claude-sonnet-4-6", "claude-opus-4-7"),
    *("claude-sonnet-5-5", "claude-opus-4-5", "claude-sonnet-5"),
)
TARGETS = ("claude-haiku-4-5", "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-4-5")
FEATURES = ("search", "triage", "chat")
LOGS, AT_ONCE = 200, 5


def random_log(dice: random.Random, number: int) -> list[dict[str, Any]]:
    """Bursts and silences around the hour caches live; prompts around limits, bands and minimums."""
    at = datetime(2026, 10, 6, 22)
    records = []
    hashes = [f"{dice.getrandbits(64):016x}" for _ in range(3)]
    favourites = dice.sample(MODELS, 2)
    for _ in range(dice.randint(2, 25)):
        at += timedelta(
            milliseconds=dice.choice((0, 1, 700, 2000, 30_000, 299_999, 300_000, 300_001, 3_600_000, 3_600_001))
        )
        tokens = dice.choice((700, 1500, 5000, 12_000, 99_999, 100_001, 153_000, 201_000, 262_000))
        cached: dict[str, Any] = {}
        if dice.random() < 0.2:
            cached["cache_read_input_tokens"] = dice.choice((0, 900, 5000))
            five, hour = dice.choice((0, 600, 4500)), dice.choice((0, 700))
            cached["cache_creation_input_tokens"] = five + hour
            cached["cache_creation"] = {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour}
        prefixes = [
            {"hash": dice.choice(hashes), "share": round(dice.uniform(0.1, 1), 4), "cached": dice.random() < 0.05}
            for _ in range(dice.choice((0, 1, 1, 1)))
        ]
        model = dice.choice(favourites)
        fast = model == "claude-opus-4-8" and dice.random() < 0.3
        records.append(
            usage_record(
                time=at.isoformat(timespec="milliseconds") + "Z",
                model=model,
                feature=dice.choice(FEATURES),
                tags={"log": str(number)},
                input_tokens=tokens,
                output_tokens=dice.choice((1, 80, 499, 500, 501, 4000, 63_999, 70_000)),
                service_tier="batch" if not fast and dice.random() < 0.1 else None,
                speed="fast" if fast else "standard",
                inference_geo="us" if dice.random() < 0.2 else "global",
                time_to_first_token_ms=dice.choice((None, 1, 900, 5000, 400_000)),
                latency_ms=dice.choice((None, 1200, 9000)),
                prefixes=prefixes,
                **cached,
            )
        )
        records[-1]["usage"] = {name: value for name, value in records[-1]["usage"].items() if value is not None}
    return records


def random_levers(dice: random.Random) -> list[dict[str, Any]]:
    levers: list[dict[str, Any]] = [
        {"lever": "batch"},
        {"lever": "cache", "ttl": dice.choice(("5m", "1h"))},
        {"lever": "swap", "to": dice.choice(TARGETS)},
        {"lever": "cap", "max_output_tokens": dice.choice((1, 500, 3000))},
        {"lever": "trim", "max_prompt_tokens": dice.choice((1, 1024, 8000, 100_000, 200_000))},
    ]
    chosen = dice.sample(levers, dice.randint(1, 5))
    for lever in chosen:
        if dice.random() < 0.3:
            lever["feature"] = dice.choice(FEATURES)
        if dice.random() < 0.3:
            lever["share"] = Fraction(dice.randint(0, 10), 10)
        if lever["lever"] == "swap":
            lever |= {"from": dice.choice(MODELS)} if dice.random() < 0.3 else {}
            lever |= {"tokenizer": Fraction(dice.randint(8, 14), 10)} if dice.random() < 0.5 else {}
            lever |= {"verbosity": Fraction(dice.randint(8, 15), 10)} if dice.random() < 0.5 else {}
            if lever.get("from") == lever["to"]:
                del lever["from"]
    return chosen


def pulled(lever: dict[str, Any]) -> Pulled:
    names = {one.name for one in LEVERS[lever["lever"]].inputs}
    values = tuple((name, value) for name, value in lever.items() if name in names)
    where = (("feature", lever["feature"]),) if "feature" in lever else ()
    return Pulled(lever["lever"], values, where, Fraction(lever.get("share", 1)))


@pytest.fixture(scope="module")
def logs() -> list[list[dict[str, Any]]]:
    return [random_log(random.Random(number), number) for number in range(LOGS)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, logs: list[list[dict[str, Any]]]) -> Iterator[Store]:
    with store_with(tmp_path_factory.mktemp("logs"), [record for log in logs for record in log]) as store:
        yield store


def of(numbers: Iterable[int]) -> Filters:
    return Filters(where=tuple(("tag:log", str(number)) for number in numbers))


@pytest.mark.parametrize("part", range(LOGS // AT_ONCE))
def test_a_replay_by_hand_agrees_on_random_logs(part: int, store: Store, logs: list[list[dict[str, Any]]]) -> None:
    numbers = range(part * AT_ONCE, (part + 1) * AT_ONCE)
    records = [record for number in numbers for record in logs[number]]
    levers = random_levers(random.Random(part))
    with store.cursor() as con:
        found = joint_cost(Scene(con, of(numbers)), [pulled(lever) for lever in levers])
    expected = (scenario(records, [], store.prices), scenario(records, levers, store.prices))
    assert found == tuple(round(cost) for cost in expected), levers


@pytest.mark.parametrize("number", range(12))
def test_shares_add_up_and_the_order_of_levers_does_not_matter(number: int, store: Store) -> None:
    dice = random.Random(1000 + number)
    levers = [pulled(lever) for lever in random_levers(dice)]
    with store.cursor() as con:
        scene = Scene(con, of([number]))
        answer = what_if(scene, levers)
        assert sum(share.saving for share in answer.levers) == answer.saving
        assert answer.saving_low <= answer.saving <= answer.saving_high
        assert answer.baseline == total(con, of([number])).cost
        dice.shuffle(levers)
        assert what_if(Scene(con, of([number])), levers) == answer
        assert joint_cost(scene, levers) == (answer.baseline, answer.scenario)


def test_without_levers_every_pico_dollar_stays(store: Store) -> None:
    with store.cursor() as con:
        answer = what_if(Scene(con, Filters()), [])
        assert answer.scenario == answer.baseline == total(con, Filters()).cost
        assert (answer.saving_low, answer.saving_high, answer.levers) == (0, 0, ())


@pytest.mark.parametrize("lever", ["batch", "cache", "swap", "cap", "trim"])
def test_a_lever_alone_is_the_joint_scenario_of_one(lever: str, store: Store) -> None:
    settings = {"ttl": "best", "to": "claude-haiku-4-5", "max_output_tokens": 400, "max_prompt_tokens": 6000}
    names = {one.name for one in LEVERS[lever].inputs}
    one = pulled({"lever": lever, **{name: value for name, value in settings.items() if name in names}})
    with store.cursor() as con:
        answer = what_if(Scene(con, Filters()), [one])
    assert [share.saving for share in answer.levers] == [answer.saving]
    assert answer.saving > 0
