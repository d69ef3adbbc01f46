"""Names from logs are hostile text: made safe for each place they are shown in."""

from __future__ import annotations

import html
import re
import unicodedata

NOT_LOGGED = "(not logged)"
EMPTY = "(empty)"
_MARKDOWN = frozenset("\\`*_{}[]()#+-.!|><~$:&@/")
_ADDRESS = re.compile(r"www|:|@", re.IGNORECASE)  # bare addresses become links even when escaped: a joiner parts them
_JOINER = "\N{WORD JOINER}"
_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def to_url(name: str | None) -> str:
    """A name as an option or a query parameter; None, "" and names spelled like their stand-ins stay apart."""
    if not name:
        return NOT_LOGGED if name is None else EMPTY
    return f"\\{name}" if name.lstrip("\\") in (NOT_LOGGED, EMPTY) else name


def from_url(value: str) -> str | None:
    """The name `to_url` was given."""
    if value in (NOT_LOGGED, EMPTY):
        return None if value == NOT_LOGGED else ""
    return value[1:] if value.startswith("\\") and value.lstrip("\\") in (NOT_LOGGED, EMPTY) else value


def shown(name: str | None) -> str:
    """A name on one line, without invisible letters, never blank."""
    line = "".join(" " if unicodedata.category(letter) in _INVISIBLE else letter for letter in to_url(name))
    return line if line.strip() else EMPTY


def short(name: str | None, length: int = 28) -> str:
    """A name cut in its middle to ``length`` letters: ids differ at both ends."""
    line = shown(name)
    if len(line) <= length:
        return line
    head = (length - 1) * 2 // 3
    return f"{line[:head]}…{line[head + 1 - length :]}"


def markdown(text: str) -> str:
    """Text that Markdown shows as it is: no link, colour, icon, formula or list comes of it."""
    escaped = "".join(f"\\{letter}" if letter in _MARKDOWN else letter for letter in " ".join(text.split()))
    return _ADDRESS.sub(lambda found: f"{found[0]}{_JOINER}", escaped)


def button(text: str) -> str:
    """Text for a button in a table: a leading icon code stays text."""
    return f":{_JOINER}{text[1:]}" if text.startswith(":") else text


def plotly(text: str) -> str:
    """Text that a Plotly label shows as it is: Plotly makes links and line breaks of tags."""
    return html.escape(text, quote=False)


def csv_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
