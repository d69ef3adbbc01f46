from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from spend.filters import Filters
from spend.levers import LEVERS, PRESETS
from spend.levers.lever import Pulled, complete, pulled_from
from spend.what_if import Scene, what_if
from store.connection import Store
from tests.conftest import ROOT


def test_levers_act_in_the_order_of_their_list() -> None:
    assert list(LEVERS) == ["trim", "cap", "swap", "uncache", "cache", "batch"]


def test_each_lever_is_a_file_of_its_name() -> None:
    files = {path.stem for path in Path(ROOT, "spend", "levers").glob("*.py")} - {"__init__", "lever"}
    assert files == set(LEVERS)


@pytest.mark.parametrize("name", LEVERS)
def test_a_lever_says_all_that_a_control_is_drawn_from(name: str) -> None:
    lever = LEVERS[name]
    assert lever.label
    assert lever.caveat.endswith(".")
    for one in lever.inputs:
        assert one.label
        if one.kind == "choice":
            assert one.default in one.choices
        if one.kind in ("tokens", "factor"):
            assert one.low is not None
            assert one.default is not None or one.hint
        if one.default is not None:
            assert one.read(str(one.default)) == one.default


@pytest.mark.parametrize("name", [name for name in LEVERS if name != "swap"])
def test_a_lever_can_be_pulled_with_its_defaults(name: str) -> None:
    assert dict(complete(Pulled(name), LEVERS).values) == {one.name: one.default for one in LEVERS[name].inputs}


def test_the_text_of_a_lever_is_read_exactly() -> None:
    text = "swap:to=claude-haiku-4-5,tokenizer=1/1.3,verbosity=0.8,feature=triage,tag:team=,share=0.25"
    assert pulled_from(text, LEVERS, ("feature",)) == Pulled(
        "swap",
        (("to", "claude-haiku-4-5"), ("tokenizer", Fraction(10, 13)), ("verbosity", Fraction(4, 5))),
        (("feature", "triage"), ("tag:team", None)),
        Fraction(1, 4),
    )


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_saves_on_the_sample(name: str, sample_store: Store) -> None:
    with Scene(sample_store.cursor(), Filters()) as scene:
        answer = what_if(scene, [PRESETS[name]])
    assert answer.saving > 0
    assert answer.saving == answer.levers[0].saving
