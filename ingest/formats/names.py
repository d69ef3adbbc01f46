"""The names that home-made logs use for our fields, and where in a row each of them stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from ingest.formats.reading import WrongFormat

Path = tuple[str, ...]
Row = dict[str, Any]

# ours -> theirs, best first, in small letters without separators. A last part after "." must stand in that object.
NAMES: dict[str, str] = {
    "time": "timestamp ts time datetime createdat created date starttime startedat start requesttime requestedat"
    " requesttimestamp requestcreatedat loggedat eventtime timestampms timestamputc timestampmillis unixtime epoch"
    " at endtime completedat finishedat",
    "model": "model modelname modelid modelused responsemodel llmmodel aimodel engine deployment llm",
    "request_id": "requestid reqid xrequestid anthropicrequestid callid llmcallid litellmcallid request.id",
    "message_id": "messageid msgid responseid completionid response.id message.id completion.id result.id body.id",
    "id": "id uuid",
    "uncached_input_tokens": "uncachedinputtokens inputtokensuncached",
    "input_tokens": "inputtokens prompttokens tokensin inputtokencount prompttokencount numinputtokens tokensinput"
    " tokensprompt intokens totalinputtokens usage.input usage.prompt usage.in",
    "cache_read_tokens": "cachereadinputtokens cachereadtokens cachereadinputtokencount cacheread cachedtokens"
    " cachedinputtokens promptcachereadtokens inputcachedtokens inputcacheread tokenscached cachehittokens cachereads"
    " prompttokensdetails.cachedtokens inputtokensdetails.cachedtokens usage.cached",
    "cache_write_tokens": "cachecreationinputtokens cachewriteinputtokens cachecreationtokens cachewritetokens"
    " cachewriteinputtokencount cachewrite promptcachewritetokens inputcachecreation inputcachewrite cachewrites"
    " prompttokensdetails.cachecreationtokens prompttokensdetails.cachewritetokens"
    " inputtokensdetails.cachewritetokens",
    "cache_write_5m_tokens": "cachewrite5mtokens cachewrite5m cachecreation5mtokens cachecreation5m"
    " ephemeral5minputtokens inputcachecreation5m",
    "cache_write_1h_tokens": "cachewrite1htokens cachewrite1h cachecreation1htokens cachecreation1h"
    " ephemeral1hinputtokens inputcachecreation1h",
    "output_tokens": "outputtokens completiontokens tokensout outputtokencount completiontokencount numoutputtokens"
    " tokensoutput tokenscompletion outtokens generatedtokens responsetokens totaloutputtokens usage.output"
    " usage.completion usage.out",
    "total_tokens": "totaltokens",
    "reasoning_tokens": "reasoningtokens thinkingtokens",
    "web_search_requests": "websearchrequests websearches",
    "cost": "costusd totalcostusd cost totalcost responsecost calculatedtotalcost spend price cost.total cost.totalcost"
    " cost.usd",
    "user": "user userid enduser enduserid customer customerid account accountid tenant tenantid uid username"
    " useremail requestuserid user.id customer.id account.id tenant.id",
    "feature": "feature featurename usecase app appname application endpoint task taskname tasktype operation action"
    " component workflow pipeline service servicename route function promptname purpose job project projectname"
    " feature.name app.name",
    "session": "session sessionid conversation conversationid threadid chatid traceid runid thread chat session.id"
    " conversation.id",
    "provider": "provider llmprovider customllmprovider vendor",
    "region": "region awsregion location",
    "service_tier": "servicetier",
    "speed": "usage.speed",
    "inference_geo": "inferencegeo",
    "stop_reason": "stopreason finishreason",
    "max_tokens": "maxtokens maxoutputtokens",
    "stream": "stream streaming isstream streamed",
    "latency_ms": "latencyms durationms elapsedms responsetimems delayms latency duration elapsed responsetime"
    " latencys durations latencyseconds durationseconds elapsedseconds",
    "time_to_first_token_ms": "timetofirsttokenms ttftms firsttokenms timetofirsttoken ttft",
    "status": "statuscode httpstatus httpstatuscode responsestatus status",
    "error": "errortype error err exception errorcode errormessage",
    "requests": "numturns numrequests requestcount numcalls ncalls apicalls llmcalls turns",
    "tags": "tags labels",
}
TOKENS = frozenset(name for name in NAMES if name.endswith("_tokens")) - {"max_tokens"}
SYNONYMS = {
    "timestamp": "time",
    "user_id": "user",
    "session_id": "session",
    "cost_usd": "cost",
    "latency": "latency_ms",
}

# objects in which usage may stand, and objects in which the rest may stand
USAGE = frozenset(("usage", "tokenusage", "tokens", "tokencounts", "usagemetadata", "usageobject", "usagedetails"))
DETAILS = frozenset(
    {"prompttokensdetails", "inputtokensdetails", "completiontokensdetails", "outputtokensdetails"}
    | {"cachecreation", "servertooluse"}
)
AROUND = frozenset(
    {"response", "result", "data", "output", "body", "message", "llm", "completion", "metrics", "metadata", "meta"}
    | {"context", "request", "attributes", "properties", "extra", "event", "payload", "call", "api", "log", "fields"}
    | {"headers", "responseheaders"}
)
MAX_DEPTH = 4
MAX_SHAPES = 500


class Names:
    """Finds our fields in rows; ``field_map`` (ours -> their dotted path) goes before the usual names.

    Raises ``WrongFormat`` if the map names a field that is not ours.
    """

    def __init__(self, field_map: Mapping[str, str]) -> None:
        self._mapped = {_ours(name): theirs for name, theirs in field_map.items()}
        self._places: dict[object, dict[str, Path]] = {}

    def places(self, row: Row) -> dict[str, Path]:
        """Our fields that the row has, each with the keys that lead to it. Rows of one shape are looked at once."""
        shape = _shape(row, 0)
        places = self._places.get(shape)
        if places is None:
            if len(self._places) >= MAX_SHAPES:
                self._places.clear()
            places = self._places[shape] = self._look(row)
        return places

    def _look(self, row: Row) -> dict[str, Path]:
        best: dict[str, tuple[int, int, bool, int]] = {}
        places: dict[str, Path] = {}
        for number, path in enumerate(_leaves(row, (), 0)):
            for ours, rank in _candidates(path):
                order = (rank, len(path), "request" in path, number)
                if ours not in best or order < best[ours]:
                    best[ours], places[ours] = order, path
        for ours, theirs in self._mapped.items():
            places.pop(ours, None)
            if ours in ("uncached_input_tokens", "input_tokens", "prompt_tokens"):
                for name in ("uncached_input_tokens", "input_tokens"):
                    places.pop(name, None)
            if (mapped := _path_of(row, theirs)) is not None:
                places[ours] = mapped
        return places


def value_at(row: Row, path: Path) -> Any:
    """The value at the end of a path that the row has."""
    value: Any = row
    for key in path:
        value = value[key]
    return value


def normal(name: str) -> str:
    """A name without case and separators: "inputTokens", "input_tokens" and "Input Tokens" are one."""
    return "".join(char for char in name.lower() if char.isalnum())


def _ours(name: str) -> str:
    name = SYNONYMS.get(name.strip(), name.strip())
    known = [*NAMES, "prompt_tokens"]
    if name not in known and not name.startswith("tag:"):
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"ours are {', '.join(known)} and tag:NAME."
        raise WrongFormat(f"no field of ours is called {name!r}; {hint}")
    return name


def _shape(row: Row, depth: int) -> tuple[object, ...]:
    if depth == MAX_DEPTH:
        return tuple(row)
    nested = [(key, _shape(value, depth + 1)) for key, value in row.items() if type(value) is dict]
    return (*row, *nested) if nested else tuple(row)


def _leaves(row: Row, above: Path, depth: int) -> Iterator[Path]:
    for key, value in row.items():
        path = (*above, key)
        if isinstance(value, dict) and normal(key) not in ("tags", "labels", "error"):
            if depth < MAX_DEPTH:
                yield from _leaves(value, path, depth + 1)
        else:
            yield path


def _index() -> dict[str, list[tuple[str, int]]]:
    index: dict[str, list[tuple[str, int]]] = {}
    for ours, theirs in NAMES.items():
        for rank, name in enumerate(theirs.split()):
            index.setdefault(name, []).append((ours, rank))
    return index


INDEX = _index()


def _candidates(path: Path) -> Iterable[tuple[str, int]]:
    """Which of our fields a path may be, each with its rank among the names for it."""
    *above, leaf = map(normal, path)
    parent = above[-1] if above else ""
    named = INDEX.get(f"{'usage' if parent in USAGE else parent}.{leaf}", [])
    if named and all(name in AROUND or name in USAGE for name in above[:-1]):
        yield from named
    for ours, rank in INDEX.get(leaf, []):
        if all(name in AROUND or (ours in BESIDE_USAGE and name in IN_USAGE) for name in above):
            yield ours, rank


IN_USAGE = USAGE | DETAILS
BESIDE_USAGE = TOKENS | {"web_search_requests", "service_tier", "inference_geo", "cost", "model"}


def _path_of(row: Row, dotted: str) -> Path | None:
    """The keys a dotted path stands for; keys may have dots in them."""
    if dotted in row:
        return (dotted,)
    at = dotted.find(".")
    while at > 0:
        inner = row.get(dotted[:at])
        if isinstance(inner, dict) and (rest := _path_of(inner, dotted[at + 1 :])) is not None:
            return (dotted[:at], *rest)
        at = dotted.find(".", at + 1)
    return None
