from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingest import file as reading
from ingest import pieces as cutting
from ingest.load import load
from store import unpacked
from store.provenance import kept_path, line_of
from tests.factories import derived, emptied, rows, usage_record, write_log


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


RECORDS = [usage_record(message_id=f"m{n}", feature=f"f{n % 7}") for n in range(3000)]
PLAIN = b"".join(json.dumps(record).encode() + b"\n" for record in RECORDS)
PACKED = {"gzip": gzip.compress(PLAIN, 1), "zstd": zstd(PLAIN)}


@pytest.mark.parametrize("how", ["gzip", "zstd"])
@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz", "log.jsonl.zst"])
def test_a_packed_log_is_loaded_whatever_its_name(tmp_path: Path, how: str, name: str) -> None:
    store, plain = emptied(), emptied(1)
    path = tmp_path / name
    path.write_bytes(PACKED[how])
    load(plain, [write_log(tmp_path / "plain.jsonl", RECORDS)])
    summary = load(store, [path])
    assert (summary.requests, summary.rejected, summary.lines) == (3000, 0, 3000)
    assert derived(store) == derived(plain)
    assert line_of(kept_path(path), "m41", None) == 42
    assert load(store, [path]).unchanged == 1


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_frames_behind_one_another_are_all_read(tmp_path: Path, how: str) -> None:
    path = tmp_path / "log"
    again = [usage_record(message_id="behind")]
    second = json.dumps(again[0]).encode()
    path.write_bytes(PACKED[how] + (gzip.compress(second) if how == "gzip" else zstd(second)))
    store = emptied()
    assert load(store, [path]).requests == 3001


@pytest.mark.parametrize("how", ["gzip", "zstd"])
@pytest.mark.parametrize("harm", ["cut off", "flipped"])
def test_what_stands_before_the_damage_is_loaded(tmp_path: Path, how: str, harm: str) -> None:
    content = PACKED[how] if harm == "cut off" else gzip.compress(PLAIN, 0) if how == "gzip" else PACKED[how]
    content = content[:-200] if harm == "cut off" else content[: len(content) // 2] + b"\xff" * 40 + content[-1000:]
    path = tmp_path / "log.gz"
    path.write_bytes(content)
    summary = load(emptied(), [path])
    [(line, why)] = [reject for reject in summary.files[0].rejects if "compressed" in reject[1].reason]
    assert why.reason == "the compressed file is cut off or damaged here"
    assert summary.requests + summary.rejected == summary.lines
    assert line <= summary.lines + 1
    if how == "gzip":
        assert summary.requests > 500


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_a_bomb_is_stopped_and_said(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "UNBOUNDED", 1 << 20)
    bomb = json.dumps(RECORDS[0]).encode() + b"\n" + b"{}\n" * (1 << 23)
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(bomb) if how == "gzip" else zstd(bomb))
    summary = load(emptied(), [path])
    assert [why.reason for _, why in summary.files[0].rejects][-1] == (
        "the compressed file unpacks to more than 500 times its size"
    )
    assert summary.requests == 1
    assert summary.lines < (1 << 23)


def test_pieces_join_to_what_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(PLAIN + b"last")
    joined, before = b"", 0
    with unpacked.opened(path) as stream:
        for piece in cutting.pieces(stream, tmp_path, size=10_000):
            assert piece.lines_before == before
            content = piece.path.read_bytes()
            joined, before = joined + content, before + piece.lines
            assert content.endswith((b"\n", b"last"))
    assert joined == PLAIN + b"last"
    assert before == 3000


def test_a_log_in_many_pieces_is_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(stream: object, folder: Path, *, lines_before: int = 0) -> object:
        return cutting.pieces(stream, folder, lines_before=lines_before, size=50_000)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "pieces", small)
    path = tmp_path / "log.jsonl.gz"
    lines: list[Any] = [*RECORDS[:2000], "broken", "", *RECORDS[2000:], {"time": "2026-11-10T12:00:00Z"}]
    write_log(path, lines)
    store = emptied()
    summary = load(store, [path])
    assert (summary.lines, summary.requests, summary.rejected) == (3002, 3000, 2)
    assert rows(store, "SELECT line FROM rejected_line ORDER BY 1") == [(2001,), (3003,)]
    assert not Path(f"{store.path}.scratch").exists()
