from __future__ import annotations

from random import Random

import pytest

from spend.explain.why import FACTORS, NEW, FeatureUse, ModelUse, Use, rounded, shapley, shares_of

OPUS, HAIKU = (5.0, 25.0), (1.0, 5.0)  # dollars a million tokens, in and out


def use(
    requests: float, prompt: float, output: float, price: tuple[float, float] = OPUS, cached: float = 0
) -> ModelUse:
    """Requests of so many tokens each, ``cached`` of the prompt read from the cache at a tenth of the price."""
    tokens = (requests * (prompt - cached), requests * cached, 0.0, 0.0, requests * output)
    rates = (price[0], price[0] / 10, 0.0, 0.0, price[1])
    costs = tuple(count * rate / 1e6 for count, rate in zip(tokens, rates, strict=True))
    return ModelUse(requests, tokens, costs)  # type: ignore[arg-type]


BEFORE: Use = {"opus": use(1000, 2000, 500)}
C0 = 22.5

CASES: dict[str, tuple[Use, dict[str, float]]] = {
    "D1 twice the requests": ({"opus": use(2000, 2000, 500)}, {"requests": 22.5}),
    "D2 twice the requests, a fifth dearer": (
        {"opus": use(2000, 2000, 500, (6.0, 30.0))},
        {"requests": 24.75, "price": 6.75},
    ),
    "D3 all to Haiku": ({"haiku": use(1000, 2000, 500, HAIKU)}, {"model mix": -18.0}),
    "D4 80 % of the prompt read from the cache": (
        {"opus": use(1000, 2000, 500, cached=1600)},
        {"cache mix": -7.2},
    ),
    "D5 a tenth more of everything": (
        {"opus": use(1100, 2200, 550)},
        {"requests": 2.3625, "prompt length": 1.05, "output length": 1.3125},
    ),
    "D7 nothing": (BEFORE, {}),
    "D8 twice the requests, half on Haiku": (
        {"opus": use(1000, 2000, 500), "haiku": use(1000, 2000, 500, HAIKU)},
        {"requests": 18.0, "model mix": -13.5},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_known_answers(case: str) -> None:
    after, answer = CASES[case]
    found = shapley(BEFORE, after)
    assert found == pytest.approx({factor: answer.get(factor, 0.0) for factor in FACTORS}, abs=1e-9)


def test_d6_a_new_feature_is_one_change_of_its_own() -> None:
    after: FeatureUse = {"chat": BEFORE, "lab": {"haiku": use(1000, 1000, 100, HAIKU)}}
    found = shares_of({"chat": BEFORE}, after)
    assert found.pop(("lab", NEW)) == pytest.approx(1.5, abs=1e-9)
    assert found == pytest.approx({("chat", factor): 0.0 for factor in FACTORS}, abs=1e-9)


def test_a_feature_that_ended_is_one_change_of_its_own() -> None:
    assert shares_of({"chat": BEFORE}, {}) == pytest.approx({("chat", "ended feature"): -C0}, abs=1e-9)


def test_a_feature_that_had_no_requests_in_these_hours_has_more_requests() -> None:
    assert shapley({}, BEFORE) == pytest.approx({factor: C0 * (factor == "requests") for factor in FACTORS}, abs=1e-9)


def test_web_searches_are_a_driver_of_their_own() -> None:
    more: Use = {"opus": ModelUse(1000, BEFORE["opus"].tokens, BEFORE["opus"].costs, searches=3.0)}
    assert shapley(BEFORE, more) == pytest.approx(dict.fromkeys(FACTORS, 0.0) | {"web searches": 3}, abs=1e-9)


def some(random: Random) -> dict[str | None, ModelUse]:
    """Use of some of four models, with zeros among it."""
    found: dict[str | None, ModelUse] = {}
    for model in random.sample(["a", "b", "c", None], random.randint(0, 4)):
        requests = random.choice([0, 1, random.randint(1, 5000)])
        tokens = tuple(random.choice([0, 0, random.randint(1, 9000)]) * requests for _ in range(5))
        costs = tuple(count * random.choice([0, random.random()]) * 2e-3 for count in tokens)
        found[model] = ModelUse(requests, tokens, costs, random.choice([0, 1.0]))  # type: ignore[arg-type]
    return found


def test_the_drivers_add_up_to_the_change_over_300_pairs_with_zeros_and_new_models() -> None:
    random = Random(20261120)
    for _ in range(300):
        before, after = some(random), some(random)
        costs = [sum(use.cost for use in side.values()) for side in (before, after)]
        found = shapley(before, after)
        assert sum(found.values()) == pytest.approx(costs[1] - costs[0], abs=1e-9 * max(costs[0], costs[1], 1))


def test_going_back_undoes_every_driver() -> None:
    random = Random(7)
    for _ in range(50):
        before, after = some(random), some(random)
        there, back = shapley(before, after), shapley(after, before)
        assert there == pytest.approx({name: -change for name, change in back.items()}, abs=1e-6)


@pytest.mark.parametrize(
    ("amounts", "whole", "answer"),
    [
        ([0.4, 0.4, 0.2], 1, [1, 0, 0]),
        ([-0.4, 1.6], 1, [-1, 2]),
        ([2.0, -2.0], 0, [2, -2]),
        ([1.0, 1.0], 5, [3, 2]),
        ([], 0, []),
    ],
)
def test_amounts_are_rounded_to_integers_of_the_right_sum(amounts: list[float], whole: int, answer: list[int]) -> None:
    assert rounded(amounts, whole) == answer
