from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from store.provenance import kept_path, line_of
from tests.factories import usage_record, write_log


def line(log: Path, request_id: str, output_tokens: int | None) -> int | None:
    return line_of(kept_path(log), request_id, output_tokens)


def test_a_line_is_found_by_its_id_and_output(tmp_path: Path) -> None:
    records = [usage_record(message_id="m10", output_tokens=7), usage_record(message_id="m1", output_tokens=3)]
    log = write_log(tmp_path / "log.jsonl", ["", *records, usage_record(message_id="m1", output_tokens=7)])
    assert [line(log, "m1", output) for output in (3, 7, None)] == [3, 4, 3]
    assert line(log, "m10", 7) == 2


def test_where_the_output_has_changed_the_first_line_with_the_id_is_said(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl.gz", [usage_record(), usage_record(message_id="m1", output_tokens=3)])
    assert line(log, "m1", 99) == 2


@pytest.mark.parametrize("request_id", ["ünï", 'a"b', "a\\b", "日本"])
def test_an_id_is_found_however_json_spells_it(tmp_path: Path, request_id: str) -> None:
    records = [usage_record(message_id=f"x{request_id}y"), usage_record(message_id=request_id)]
    assert line(write_log(tmp_path / "log.jsonl", records), request_id, 100) == 2


def test_an_id_may_be_a_number(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [usage_record(message_id="m1"), usage_record(message_id=77123)])
    assert line(log, "77123", 100) == 2


def test_a_file_that_is_gone_damaged_or_another_has_no_line(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gz"
    damaged.write_bytes(gzip.compress(b"x" * 9999)[:20])
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(b"x" * 9)[:12] + b"\xff" * 40)
    other = write_log(tmp_path / "other.jsonl", [usage_record(message_id="m2")])
    assert [line(path, "m1", 1) for path in (tmp_path / "gone", tmp_path, damaged, broken, other)] == [None] * 5


def test_a_path_is_kept_relative_below_the_project_and_absolute_elsewhere(tmp_path: Path) -> None:
    project = Path(__file__).parents[2]
    assert kept_path(project / "data" / "sample" / "x.jsonl") == "data/sample/x.jsonl"
    assert kept_path(tmp_path / "x.jsonl") == str((tmp_path / "x.jsonl").resolve())
