"""Observations of Langfuse, as its API, its table exports and its blob storage hand them out.

Lives in pages of /api/public/observations (or v2/observations), in a trace as downloaded, in the JSON or JSON Lines
export of the observations table, and below observations/ and observations_v2/ in a bucket. Counts are of one
observation, never cumulative, but an agent, chain, tool or span may repeat those of the generations in it: only
generations and embeddings count. Cache is outside ``input`` where Langfuse or its libraries took it out, and inside
where an app left it in; the total beside the counts tells.

    {"id": "7f0c", "traceId": "t1", "type": "GENERATION", "name": "answer", "startTime": "2026-11-18T09:00:00.000Z",
     "model": "claude-haiku-4-5", "usageDetails": {"input": 21, "input_cached_tokens": 500, "output": 77, "total": 598},
     "costDetails": {"total": 0.000456}}
"""

from __future__ import annotations

from ingest import fields
from ingest.formats.beside import Beside
from ingest.formats.langfuse_row import Observation, parsed
from ingest.formats.langfuse_usage import UsageDetails
from ingest.formats.names import Names, Row
from ingest.formats.reading import ReadOptions
from ingest.record import Part, Rejected, UsageRecord

NAME = "langfuse"
LABEL = "Langfuse observations"
RETOLD = True
EACH_ALONE = True

OTHERS = ("SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "GUARDRAIL")
OF_TRACE = {
    "id": "traceId",
    "name": "traceName",
    "userId": "userId",
    "sessionId": "sessionId",
    "tags": "tags",
    "release": "release",
}
OLD_NAMES = (("input", "output", "total"), ("promptTokens", "completionTokens", "totalTokens"))
KNOWN_IDS = 200_000

OLD_FIELDS = "the log has the old usage fields alone, which tell no cached tokens; all input was taken as uncached"
NO_UNIT = "counted in another unit than tokens; its tokens are unknown"
FROM_CACHE = "answered from LiteLLM's own cache without a request to the API; left out"
NESTED = "a generation holds another one; if both tell the same tokens, these are counted twice"
ADVICE = "Export the observations as Langfuse hands them out."
GROUPS = "Ask Langfuse for the observations with the field groups core, basic, model and usage."


def entries(value: object) -> list[object]:
    """The observations of a page or a trace, with what the trace says of them."""
    if not isinstance(value, dict):
        return []
    if found := _of_trace(value):
        return found
    data = value.get("data")
    return [entry for item in data for entry in (_of_trace(item) or [item])] if isinstance(data, list) else []


def _of_trace(trace: object) -> list[object]:
    observations = trace.get("observations") if isinstance(trace, dict) else None
    if not isinstance(trace, dict) or not isinstance(observations, list):
        return []
    said = {ours: trace[theirs] for theirs, ours in OF_TRACE.items() if trace.get(theirs)}
    return [
        {**entry, **{name: value for name, value in said.items() if not entry.get(name)}}
        for entry in observations
        if isinstance(entry, dict)
    ]


def recognises(values: list[object]) -> bool:
    """Some value is or holds an observation."""
    return any(_is_observation(entry) for value in values for entry in entries(value) or [value])


def _is_observation(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    row = Observation(value)
    if not row.has("traceId") or not row.has("startTime"):
        return False
    return row.counts or (row.kind in OTHERS and row.has("parentObservationId"))


def reader(options: ReadOptions) -> Observations:
    """A reader for one file."""
    return Observations(options)


class Observations:
    """Reads observations, each on its own."""

    def __init__(self, _: ReadOptions) -> None:
        self._names = Names({})
        self._usage = UsageDetails()
        self._findings = self._usage.findings
        self._ids: set[str] = set()
        self._parents: set[str] = set()

    def read(self, value: object, _line: int, /) -> UsageRecord | None:
        """The record of a generation or an embedding; ``None`` for all others. Raises ``Rejected``."""
        if not isinstance(value, dict):
            raise Rejected(field=None, found=fields.hidden(value), reason="not an object", advice=ADVICE)
        row = Observation(value)
        if not row.counts:
            return None
        if row.from_cache:
            self._findings.add(FROM_CACHE)
            return None
        started_at = fields.time(row.get("startTime"), row.field("startTime"))
        failed = row.get("level") == "ERROR"
        field = row.field("model", "providedModelName")
        model = fields.text(row.get("model", "providedModelName"), field)
        if model is None and not failed:
            raise Rejected(field=field, found=None, reason="the model is missing", advice=GROUPS)
        part = self._part(row, model, failed)
        beside = Beside(row.said(started_at), self._names, self._findings)
        log_id, error = self._log_id(row), row.error() if failed else None
        return beside.record((part,), started_at, error=error, log_id=log_id, **row.billing())

    def _part(self, row: Observation, model: str | None, failed: bool) -> Part:
        details, path = self._details(row, failed)
        if details is None:
            return Part(model, None, None)
        return self._usage.part(details, model, path=path, failed=failed, embedding=row.kind == "EMBEDDING")

    def _details(self, row: Observation, failed: bool) -> tuple[Row | None, str]:
        """The counts and where they stand; ``None`` for such as are not of tokens."""
        field = row.field("usageDetails")
        if row.has("usageDetails"):
            details = parsed(row.get("usageDetails"))
            if details is not None and not isinstance(details, dict):
                raise Rejected(field=field, found=details, reason="not an object", advice=ADVICE)
            return details or {}, field
        usage = row.mapping("usage")
        counts = row.row if usage is None else usage
        names = OLD_NAMES[1] if usage is None or not usage.keys() & set(OLD_NAMES[0]) else OLD_NAMES[0]
        details = {name: counts[name] for name in names if name in counts}
        if not details and not failed:
            raise Rejected(field=field, found=None, reason="no token counts", advice=GROUPS)
        if counts.get("unit") not in (None, "", "TOKENS"):
            self._findings.add(NO_UNIT)
            return None, field
        if any(details.values()):
            self._findings.add(OLD_FIELDS)
        return details, "" if usage is None else "usage"

    def _log_id(self, row: Observation) -> str | None:
        name, parent = fields.text(row.get("id"), "id"), row.get("parentObservationId")
        if name is None:
            return None
        if row.kind == "GENERATION" and len(self._ids) < KNOWN_IDS:
            self._ids.add(name)
            if isinstance(parent, str):
                self._parents.add(parent)
        return f"langfuse:{name}"

    def finish(self) -> list[UsageRecord]:
        """Nothing is held back."""
        return []

    def findings(self) -> list[str]:
        """What was noticed."""
        if nested := len(self._ids & self._parents):
            self._findings.counts[NESTED] = nested
        return self._usage.sentences()
