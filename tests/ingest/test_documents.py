"""Files of every shape to values, and bad values that cost only themselves."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import window
from ingest.documents import Document, read_documents, read_head
from ingest.record import Rejected

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def read(path: Path, content: bytes | str, max_bytes: int = 1 << 24) -> list[Document]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_documents(path, max_bytes=max_bytes))


def outline(documents: list[Document]) -> list[tuple[int, object]]:
    """(line, value), or (line, reason) for a rejected one."""
    return [(d.line, d.value.reason if isinstance(d.value, Rejected) else d.value) for d in documents]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b'{"a":1}\n{"a":2}\n', [(1, {"a": 1}), (2, {"a": 2})], id="lines"),
        pytest.param(b'{"a":1}\n{"a":2}', [(1, {"a": 1}), (2, {"a": 2})], id="no break at the end"),
        pytest.param(b'\n{"a":1}\n \t\n\n{"a":2}\n\n', [(2, {"a": 1}), (5, {"a": 2})], id="blank lines"),
        pytest.param(b'{"a":1}\r\n\r\n{"a":2}\r\n', [(1, {"a": 1}), (3, {"a": 2})], id="CRLF"),
        pytest.param(b'\xef\xbb\xbf{"a":1}\n{"a":2}\n', [(1, {"a": 1}), (2, {"a": 2})], id="byte-order mark"),
        pytest.param(b'{"a":1}\n\xef\xbb\xbf{"a":2}\n', [(1, {"a": 1}), (2, {"a": 2})], id="files put together"),
        pytest.param(
            b'{"a":1}{"a":2} {"a":3}\n{"a":4}', [(1, {"a": n}) for n in (1, 2, 3)] + [(2, {"a": 4})], id="one line"
        ),
        pytest.param(
            b'{\n "a": 1\n}\n{\n "a": [\n  {}\n ]\n}\n', [(1, {"a": 1}), (4, {"a": [{}]})], id="pretty-printed"
        ),
        pytest.param(b'{\n"a":\n{\n}\n}\n{"a":2}', [(1, {"a": {}}), (6, {"a": 2})], id="pretty-printed without indent"),
        pytest.param(b'[{"a":1},{"a":2}]', [(1, {"a": 1}), (1, {"a": 2})], id="a list on one line"),
        pytest.param(b'[\n  {"a":1},\n  {"a":2}\n]\n', [(2, {"a": 1}), (3, {"a": 2})], id="a list, one value a line"),
        pytest.param(b'[\n {\n  "a": 1\n },\n 7\n]', [(2, {"a": 1}), (5, 7)], id="a pretty-printed list"),
        pytest.param(b'[{"a":1}]\n[{"a":2}]\n', [(1, {"a": 1}), (2, {"a": 2})], id="a list a line"),
        pytest.param(b"[]", [], id="an empty list"),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b" \n\n", [], id="blank"),
        pytest.param(
            b'1\n"x"\nnull\n[1,2]\n', [(1, 1), (2, "x"), (3, None), (4, [1, 2])], id="values that are no objects"
        ),
        pytest.param(
            b'event: ping\ndata: {"type": "ping"}\n\n: note\nid: 1\ndata:{"type":"x"}\r\n\ndata: [DONE]\n',
            [(2, {"type": "ping"}), (6, {"type": "x"})],
            id="server-sent events",
        ),
    ],
)
def test_reads_every_shape_of_file(
    log: Path, content: bytes, expected: list[tuple[int, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outline(read(log, content)) == expected
    monkeypatch.setattr(window, "CHUNK", 1)
    assert outline(read(log, content)) == expected
    assert outline(read(log, gzip.compress(content))) == expected


GOOD = (b'{"a":1}', {"a": 1})


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"not json", "not JSON: expecting value"),
        (b"2026-11-20 12:00:00 INFO started", "not JSON"),
        (b"1,2,3", "not JSON"),
        (b'{"a": 1', "cut off"),
        (b'{"a": "begun', "cut off"),
        (b'{"a": {"b": 1}, "c":', "cut off"),
        (b'{"a": 1,}', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1}}', "more text after the value"),
        (b'{"a": 1} # note', "more text after the value"),
        (b'{"a": 1},', "more text after the value"),
        (b'{"a": NaN}', "a number that JSON does not have"),
        (b'{"a": -Infinity}', "a number that JSON does not have"),
        (b'{"a": "\xff\xfe"}', "not valid UTF-8"),
        (b'{"\xc3": 1}', "not valid UTF-8"),
        (b"\x00\x01\x02", "not JSON"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "nested too deeply"),
        (b"[" * 50_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number of thousands of digits"),
        (b'{"a": "' + b"x" * 200_000 + b'"}', "longer than 100,000 bytes"),
        (b'{"a": tru}', "not JSON"),
        (b"}", "not JSON"),
        (b'"text without an end', "not JSON"),
        (b'{"a": "tab\there"}', "not JSON: invalid control character"),
        (b'{"a": "\\x"}', "not JSON: invalid \\escape"),
    ],
)
@pytest.mark.parametrize("chunk", [13, 1 << 16])
def test_a_bad_line_costs_only_itself(
    log: Path, bad: bytes, reason: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "CHUNK", chunk)
    good, value = GOOD
    documents = read(log, good + b"\n" + bad + b"\n" + good + b"\n" + bad, max_bytes=100_000)
    assert [d.line for d in documents] == [1, 2, 3, 4]
    assert [documents[0].value, documents[2].value] == [value, value]
    for document in documents[1::2]:
        assert isinstance(document.value, Rejected)
        assert reason in document.value.reason
        assert len(document.value.found) <= 60
        assert document.value.advice


@pytest.mark.parametrize(
    "bad", [b'{\n  "a": NaN\n}', b'{\n  "a": "\xff"\n}', b'{\n  "a": tru,\n  "b": {\n  }\n}', b'{\n  "a":']
)
def test_a_bad_pretty_printed_value_costs_only_itself(log: Path, bad: bytes) -> None:
    documents = read(log, b'{\n  "a": 1\n}\n' + bad + b'\n{\n  "a": 2\n}\n')
    assert [isinstance(d.value, Rejected) for d in documents] == [False, True, False]
    assert (documents[1].line, documents[2].value) == (4, {"a": 2})


@pytest.mark.parametrize(
    "bad", [b'{"a": NaN}', b'{"a": tru, "b": "}"}', b'{"a": "\xff"}', b'{"a": "' + b"x" * 2000 + b'"}']
)
@pytest.mark.parametrize("between", [b",", b",\n", b",\n  ", b"\n,"])
@pytest.mark.parametrize("chunk", [1, 7, 1 << 16])
def test_a_bad_element_of_a_list_costs_only_itself(
    log: Path, bad: bytes, between: bytes, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "CHUNK", chunk)
    documents = read(log, b'[{"a":1}' + between + bad + between + b'{"a":2}' + between + b'{"a":3}]', max_bytes=1000)
    assert [d.value for d in documents if not isinstance(d.value, Rejected)] == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert len(documents) == 4


def test_a_list_that_is_cut_off_says_so(log: Path) -> None:
    assert outline(read(log, b'[{"a":1},\n{"a":2},')) == [
        (1, {"a": 1}),
        (2, {"a": 2}),
        (2, "the file ends inside its list"),
    ]
    cut = outline(read(log, b'[{"a":1},\n{"a":'))
    assert cut[:2] == [(1, {"a": 1}), (2, "the value is cut off")]


def test_damaged_gzip_gives_what_stands_before_the_damage(log: Path) -> None:
    whole = gzip.compress(b"".join(b'{"a":%d}\n' % n for n in range(200_000)))
    documents = read(log, whole[: len(whole) // 2])
    assert len(documents) > 1000
    assert documents[0].value == {"a": 0}
    assert isinstance(documents[-1].value, Rejected)
    assert "cut off or damaged" in documents[-1].value.reason
    small = gzip.compress(b"".join(b'{"a":%d}\n' % n for n in range(500)))
    assert len(read(log, small[:-20])) > 100
    assert outline(read(log, b"\x1f\x8bnonsense"))[0][1] == "the compressed file is cut off or damaged here"


def test_raw_is_the_exact_value(log: Path) -> None:
    documents = read(log, '  {"a": "é\\u00e9"} \r\n{"b":\n 2}\n')
    assert [d.raw for d in documents] == ['{"a": "é\\u00e9"}'.encode(), b'{"b":\n 2}']


def test_a_50_mb_line_is_rejected_in_little_memory(log: Path) -> None:
    log.write_bytes(b'{"a":1}\n{"a": "' + b"x" * 50_000_000 + b'"}\n{"a":2}\n')
    tracemalloc.start()
    documents = outline(list(read_documents(log, max_bytes=1 << 20)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert documents == [(1, {"a": 1}), (2, "longer than 1,048,576 bytes"), (3, {"a": 2})]
    assert peak < 16 << 20


@pytest.mark.parametrize("size", [10, 1 << 20, 3 << 20])
def test_values_larger_than_what_is_read_at_once(log: Path, size: int) -> None:
    big = json.dumps({"a": "é" * (size // 2)}, ensure_ascii=False).encode()
    documents = read(log, b"\n".join([big, b'{"b":1}', big, b"1" * 30, b'{"b":2}']))
    assert [d.line for d in documents] == [1, 2, 3, 4, 5]
    assert [d.raw for d in documents] == [big, b'{"b":1}', big, b"1" * 30, b'{"b":2}']


@given(
    st.lists(st.dictionaries(st.text(max_size=4), JSON, max_size=3), max_size=5),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, values: list[object], indent: int | None, as_list: bool
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    text = json.dumps(values, indent=indent) if as_list else "\n".join(json.dumps(v, indent=indent) for v in values)
    assert [d.value for d in read(path, text)] == values


@given(st.binary(max_size=60), st.integers(0, 4))
def test_no_bytes_make_it_raise(tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int) -> None:
    lines = [b'{"a":1}', b'[{"b":2}', b'{"c":"d"}', b"]"]
    lines.insert(at, noise)
    path = tmp_path_factory.mktemp("log") / "log"
    documents = read(path, b"\n".join(lines), max_bytes=64)
    assert all(d.line >= 1 for d in documents)
    assert [d.line for d in documents] == sorted(d.line for d in documents)


def test_head_is_the_first_good_values(log: Path) -> None:
    log.write_bytes(b"not json\n" + b'{"a":1}\n' * 50_000)
    head = read_head(log, limit=800)
    assert 100 <= len(head) <= 115
    assert head[0] == {"a": 1}
