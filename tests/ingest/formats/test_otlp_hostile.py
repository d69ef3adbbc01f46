"""Exports with a value no exporter writes: each is rejected or passed over, and never raises anything else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ingest.formats.otlp_exports import MESSAGE, event, export, logs, span
from tests.ingest.formats.reading import read_values

HOSTILE: list[Any] = [
    None,
    True,
    -1,
    10**30,
    1e400,
    "",
    "x" * 5000,
    "\ud800",
    [],
    [[]],
    {},
    {"key": "a"},
    {"intValue": []},
]


def spoilt(value: Any) -> Iterator[Any]:
    """The value with each thing in it replaced by each hostile one."""
    yield from HOSTILE
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from ({**value, key: other} for other in spoilt(inner))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from ([*value[:number], other, *value[number + 1 :]] for other in spoilt(inner))


@pytest.mark.parametrize("value", [export(span({MESSAGE: "msg_1"})), logs(event("api_request", {"model": "m"}))])
def test_no_value_in_an_export_raises_anything_but_rejected(value: dict[str, Any]) -> None:
    result = read_values("otlp", spoilt(value))
    assert result.rejected
    repr(result).encode("utf-8", "surrogatepass")
    assert all(isinstance(record.parts[0].model, str) for record in result.records)


@pytest.mark.parametrize(
    "value", [{"span": 5}, {"span": {}, "scope": {}, "resource": {}}, {"record": {}}, {"metrics": 1}]
)
def test_what_only_looks_like_a_part_of_an_export_is_ignored(value: dict[str, Any]) -> None:
    assert read_values("otlp", [value, export(span())]).ignored == 1
