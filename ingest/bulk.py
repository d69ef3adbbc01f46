"""The quick path: DuckDB reads a whole file of JSON lines, typed, and names the lines it was not sure of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from ingest.documents import Document
from ingest.formats import Format
from ingest.json_values import MAX_BYTES, documents_of_json
from ingest.record import MAX_TOKENS
from store.derive import priced
from store.faults import is_no_room
from store.unpacked import opened

MACROS = r"""
CREATE OR REPLACE TEMP MACRO number(json) AS try_cast(json::VARCHAR AS UINTEGER);
-- not absurd, and spelt as a whole number: one with a negative exponent, which is spelt without a point, came out as 0
CREATE OR REPLACE TEMP MACRO is_whole(json, number) AS
    json IS NULL OR (number <= {most_tokens} AND (number > 0 OR json::VARCHAR = '0')
                     AND NOT contains(json::VARCHAR, '.'));
CREATE OR REPLACE TEMP MACRO is_left_out(json) AS json IS NULL OR json::VARCHAR = 'null';
CREATE OR REPLACE TEMP MACRO is_count(json, number) AS is_whole(json, number) OR json::VARCHAR = 'null';
-- a text, or a number that reads the same as one; nearly all begin with a small letter (but not of "false" or "true"),
-- so that is asked first
CREATE OR REPLACE TEMP MACRO is_odd_text(x) AS
    strlen(x) > 0 AND NOT starts_with(x, '{') AND NOT starts_with(x, '[')
    AND x <> 'true' AND x <> 'false' AND x <> 'NaN' AND x <> 'Infinity'
    AND (x >= ':' OR (strlen(x) <= 18 AND NOT contains(x, '.') AND NOT contains(x, 'e'))
         OR try_cast(x AS DOUBLE) IS NULL);
CREATE OR REPLACE TEMP MACRO is_text(x) AS
    x IS NULL OR ((x >= 'g' AND x < 't' OR x >= 'u' AND x < '{' OR x >= 'a' AND x < 'f' OR is_odd_text(x))
                  AND strlen(x) <= 512);
CREATE OR REPLACE TEMP MACRO is_tag(x) AS
    x IS NULL OR (is_text(x) AND NOT regexp_matches(x, '["\\\x00-\x1f\x7f]'));
-- an object of few, short, plain texts, so that its pairs can be told apart by their quotation marks
CREATE OR REPLACE TEMP MACRO are_tags(x) AS
    strlen(x) <= 800 AND regexp_full_match(x, '\{"[^"\\ !]+":"[^"\\]+"(,"[^"\\ !]+":"[^"\\]+")*\}');
CREATE OR REPLACE TEMP MACRO in_order(x) AS
    CASE WHEN contains(x, '","')
         THEN '{"' || array_to_string(list_sort(string_split(x[3:-3], '","')), '","') || '"}' ELSE x END;
-- a list without numbers that could be written in two ways
CREATE OR REPLACE TEMP MACRO are_prefixes(x) AS
    starts_with(x, '[') AND strlen(x) <= 65536 AND strlen(x) = length(x) AND NOT contains(x, '\')
    AND NOT regexp_matches(x, '[:\[,](-|[0-9]+(\.[0-9]{5,}|(\.[0-9]+)?[eE]|[0-9]{17,}))');
""".replace("{most_tokens}", str(MAX_TOKENS))
_NUMBERED = "SELECT * REPLACE (row_number() OVER () + {} AS line) FROM ({})"
_BLANK = b" \t\r\n\v\f"  # what DuckDB passes over between lines


@dataclass(frozen=True)
class Taken:
    """How many lines were loaded, and which of the file's non-blank lines (from 1) have to be read one by one."""

    sure: int
    unsure: Sequence[int]


class Refused(Exception):
    """Files DuckDB cannot read in bulk: a line too long for it, a file that went away. The transaction is lost."""

    def __init__(self, *paths: Path) -> None:
        self.paths = paths
        super().__init__(f"{', '.join(map(str, paths))} cannot be read in bulk")


def has_query(format_: Format) -> bool:
    """Can files of this format be read in bulk?"""
    return hasattr(format_, "BULK")


def opens(path: Path) -> bool:
    """Does DuckDB, which goes by the name, take the file for a plain one, as it is?"""
    return path.suffix not in (".gz", ".zst", ".bz2", ".xz", ".lz4")


def read(
    con: DuckDBPyConnection,
    path: Path,
    format_: Format,
    file_id: int,
    *,
    number_lines: bool = False,
    lines_before: int = 0,
) -> Taken:
    """Loads what it is sure of from a plain file of JSON lines, under ``file_id``.

    ``number_lines`` keeps each row's line, at twice the time; ``lines_before`` is added to it. Raises Refused when
    DuckDB gave up half-way: the caller rolls back and reads that file line by line.
    """
    con.execute(MACROS)
    sql: str = getattr(format_, "BULK")  # noqa: B009
    named = {"path": literal(path), "file_id": file_id}
    with refusing(path):
        if number_lines:
            with _in_file_order(con):
                numbered = f"({_NUMBERED.format(lines_before, sql)})"
                read = con.execute(f"INSERT INTO usage BY NAME {priced(numbered)}", named).fetchall()[0][0]
        else:
            read = con.execute(f"INSERT INTO usage BY NAME {priced(f'({sql})')}", named).fetchall()[0][0]
        is_numbered = not number_lines or read == _lines_in(path)
    if not is_numbered:  # blank lines: a row's place is not its line
        raise Refused(path)
    unsure_rows = "file_id = ? AND request_key IS NULL"
    count = con.execute(f"SELECT count(*) FROM usage WHERE {unsure_rows}", [file_id]).fetchall()[0][0]
    if not count:
        return Taken(read, ())
    con.execute(f"DELETE FROM usage WHERE {unsure_rows}", [file_id])
    with refusing(path):
        unsure = _unsure(con, sql, named)
    if len(unsure) != count:  # the file changed meanwhile
        raise Refused(path)
    return Taken(read - count, unsure)


@contextmanager
def refusing(*paths: Path) -> Iterator[None]:
    """Raises Refused for what goes wrong in the block, unless a disk is full."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        if is_no_room(error):  # which has nothing to do with the file that is read
            raise
        raise Refused(*paths) from error


def _unsure(con: DuckDBPyConnection, sql: str, named: dict[str, object]) -> list[int]:
    query = f"SELECT line FROM ({_NUMBERED.format(0, sql)}) WHERE request_key IS NULL ORDER BY line"
    with _in_file_order(con):
        return [place for (place,) in con.execute(query, named).fetchall()]


@contextmanager
def _in_file_order(con: DuckDBPyConnection) -> Iterator[None]:
    con.execute("SET preserve_insertion_order = true")
    try:
        yield
    finally:
        with suppress(duckdb.TransactionException):  # lost; the next one sets it itself
            con.execute("SET preserve_insertion_order = false")


def _lines_in(path: Path) -> int:
    lines, last = 0, b"\n"
    with opened(path) as stream:
        while chunk := stream.read(1 << 20):
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return lines + (last != b"\n")


def documents_at(path: Path, places: Sequence[int]) -> Iterator[Document]:
    """The documents at these places among the file's non-blank lines, in order."""
    with opened(path) as stream:
        lines = _LinesAt(stream, places)
        for document in documents_of_json(lines, MAX_BYTES):
            if document.line not in lines.stand_ins:
                yield document


class _LinesAt:
    """A file's lines at some places, the others blank: each keeps its number, and a value may go on over several.

    The first of others that follow one another is ``{}``, so that no value goes on past them.
    """

    def __init__(self, lines: Iterable[bytes], places: Sequence[int]) -> None:
        self.stand_ins: set[int] = set()
        self._lines = self._chosen(lines, places)

    def read1(self, size: int = -1, /) -> bytes:
        found = bytearray()
        for line in self._lines:
            found += line
            if 0 <= size <= len(found):
                break
        return bytes(found)

    def readline(self, _: int = -1, /) -> bytes:
        return next(self._lines, b"")

    def _chosen(self, lines: Iterable[bytes], places: Sequence[int]) -> Iterator[bytes]:
        wanted = iter(places)
        place, seen, after_wanted = next(wanted, None), 0, False
        for number, line in enumerate(lines, start=1):
            if place is None:
                return
            if not line.strip(_BLANK):
                yield b"\n"
                continue
            seen += 1
            if seen == place:
                yield line
                place, after_wanted = next(wanted, None), True
            elif after_wanted:
                self.stand_ins.add(number)
                yield b"{}\n"
                after_wanted = False
            else:
                yield b"\n"


def is_json_lines(path: Path) -> bool:
    """Is the file's first line an object of its own?"""
    try:
        with opened(path) as stream:
            first = next((line for line in iter(lambda: stream.readline(1 << 20), b"") if line.strip(_BLANK)), b"")
        return isinstance(json.loads(first.removeprefix(b"\xef\xbb\xbf").decode()), dict)
    except (ValueError, RecursionError):
        return False


def literal(path: Path) -> str:
    """A path DuckDB will not take for a pattern."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))
