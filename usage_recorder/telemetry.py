"""Who a request is for, as OpenTelemetry attributes, for traces that are exported already."""

from __future__ import annotations

from typing import Any

from usage_recorder.tags import current

NAMES = {
    "feature": ("spendglass.feature",),
    "user": ("user.id",),
    "session": ("session.id", "gen_ai.conversation.id"),
    "agent": ("gen_ai.agent.name",),
    "environment": ("deployment.environment.name",),
    "version": ("app.version",),
    "skill": ("skill.name",),
}


def span_attributes() -> dict[str, str]:
    """The tags in force, under the names that the loader of OTLP traces reads; tags without one are left out."""
    tags = current()
    return {name: tags[ours] for ours, names in NAMES.items() if ours in tags for name in names}


class TagSpans:
    """A span processor: gives every span started under ``tagged`` its attributes, the SDK's own spans too.

    ``provider.add_span_processor(TagSpans())``. It exports nothing itself.
    """

    def on_start(self, span: Any, parent_context: Any = None) -> None:  # noqa: ARG002  as OpenTelemetry calls it
        """Marks a span that begins."""
        for name, value in span_attributes().items():
            span.set_attribute(name, value)

    def on_end(self, span: Any) -> None:
        """Nothing is left to do."""

    def _on_ending(self, span: Any) -> None:
        """Nothing is left to do."""

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002
        """Nothing is held back."""
        return True
