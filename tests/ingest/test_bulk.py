from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.file import Loading, read_file
from ingest.file_result import FileResult
from ingest.load import load
from ingest.options import LoadOptions
from ingest.pieces import Scratch
from store.model_names import LoggedModels
from tests.factories import emptied, loaded, rows, usage_record, write_log


def dumps(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return re.sub(r'"RAW<(.*?)>RAW"', lambda found: found[1].replace('\\"', '"').replace("\\\\", "\\"), text)


def raw(text: str) -> str:
    return f"RAW<{text}>RAW"


COUNTS: list[Any] = [
    0,
    1,
    77,
    10**8,
    10**8 + 1,
    -1,
    1.0,
    1.5,
    1e300,
    2**63,
    2**64,
    "12",
    "",
    None,
    True,
    [],
    [1],
    {},
    {"a": 1},
]
COUNTS += [raw(text) for text in ("1e3", "1E2", "15e-1", "5e-1", "1e-30", "-0", "-0.0", "1e400", "NaN", "100000000.0")]
TEXTS: list[Any] = [
    "x",
    "",
    " ",
    "ünï 😀",
    "a\0b",
    "{x",
    "[x",
    "true",
    "null",
    "x" * 512,
    "x" * 513,
    "x" * 4097,
    5,
    -5,
    5.0,
    0.1,
]
TEXTS += [1e-7, 1e16, 1e22, 2**63, 2**64, 10**30, True, False, None, [], [1], {}, {"a": 1}, "\t", "it's", 'a"b\\c']
TEXTS += [
    raw(text) for text in ("1e3", "-0", "-0.0", "1.50", '"\\ud800"', '"\\ud83d\\ude00"', '"\\u0041"', '"\\/"', "0.10")
]
PLACES: list[Any] = [*TEXTS, "not_available", "us"]
DAY = "2026-11-10T12:00:00"
TIMES: list[Any] = [
    f"{DAY}{rest}" for rest in ("Z", ".1Z", ".123456Z", ".1234567Z", ".9999999Z", ".Z", ",5Z", " Z", "zZ", "", "z")
]
TIMES += [f"{DAY}{rest}" for rest in ("+02:00", "-00:00", "+02:00Z", "+01Z", " UTC", " UTCZ", " Europe/ParisZ", " BCZ")]
TIMES += [
    f"2026-11-10T{clock}Z" for clock in ("24:00:00", "23:59:60", "12:00", "12", "1:1:1", "12:00:00.000000000000001")
]
TIMES += ["2021-12-31T23:59:59.999Z", "2022-01-01T00:00:00Z", "2099-12-31T23:59:59.9999999Z", "2100-01-01T00:00:00Z"]
TIMES += [
    "2026-02-30T00:00:00Z",
    "2024-02-29T00:00:00Z",
    "2026-1-1T01:01:01Z",
    "20261110T120000Z",
    "2026-W46-2T12:00:00Z",
]
TIMES += [
    "2026-11-10 12:00:00Z",
    "2026/11/10T12:00:00Z",
    " 2026-11-10T12:00:00Z",
    "+2026-11-10T12:00:00Z",
    "TZ",
    "",
    None,
]
TIMES += [1_762_776_000, 1_762_776_000.5, 1_762_776_000_123, 1, -1, True, [], raw("1.7e9"), "1762776000", "infinityTZ"]
PARTS: list[Any] = [None, {}, [], "x", 5, True]
SPLITS = [
    {"ephemeral_5m_input_tokens": a, "ephemeral_1h_input_tokens": b} for a, b in ((0, 0), (77, 0), (0, 1), (-1, 1))
]
TAGS: list[Any] = [
    {"a": "x"},
    {"b": "1", "a": "2"},
    {"a": 1, "b": 1.0, "c": 0.5},
    {"a": None},
    {"a": True, "b": False},
    {"a": ""},
]
TAGS += [{"": "x"}, {"a": [1]}, {"a": {"b": 1}}, {"ü": "é 😀"}, {str(n): "x" for n in range(101)}, {"a": "x" * 5000}]
TAGS += [raw('{"a" : "1" , "b":"2"}'), raw('{"a":"\\u0041"}'), raw('{"a":"\\/","b":"\\b"}')]
TAGS += [{"a": 'q"q'}, {"a": "\0"}, {"a": 10**30}, raw('{"a":1e3}')]
PREFIXES: list[Any] = [
    ["a"],
    [{"hash": "x", "tokens": 5}],
    ["é"],
    [1.0],
    ["x" * 70_000],
    raw('[ "a" , 1e3, "\\u0041" ]'),
    [[]],
    [None],
]
STATUSES: list[Any] = [
    100,
    199,
    200,
    204,
    399,
    400,
    429,
    529,
    99,
    600,
    "200",
    "x",
    200.0,
    200.5,
    True,
    -1,
    raw("2e2"),
    10**30,
]
ERRORS: list[Any] = ["", "overloaded_error", {"type": "x"}, {"message": "secret"}, True, False, [], 5]
WORDS: list[Any] = [True, False, "true", "false", "True", "", "x", 0, 1, 2, 1.0, [], {}]
MESSAGE = {"type": "message", "input_tokens": 1000, "output_tokens": 100}
ITERATIONS: list[Any] = [[MESSAGE], [MESSAGE, MESSAGE], [], [{}], "x", {}, [{**MESSAGE, "type": "compaction"}]]
CHANGES: dict[str, list[Any]] = {
    **dict.fromkeys(
        ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"), COUNTS
    ),
    **dict.fromkeys(("max_tokens", "latency_ms", "time_to_first_token_ms"), COUNTS),
    **dict.fromkeys(("message_id", "request_id", "model", "provider", "region", "feature", "user", "session"), TEXTS),
    **dict.fromkeys(("stop_reason", "service_tier", "speed", "inference_geo"), PLACES),
    "stop_details": [*PARTS, *({"category": value} for value in TEXTS)],
    "cache_creation": [*PARTS, *SPLITS, *({"ephemeral_1h_input_tokens": value} for value in COUNTS)],
    "output_tokens_details": [*PARTS, *({"thinking_tokens": value} for value in [*COUNTS, 100, 101])],
    "server_tool_use": [*PARTS, *({"web_search_requests": value} for value in COUNTS)],
    "time": TIMES,
    "tags": [*PARTS, *TAGS],
    "prefixes": [*PARTS, *PREFIXES],
    "status": [*PARTS, *STATUSES],
    "error": [*PARTS, *ERRORS],
    "stream": [*PARTS, *WORDS],
    "iterations": [*PARTS, *ITERATIONS],
    "usage": PARTS,
}
FLAWS = [
    "junk",
    "{",
    "}",
    "null",
    "5",
    '"x"',
    "[]",
    "\0",
    "\ufeff",
    "",
    " \r",
    "// note",
    '{"time": 1}',
    "\x1c",
    "\u00a0",
]


def record_of(number: int, changes: dict[str, Any]) -> dict[str, Any]:
    """A record with some fields changed, None being JSON's null."""
    record = usage_record(message_id=f"msg_{number}", request_id=f"req_{number}")
    for name, value in changes.items():
        place = record["usage"] if name in USAGE and isinstance(record["usage"], dict) else record
        place[name] = value
    return record


USAGE = {"input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"}
USAGE |= {"output_tokens_details", "server_tool_use", "service_tier", "speed", "inference_geo", "iterations"}


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """Lines of a log: records with up to two fields changed, some flaws among them."""
    change = st.lists(st.sampled_from(sorted(CHANGES)), max_size=2, unique=True)
    found = [dumps(record_of(0, {}))]
    for number in range(1, draw(st.integers(2, 40))):
        found.append(dumps(record_of(number, {name: draw(st.sampled_from(CHANGES[name])) for name in draw(change)})))
        found += draw(st.lists(st.sampled_from(FLAWS), max_size=1))
    return found


Read = tuple[FileResult, list[tuple[object, ...]]]


def both_ways(path: Path) -> tuple[Read, Read]:
    """A file read in bulk where that is possible, and line by line: the result, and the rows without their line."""
    return read(path, in_bulk=True), read(path, in_bulk=False)


def read(path: Path, *, in_bulk: bool) -> Read:
    store = emptied()
    con = store.cursor()
    con.execute("BEGIN")
    try:
        options, models = LoadOptions(format="usage_record"), LoggedModels(con, store.prices)
        loading = Loading(con, options, models, Scratch(":memory:"), refused=() if in_bulk else {path})
        result = read_file(loading, path, file_id=1)
        assert result
        return result, con.execute("SELECT * EXCLUDE (line) FROM usage ORDER BY ALL").fetchall()
    finally:
        con.execute("ROLLBACK")


def assert_same(bulk: Read, one_by_one: Read) -> None:
    (result, found), (expected, wanted) = bulk, one_by_one
    assert (result.read, result.ignored, result.rejected) == (expected.read, expected.ignored, expected.rejected)
    assert [(line, str(why)) for line, why in result.rejects] == [(line, str(why)) for line, why in expected.rejects]
    assert found == wanted


def test_every_single_change_reads_the_same_in_bulk_and_line_by_line(tmp_path: Path) -> None:
    changes = [{name: value} for name, values in CHANGES.items() for value in values]
    log = write_log(tmp_path / "log.jsonl", [dumps(record_of(n, change)) for n, change in enumerate([{}, *changes])])
    bulk, one_by_one = both_ways(log)
    assert len(changes) > 900
    assert bulk[0].rejected > 200
    assert_same(bulk, one_by_one)


@settings(max_examples=25, deadline=None)
@given(text=lines(), end=st.sampled_from(["\n", "\r\n"]), last=st.booleans(), zipped=st.booleans())
def test_any_log_reads_the_same_in_bulk_and_line_by_line(
    tmp_path_factory: pytest.TempPathFactory, text: list[str], end: str, last: bool, zipped: bool
) -> None:
    content = (end.join(text) + end * last).encode()
    log = tmp_path_factory.mktemp("log") / ("log.jsonl.gz" if zipped else "log.jsonl")
    log.write_bytes(gzip.compress(content) if zipped else content)
    assert_same(*both_ways(log))


def test_plain_records_are_taken_in_bulk_and_odd_ones_one_by_one(tmp_path: Path) -> None:
    plain = [usage_record(message_id=f"m{n}", tags={"b": "1", "a": "2"}, prefixes=["x"]) for n in range(3)]
    odd = usage_record(message_id="odd", tags={"a": 1})
    log = write_log(tmp_path / "log.jsonl", [plain[0], odd, *plain[1:]])
    store = emptied()
    load(store, [log])
    found = rows(store, "SELECT request_key, line, tags FROM usage ORDER BY ALL")
    sorted_tags = '{"a":"2","b":"1"}'
    assert found == [
        ("m0", None, sorted_tags),
        ("m1", None, sorted_tags),
        ("m2", None, sorted_tags),
        ("odd", 2, '{"a":"1"}'),
    ]


PRETTY = json.dumps(usage_record(message_id="pretty"), indent=2)
TWO = json.dumps(usage_record(message_id="m2")) + " " + json.dumps(usage_record(message_id="m3"))


@pytest.mark.parametrize(
    ("middle", "keys", "rejected"),
    [
        (b"\r\n  \r\n\t\n\x0b\n\x0c\n", ["m0", "m1"], [(8, "time")]),
        (b"\x00\n", ["m0", "m1"], [(2, None), (4, "time")]),
        (TWO.encode() + b"\n", ["m0", "m1", "m2", "m3"], [(4, "time")]),
        (PRETTY.encode() + b"\n", ["m0", "m1", "pretty"], [(13, "time")]),
        (b'{"time": "2026-11-10T12:00:00Z", "mod\n', ["m0", "m1"], [(2, None), (4, "time")]),
    ],
    ids=["blank lines", "a NUL byte", "two records on a line", "a record over several lines", "a cut line"],
)
def test_a_line_is_told_by_its_true_number(
    tmp_path: Path, middle: bytes, keys: list[str], rejected: list[tuple[int, str | None]]
) -> None:
    first, second = (json.dumps(usage_record(message_id=key)).encode() for key in ("m0", "m1"))
    log = tmp_path / "log.jsonl"
    log.write_bytes(first + b"\n" + middle + second + b'\n{"time": 1}\n')
    (result, found), _ = both_ways(log)
    assert sorted(str(row[0]) for row in found) == keys
    assert [(line, why.field) for line, why in result.rejects] == rejected


@pytest.mark.parametrize(
    "name", ["a*b.jsonl", "a?b.jsonl", "[ab].jsonl", "{a,b}.jsonl", "a\\b.jsonl", "a'\"\nb ü.jsonl"]
)
def test_a_path_is_never_a_pattern(tmp_path: Path, name: str) -> None:
    write_log(tmp_path / "axb.jsonl", [usage_record(message_id="another")])
    write_log(tmp_path / "a.jsonl", [usage_record(message_id="another")])
    store = emptied()
    loaded(store, tmp_path / name, [usage_record(message_id="this")])
    assert rows(store, "SELECT request_key FROM usage") == [("this",)]


@pytest.mark.parametrize("name", ["zipped.jsonl", "zipped.jsonl.gz", "zipped.GZ"])
def test_compression_is_told_by_content(tmp_path: Path, name: str) -> None:
    plain = write_log(tmp_path / "plain.jsonl", [usage_record() for _ in range(50)])
    zipped = tmp_path / name
    zipped.write_bytes(gzip.compress(plain.read_bytes()[:5000]) + gzip.compress(plain.read_bytes()[5000:]))
    misnamed = tmp_path / "plain.jsonl.gz"
    misnamed.write_bytes(plain.read_bytes())
    store = emptied()
    assert [load(store, [path]).requests for path in (zipped, misnamed)] == [50, 0]


def test_a_line_too_long_for_duckdb_is_rejected_and_the_rest_loads(tmp_path: Path) -> None:
    long = json.dumps(usage_record(feature="x" * 50_000_000))
    store = emptied()
    summary = loaded(store, tmp_path / "log.jsonl", [usage_record(), long, usage_record()])
    [(line, why)] = summary.files[0].rejects
    assert (summary.lines, summary.requests, summary.rejected, line) == (3, 2, 1, 2)
    assert "longer than 16,777,216 bytes" in why.reason


def test_what_stands_before_damaged_compression_is_loaded(tmp_path: Path) -> None:
    plain = b"".join(json.dumps(usage_record()).encode() + b"\n" for _ in range(20_000))
    damaged = tmp_path / "log.jsonl.gz"
    damaged.write_bytes(gzip.compress(plain, 1)[:-1000])
    store = emptied()
    summary = load(store, [damaged])
    assert summary.rejected == 1
    assert 15_000 < summary.requests < 20_000
    assert "damaged" in summary.files[0].rejects[0][1].reason


@pytest.mark.parametrize("content", [b"\x1f\x8bgarbage", gzip.compress(b"{}" * 999, mtime=0)[:11], b"\x1f\x8b"])
def test_nothing_but_damage_is_one_rejected_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log.gz").write_bytes(content)
    store = emptied()
    for options in (LoadOptions(), LoadOptions(format="usage_record")):
        summary = load(store, [tmp_path / "log.gz"], options=options)
        assert (summary.lines, summary.rejected) == (1, 1)
