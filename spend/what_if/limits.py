"""What levers may look at beside a request's tokens: limits of the models and prices, by kind of request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, lcm

from spend.coverage import nearest_model
from spend.filters import WrongQuestion
from spend.levers.lever import Pulled, Row
from spend.levers.swap import TOKENIZER, VERBOSITY
from spend.what_if.homes import NOBODY, Home, ListedModel
from spend.what_if.scene import Scene
from spend.what_if.unit_prices import Band, Kind

NEWER = "from 4.7"
NO_LIMIT = 9_000_000_000_000_000_000
CACHED = ("uncached", "read", "write_5m", "write_1h")
WRITE = {"5m": CACHED.index("write_5m"), "1h": CACHED.index("write_1h")}  # where its price stands among ``own_rates``
CASES = ("middle", "low", "high")  # of the saving


@dataclass(frozen=True, slots=True)
class Moved:
    """A kind of request under a model: the price kinds, and how many tokens there a token here is."""

    kind: Kind
    prompt: Fraction = Fraction(1)
    output: Fraction = Fraction(1)

    @property
    def batched(self) -> Kind:
        return self.kind._replace(service_tier="batch")


class Limits:
    """By kind of request and target (0: as it is, else the number of a swap), in one case of the scenario."""

    def __init__(
        self, scene: Scene, pulled: Sequence[Pulled], case: str, homes: Mapping[int, Home] | None = None
    ) -> None:
        """``homes`` are the kinds of request that are looked at, where they are not all of the scene's."""
        self.scene = scene
        self.homes = (scene.homes if homes is None else homes) or {0: NOBODY}  # its table has columns for nobody too
        self.swaps = {number: one for number, one in enumerate(pulled, start=1) if one.lever == "swap"}
        for one in self.swaps.values():
            self._check(one)
        self.columns: dict[str, list[int | bool]] = {}
        self.moved: dict[tuple[int, int], Moved] = {}
        for number, home in self.homes.items():
            self.moved[number, 0] = Moved(home.kind)
            for target, one in self.swaps.items():
                prompt, verbosity = factors(one, home.kind.model, scene.models, case)
                kind = home.kind._replace(model=str(one.value("to")))
                self.moved[number, target] = Moved(kind, prompt, prompt * verbosity)
        kinds = {kind for moved in self.moved.values() for kind in (moved.kind, moved.batched)}
        self.rates: Mapping[Kind, tuple[Band, ...]] = scene.rates(sorted(kinds, key=repr))
        self.bands = 1 + max(
            (
                sum(band.over < self.homes[number].longest * moved.prompt for band in self.rates[moved.kind][1:])
                for (number, _), moved in self.moved.items()
            ),
            default=0,
        )
        reasons = ("over_context_window", "over_max_output")
        self._reached = {(target, reason): self._reaches(target, reason) for target in self.swaps for reason in reasons}

    @property
    def targets(self) -> tuple[int, ...]:
        return (0, *self.swaps)

    def too_long(self, target: int, row: Row) -> dict[str, str]:
        """The conditions that a request does not fit a swap's model, by reason; "false" where all of them do."""
        length = f"{row.prompt} * prompt_weight_{target} + {row.output} * output_weight_{target}"
        conditions = {
            "over_context_window": f"{length} > context_{target}",
            "over_max_output": f"{row.output} * output_weight_{target} > max_output_{target}",
        }
        return {reason: which if self._reached[target, reason] else "false" for reason, which in conditions.items()}

    def _reaches(self, target: int, reason: str) -> bool:
        """Does the longest request of any kind go over a limit? Levers before a swap only make them shorter."""
        for number, home in self.homes.items():
            moved = self.moved[number, target]
            model = self.scene.models.get(moved.kind.model or "")
            length = home.longest * moved.prompt if reason == "over_context_window" else Fraction(0)
            limit = model and (model.context_window if length else model.max_output_tokens)
            if self._leaves(self.swaps[target], home) and limit and length + home.most * moved.output > limit:
                return True
        return False

    def write(self, table: str = "what_if_limit") -> None:
        """The table of limits, a row for each kind of request."""
        self.columns = {"kind": list(self.homes), **self._columns()}
        self.scene.write(table, list(self.columns), list(zip(*self.columns.values(), strict=True)))

    def own_rates(self, kind: int, band: int) -> tuple[int, ...]:
        """What prompt tokens of a kind of request cost as it is: uncached, read, written for 5 minutes, for an hour."""
        bands = self.rates[self.moved[kind, 0].kind]
        return tuple(rate or 0 for rate in bands[band].rates[:4]) if bands else (0, 0, 0, 0)

    def values(self, names: set[str]) -> tuple[tuple[int | bool, ...], ...]:
        """The limits among some names."""
        return tuple(tuple(values) for name, values in self.columns.items() if name in names)

    def write_rates(self, table: str) -> None:
        """What a prompt's token costs by kind of request, target and band: pico-dollars, to choose by."""
        rows = [
            (number, target, place, *(int((rate or 0) * moved.prompt) for rate in band.rates[:4]))
            for (number, target), moved in self.moved.items()
            for place, band in enumerate(self.rates[moved.kind])
        ]
        self.scene.write(table, ("kind", "target", "band", *CACHED), rows)

    def by_target(self, name: str, target: str) -> str:
        """The column of a limit that depends on the model a request is under, as an expression."""
        cases = "".join(f" WHEN {number} THEN {name}_{number}" for number in self.swaps)
        return f"CASE {target}{cases} ELSE {name}_0 END" if cases else f"{name}_0"

    def _columns(self) -> dict[str, list[int | bool]]:
        homes = self.homes
        columns: dict[str, list[int | bool]] = {
            "fast": [home.kind.speed == "fast" for home in homes.values()],
            "batched": [home.kind.service_tier == "batch" for home in homes.values()],
        }
        places: dict[tuple[object, ...], int] = {}
        for target in self.targets:
            of: list[dict[str, int | bool]] = []
            for number, home in homes.items():
                moved = self.moved[number, target]
                place = places.setdefault((moved.kind.model, *home.place), len(places))
                of.append({"place": place, **self._limits(moved)})
            for name in of[0]:
                columns[f"{name}_{target}"] = [limits[name] for limits in of]
        for target, one in self.swaps.items():
            columns[f"from_{target}"] = [self._leaves(one, home) for home in homes.values()]
        return columns

    def _limits(self, moved: Moved) -> dict[str, int | bool]:
        bands, batch = self.rates[moved.kind], self.rates[moved.batched]
        model = self.scene.models.get(moved.kind.model or "", ListedModel(None, None, None, None))
        common = lcm(moved.prompt.denominator, moved.output.denominator)
        prompt, output = int(moved.prompt * common), int(moved.output * common)
        starts = [floor(band.over / moved.prompt) for band in bands[1 : self.bands]]
        starts += [NO_LIMIT] * (self.bands - 1 - len(starts))
        minimum = model.min_cacheable_tokens
        caches = minimum is not None and bool(bands) and all(band.complete for band in bands)
        return {
            "priced": bool(bands) and all(band.complete for band in bands),
            "batches": bool(batch) and all(band.complete for band in batch),
            "caches": caches,
            "min_prefix": ceil(minimum / moved.prompt) if minimum is not None and caches else NO_LIMIT,
            "min_kept": ceil(minimum / moved.prompt) if minimum is not None else 0,
            "prompt_weight": prompt,
            "output_weight": output,
            "context": _at_most(model.context_window, common),
            "max_output": _at_most(model.max_output_tokens, common),
            **{f"band_{number}": start for number, start in enumerate(starts, start=1)},
        }

    def _leaves(self, one: Pulled, home: Home) -> bool:
        """Is the swap for requests of this kind? What has no price as it is stays without one."""
        moves = home.kind.model != one.value("to") and one.value("from") in (None, home.kind.model)
        return moves and bool(self.rates[home.kind])

    def _check(self, one: Pulled) -> None:
        for name in ("from", "to"):
            model = one.value(name)
            if model is not None and model not in self.scene.models:
                near = nearest_model(str(model), self.scene.models)
                raise WrongQuestion(f"swap: no model {model!r}" + (f"; did you mean {near}?" if near else ""))
        if one.value("from") == one.value("to"):
            raise WrongQuestion("swap: from and to are the same model")


def _at_most(limit: int | None, common: int) -> int:
    return NO_LIMIT if limit is None else limit * common


def factors(one: Pulled, model: str | None, models: Mapping[str, ListedModel], case: str) -> tuple[Fraction, Fraction]:
    """How many tokens a prompt's token becomes under the swap's model, and how much longer answers are, in a case.

    What was given is taken as known; otherwise low is the dearest and high the cheapest of the range.
    """
    choose: Mapping[str, Callable[[Sequence[Fraction]], Fraction]] = {
        "middle": lambda values: sorted(values)[1], "low": max, "high": min,
    }  # fmt: skip
    tokenizer, verbosity = one.value("tokenizer"), one.value("verbosity")
    target, own = models.get(str(one.value("to"))), models.get(model or "")
    steps = int(target is not None and target.tokenizer == NEWER) - int(own is not None and own.tokenizer == NEWER)
    by_generation = tuple(value**steps for value in TOKENIZER)
    return (
        tokenizer if isinstance(tokenizer, Fraction) else choose[case](by_generation),
        verbosity if isinstance(verbosity, Fraction) else choose[case](VERBOSITY),
    )
