"""The usage details of a Langfuse observation, made disjoint: names and meanings differ by who wrote them down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ingest import fields
from ingest.formats.names import Row
from ingest.formats.reading import Counted
from ingest.record import Part

INPUT = ("input", "input_tokens", "prompt_tokens", "promptTokens")
OUTPUT = ("output", "output_tokens", "completion_tokens", "completionTokens")
READ = ("input_cached_tokens", "cache_read_input_tokens", "input_cache_read", "input_cached", "cache_read_tokens")
REST = ("input_cache_creation", "input_cache_write")  # what is left when 5 minutes and 1 hour have names of their own
WHOLE = ("cache_creation_input_tokens", "cache_creation_tokens", "cache_write_tokens")  # with these two in it
WRITE_5M = (
    "input_cache_creation_5m",
    "cache_creation_ephemeral_5m_input_tokens",
    "input_ephemeral_5m_input_tokens",
)
WRITE_1H = tuple(name.replace("5m", "1h") for name in WRITE_5M)
REASONING = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens")
SEARCHES = ("web_search_requests",)
# the log's own total before the one Langfuse makes by adding up every count it was given
TOTAL = ("total_tokens", "totalTokens", "total")
KNOWN = frozenset((*INPUT, *OUTPUT, *READ, *REST, *WHOLE, *WRITE_5M, *WRITE_1H, *REASONING, *TOTAL))

CACHE_INSIDE = "the total beside the counts says that the input holds cached tokens; they were taken out of it"
CACHE_OUTSIDE = "the total leaves the cached tokens out, but they are more than the input, which does not hold them"
MIXED = (
    "the log has both inputs that must be without their cached tokens and, by the total, inputs with them;"
    " if it writes all the same way, the input of these is too small"
)
REASONING_INSIDE = "the total says that the output holds the reasoning tokens; they were not added to it"
NO_TOTAL = "no total beside the counts; the reasoning tokens were taken to stand beside the output, and added to it"
CONTRADICTION = (
    "the counts contradict each other or their total, so that it cannot be told what the input holds;"
    " it was taken as unknown"
)
NO_COUNTS = "input or output is not counted; it was taken as unknown"
EMPTIED = (
    "the input is 0 beside cached tokens; if Langfuse took these out of an input that did not hold them,"
    " the rest of it is lost"
)
MAY_HOLD = (
    "wherever there are cached tokens the input is at least as large; it may hold them, and they may be counted twice"
)
ENOUGH = 10  # requests with cached tokens before that is said


class _Counts(NamedTuple):
    given: int | None
    output: int | None
    read: int
    write_5m: int
    write_1h: int
    reasoning: int | None
    searches: int
    total: int | None
    others: int  # what has names unknown here
    everything: int  # every count as it is written, totals aside
    contradict: bool

    @property
    def cached(self) -> int:
        return self.read + self.written

    @property
    def written(self) -> int:
        return self.write_5m + self.write_1h


class UsageDetails:
    """Reads the usage details of one file's observations; ``findings`` are what was noticed."""

    def __init__(self) -> None:
        self.findings = Counted()
        self._cached = 0
        self._large = 0

    def part(self, details: Row, model: str | None, *, path: str, failed: bool, embedding: bool) -> Part:
        """The part of an observation. ``path`` is where the details stand. Raises ``Rejected`` for a bad count."""
        counts = _counts(details, path)
        if not counts.everything and not counts.total:
            if not failed:
                self.findings.add(NO_COUNTS)
            return Part(model, *((0, 0) if failed else (None, None)))
        if counts.output is None and (embedding or failed):
            counts = counts._replace(output=0)
        if counts.given is None or counts.output is None:
            self.findings.add(NO_COUNTS)
            uncached, output = counts.given, counts.output
        else:
            uncached, output = self._meaning(counts, counts.given, counts.output)
        cache = (counts.read, counts.write_5m, counts.write_1h)
        return Part(model, uncached, output, *cache, counts.reasoning, counts.searches)

    def _meaning(self, counts: _Counts, given: int, output: int) -> tuple[int | None, int | None]:
        """Uncached input and whole output in the one way the total allows; ``None`` where that is none or several."""
        reasoning = counts.reasoning or 0
        beside = given + counts.cached + output + reasoning
        if not counts.contradict:
            if counts.total in (None, beside, beside + counts.others, counts.everything):
                self._notice(counts, given)
                return given, output + reasoning
            ways = _ways(counts, given, output)
            if len(ways) == 1:
                [(uncached, whole)] = ways
                if counts.cached:
                    self.findings.add(CACHE_INSIDE if uncached < given else CACHE_OUTSIDE)
                if reasoning and whole == output:
                    self.findings.add(REASONING_INSIDE)
                return uncached, whole
        self.findings.add(CONTRADICTION)
        return None, None if reasoning else output

    def _notice(self, counts: _Counts, given: int) -> None:
        if counts.reasoning and counts.total is None:
            self.findings.add(NO_TOTAL)
        if counts.cached:
            self._cached += 1
            self._large += given >= counts.cached
            if given == 0:
                self.findings.add(EMPTIED)

    def sentences(self) -> list[str]:
        """What was noticed, and what the file as a whole makes doubtful."""
        known = self.findings.counts
        if CACHE_INSIDE in known and CACHE_OUTSIDE in known:
            known[MIXED] = known[CACHE_INSIDE]
        if self._large == self._cached >= ENOUGH:
            known[MAY_HOLD] = self._cached
        return self.findings.sentences()


def _ways(counts: _Counts, given: int, output: int) -> set[tuple[int, int]]:
    """(uncached input, whole output) of every way to count that gives the total, other than all side by side."""
    ways = set()
    reasoning = counts.reasoning or 0
    for added in {0, reasoning}:
        if reasoning - added > output:
            continue
        for inside in {0, counts.read, counts.written, counts.cached}:
            sums = [given + counts.cached - inside + output + added]
            if inside == 0 and given < counts.cached:
                sums.append(given + output + added)
            if inside <= given and counts.total in (*sums, *(one + counts.others for one in sums)):
                ways.add((given - inside, output + added))
    return ways


def _counts(details: Row, path: str) -> _Counts:
    """The counts by class. Two names for one class are a contradiction, unless one of them counts nothing."""
    classes = (INPUT, OUTPUT, READ, REST, WHOLE, WRITE_5M, WRITE_1H, REASONING)
    found = [_named(details, names, path) for names in classes]
    given, output, read, rest, whole, write_5m, write_1h, reasoning = (max(one, default=None) for one in found)
    twice = any(sum(count > 0 for count in one) > 1 for one in found)
    short, long = write_5m or 0, write_1h or 0
    split = short + long
    if whole:
        twice = twice or bool(rest) or split > whole
        short += max(whole - split, 0)
    elif rest:
        twice = twice or rest == split
        short += 0 if rest == split else rest
    others = sum(_plain(value) for name, value in details.items() if name not in KNOWN)
    total = next(iter(_named(details, TOTAL, path)), None)
    searches = max(_named(details, SEARCHES, path), default=0)
    everything = sum(map(sum, found)) + others
    return _Counts(given, output, read or 0, short, long, reasoning, searches, total, others, everything, twice)


def _named(details: Mapping[str, object], names: Sequence[str], path: str) -> list[int]:
    """The counts there are under some names."""
    at = f"{path}." if path else ""
    return [
        fields.tokens(details[name], f"{at}{name}", digits=True)
        for name in names
        if details.get(name) is not None and details[name] != ""
    ]


def _plain(value: object) -> int:
    """A count of a name unknown here; 0 for what is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        return int(value)
    return value if type(value) is int and value > 0 else 0
