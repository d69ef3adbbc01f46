"""The corpus of bad input: the cases in the TOML files beside this one, each made into a log file of its own.

A file says the format it is about, a ``good`` line of it (or the lines that make one request), and its cases. A case is

- ``line``: what stands between two good lines, or ``instead``: what in such a line is replaced by what, in pairs;
- or ``file``: the whole file, in which GOOD stands for a good line, or ``base64``: the same in bytes.

ID becomes a name of the line's own, ``<<3 ab>>`` ababab, and ``\\xff`` that byte. Then the text is encoded
(``encoding``) and goes through each step of ``then``: gzip, zstd, cut N (bytes off the end), keep N, add HEX, put HEX
(in front). ``as_format`` is what the user says it is.

Expected are ``requests``, ``duplicates``, ``ignored`` and ``rejected``: of a line what it adds to the good ones, of a
file all. A rejected line is [line, field or "", reason, found]. ``findings`` are what is said of the file, and
``reads`` columns of the row that the bad line became all the same. ``one_by_one`` says what is different where lines
are not read in bulk, but each on its own.
"""

from __future__ import annotations

import base64
import gzip
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

HERE = Path(__file__).parent
SECRET = "the secret prompt"  # stands in the corpus where prompts and answers may stand, and nowhere else
REPEATED = re.compile(r"<<(\d+) (.*?)>>", re.DOTALL)
BYTE = re.compile(rb"\\x([0-9a-f]{2})")
INPUT = {"name", "line", "instead", "file", "base64", "encoding", "then", "format", "as_format"}
EXPECTED = {"requests", "duplicates", "ignored", "rejected", "findings", "reads", "one_by_one"}

Table = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One bad input: the file it makes, the good lines around it, and what is expected of the file."""

    name: str
    group: str
    file: str
    content: bytes
    format: str | None
    as_format: str | None
    around: int
    expected: Table

    def counts(self, said: Table) -> tuple[int, int, int]:
        """Requests, duplicates and ignored lines of the whole file, the good ones around the bad one too."""
        requests, duplicates, ignored = (said.get(name, 0) for name in ("requests", "duplicates", "ignored"))
        return requests + self.around, duplicates, ignored + self.around * said["good_ignored"]


def groups() -> list[str]:
    """The corpus's files, by name."""
    return sorted(path.stem for path in HERE.glob("*.toml"))


@cache
def cases(group: str) -> tuple[Case, ...]:
    """The cases of one of the corpus's files."""
    about = tomllib.loads((HERE / f"{group}.toml").read_text(encoding="utf-8"))
    return tuple(_case(group, number, about, case) for number, case in enumerate(about["case"], start=1))


def good_line(group: str, name: str) -> str:
    """The good line of one of the corpus's files, for a request of this name."""
    about = tomllib.loads((HERE / f"{group}.toml").read_text(encoding="utf-8"))
    return str(about["good"]).replace("ID", name)


def _case(group: str, number: int, about: Table, case: Table) -> Case:
    unknown = case.keys() - INPUT - EXPECTED
    assert not unknown, f"{case['name']}: {unknown}"
    prefix = f"{group}-{number}-"
    content = base64.b64decode(case["base64"]) if "base64" in case else _encoded(_text(prefix, about, case), case)
    for step in case.get("then", ()):
        content = _changed(content, *step.split())
    return Case(
        name=case["name"],
        group=group,
        file=prefix + ("log.jsonl.gz" if content[:2] == b"\x1f\x8b" else "log.jsonl"),
        content=content,
        format=case.get("format", about.get("format")) or None,
        as_format=case.get("as_format"),
        around=0 if case.keys() & {"file", "base64"} else 2,
        expected={"good_ignored": about.get("good_ignored", 0)} | {n: v for n, v in case.items() if n in EXPECTED},
    )


def _text(prefix: str, about: Table, case: Table) -> str:
    good = about.get("good", "")
    if "file" in case:
        pieces = case["file"].split("GOOD")
        good_lines = [good.replace("ID", f"{prefix}good{n}") for n in range(1, len(pieces))]
        text = pieces[0] + "".join(line + piece for line, piece in zip(good_lines, pieces[1:], strict=True))
    else:
        before, after = (good.replace("ID", f"{prefix}good{n}") for n in (1, 2))
        text = "\n".join([before, case["line"] if "line" in case else _spoilt(good, case["instead"]), after, ""])
    text = text.replace("ID", f"{prefix}bad")
    return REPEATED.sub(lambda found: found[2] * int(found[1]), text)


def _spoilt(good: str, pairs: list[str]) -> str:
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert good.count(old) == 1, f"{old} stands {good.count(old)} times in {good}"
        good = good.replace(old, new)
    return good


def _encoded(text: str, case: Table) -> bytes:
    return BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode(case.get("encoding", "utf-8")))


def _changed(content: bytes, step: str, by: str = "") -> bytes:
    match step:
        case "gzip":
            return gzip.compress(content, mtime=0)
        case "zstd":
            return bytes(pa.Codec("zstd").compress(content))
        case "cut":
            return content[: -int(by)]
        case "keep":
            return content[: int(by)]
        case "add":
            return content + bytes.fromhex(by)
        case "put":
            return bytes.fromhex(by) + content
    raise AssertionError(f"no such step: {step}")
