from __future__ import annotations

import math
from itertools import combinations

import pytest

from ui.colours import COST_UP, GREY, PALETTE, PAPERS, SAVING, Colours, Fill

# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB
BLINDNESS = {
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
}
Triple = tuple[float, float, float]


def linear(colour: str) -> Triple:
    r, g, b = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (r, g, b))  # type: ignore[return-value]


def contrast(one: str, other: str) -> float:
    light, dark = sorted(
        (sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(x), strict=True)) for x in (one, other)),
        reverse=True,
    )
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: Triple) -> Triple:
    r, g, b = (min(max(c, 0.0), 1.0) for c in rgb)
    x, y, z = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
    )
    fx, fy, fz = (c ** (1 / 3) if c > 0.008856 else 7.787 * c + 16 / 116 for c in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def seen(colour: str, blindness: str) -> Triple:
    rgb = linear(colour)
    r, g, b = (sum(w * c for w, c in zip(row, rgb, strict=True)) for row in BLINDNESS[blindness])
    return lab((r, g, b))


@pytest.mark.parametrize("paper", PAPERS.values())
@pytest.mark.parametrize("colour", [*PALETTE, GREY, COST_UP, SAVING])
def test_every_colour_stands_out_on_both_papers(colour: str, paper: str) -> None:
    assert contrast(colour, paper) >= 3


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_the_six_stay_apart_for_red_green_blindness(blindness: str) -> None:
    distances = {pair: math.dist(*(seen(colour, blindness) for colour in pair)) for pair in combinations(PALETTE, 2)}
    assert min(distances.values()) >= 8, min(distances, key=lambda pair: distances[pair])


def test_a_colour_depends_on_the_place_among_all_data_alone() -> None:
    colours = Colours(("search", "triage"))
    assert colours.of("search") == Fill(PALETTE[0])
    assert colours.of("triage") == Fill(PALETTE[1])


def test_what_was_not_logged_is_hatched_grey_and_takes_no_colour() -> None:
    assert Colours(("a",)).of(None) == Fill(GREY, "/")
    assert Colours(("a",)).of("a") == Fill(PALETTE[0])


def test_the_seventh_repeats_a_colour_dotted() -> None:
    seventh = Colours(tuple("abcdefg")).of("g")
    assert (seventh.colour, bool(seventh.pattern)) == (PALETTE[0], True)


def test_the_unknown_and_the_far_are_grey() -> None:
    assert Colours(tuple("abc")).of("zzz") == Fill(GREY)
