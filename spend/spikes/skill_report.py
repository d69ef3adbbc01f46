"""Measured skill as text: a table for people, JSON for programs."""

from __future__ import annotations

import json

from spend.spikes.skill import Skill
from spend.spikes.words import money
from store.money import usd


def as_json(skill: Skill) -> str:
    """One object; money is exact decimal strings, what cannot be said is null."""
    return json.dumps(
        {
            "seed": skill.seed,
            "nights": skill.nights,
            "series": skill.series,
            "tested": skill.tested,
            "flags": skill.flags,
            "false_flags_a_month": skill.false_flags_a_month,
            "false_flag_rate": skill.false_flag_rate,
            "sizes": [
                {
                    "percent_of_a_day": size.percent,
                    "spikes": size.spikes,
                    "flagged": size.flagged,
                    "recall": size.recall,
                    "hours_before_flag": size.hours,
                    "burnt_before_flag_usd": None if size.burnt is None else usd(size.burnt),
                }
                for size in skill.sizes
            ],
        },
        indent=2,
    )


def as_table(skill: Skill) -> str:
    """What was put in and what was found."""
    if not skill.tested:
        return "Not enough history to measure skill: nights need 7 days and 4 nights before them."
    lines = ["a spike of       put in  flagged  recall  median hours  and cost before the flag"]
    for size in skill.sizes:
        recall = "—" if size.recall is None else f"{size.recall:.0%}"
        hours = "—" if size.hours is None else f"{size.hours:g}"
        burnt = "—" if size.burnt is None else money(size.burnt)
        lines.append(
            f"{size.percent:>4} % of a day  {size.spikes:>6}  {size.flagged:>7}  {recall:>6}  {hours:>12}  {burnt:>24}"
        )
    series, nights = f"{skill.series} series", f"{skill.nights} nights"
    lines.append(f"{series}, {nights}, {skill.tested:,} tested: as it is, this history has {skill.flags} flags, ")
    lines[-1] += f"{skill.false_flags_a_month:.1f} a month, right or false."
    return "\n".join(lines)
