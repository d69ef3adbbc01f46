"""Input tokens of requests not yet sent: asked of the API, which is free, or told by hand. Never guessed from words."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from spend.filters import WrongQuestion
from usage_recorder.catalogue import Catalogue, Model
from usage_recorder.catalogue import Terms as _Terms
from usage_recorder.estimate import count
from usage_recorder.pricing import Tokens

KEY = "ANTHROPIC_API_KEY"
TOLD = "by hand"
_AT_ONCE = 8  # counts under way; the API allows 2,000 a minute and more


@dataclass(frozen=True, slots=True)
class Sized:
    """A request with its input tokens by tokenizer; under TOLD they were told, for whatever model."""

    request: Mapping[str, Any] = field(repr=False)  # holds a prompt: never into an error or a log
    tokens: Mapping[str, int]

    def tokens_of(self, model: Model | None) -> int | None:
        """The tokens a model makes of the prompt; None: not counted by its tokenizer."""
        if TOLD in self.tokens:
            return self.tokens[TOLD]
        return self.tokens.get(tokenizer_of(model, str(self.request["model"])))


def told(requests: tuple[Mapping[str, Any], ...], tokens: int) -> list[Sized]:
    """Requests of ``tokens`` input tokens each."""
    if tokens < 0:
        raise WrongQuestion(f"{tokens} tokens: a count is zero or more")
    return [Sized(request, {TOLD: tokens}) for request in requests]


def counted(
    requests: tuple[Mapping[str, Any], ...],
    client: Any,
    held: Catalogue,
    when: datetime,
    heard: Callable[[int], None] | None = None,
) -> list[Sized]:
    """Requests as the API counts them: each by its own model, and by one current model of every other tokenizer.

    ``heard`` is told how many are done. Raises WrongQuestion when the API refuses; where it refuses only a model that
    was not asked for, the counts of its tokenizer are left out.
    """
    others = _cheapest_by_tokenizer(held, when)

    def one(request: Mapping[str, Any]) -> Sized:
        own, _ = held.resolved(str(request["model"]))
        mine = tokenizer_of(own, str(request["model"]))
        tokens = {mine: _asked(client, request)}
        for tokenizer, model in others.items():
            if tokenizer != mine:
                try:
                    tokens[tokenizer] = _asked(client, {**request, "model": model})
                except WrongQuestion:
                    continue
        return Sized(request, tokens)

    sized: list[Sized] = []
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for done in threads.map(one, requests):
            sized.append(done)
            if heard:
                heard(len(sized))
    return sized


def tokenizer_of(model: Model | None, name: str) -> str:
    """The tokenizer of a model; one that is not known is its own."""
    return (model.tokenizer if model else None) or f"that of {name}"


def has_key() -> bool:
    """Is there a key to count with?"""
    return bool(os.environ.get(KEY))


def client_of_key() -> Any:
    """The SDK's client with the configured key. Raises WrongQuestion without one."""
    if not has_key():
        raise WrongQuestion(f"counting needs a key: set {KEY}, or tell the count with --tokens")
    from anthropic import Anthropic

    return Anthropic()


def refusal(error: Exception) -> str:
    """What the API's refusal was, without a word of the request or the key."""
    status, kind = getattr(error, "status_code", None), getattr(error, "type", None)
    if status is None:
        return f"the API could not be reached ({type(error).__name__})"
    advice = {401: f": is {KEY} right?", 404: ": may this key use that model?", 429: ": too many at once, try again"}
    return f"the API answered {status}{f' ({kind})' if kind else ''}{advice.get(status, '')}"


def _asked(client: Any, request: Mapping[str, Any]) -> int:
    from anthropic import AnthropicError

    try:
        return int(count(client, request).input_tokens)
    except (AnthropicError, TypeError, ValueError) as error:
        said = refusal(error) if isinstance(error, AnthropicError) else "it holds a field of a wrong kind"
        raise WrongQuestion(f"the request was not counted: {said}") from None


def _cheapest_by_tokenizer(held: Catalogue, when: datetime) -> dict[str, str]:
    """For every tokenizer in use the current model with the lowest price, which most keys can use."""
    priced = []
    for model in held.models.values():
        cost = held.cost(model.model, Tokens(uncached_input=1000), _Terms(when)).usd
        if model.tokenizer and model.is_current(when.date()) and cost is not None:
            priced.append((cost, model.tokenizer, model.model))
    return {tokenizer: model for _, tokenizer, model in sorted(priced, reverse=True)}
