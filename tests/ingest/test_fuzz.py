"""Every format's samples, damaged in values, lines and bytes, against what holds of any log."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.ingest.damage import SAMPLES, Log, damaged
from tests.ingest.fuzzing import check

FEW = settings(max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("sample", SAMPLES)
def test_no_damage_breaks_what_holds_of_every_log(tmp_path: Path, sample: str) -> None:
    @FEW
    @given(log=damaged(sample))
    def holds(log: Log) -> None:
        check(log, tmp_path)

    holds()
