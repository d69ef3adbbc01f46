from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from spend.filters import Filters
from spend.levers.lever import Pulled
from spend.what_if import BreakEven, Scene, break_even, what_if
from tests.factories import store_with, usage_record

SONNET = {"model": "claude-sonnet-4-6", "time_to_first_token_ms": 2000, "input_tokens": 10_000}


def at(minute: int, **over: object) -> dict[str, object]:
    mark = [{"hash": "9c1f22d07ab85e34", "share": 0.8}]
    return usage_record(
        **{"time": f"2026-11-10T12:{minute:02}:00Z", "prefixes": mark, "feature": "a", **SONNET, **over}
    )


def test_what_is_needed_and_what_is_found_by_feature_and_by_prefix(tmp_path: Path) -> None:
    records = [at(0), at(4), at(8), at(30), usage_record(feature="b", **SONNET)]
    with store_with(tmp_path, records) as store, Scene(store.cursor(), Filters()) as scene:
        features, prefixes = break_even(scene)
        saved = {ttl: what_if(scene, [Pulled("cache", (("ttl", ttl),))]).saving for ttl in ("5m", "1h")}
    by_ttl = {one.ttl: one for one in features}
    assert by_ttl["5m"] == BreakEven(
        "a", None, "5m", 4, Fraction(25, 115), Fraction(1, 2), Fraction(25, 90), saving=saved["5m"]
    )
    assert by_ttl["1h"] == BreakEven(
        "a", None, "1h", 4, Fraction(100, 190), Fraction(3, 4), Fraction(100, 90), saving=saved["1h"]
    )
    assert [one.prefix for one in prefixes] == ["9c1f22d0", "9c1f22d0"]
    assert all(one.pays for one in features)


def test_marking_pays_just_where_more_is_found_than_needed(tmp_path: Path) -> None:
    records = [at(0), at(10), at(20), *(at(minute, feature="b") for minute in (0, 1, 2))]
    for feature in ("a", "b"):
        mine = [record for record in records if record["feature"] == feature]
        with store_with(tmp_path, mine) as store, Scene(store.cursor(), Filters()) as scene:
            for one in break_even(scene)[0]:
                assert one.pays == (one.reached > one.needed)


def test_nothing_to_tell_without_fingerprints_or_with_short_ones(tmp_path: Path) -> None:
    short = at(1, input_tokens=500)
    with store_with(tmp_path, [usage_record(), short]) as store, Scene(store.cursor(), Filters()) as scene:
        assert break_even(scene) == ([], [])
