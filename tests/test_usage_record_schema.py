from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bench.generate import chunks, write
from ingest.formats.usage_record import KNOWN, UsageRecords
from ingest.load import load
from ingest.record import MAX_TOKENS, Rejected, UsageRecord
from store.connection import open_store
from tests.conftest import ROOT, sample_records

DOCUMENT = (ROOT / "docs" / "usage-record.md").read_text(encoding="utf-8")
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "usage-record.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
EXAMPLES = [line for block in re.findall(r"```jsonl\n(.*?)```", DOCUMENT, re.DOTALL) for line in block.splitlines()]
REJECTED = re.findall(r"^\| `(\{.*\})` \| `([\w.]+)` \| (.+) \|$", DOCUMENT, re.MULTILINE)
LEAST = {
    "time": "2026-11-19T09:30:00Z",
    "model": "claude-haiku-4-5",
    "usage": {"input_tokens": 21, "output_tokens": 77},
}


def problems(record: object) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(record)]


def section(title: str) -> str:
    return DOCUMENT.split(f"\n{title}\n")[1].split("\n##")[0]


def read(line: str) -> UsageRecord:
    record = UsageRecords().read(json.loads(line), 1)
    assert record is not None
    return record


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_fits_the_schema_and_loads(line: str) -> None:
    assert problems(json.loads(line)) == []
    assert read(line).parts[0].model == json.loads(line)["model"]


def test_the_examples_use_every_field_but_the_two_of_other_providers() -> None:
    used = {name for line in EXAMPLES for name in json.loads(line)}
    assert set(SCHEMA["properties"]) - used == {"region", "model_requested"}


@pytest.mark.parametrize(("line", "field", "why"), REJECTED)
def test_a_line_said_to_be_rejected_is_rejected_for_that_reason(line: str, field: str, why: str) -> None:
    with pytest.raises(Rejected) as rejected:
        read(line)
    assert rejected.value.field == field
    assert why in rejected.value.reason


@pytest.mark.parametrize("line", [line for line, _, why in REJECTED if why != "larger than their whole"])
def test_the_schema_refuses_it_too(line: str) -> None:
    """All but sums: JSON Schema cannot add."""
    assert problems(json.loads(line))


def test_a_dozen_kinds_of_rejected_lines_are_documented() -> None:
    assert len(REJECTED) == 13


def test_every_field_is_documented_and_nothing_else() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+)[^|]*\|", section("## Fields"), re.MULTILINE)
    assert [name for name, _ in rows] == list(SCHEMA["properties"])
    assert {name for name, required in rows if required == "yes"} == {*SCHEMA["required"], "usage"}


def test_every_field_of_usage_is_documented_and_nothing_else() -> None:
    usage = SCHEMA["$defs"]["usage"]["anyOf"][1]["properties"]
    rows = re.findall(r"^\| `(\w+)` \|", section("### `usage`"), re.MULTILINE)
    assert set(rows) == {*SCHEMA["$defs"]["counts"]["properties"], *usage}


def test_the_loader_knows_the_schemas_fields_and_limit() -> None:
    assert set(SCHEMA["properties"]) == KNOWN
    assert SCHEMA["$defs"]["tokens"]["maximum"] == SCHEMA["$defs"]["tokens_or_null"]["maximum"] == MAX_TOKENS


@pytest.mark.parametrize("field", ["prompt", "messages", "content", "system", "completion", "users"])
def test_there_is_no_field_for_text_and_none_for_a_slip_of_the_pen(field: str) -> None:
    assert problems(LEAST) == []
    assert problems({**LEAST, field: "Dear Ms"})


def test_a_refusals_explanation_and_an_errors_message_are_refused() -> None:
    assert problems({**LEAST, "stop_details": {"category": "bio", "explanation": "because"}})
    assert problems({**LEAST, "error": "prompt is too long: 250000 tokens"})


def test_null_is_as_good_as_absent_where_a_field_is_not_required() -> None:
    assert problems({**dict.fromkeys(SCHEMA["properties"]), **LEAST}) == []


def test_what_the_api_will_add_to_usage_does_no_harm() -> None:
    assert problems({**LEAST, "usage": {**LEAST["usage"], "energy": {"joules": 3}}}) == []  # type: ignore[dict-item]


def test_the_sample_fits_the_schema() -> None:
    """Every twentieth line, and all that are out of the ordinary."""
    records = sample_records()
    chosen = [r for n, r in enumerate(records) if n % 20 == 0 or r.get("status") != 200 or "iterations" in r["usage"]]
    assert len(chosen) > 1_500
    assert [found for record in chosen for found in problems(record)] == []


def test_the_benchmarks_records_fit_the_schema() -> None:
    assert [found for lines in chunks(200) for line in lines for found in problems(json.loads(line))] == []


def test_the_benchmarks_broken_lines_and_duplicates_are_counted_as_such(tmp_path: Path, tracked_prices: Path) -> None:
    log = tmp_path / "usage.jsonl"
    size = write(log, 6_000, bad=12, duplicates=7)
    assert log.stat().st_size == size
    with open_store(":memory:", prices=tracked_prices) as store:
        found = load(store, [log])
    assert (found.requests, found.rejected, found.duplicates, found.unpriced) == (6_000, 12, 7, 0)
