"""Records what an app's requests to the Claude API cost, and for whom they were made.

client = record(anthropic.Anthropic(), to="logs/")
with tagged(feature="triage", user=user_id):
    client.messages.create(...)
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from usage_recorder.counters import Counters, counters
from usage_recorder.recorder import flush, record
from usage_recorder.tags import tagged, with_tags
from usage_recorder.telemetry import TagSpans, span_attributes

__all__ = [
    "Counters",
    "TagSpans",
    "counters",
    "flush",
    "record",
    "span_attributes",
    "tagged",
    "with_tags",
]

# loaded when first asked for: what they come from
_LATER = {
    "estimate": "estimate",
    "Estimate": "estimate",
    "budget": "budget",
    "Budget": "budget",
    "CostUnknown": "budget",
    "OverBudget": "budget",
    "UsageRefused": "budget",
    "input_tokens_within": "estimate",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)


class _Package(ModuleType):
    """Functions that bear their module's name are what the name means here."""

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, ModuleType) and _LATER.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
