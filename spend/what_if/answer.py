"""One joint scenario, replayed request by request: what it would have cost, what each lever saves, and what it left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from spend.filters import WrongQuestion
from spend.levers import LEVERS
from spend.levers.lever import Pulled, complete
from spend.what_if.cells import summed
from spend.what_if.limits import CASES, Limits
from spend.what_if.plan import Plan, Seen, Subset
from spend.what_if.replay import Replays
from spend.what_if.scene import Scene
from spend.what_if.shapley import shapley, subsets, whole

MOST_LEVERS = 8
MOST_AT_ONCE = 60  # as many targets can be told apart
_A_PASS = 8  # subsets: each has columns to group by


@dataclass(frozen=True, slots=True)
class Share:
    """What a lever saves of the joint saving, in pico-dollars; of a cap also how many of its answers it cuts."""

    pulled: Pulled
    saving: int
    cut_share: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A scenario's outcome in pico-dollars. ``saving`` is the middle case, between the scenario's range.

    ``unchanged`` counts requests that a lever is for and cannot change, by reason; a request may have several reasons.
    """

    baseline: int
    scenario: int
    saving_low: int
    saving_high: int
    requests: int
    unchanged: dict[str, int]
    levers: tuple[Share, ...]
    caveats: tuple[str, ...]

    @property
    def saving(self) -> int:
        return self.baseline - self.scenario


def in_order(levers: Sequence[Pulled]) -> list[Pulled]:
    """Levers complete, and in the order in which they act, whatever order they came in. Raises WrongQuestion."""
    if len(levers) > MOST_LEVERS:
        raise WrongQuestion(f"at most {MOST_LEVERS} levers at a time; these are {len(levers)}")
    for one in levers:
        if one.lever not in LEVERS:
            raise WrongQuestion(f"no lever {one.lever!r}; there are {', '.join(LEVERS)}")
    places = list(LEVERS)
    return sorted((complete(one, LEVERS) for one in levers), key=lambda one: (places.index(one.lever), repr(one)))


def what_if(scene: Scene, levers: Sequence[Pulled]) -> Answer:
    """The joint scenario of some levers over the scene's requests. Raises WrongQuestion."""
    pulled = in_order(levers)
    scene.prepare(pulled)
    numbers = list(range(1, len(pulled) + 1))
    joint = frozenset(numbers)
    cost, plan = _costs(scene, pulled, subsets(numbers))
    baseline = round(cost[frozenset()])
    scenario = round(cost[joint])
    shares = whole(shapley(numbers, cost), baseline - scenario)
    unchanged, cuts = _left(scene, plan, pulled)  # while its limits are in their table
    others = [round(_costs(scene, pulled, [joint], case)[0][joint]) for case in CASES[1:]] if _ranges(pulled) else []
    return Answer(
        baseline=baseline,
        scenario=scenario,
        saving_low=baseline - max([scenario, *others]),
        saving_high=baseline - min([scenario, *others]),
        requests=scene.requests,
        unchanged=unchanged,
        levers=tuple(Share(one, share, cuts.get(n)) for n, one, share in zip(numbers, pulled, shares, strict=True)),
        caveats=tuple(dict.fromkeys(LEVERS[one.lever].caveat for one in pulled)),
    )


def _ranges(pulled: Sequence[Pulled]) -> bool:
    """Is anything in the scenario only known to a range?"""
    return any(one.lever == "swap" and None in (one.value("tokenizer"), one.value("verbosity")) for one in pulled)


def joint_cost(scene: Scene, levers: Sequence[Pulled]) -> tuple[int, int]:
    """Baseline and joint scenario alone, as ``what_if`` has them, in a fraction of its time: for a hand on a slider."""
    limits, plan, sides = both_sides(scene, levers)
    # asked apart, the baseline is kept while a slider moves
    before, after = (round(summed(limits, plan, {frozenset(): side})[frozenset()]) for side in sides)
    return before, after


def savings_of_groups(scene: Scene, groups: Sequence[Sequence[Pulled]], subsets: Sequence[Sequence[int]]) -> list[int]:
    """What is saved, in pico-dollars, with some of these groups of levers pulled, which are told by their places.

    Few subsets at a time, in a pass over the requests that any of their levers is for. Raises WrongQuestion.
    """
    blocks = [subsets[first : first + _A_PASS] for first in range(0, len(subsets), _A_PASS)]
    return [saving for block in blocks for saving in _savings_of_block(scene, groups, block)]


def _savings_of_block(scene: Scene, groups: Sequence[Sequence[Pulled]], subsets: Sequence[Sequence[int]]) -> list[int]:
    order, used = list(LEVERS), {place for subset in subsets for place in subset}
    placed = sorted(
        ((complete(one, LEVERS), place) for place, group in enumerate(groups) if place in used for one in group),
        key=lambda pair: (order.index(pair[0].lever), pair[1]),
    )
    if len(placed) > MOST_AT_ONCE:
        raise WrongQuestion(f"at most {MOST_AT_ONCE} levers at once; these are {len(placed)}")
    wanted = [
        frozenset(number for number, (_, place) in enumerate(placed, start=1) if place in subset) for subset in subsets
    ]
    pulled = [one for one, _ in placed]
    scene.prepare(pulled)
    anybodys = " OR ".join(dict.fromkeys(f"({scene.member(one)})" for one in pulled)) or "false"
    with scene.part(anybodys) as (table, homes):
        limits = Limits(scene, pulled, CASES[0], homes)
        limits.write()
        plan = Plan(scene, pulled, limits, Replays(scene, limits), table=table)
        cost = summed(limits, plan, plan.rows(list(dict.fromkeys([frozenset(), *wanted]))))
    return [round(cost[frozenset()]) - round(cost[subset]) for subset in wanted]


def both_sides(scene: Scene, levers: Sequence[Pulled]) -> tuple[Limits, Plan, tuple[Seen, Seen]]:
    """The columns of requests as they were, and under all of some levers. Raises WrongQuestion."""
    pulled = in_order(levers)
    none, joint = frozenset[int](), frozenset(range(1, len(pulled) + 1))
    limits, plan, rows = _replayed(scene, pulled, [none, joint])
    return limits, plan, (rows[none], rows[joint])


def _replayed(
    scene: Scene, pulled: Sequence[Pulled], of: Sequence[Subset], case: str = "middle"
) -> tuple[Limits, Plan, dict[Subset, Seen]]:
    """The columns of requests under some subsets of levers, which are in order; ``CASES`` names the cases."""
    scene.prepare(pulled)
    limits = Limits(scene, pulled, case)
    limits.write()
    plan = Plan(scene, pulled, limits, Replays(scene, limits))
    return limits, plan, plan.rows(of)


def _costs(
    scene: Scene, pulled: Sequence[Pulled], of: Sequence[Subset], case: str = "middle"
) -> tuple[dict[Subset, Fraction], Plan]:
    limits, plan, rows = _replayed(scene, pulled, of, case)
    return summed(limits, plan, rows), plan


def _left(scene: Scene, plan: Plan, pulled: Sequence[Pulled]) -> tuple[dict[str, int], dict[int, Fraction]]:
    """Requests a lever is for and cannot change, by reason; and the share of answers that each cap cuts."""
    conditions = plan.reasons()
    without = [str(number) for number, home in scene.homes.items() if not scene.rates([home.kind])[home.kind]]
    conditions["unpriced"] = f"kind IN ({', '.join(without) or 'NULL'})"
    caps = {number: one for number, one in enumerate(pulled, start=1) if one.lever == "cap"}
    counts = [f"count(*) FILTER (first_part AND ({condition}))" for condition in conditions.values()]
    for number, one in caps.items():
        answers, output = f"first_part AND {plan.members[number]}", plan.before[number].output
        counts += [
            f"count(*) FILTER ({answers} AND {output} > {one.whole('max_output_tokens')})",
            f"count(*) FILTER ({answers} AND {output} > 0)",
        ]
    asked = ", ".join(f"{count} AS s{n}" for n, count in enumerate(counts))
    found = [int(column[0]) for column in plan.ask(asked).values()]
    unchanged = dict(zip(conditions, found, strict=False))
    unchanged["unpriced"] += scene.unpriced
    pairs = found[len(conditions) :]
    cuts = {number: Fraction(pairs[2 * n], pairs[2 * n + 1] or 1) for n, number in enumerate(caps)}
    return {reason: count for reason, count in unchanged.items() if count}, cuts
