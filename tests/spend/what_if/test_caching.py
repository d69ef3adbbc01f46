from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from spend.filters import Filters
from spend.levers.lever import Pulled
from spend.what_if import Caching, Scene, bounds, caching, what_if
from store.connection import Store
from tests.factories import store_with, usage_record

READ, WRITE, HOUR = 900_000, 250_000, 1_000_000  # off and onto Haiku 4.5's million pico-dollars a token


def used(minute: int, *, read: int = 0, written: int = 0, **over: Any) -> dict[str, Any]:
    """A request with a cached prefix of 9,000 tokens, so many minutes after noon."""
    return usage_record(
        time=f"2026-11-10T{12 + minute // 60}:{minute % 60:02}:00Z",
        input_tokens=1000,
        cache_read_input_tokens=read,
        cache_creation_input_tokens=written,
        **{"prefixes": [{"hash": "00112233aabbccdd", "share": 0.9, "cached": True}], **over},
    )


def test_caching_as_it_was_by_feature(tmp_path: Path) -> None:
    records = [
        used(0, written=9000, feature="a"),
        used(4, read=9000, feature="a"),
        used(8, read=9000, feature="a"),
        used(20, written=9000, feature="a"),  # an hour would have caught this one
        used(120, written=9000, feature="a"),  # and not this one
        usage_record(feature="b"),
        used(0, feature=None, prefixes=[{"hash": "ffff00001111aaaa", "share": 0.9}]),
    ]
    with store_with(tmp_path, records) as store:
        found = caching(store.cursor(), Filters())
    assert found == {
        "a": Caching(
            uncached_tokens=5000,
            read_tokens=18_000,
            write_5m_tokens=27_000,
            saved_by_reads=18_000 * READ,
            cost_of_writes=27_000 * WRITE,
            quick=2,
            slow=1,
            lapsed=1,
            misses=1,
            missed_tokens=9000,
        ),
        "b": Caching(uncached_tokens=1000),
        None: Caching(uncached_tokens=1000),
    }
    assert list(found) == ["a", "b", None]
    assert found["a"].hit_rate == Fraction(18, 50)
    assert found["a"].reads_per_write == Fraction(2, 3)
    assert found["a"].saving == 18_000 * READ - 27_000 * WRITE
    assert (Caching().hit_rate, Caching().reads_per_write) == (None, None)


def test_caching_adds_up_to_what_was_counted_and_charged(sample_store: Store) -> None:
    con = sample_store.cursor()
    whole = Caching()
    for one in caching(con, Filters()).values():
        whole = whole.with_(one)
    columns = "sum(cache_read_tokens), sum(cache_write_5m_tokens), sum(cache_write_1h_tokens)"
    [counted] = con.execute(f"SELECT {columns} FROM usage WHERE cost > 0").fetchall()
    assert (whole.read_tokens, whole.write_5m_tokens, whole.write_1h_tokens) == counted
    assert whole.saving > 0


def test_without_fingerprints_there_are_bounds(tmp_path: Path) -> None:
    """Two users take turns every three minutes: a cache of all lives on, a user's own just does."""
    records = [
        usage_record(time=f"2026-11-10T12:{3 * n:02}:00Z", user=f"u_{n % 2}", feature="chat", input_tokens=20_000)
        for n in range(6)
    ]
    with store_with(tmp_path, records) as store, Scene(store.cursor(), Filters()) as scene:
        five, hour = sorted(bounds(scene, share=Fraction(1, 2)), key=lambda one: one.ttl, reverse=True)
    assert (five.feature, five.model, five.ttl, five.requests) == ("chat", "claude-haiku-4-5", "5m", 6)
    assert five.upper == 10_000 * (5 * READ - WRITE)
    assert five.lower == 0  # six minutes between one user's requests: all six would be written
    assert five.loss == -6 * 10_000 * WRITE
    assert hour.upper == 10_000 * (5 * READ - HOUR)
    assert hour.lower == 10_000 * (4 * READ - 2 * HOUR)
    assert hour.loss == -6 * 10_000 * HOUR


def test_requests_with_fingerprints_have_no_bounds(tmp_path: Path) -> None:
    records = [
        usage_record(input_tokens=9000, prefixes=[{"hash": "00112233aabbccdd", "share": 0.9}]),
        used(1, read=5000),
    ]
    with store_with(tmp_path, records) as store, Scene(store.cursor(), Filters()) as scene:
        assert bounds(scene) == []


def test_without_its_cache_a_prompt_is_plain_input_and_can_be_cached_for_another_time(tmp_path: Path) -> None:
    hour = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 9000}
    records = [used(0, written=9000, cache_creation=hour), used(2, read=9000)]
    stop, again = Pulled("uncache"), Pulled("cache", (("ttl", "5m"),))
    with store_with(tmp_path, records) as store, Scene(store.cursor(), Filters()) as scene:
        assert what_if(scene, [stop]).saving == 9000 * (HOUR - READ)
        both = what_if(scene, [again, stop])
    assert both.saving == 9000 * (HOUR - WRITE)  # written for five minutes, and read as before
    assert "already_cached" not in both.unchanged
