from __future__ import annotations

import numpy as np
import pytest

from spend.explain.where import parts

DIMENSIONS = ("feature", "user")


def best(
    leaves: dict[tuple[str, str], tuple[float, float]], limit: int = 3
) -> list[tuple[dict[str, str | None], float]]:
    """Parts of leaves, (feature, user): (actual, expected)."""
    actual, expected = (np.array(side) for side in zip(*leaves.values(), strict=True))
    found = parts(DIMENSIONS, list(leaves), actual, expected, limit)
    return [(dict(part.scope), round(part.share, 6)) for part in found]


def test_a_feature_that_doubled_for_everyone_is_told_before_its_users() -> None:
    leaves = {("search", user): (20.0, 10.0) for user in "abcd"} | {("chat", user): (5.0, 5.0) for user in "abcd"}
    assert best(leaves)[0] == ({"feature": "search"}, 1.0)


def test_one_user_of_one_feature_is_told_as_both() -> None:
    leaves = {(feature, user): (10.0, 10.0) for feature in ("search", "chat", "triage") for user in "abcd"}
    leaves["search", "b"] = (50.0, 10.0)
    assert best(leaves, 1) == [({"feature": "search", "user": "b"}, 1.0)]


def test_a_user_who_is_new_is_told() -> None:
    leaves = {("search", user): (10.0, 10.0) for user in "abcd"} | {("search", "new"): (40.0, 0.0)}
    assert best(leaves, 1) == [({"user": "new"}, 1.0)]


def test_parts_inside_a_better_one_and_those_against_the_change_are_left_out() -> None:
    leaves = {("search", "a"): (40.0, 10.0), ("chat", "a"): (1.0, 5.0), ("chat", "b"): (5.0, 5.0)}
    found = best(leaves)
    assert found[0][0] == {"feature": "search"}
    assert all("chat" not in scope.values() for scope, _ in found)
    assert not any(scope.get("feature") == "search" and len(scope) > 1 for scope, _ in found)


def test_a_part_is_scored_by_what_it_explains_less_a_twentieth_for_a_second_dimension() -> None:
    names = [("search", "a"), ("search", "b"), ("chat", "a"), ("chat", "b")]
    found = parts(DIMENSIONS, names, np.array([30.0, 10, 10, 10]), np.array([10.0, 10, 10, 10]))
    scores = {tuple(name for _, name in part.scope): part.score for part in found}
    assert scores["search", "a"] == pytest.approx(1 - 0.05, abs=1e-12)
    # a whole feature: 40 of 20 expected, so 20 each; it misses both by 10, as much as there was to explain
    assert scores.get(("search",), 0.0) == pytest.approx(0.0, abs=1e-12)


def test_where_nothing_changed_there_is_nothing_to_tell() -> None:
    assert best({("search", "a"): (1.0, 1.0), ("chat", "b"): (2.0, 2.0)}) == []
    assert parts(DIMENSIONS, [], np.array([]), np.array([])) == ()
