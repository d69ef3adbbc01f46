from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store import settings
from store.connection import Store, open_store


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store(":memory:") as store:
        yield store


def test_a_setting_never_written_is_none(store: Store) -> None:
    assert settings.read(store.cursor(), "night") is None


@pytest.mark.parametrize("value", [0, False, "", "22-6", 1.5, ["a", None], {"zone": "Europe/Paris", "é": [1, 2]}])
def test_a_value_comes_back_as_it_was_written(store: Store, value: object) -> None:
    settings.write(store, "night", value)
    assert settings.read(store.cursor(), "night") == value


def test_writing_again_replaces_and_none_takes_away(store: Store) -> None:
    settings.write(store, "night", "22-6")
    settings.write(store, "other", 1)
    settings.write(store, "night", "23-5")
    assert settings.read(store.cursor(), "night") == "23-5"
    settings.write(store, "night", None)
    assert settings.read(store.cursor(), "night") is None
    assert settings.read(store.cursor(), "other") == 1


def test_every_write_raises_the_version_that_answers_are_kept_under(store: Store) -> None:
    before = store.data_version
    settings.write(store, "night", "22-6")
    assert store.data_version > before


@pytest.mark.parametrize("value", [float("nan"), {1, 2}])
def test_what_json_cannot_hold_is_refused_and_changes_nothing(store: Store, value: object) -> None:
    settings.write(store, "night", "22-6")
    before = store.data_version
    with pytest.raises((TypeError, ValueError)):
        settings.write(store, "night", value)
    assert settings.read(store.cursor(), "night") == "22-6"
    assert store.data_version == before


def test_settings_outlive_the_process_that_wrote_them(tmp_path: Path) -> None:
    with open_store(tmp_path / "usage.duckdb") as store:
        settings.write(store, "night", "22-6")
    with open_store(tmp_path / "usage.duckdb") as store:
        assert settings.read(store.cursor(), "night") == "22-6"
