"""One span as its export gave it, and what kind of span it is."""

from __future__ import annotations

from functools import cached_property

from ingest import fields
from ingest.formats.otlp_emitters import Emitter, emitter_of
from ingest.formats.otlp_names import Found, named, value_of
from ingest.formats.otlp_values import Entry, Row
from ingest.record import Rejected

CLAUDE_CODE = "com.anthropic.claude_code"
PLATFORM = "com.anthropic.claude-platform"  # spans the API itself writes
CALLS = frozenset(("chat", "text_completion", "completion", "generate_content", "generate_text", "message", "messages"))
# operations whose counts are those of the calls inside them, or of none
AROUND = frozenset(
    {"invoke_agent", "create_agent", "invoke_workflow", "agent_step", "agent", "workflow", "execute_tool"}
    | {"count_tokens"}
)
FAILED = (2, "2", "STATUS_CODE_ERROR")


class Span:
    """A span with the attributes we look for. Ids are texts as logged, "" where there is none."""

    def __init__(self, entry: Entry) -> None:
        self.row: Row = entry["span"]
        self.attributes: Found = self.row["attributes"]
        self.resource: Found = entry["resource"]
        self.scope = _text(entry["scope"].get("name"))
        self.version = _text(entry["scope"].get("version"))
        self.of_claude_code = self.scope.startswith(CLAUDE_CODE)

    def id(self, key: str) -> str:
        """One of its ids in its trace, by the name OTLP has for it."""
        return _text(self.row.get(key))

    @property
    def key(self) -> int:
        """A number for the span among all spans of a file."""
        return hash((self.id("traceId"), self.id("spanId")))

    @property
    def parent(self) -> int:
        """Its parent's key; 0 if it has none."""
        parent = self.id("parentSpanId")
        return hash((self.id("traceId"), parent)) if parent.strip("0") and parent != self.id("spanId") else 0

    @property
    def emitter(self) -> Emitter:
        """Who wrote it."""
        return emitter_of(self.scope, self.version)

    @property
    def of_anthropic(self) -> bool:
        """Did the API's own SDK or the API write it?"""
        return self.scope.startswith("com.anthropic.") and not self.of_claude_code

    @cached_property
    def ids(self) -> tuple[str | None, str | None]:
        """The message's and the request's id."""
        message, request = (_text(value_of(self.attributes, ours)) for ours in ("response_id", "request_id"))
        if message.startswith("req_"):
            message, request = "", request or message
        return (message if len(message) >= 8 and not message.isdigit() else None), request or None

    @property
    def has_own_id(self) -> bool:
        """Does it bear an id that the API gave the request, and no framework?"""
        message, request = self.ids
        return request is not None or (message or "").startswith("msg_")

    def count(self, ours: str) -> int | None:
        """A token count, ``None`` if it is not there. Raises ``Rejected``."""
        held = self.attributes.get(ours)
        if held is None and self.of_claude_code:
            held = self.attributes.get(f"code_{ours}")
        return None if held is None else fields.tokens(held[1], held[0], digits=True)

    @cached_property
    def has_usage(self) -> bool:
        """Does it bear token counts?"""
        held = self.attributes
        return "input" in held or "output" in held or (self.of_claude_code and "code_input" in held)

    @property
    def operation(self) -> str:
        """What it says it does, in small letters; "" if it does not."""
        return _text(value_of(self.attributes, "operation")).lower()

    @property
    def around_calls(self) -> bool:
        """Does it sum up calls that have spans of their own, such as an agent's whole run?"""
        return self.operation in AROUND or (not self.operation and self._kind in ("AGENT", "CHAIN"))

    @property
    def _kind(self) -> str:
        return _text(value_of(self.attributes, "kind")).upper()

    @cached_property
    def is_call(self) -> bool:
        """Is it one request to a model?"""
        name = _text(self.row.get("name"))
        if self.of_claude_code:
            return name == "claude_code.llm_request"
        if name.endswith("count_tokens") or value_of(self.attributes, "span_type") == "pending_span":
            return False
        if self.operation:
            return self.operation in CALLS or (self.operation not in AROUND and self.has_usage)
        if self._kind:
            return self._kind == "LLM" or (self._kind == "EMBEDDING" and self.has_usage)
        return self.has_usage and "model" in self.attributes

    @property
    def stream(self) -> bool | None:
        """Was the answer streamed?"""
        field, value = named(self.attributes, "stream")
        try:
            return fields.boolean(value, field)
        except Rejected:
            return None

    @property
    def failed(self) -> bool:
        """Does it say that it failed?"""
        if self.row.get("status") in FAILED or "error_type" in self.attributes:
            return True
        return self.of_claude_code and str(value_of(self.attributes, "success")).lower() == "false"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
