"""What a lever is: its words and inputs, for whoever draws or asks for it, and the change it makes to a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Protocol

from spend.filters import WrongQuestion

Value = int | Fraction | str
WHOLE = Fraction(1)
LONGEST = Fraction(10**7)  # tokens: no prompt or answer is longer
NO_LETTERS = '""'  # a name without any, which is not the same as none
_SPECIAL = re.compile(r'[%,;="\x00-\x1f\x7f]')  # what would end a name in a lever's text, or a text among others
_CODE = re.compile("%(25|2C|3B|3D|22|[01][0-9A-F]|7F)")


@dataclass(frozen=True, slots=True)
class Input:
    """One thing a lever is told: its range and unit. A default of None is told by the lever's own words in ``hint``."""

    name: str
    label: str
    kind: str  # tokens | factor | choice | model
    unit: str = ""
    default: Value | None = None
    low: Fraction | None = None
    high: Fraction | None = None
    choices: tuple[str, ...] = ()
    required: bool = False
    hint: str = ""

    def read(self, text: str) -> Value:
        """A value from text: ``1.3``, ``1/1.3``, ``50000``. Raises WrongQuestion."""
        if self.kind == "model":
            return text
        if self.kind == "choice":
            if text not in self.choices:
                raise WrongQuestion(f"{self.name}={text}: choose one of {', '.join(self.choices)}")
            return text
        number = _number(self.name, text)
        if self.kind == "tokens" and number.denominator != 1:
            raise WrongQuestion(f"{self.name}={text}: write a whole number of tokens")
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            low, high = (None if end is None else _plain(end) for end in (self.low, self.high))
            ends = f"between {low} and {high}" if high else f"at least {low}"
            raise WrongQuestion(f"{self.name}={text}: it has to be {ends}")
        return int(number) if self.kind == "tokens" else number


def length(name: str, label: str, default: int) -> Input:
    """An input that is a number of tokens, from one up."""
    return Input(name, label, "tokens", "tokens", default, low=Fraction(1), high=LONGEST, required=True)


def _plain(number: Fraction) -> str:
    return f"{int(number):,}" if number.denominator == 1 else f"{float(number):g}"


def _number(name: str, text: str) -> Fraction:
    """A decimal or a quotient of two, exactly."""
    try:
        over, _, under = text.partition("/")
        if len(text) > 40 or "e" in text.lower():
            raise ValueError
        number = Fraction(over.replace("_", "")) / (Fraction(under) if under else 1)
    except (ValueError, ZeroDivisionError):
        raise WrongQuestion(f"{name}={text}: write a number, such as 1.3 or 1/1.3") from None
    if number.denominator > 10_000:
        raise WrongQuestion(f"{name}={text}: at most four decimals")
    return number


@dataclass(frozen=True, slots=True)
class Row:
    """The columns that hold a request at one point of the replay, by name.

    Tokens count in the tokenizer of the request's own model throughout; ``target`` is 0 for that model, else the
    number of the swap that moved it; ``batch`` is 1 once a lever made it part of a batch; ``cached`` says that its
    prefix is marked for caching, in the log or by a lever.
    """

    uncached: str = "uncached"
    read: str = "read"
    write_5m: str = "write_5m"
    write_1h: str = "write_1h"
    output: str = "output"
    target: str = "target"
    batch: str = "batch"
    cached: str = "cached"

    @property
    def prompt(self) -> str:
        return f"({self.uncached} + {self.read} + {self.write_5m} + {self.write_1h})"

    def with_(self, columns: Mapping[str, str]) -> Row:
        return replace(self, **columns)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a row's columns where ``when`` holds, and of which others it is said why not: (reason, which).

    Everything is an SQL expression; the first reason that holds counts.
    """

    columns: Mapping[str, str]
    when: str = "true"
    unless: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Pulled:
    """A lever as it is set: its inputs, the requests it is for (as in ``Filters.where``), and what share of those."""

    lever: str
    values: tuple[tuple[str, Value], ...] = ()
    where: tuple[tuple[str, str | None], ...] = ()
    share: Fraction = WHOLE

    def value(self, name: str) -> Value | None:
        return dict(self.values).get(name)

    def whole(self, name: str) -> int:
        """The value of an input that is a whole number."""
        value = self.value(name)
        assert isinstance(value, int)
        return value


@dataclass(frozen=True, slots=True)
class At:
    """Where in the replay a lever is pulled: its number, and the columns beside a row that it may look at.

    ``limits`` are columns that depend on the request's own model, place, speed, tier and date, by their names here;
    ``outcome`` is, for a lever that replays arrivals, the column that holds what came of it.
    """

    number: int
    limits: Mapping[str, str] = field(default_factory=dict)
    outcome: str = "NULL"


class Lever(Protocol):
    """A file of this folder has one of these, called LEVER."""

    @property
    def name(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def inputs(self) -> tuple[Input, ...]: ...

    @property
    def caveat(self) -> str: ...

    def change(self, row: Row, pulled: Pulled, at: At) -> Change:
        """What the lever does to a request that it is for."""


def pulled_from(text: str, levers: Mapping[str, Lever], dimensions: tuple[str, ...]) -> Pulled:
    """A lever as the command line gives it: ``swap:to=claude-haiku-4-5,feature=triage,share=0.5``.

    Raises WrongQuestion, saying what there is instead.
    """
    name, _, rest = text.partition(":")
    if name not in levers:
        raise WrongQuestion(f"no lever {name!r}; there are {', '.join(levers)}")
    inputs = {one.name: one for one in levers[name].inputs}
    values: dict[str, Value] = {}
    where: list[tuple[str, str | None]] = []
    share = WHOLE
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise WrongQuestion(f"{name}: {part!r} is not KEY=VALUE")
        key = _unescaped(key)
        if key in values:
            raise WrongQuestion(f"{name}: {key} is given twice")
        if key in inputs:
            values[key] = inputs[key].read(value)
        elif key == "share":
            share = SHARE.read(value)  # type: ignore[assignment]
        elif key in dimensions or key.startswith("tag:"):
            where.append((key, "" if value == NO_LETTERS else _unescaped(value) or None))
        else:
            known = ", ".join([*inputs, "share", *dimensions, "tag:NAME"])
            raise WrongQuestion(f"{name}: no {key!r}; there are {known}")
    return complete(Pulled(name, tuple(values.items()), tuple(where), share), levers)


def told(pulled: Pulled) -> str:
    """A lever as ``pulled_from`` takes it, whatever the names in it hold."""
    where = [f"{_escaped(name)}={_named(value)}" for name, value in pulled.where]
    share = [] if pulled.share == WHOLE else [f"share={pulled.share}"]
    parts = ",".join([*(f"{name}={value}" for name, value in pulled.values), *where, *share])
    return f"{pulled.lever}:{parts}" if parts else pulled.lever


def _named(value: str | None) -> str:
    return "" if value is None else _escaped(value) or NO_LETTERS


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"%{ord(found[0]):02X}", text)


def _unescaped(text: str) -> str:
    return _CODE.sub(lambda found: chr(int(found[1], 16)), text)


def complete(pulled: Pulled, levers: Mapping[str, Lever]) -> Pulled:
    """The same with defaults filled in, in the inputs' own order. Raises WrongQuestion for what has to be given."""
    given = dict(pulled.values)
    values: list[tuple[str, Value]] = []
    for one in levers[pulled.lever].inputs:
        value = given.get(one.name, one.default)
        if value is not None:
            values.append((one.name, value))
        elif one.required:
            raise WrongQuestion(f"{pulled.lever}: give {one.name}=, {one.label.lower()}")
    return replace(pulled, values=tuple(values), where=tuple(sorted(pulled.where, key=repr)))


SHARE = Input("share", "Share of these requests", "factor", default=WHOLE, low=Fraction(0), high=WHOLE)
