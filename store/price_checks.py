"""Reads a price file field by field; a wrong one is refused with file, table, field, what was found, what to do."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches

PICOS_PER_USD_A_MILLION = 1_000_000  # 1 USD per million tokens is a million pico-dollars a token
HIGHEST_USD = 1_000  # of a million tokens: keeps the cost of the largest request inside 64 bits


class PriceListError(ValueError):
    """A price file that cannot be used. ``table`` is the TOML table, ``field`` its key (None: the table as a whole)."""

    def __init__(self, *, file: str, table: str, field: str | None, found: object, advice: str) -> None:
        self.file = file
        self.table = table
        self.field = field
        self.found = found
        self.advice = advice
        place = ", ".join(part for part in (file, table, field) if part)
        super().__init__(f"{place}: found {_shown(found)}. {advice}")


@dataclass(frozen=True, slots=True)
class Table:
    """One TOML table with the place it came from. Every getter raises ``PriceListError``."""

    file: str
    name: str
    values: Mapping[str, object]

    def wrong(self, field: str | None, advice: str, found: object = None) -> PriceListError:
        found = self.values.get(field) if field is not None and found is None else found
        return PriceListError(file=self.file, table=self.name, field=field, found=found, advice=advice)

    def only(self, allowed: Collection[str]) -> Table:
        for key in self.values:
            if key not in allowed:
                raise self.wrong(key, f"No such key here. {nearest(key, allowed)}", found=key)
        return self

    def text(self, field: str) -> str:
        found = self.maybe_text(field)
        if found is None:
            raise self.wrong(field, f"Add {field}: it is needed here.")
        return found

    def maybe_text(self, field: str) -> str | None:
        found = self.values.get(field)
        if found is None or (isinstance(found, str) and found.strip()):
            return found
        raise self.wrong(field, "Write text in quotation marks.")

    def choice(self, field: str, allowed: Collection[str], default: str | None = None) -> str:
        found = self.text(field) if default is None else self.maybe_text(field) or default
        if found not in allowed:
            raise self.wrong(field, nearest(found, allowed))
        return found

    def texts(self, field: str) -> tuple[str, ...]:
        found = self.values.get(field, [])
        if not isinstance(found, list) or not all(isinstance(one, str) and one.strip() for one in found):
            raise self.wrong(field, 'Write a list of texts: ["one", "two"].')
        return tuple(found)

    def day(self, field: str) -> date:
        found = self.maybe_day(field)
        if found is None:
            raise self.wrong(field, "Add the day, as 2026-11-20: it is needed here.")
        return found

    def maybe_day(self, field: str) -> date | None:
        found = self.values.get(field)
        if found is None or (isinstance(found, date) and not isinstance(found, datetime)):
            return found
        raise self.wrong(field, "Write a day without quotation marks and without a time: 2026-11-20.")

    def maybe_count(self, field: str) -> int | None:
        found = self.values.get(field)
        if found is None or (isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 10**12):
            return found
        raise self.wrong(field, "Write a whole number of tokens: 200_000.")

    def count(self, field: str) -> int:
        found = self.maybe_count(field)
        if found is None:
            raise self.wrong(field, "Add a whole number of tokens: it is needed here.")
        return found

    def maybe_picos(self, field: str) -> int | None:
        """USD per million tokens, as written, in pico-dollars a token. None: the key is absent."""
        if field not in self.values:
            return None
        picos = self.millionths(field)
        if picos > HIGHEST_USD * PICOS_PER_USD_A_MILLION:
            raise self.wrong(field, f"Prices are USD per million tokens; more than {HIGHEST_USD} is not one.")
        return picos

    def millionths(self, field: str) -> int:
        """A decimal string as whole millionths."""
        found = self.values.get(field)
        if isinstance(found, bool) or not isinstance(found, str):
            raise self.wrong(field, 'Write decimals in quotation marks, "0.30": a bare number is not exact.')
        if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,18})?", found):
            raise self.wrong(field, 'Write a decimal of zero or more, "0.30".')
        whole, _, part = found.partition(".")
        part = part.rstrip("0")
        if len(part) > 6:
            raise self.wrong(field, "Use six decimals at most: a token cannot cost part of a pico-dollar.")
        return int(whole) * 1_000_000 + int(part.ljust(6, "0"))

    def multiplier(self, field: str, parts: int) -> int:
        """A decimal factor as a whole number of ``parts``: "1.1" in twentieths is 22."""
        counted, rest = divmod(self.millionths(field) * parts, 1_000_000)
        if rest or not 0 < counted <= 2 * parts:
            raise self.wrong(field, f"Use a multiple of 1/{parts} up to 2: other factors cannot be kept exactly.")
        return counted

    def table(self, field: str) -> Table:
        found = self.values.get(field, {})
        if not isinstance(found, dict):
            raise self.wrong(field, f"Make it a table: [{field}].")
        return Table(self.file, self._below(field), found)

    def tables(self, field: str) -> tuple[Table, ...]:
        """An array of tables; empty when the key is absent."""
        found = self.values.get(field, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise self.wrong(field, f"Make it a list of tables: [[{self._below(field)}]].")
        return tuple(Table(self.file, f"{self._below(field)} {at}", one) for at, one in enumerate(found, start=1))

    def named_tables(self, field: str) -> dict[str, Table]:
        """Tables by name: [models.claude-haiku-4-5] and so on."""
        outer = self.table(field)
        return {name: outer.table(name) for name in outer.values}

    def _below(self, field: str) -> str:
        return f"{self.name}.{field}" if self.name else field


def nearest(found: str, allowed: Collection[str]) -> str:
    """A sentence that names the valid key most like the one found, else all of them."""
    close = get_close_matches(found, allowed, n=1)
    return f"Did you mean {close[0]}?" if close else f"Use one of: {', '.join(sorted(allowed))}."


def _shown(found: object) -> str:
    if found is None:
        return "nothing"
    if isinstance(found, dict | list):
        return "a table" if isinstance(found, dict) else "a list"
    text = f'"{found}"' if isinstance(found, str) else str(found)
    return text if len(text) <= 80 else text[:79] + "…"
