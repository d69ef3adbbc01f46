"""Home-made JSON lines: flat or nested rows under the usual names.

Lives wherever an app writes it. Counts are mostly of one request; cumulative counters of a session are recognised and
turned into what each row adds. Cache is outside ``input_tokens`` beside names such as ``cache_read_tokens``, and inside
``prompt_tokens`` beside ``prompt_tokens_details.cached_tokens``.

    {"ts": 1795159965.12, "model": "claude-haiku-4-5", "app": "triage", "tokens_in": 21, "tokens_out": 77}
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ingest import fields
from ingest.api_usage import billing_fields, parts_of
from ingest.documents import read_documents, read_head
from ingest.formats.beside import Beside, places_of
from ingest.formats.counters import Counts, Survey, increment
from ingest.formats.names import NAMES, Names, Row
from ingest.formats.reading import Counted, ReadOptions
from ingest.formats.row_counts import COUNTS, api_usage, has_counts, logged, part_of_row
from ingest.record import Part, Rejected, UsageRecord

NAME = "home_made"
LABEL = "Home-made JSON lines"

CUMULATIVE = "its session's counters add up from row to row; what each row adds was loaded, not the running totals"
SEVERAL = "the row stands for several API calls; they were loaded as one request"


def recognises(values: list[object]) -> bool:
    """Some row has a token count and a time or a model, under usual names."""
    names = Names({})
    for row in values:
        if isinstance(row, dict):
            places = names.places(row)
            if not places.keys().isdisjoint(COUNTS) and ("time" in places or "model" in places):
                return True
    return False


def reader(options: ReadOptions) -> HomeMade:
    """A reader for one file. Raises ``WrongFormat`` if the field map names a field that is not ours."""
    return HomeMade(options)


def field_map_of(values: list[object], options: ReadOptions | None = None) -> dict[str, str | None]:
    """Which field of the log is taken for which of ours (ours -> dotted path), ``None`` where none was found."""
    places = places_of(values, options.field_map if options else {})
    known = [ours for ours in NAMES if ours != "id"] + [ours for ours in places if ours not in NAMES]
    return {ours: ".".join(places[ours]) if ours in places else None for ours in known}


class HomeMade:
    """Reads home-made rows, after a first pass over the file where one row does not tell what its counts mean."""

    def __init__(self, options: ReadOptions) -> None:
        self._names = Names(options.field_map)
        self._mapped = bool(options.field_map)
        self._file = options.file or Path(options.path)
        self._survey: Survey | None = None
        self._cumulative: frozenset[str] = frozenset()
        self._last: dict[str, Counts] = {}
        self._findings = Counted()

    def read(self, value: object, _line: int, /) -> UsageRecord | None:
        """The record of one row; rows with neither model nor counts are not usage records. Raises ``Rejected``."""
        if not isinstance(value, dict):
            raise Rejected(
                field=None, found=fields.hidden(value), reason="not an object", advice="Write one JSON object a line."
            )
        if self._survey is None:
            self._survey = self._surveyed()
            self._cumulative = self._survey.cumulative()
        row = Beside(value, self._names, self._findings)
        if not has_counts(row) and not row.has("model"):
            return None
        started_at = row.time()
        model = fields.text(row.get("model"), row.field("model"))
        if model is None:
            advice = "Log the model, or say where it is with --map model=NAME."
            raise Rejected(field=row.field("model"), found=None, reason="the model is missing", advice=advice)
        return self._record(row, started_at, model, self._survey)

    def _record(self, row: Beside, started_at: datetime, model: str, survey: Survey) -> UsageRecord:
        status, error = row.failure()
        if row.has("requests") and row.number("requests") > 1:
            self._findings.add(SEVERAL)
        usage = None if self._mapped else api_usage(row)
        if usage is None:
            failed = error is not None or (status or 0) >= 400
            part = part_of_row(row, model, failed=failed, survey=survey, findings=self._findings)
            return row.record((self._single(row, part),), started_at, status=status, error=error)
        parts, finding = parts_of(usage[0], model=model, path=usage[1])
        if finding is not None:
            self._findings.add(finding)
        parts = (self._single(row, parts[0]),) if len(parts) == 1 else parts
        billing = billing_fields(*usage)._asdict()
        return row.record(parts, started_at, status=status, error=error, **billing)

    def _single(self, row: Beside, part: Part) -> Part:
        """The part, or what it adds where its session's counters are cumulative."""
        session = _session(row) if self._cumulative else None
        if session is None or session not in self._cumulative or part.output_tokens is None:
            return part
        counts = (
            part.uncached_input_tokens or 0,
            part.output_tokens,
            part.cache_read_tokens,
            part.cache_write_5m_tokens,
            part.cache_write_1h_tokens,
        )
        uncached, output, read, write_5m, write_1h = increment(counts, self._last.get(session))
        self._last[session] = counts
        self._findings.add(CUMULATIVE)
        return Part(part.model, uncached, output, read, write_5m, write_1h, None, part.web_search_requests)

    def _surveyed(self) -> Survey:
        """A first pass over the file, if its first rows have sessions, or cached tokens beside prompt tokens."""
        survey = Survey()
        if not self._file.is_file():
            return survey
        found = {ours for row in read_head(self._file) if isinstance(row, dict) for ours in self._names.places(row)}
        if found.isdisjoint(("session", "cache_read_tokens", "cache_write_tokens")):
            return survey
        for document in read_documents(self._file):
            if isinstance(document.value, dict):
                self._add_to(survey, document.value)
        return survey

    def _add_to(self, survey: Survey, value: Row) -> None:
        row = Beside(value, self._names, self._findings)
        try:
            counts = logged(row)
        except Rejected:
            return
        if counts.given is not None and counts.output is not None:
            write = counts.write_5m + counts.write_1h
            survey.add(_session(row), given=counts.given, output=counts.output, read=counts.read, write=write)

    def finish(self) -> list[UsageRecord]:
        """Nothing is held back."""
        return []

    def findings(self) -> list[str]:
        """What was noticed."""
        return self._findings.sentences()


def _session(row: Beside) -> str | None:
    value = row.get("session")
    return value if value is None or isinstance(value, str) else repr(value)
