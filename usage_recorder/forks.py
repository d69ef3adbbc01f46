"""What must be done around a fork, for as long as its object lives."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    """Something with locks, threads or files."""

    def before_fork(self) -> None:
        """In the parent: writes what is due."""

    def after_fork(self) -> None:
        """In the child: starts anew, without what is the parent's to write."""


_known: WeakSet[Forked] = WeakSet()


def follow_forks(one: Forked) -> None:
    """Has its two methods called around every fork."""
    _known.add(one)


def _before() -> None:
    for one in list(_known):
        one.before_fork()


def _after() -> None:
    for one in list(_known):
        one.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_child=_after)
