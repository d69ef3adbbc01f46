"""What stands beside the counts of a span or an event: who asked, what for, how long it took and how it ended."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ingest import fields
from ingest.formats.beside import UNREADABLE
from ingest.formats.otlp_names import TAGS, Found, named
from ingest.formats.reading import Counted
from ingest.formats.usage_record import error_type, status_of
from ingest.record import Rejected

PROVIDERS = {
    **dict.fromkeys(("aws.bedrock", "aws_bedrock", "amazon_bedrock", "bedrock", "aws"), "bedrock"),
    **dict.fromkeys(("gcp.vertex_ai", "vertex_ai", "vertex", "google_vertex", "gcp.vertex.agent"), "vertex"),
    "anthropic": "anthropic",
}
STOPS = {"tool_call": "tool_use", "tool_calls": "tool_use", "tool-calls": "tool_use", "length": "max_tokens"}
BEDROCK_HOST = re.compile(r"bedrock(?:-runtime|-mantle)?(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com|api\.aws)")
VERTEX_HOST = re.compile(r"(?:([a-z0-9-]+)-)?aiplatform\.googleapis\.com")
CONTEXT_SIZE = re.compile(r"\s*\[[0-9]+[kKmM]\]$")
NAMELESS = ("unknown_service", "claude-platform")  # service names that say nothing of the app
API_ERROR = re.compile(r'"type":\s*"([a-z_]{1,40}_error)"')
MAX_NAME, MAX_ID = 120, 512


class About:
    """Fields of one span or event; what cannot be read and no sum depends on is left out and counted."""

    def __init__(self, attributes: Found, resource: Found, findings: Counted) -> None:
        self.attributes = attributes
        self.resource = resource
        self._findings = findings

    def text(self, ours: str, *, anywhere: bool = False) -> str | None:
        """A name or an id, with ``anywhere`` also of the resource. A long text with blanks is somebody's, not kept."""
        held = self.attributes.get(ours) or (self.resource.get(ours) if anywhere else None)
        if held is None:
            return None
        name = self.softly(fields.text, held[0], held[1])
        if isinstance(name, str) and len(name) > MAX_NAME and (len(name) > MAX_ID or len(name.split()) > 1):
            self._findings.add(UNREADABLE)
            return None
        return name if isinstance(name, str) else None

    def whole(self, ours: str, *, times: int = 1) -> int | None:
        """A whole number, after it was multiplied."""
        field, value = named(self.attributes, ours)
        if times != 1 and isinstance(value, (int, float)) and not isinstance(value, bool):
            value = value * times
        found = self.softly(fields.integer, field, value, digits=True)
        return found if isinstance(found, int) else None

    def softly(self, read: Callable[..., object], field: str, value: object, **options: bool) -> object:
        """What a reader makes of a value; ``None`` if it rejects it."""
        try:
            return read(value, field, **options)
        except Rejected:
            self._findings.add(UNREADABLE)
            return None

    def model(self) -> str | None:
        """The model, without the size of its context window. Raises ``Rejected`` if it cannot be read."""
        field, value = named(self.attributes, "model")
        name = fields.text(value, field)
        return None if name is None else CONTEXT_SIZE.sub("", name) or None

    def provider(self) -> str | None:
        """The provider in our words, or as logged."""
        logged = self.text("provider")
        return None if logged is None else PROVIDERS.get(logged.lower(), logged)

    def region(self, provider: str | None) -> str | None:
        """The region of the endpoint; of Bedrock else the app's own, whose endpoint is mostly the nearest."""
        host = (self.text("server") or "").lower()
        if found := BEDROCK_HOST.fullmatch(host):
            return found[1]
        if found := VERTEX_HOST.fullmatch(host):
            return found[1] or "global"
        return self.text("cloud_region", anywhere=True) if provider == "bedrock" else None

    def feature(self) -> str | None:
        """What the app calls it, else the service."""
        service = self.text("service", anywhere=True)
        if service is not None and service.split(":")[0] in NAMELESS:
            service = None
        return self.text("feature", anywhere=True) or service

    def tags(self) -> dict[str, str]:
        """What else may be asked for."""
        found = {ours.removeprefix("tag:"): self.text(ours, anywhere=True) for ours in TAGS}
        return {tag: text for tag, text in found.items() if text is not None}

    def speed(self) -> str | None:
        """Speed in the API's words; Claude Code calls the standard one normal."""
        speed = self.text("speed")
        return "standard" if speed == "normal" else speed

    def cost(self) -> int | None:
        """The cost the log wrote down, in pico-dollars."""
        cost = self.softly(fields.money, *named(self.attributes, "cost"))
        if isinstance(cost, int):
            return cost
        micros = self.whole("cost_micros")
        return None if micros is None else micros * 10**6

    def status(self) -> int | None:
        """The HTTP status; "undefined" stands for none."""
        field, value = named(self.attributes, "status")
        status = None if value == "undefined" else self.softly(status_of, field, value)
        return status if isinstance(status, int) else None

    def error(self, *, failed: bool) -> str | None:
        """The type of an error, never its message; "error" for a failure that does not say."""
        if not failed:
            return None
        field, value = named(self.attributes, "error_type" if "error_type" in self.attributes else "error")
        if not isinstance(value, str) or len(value) > fields.MAX_TEXT:
            return "error"
        if own := API_ERROR.search(value):
            return own[1]
        found = self.softly(error_type, field, value)
        return found if isinstance(found, str) else "error"

    def stop_reason(self) -> str | None:
        """Why it stopped, in the API's words where a mapping to others leaves no doubt."""
        own = self.text("stop_reason")
        if own is not None:
            return own
        field, value = named(self.attributes, "finish_reasons")
        if isinstance(value, list):
            value = value[0] if value else None
        reason = self.softly(fields.text, field, value.strip('[]" ') if isinstance(value, str) else value)
        return STOPS.get(reason, reason) if isinstance(reason, str) and len(reason) <= MAX_NAME else None

    def common(self, *, of_claude_code: bool) -> dict[str, Any]:
        """What spans and events say alike. Who uses Claude Code is known by mail address, who uses an app by its id."""
        provider = self.provider()
        who = ("email", "user") if of_claude_code else ("user", "email")
        user, other = (self.text(ours, anywhere=True) for ours in who)
        first_token = self.whole("first_token_s", times=1000)
        return {
            "provider": provider,
            "region": self.region(provider),
            "feature": self.feature(),
            "user": user or other,
            "session": self.text("session", anywhere=True),
            "tags": self.tags(),
            "service_tier": self.text("tier"),
            "speed": self.speed(),
            "stop_reason": self.stop_reason(),
            "time_to_first_token_ms": self.whole("first_token_ms") if first_token is None else first_token,
            "status": self.status(),
            "recorded_cost_picos": self.cost(),
        }
