from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from spend.filters import Filters, WrongQuestion
from spend.levers import LEVERS
from spend.levers.lever import Pulled, pulled_from
from spend.what_if import Scene, at_three_prices, evidence, joint_cost, sampling, what_if
from store.connection import Store, open_store
from tests.conftest import ROOT
from tests.factories import emptied, loaded, store_with, usage_record

HAIKU = "swap:to=claude-haiku-4-5"


def pulled(*texts: str) -> list[Pulled]:
    return [pulled_from(text, LEVERS, ("feature",)) for text in texts]


def test_a_load_is_seen_by_a_scene_that_is_there_already(tmp_path: Path) -> None:
    store = emptied()
    loaded(store, tmp_path / "one.jsonl", [usage_record()])
    with Scene(store.cursor(), Filters()) as scene:
        assert joint_cost(scene, pulled("batch")) == (1_500_000_000, 750_000_000)
        loaded(store, tmp_path / "two.jsonl", [usage_record(model="claude-opus-4-8")])
        assert joint_cost(scene, pulled("batch")) == (9_000_000_000, 4_500_000_000)


def test_scenes_of_one_connection_are_apart(tmp_path: Path) -> None:
    with store_with(tmp_path, [usage_record(feature="a"), usage_record(feature="b", output_tokens=0)]) as store:
        con = store.cursor()
        with Scene(con, Filters(where=(("feature", "a"),))) as a, Scene(con, Filters(where=(("feature", "b"),))) as b:
            for _ in range(2):
                assert joint_cost(a, pulled("batch"))[0] == 1_500_000_000
                assert joint_cost(b, pulled("batch"))[0] == 1_000_000_000


def test_more_of_a_share_only_adds_requests(tmp_path: Path) -> None:
    with store_with(tmp_path, [usage_record() for _ in range(300)]) as store, Scene(store.cursor(), Filters()) as scene:
        costs = [joint_cost(scene, pulled(f"batch:share={n}/10"))[1] for n in range(11)]
        assert costs == sorted(costs, reverse=True)
        assert (costs[0], costs[10]) == (300 * 1_500_000_000, 150 * 1_500_000_000)
        assert 0.4 < (costs[0] - costs[5]) / (costs[0] - costs[10]) < 0.6
        again = Scene(store.cursor(), Filters())
        assert joint_cost(again, pulled("batch:share=1/2"))[1] == costs[5]


def test_the_range_ends_where_its_assumptions_are_said_outright(sample_store: Store) -> None:
    """To an older tokenizer and to a newer one; and what is said is no range any more."""
    with Scene(sample_store.cursor(), Filters()) as scene:
        for lever, dear, cheap in (
            ("swap:from=claude-opus-4-8,to=claude-haiku-4-5", "1", "1/1.35"),
            ("swap:from=claude-sonnet-4-6,to=claude-haiku-5-5", "1.35", "1"),
        ):
            answer = what_if(scene, pulled(lever, "cache"))
            low = what_if(scene, pulled(f"{lever},tokenizer={dear},verbosity=1.5", "cache"))
            high = what_if(scene, pulled(f"{lever},tokenizer={cheap},verbosity=0.8", "cache"))
            assert (answer.saving_low, answer.saving_high) == (low.saving, high.saving)
            assert low.saving_low == low.saving == low.saving_high < answer.saving < high.saving


def test_resampling_surrounds_the_saving_and_is_the_same_each_time(sample_store: Store) -> None:
    levers = pulled("cap:max_output_tokens=300", HAIKU)
    with Scene(sample_store.cursor(), Filters(timezone="Europe/Paris")) as scene:
        saving, found = what_if(scene, levers).saving, sampling(scene, levers)
        assert set(found) == {"days", "users"}
        for one in found.values():
            assert one.low < saving < one.high
        assert sampling(scene, levers) == found


def raised(tmp_path: Path, old: str, new: str) -> Path:
    folder = tmp_path / "prices"
    folder.mkdir()
    listed = (ROOT / "data" / "prices" / "anthropic.toml").read_text()
    assert old in listed
    (folder / "anthropic.toml").write_text(listed.replace(old, new))
    return folder


def test_raising_a_price_never_lowers_a_cost(tmp_path: Path) -> None:
    rows = [
        usage_record(model=model, input_tokens=9000, prefixes=[{"hash": "00112233aabbccdd", "share": 0.9}], time=at)
        for model in ("claude-opus-4-8", "claude-haiku-4-5", "claude-sonnet-4-6")
        for at in ("2026-11-10T12:00:00Z", "2026-11-10T12:02:00Z", "2026-11-10T13:00:00Z")
    ]
    found = []
    for prices in (None, raised(tmp_path, 'cache_write_5m = "1.25"', 'cache_write_5m = "1.5"')):
        with open_store(":memory:", **({"prices": prices} if prices else {})) as store:
            loaded(store, tmp_path / "log.jsonl", rows)
            with Scene(store.cursor(), Filters()) as scene:
                found.append(
                    [
                        joint_cost(scene, pulled(*levers))[1]
                        for levers in ((), (HAIKU,), ("cache",), (HAIKU, "cache"), (HAIKU, "cache:ttl=best", "batch"))
                    ]
                )
    assert all(before <= after for before, after in zip(*found, strict=True))
    assert found[0] != found[1]


def test_a_period_at_three_prices(tmp_path: Path) -> None:
    """Sonnet 5.5's reads were halved on 2026-10-07."""
    listed = "first_day = 2026-10-07"
    records = [
        usage_record(time="2026-10-01T12:00:00Z", model="claude-sonnet-5-5", cache_read_input_tokens=1_000_000),
        usage_record(time="2026-10-01T12:00:00Z", model="claude-opus-4-8", speed="fast"),
    ]
    assert listed in (ROOT / "data" / "prices" / "anthropic.toml").read_text()
    plain = 1000 * 2_000_000 + 100 * 10_000_000
    fast = 1000 * 10_000_000 + 100 * 50_000_000
    with store_with(tmp_path, records) as store:
        then, today, announced = at_three_prices(store.cursor(), Filters(), today=date(2026, 11, 20))
    assert (then.prices, then.moment, then.cost, then.unpriced) == ("then", None, plain + 200_000 * 10**6 + fast, 0)
    assert (today.moment, today.cost, today.unpriced) == (datetime(2026, 11, 20), plain + 100_000 * 10**6 + fast, 0)
    # fast mode of Opus 4.8 is announced to end on 2026-11-30
    assert (announced.moment, announced.cost) == (datetime(2026, 11, 30), plain + 100_000 * 10**6)
    assert announced.unpriced == 1


def test_prices_that_are_not_there_are_a_wrong_question(tmp_path: Path) -> None:
    with store_with(tmp_path, []) as store, pytest.raises(WrongQuestion, match="then, today, announced"):
        Scene(store.cursor(), Filters(), prices="tomorrow")


def test_nothing_costs_nothing(tmp_path: Path) -> None:
    with store_with(tmp_path, []) as store, Scene(store.cursor(), Filters()) as scene:
        answer = what_if(scene, pulled("trim", "cap", HAIKU, "cache:ttl=best", "batch:share=1/3"))
        assert (answer.baseline, answer.scenario, answer.requests, answer.unchanged) == (0, 0, 0, {})
        assert sampling(scene, pulled("batch")) == {}


def test_swapped_prefixes_share_the_cache_of_their_new_model(tmp_path: Path) -> None:
    prefix = [{"hash": "00112233aabbccdd", "share": 0.9}]
    records = [
        usage_record(model=model, time=f"2026-11-10T12:0{minute}:00Z", input_tokens=10_000, prefixes=prefix)
        for minute, model in enumerate(("claude-opus-4-5", "claude-haiku-4-5"))
    ]
    with store_with(tmp_path, records) as store, Scene(store.cursor(), Filters()) as scene:
        alone = joint_cost(scene, pulled("cache"))[1]
        together = joint_cost(scene, pulled(HAIKU, "cache"))[1]
    write, read, rest = 9000 * 1_250_000, 9000 * 100_000, 1000 * 1_000_000 + 100 * 5_000_000
    assert alone == 6 * (write + rest)
    assert together == write + read + 2 * rest


def test_the_requests_behind_a_saving_add_up_to_it(sample_store: Store) -> None:
    where = (("feature", "policy-answers"),)
    levers = pulled("swap:to=claude-haiku-4-5,tokenizer=1", "cache", "cap:max_output_tokens=300", "batch:share=1/2")
    with Scene(sample_store.cursor(), Filters(where=where)) as scene:
        answer, found = what_if(scene, levers), evidence(scene, levers, limit=10_000)
    savings = [one.before.cost - one.after.cost for one in found]
    assert savings == sorted(savings, reverse=True)
    assert (sum(one.before.cost for one in found), sum(savings)) == (answer.baseline, answer.saving)
    assert {one.after.model for one in found} == {"claude-haiku-4-5"}
    assert {one.after.batch for one in found} == {True, False}
    assert any(one.after.cache_read for one in found)
    assert not any(one.before.cache_read for one in found)


def test_what_does_not_fit_in_the_middle_case_is_counted_though_it_would_in_the_cheapest(tmp_path: Path) -> None:
    record = usage_record(model="claude-opus-4-8", input_tokens=265_000)  # 203,846 tokens of Haiku 4.5's, or 196,296
    with store_with(tmp_path, [record]) as store, Scene(store.cursor(), Filters()) as scene:
        answer = what_if(scene, pulled(HAIKU))
        assert (answer.saving_low, answer.saving, answer.unchanged) == (0, 0, {"over_context_window": 1})
        assert answer.saving_high > 10**12


def test_levers_for_other_requests_are_seen_by_a_scene_that_is_there_already(tmp_path: Path) -> None:
    records = [usage_record(feature=name, user="u", tags={"team": name * 2}) for name in "abc"]
    with store_with(tmp_path, records) as store, Scene(store.cursor(), Filters()) as scene:
        for lever in (
            "batch:feature=a",
            "batch:feature=b,feature=c",
            "batch:tag:team=bb",
            "batch:feature=a",
            "batch:user=",
        ):
            one = [pulled_from(lever, LEVERS, ("feature", "user"))]
            batched = lever.count("=a") + lever.count("=b") + lever.count("=c")
            assert joint_cost(scene, one) == (4_500_000_000, 4_500_000_000 - batched * 750_000_000)


def test_eight_swaps_at_once_are_answered(tmp_path: Path) -> None:
    """Where a swap's expressions were written into the next one's, planning the query would not end."""
    names = ("opus-4-5", "opus-4-6", "opus-4-7", "opus-4-8", "opus-5", "sonnet-4-5", "sonnet-4-6", "sonnet-5")
    records = [usage_record(model=f"claude-{name}") for name in names]
    levers = pulled(*(f"swap:from=claude-{name},to=claude-haiku-4-5,tokenizer=1" for name in names))
    with store_with(tmp_path, records) as store, Scene(store.cursor(), Filters()) as scene:
        together = joint_cost(scene, levers)
        alone = [joint_cost(scene, [one]) for one in levers]
    assert {before for before, _ in alone} == {together[0]}
    assert together[0] - together[1] == sum(before - after for before, after in alone) > 0


def test_cached_tokens_keep_their_class_where_the_new_models_cache_takes_them(tmp_path: Path) -> None:
    cached = {"model": "claude-sonnet-4-6", "input_tokens": 1000, "output_tokens": 0}
    reads = {"over": 4096, "under": 4095}  # Haiku 4.5 caches 4,096 tokens and more; of Fable 5.2 it is not known
    records = [usage_record(feature=name, cache_read_input_tokens=tokens, **cached) for name, tokens in reads.items()]
    with store_with(tmp_path, records) as store:
        found = {}
        for name in reads:
            with Scene(store.cursor(), Filters(where=(("feature", name),))) as scene:
                found[name] = [
                    joint_cost(scene, pulled(f"swap:to={model},tokenizer=1"))[1]
                    for model in ("claude-haiku-4-5", "claude-fable-5-2")
                ]
    assert found["over"] == [1000 * 1_000_000 + 4096 * 100_000, 1000 * 8_000_000 + 4096 * 200_000]
    assert found["under"] == [5095 * 1_000_000, 1000 * 8_000_000 + 4095 * 200_000]
