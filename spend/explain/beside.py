"""What was billed in some hours, summed up: to hold what happened beside the usual."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spend.explain.why import Use


@dataclass(frozen=True)
class Billed:
    """Billed calls, their tokens (uncached, read, written for 5 minutes and for an hour, output) and cost.

    Of a usual night they are fractions, cost too, in pico-dollars. ``models`` has each one's calls, most first.
    """

    calls: float
    tokens: tuple[float, ...]
    cost: float
    models: tuple[tuple[str | None, float], ...]

    @property
    def prompt(self) -> float:
        """Tokens sent, cached or not."""
        return sum(self.tokens[:4])

    @property
    def read(self) -> float:
        """Tokens read from the cache."""
        return self.tokens[1]

    @property
    def read_share(self) -> float | None:
        """How much of the prompts was read from the cache; None without any."""
        return self.read / self.prompt if self.prompt else None

    @property
    def prompt_each(self) -> float | None:
        """Prompt tokens a call; None without calls."""
        return self.prompt / self.calls if self.calls else None

    @property
    def output_each(self) -> float | None:
        """Output tokens a call; None without calls."""
        return self.tokens[4] / self.calls if self.calls else None


def billed(uses: Iterable[Use]) -> Billed:
    """The sum of what features were used for."""
    of_each = [(model, one) for use in uses for model, one in use.items()]
    models: dict[str | None, float] = {}
    for model, one in of_each:
        models[model] = models.get(model, 0.0) + one.requests
    return Billed(
        calls=sum(one.requests for _, one in of_each),
        tokens=tuple(sum(one.tokens[n] for _, one in of_each) for n in range(5)),
        cost=sum(one.cost for _, one in of_each),
        models=tuple(sorted(models.items(), key=lambda pair: -pair[1])),
    )
