"""A first look at a whole file of spans: which tell of one request again, and which scopes contradict themselves."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

from ingest.documents import read_documents
from ingest.formats.otlp_emitters import overstates
from ingest.formats.otlp_span import PLATFORM, Span
from ingest.formats.otlp_usage import contradicts, counts_of
from ingest.formats.otlp_values import entries
from ingest.record import Rejected

Scope = tuple[str, str]

USED, FAILED, OWN_ID, SUM = 1, 2, 4, 8
MAX_PASSES = 64  # over spans in no order at all; two do where the spans of a trace stand in their order


class Survey:
    """What a first pass over a file's spans tells; 17 bytes a span, and some for each that has tokens.

    Spans of one request lie inside each other: a framework's around the SDK's around the API's. Those without an id the
    API gave are known by their place alone.
    """

    def __init__(self) -> None:
        self._keys = array("q")
        self._parents = array("q")
        self._flags = bytearray()
        self._contradicting: set[Scope] = set()
        self._told_by_anthropic: set[int] = set()
        self._around_used: frozenset[int] = frozenset()
        self._around_failed: frozenset[int] = frozenset()
        self._inside: frozenset[int] = frozenset()

    @classmethod
    def of(cls, path: Path) -> Survey:
        """The survey of a file; an empty one if there is no file."""
        survey = cls()
        if path.is_file():
            for span in _spans(path):
                survey.add(span)
            survey.close()
        return survey

    def add(self, span: Span) -> None:
        """One more span."""
        self._keys.append(span.key)
        self._parents.append(span.parent)
        flags = 0
        if span.is_call:
            flags = span.has_usage * USED | span.failed * FAILED | span.has_own_id * OWN_ID
        elif span.has_usage and span.around_calls:
            flags = SUM
        self._flags.append(flags)
        if not flags & USED:
            return
        try:
            counts = counts_of(span)
        except Rejected:
            return
        if not span.emitter.known and contradicts(counts, span.emitter.cached):
            self._contradicting.add((span.scope, span.version))
        if span.of_anthropic and counts.output is not None and (message := span.ids[0]):
            self._told_by_anthropic.add(hash(message))

    def close(self) -> None:
        """To be called after the last span."""
        if all(flags & OWN_ID or not flags for flags in self._flags):
            return
        self._around_used = self._around(USED)
        self._around_failed = self._around(USED | FAILED)
        self._inside = self._within(USED | OWN_ID)

    def tells_again(self, span: Span) -> bool:
        """Does a span tell of a request that another span of the file tells better?"""
        if span.has_own_id:
            return self._told_better(span)
        if span.key in (self._around_used if span.has_usage else self._around_failed):
            return True
        return span.key in self._inside and (span.scope == PLATFORM or not span.has_usage)

    def sums_up_others(self, span: Span) -> bool:
        """Do spans with counts of their own lie inside it?"""
        return span.key in self._around_used

    def doubts(self, span: Span) -> bool:
        """Has a span of its scope counts that contradict what all of them are taken to mean?"""
        return (span.scope, span.version) in self._contradicting

    def _told_better(self, span: Span) -> bool:
        """Does the SDK or the API tell the same message, and this span its output or its cache writes less exactly?"""
        message = span.ids[0]
        if span.of_anthropic or message is None or hash(message) not in self._told_by_anthropic:
            return False
        if overstates(span.scope, span.version, span.stream is True):
            return True
        try:
            return counts_of(span).write_5m > 0
        except Rejected:
            return True

    def _around(self, wanted: int) -> frozenset[int]:
        """The keys of all spans around those with one of the flags."""
        found: set[int] = set()
        for rows in self._passes():
            known = len(found)
            for key, parent, flags in rows:
                if parent and (flags & wanted or key in found):
                    found.add(parent)
            if len(found) == known:
                break
        return frozenset(found)

    def _within(self, wanted: int) -> frozenset[int]:
        """The keys of all spans inside those with all of the flags."""
        roots = {key for key, flags in zip(self._keys, self._flags, strict=True) if flags & wanted == wanted}
        found: set[int] = set()
        for rows in self._passes():
            known = len(found)
            found.update(key for key, parent, _ in rows if parent in found or parent in roots)
            if len(found) == known:
                break
        return frozenset(found)

    def _passes(self) -> Iterator[Iterator[tuple[int, int, int]]]:
        """(key, parent, flags) of all spans, in their order and against it in turns: a chain is told in one of them."""
        columns = (self._keys, self._parents, self._flags)
        for number in range(MAX_PASSES):
            yield zip(*(reversed(column) if number % 2 else column for column in columns), strict=True)


def _spans(path: Path) -> Iterator[Span]:
    for document in read_documents(path):
        for entry in entries(document.value):
            if not isinstance(entry, Rejected) and "span" in entry:
                yield Span(entry)
