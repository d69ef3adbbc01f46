"""The three dimensions with a page of their own, and what each calls its things."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A dimension, its page's title, one of it in words, and the dimensions shown inside one of it."""

    dimension: str
    title: str
    one: str
    inside: tuple[str, str]


FEATURES = Kind("feature", "Features", "feature", ("model", "user"))
MODELS = Kind("model", "Models", "model", ("feature", "user"))
USERS = Kind("user", "Users", "user", ("feature", "model"))
KINDS = {kind.dimension: kind for kind in (FEATURES, MODELS, USERS)}
