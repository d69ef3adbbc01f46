"""Every case of the corpus through a real load: what is said of the bad input, and that nothing beside it is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.documents import read_documents
from ingest.file_result import FileResult
from ingest.formats import FORMATS, ReadOptions, by_name, entries_of, record_of
from ingest.load import load
from ingest.options import LoadOptions
from ingest.record import Rejected
from store.connection import Store, open_store
from tests.factories import rows
from tests.ingest.bad_input.cases import SECRET, Case, cases, good_line, groups

CASES = [case for group in groups() for case in cases(group)]
NAMES = [f"{case.group}: {case.name}" for case in CASES]
IN_BULK = [format_.NAME for format_ in FORMATS if hasattr(format_, "BULK") or hasattr(format_, "BULK_LINES")]


@dataclass(frozen=True)
class Corpus:
    """A store and what became in it of each file loaded so far."""

    store: Store
    folder: Path
    results: dict[str, FileResult]

    def path(self, case: Case) -> Path:
        """The case's file."""
        path = self.folder / case.file
        if not path.exists():
            path.write_bytes(case.content)
        return path

    def result(self, case: Case) -> FileResult:
        """What became of a case; the cases of its group are loaded together."""
        if case.file not in self.results:
            group = cases(case.group)
            for name in {other.as_format for other in group}:
                paths = [self.path(other) for other in group if other.as_format == name]
                summary = load(self.store, paths, options=LoadOptions(format=name))
                self.results.update((result.path.name, result) for result in summary.files)
        return self.results[case.file]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    with open_store(":memory:") as store:
        yield Corpus(store, tmp_path_factory.mktemp("bad"), {})


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_bad_input_is_named_and_costs_only_itself(corpus: Corpus, case: Case) -> None:
    result, said = corpus.result(case), case.expected
    rejects = [[line, *shown(why)] for line, why in result.rejects]
    assert rejects == said.get("rejected", [])
    assert (result.requests, result.duplicates, result.ignored) == case.counts(said)
    assert result.lines == result.requests + result.duplicates + result.ignored + len(rejects)
    assert (result.rejected, result.format) == (len(rejects), case.format)
    assert list(result.findings) == said.get("findings", [])
    assert all(why.advice.endswith((".", "NAME.")) for _, why in result.rejects)
    if "reads" in said:
        columns = ", ".join(said["reads"])
        query = f"SELECT {columns} FROM usage WHERE file_id = ? AND part = 0 AND NOT contains(request_key, '-good')"
        assert rows(corpus.store, query, result.file_id) == [tuple(said["reads"].values())]


@pytest.mark.parametrize("case", [case for case in CASES if case.format in IN_BULK])
def test_read_one_by_one_it_comes_to_the_same(corpus: Corpus, case: Case) -> None:
    path, said = corpus.path(case), case.expected | case.expected.get("one_by_one", {})
    format_ = by_name(case.format or "")
    reader = format_.reader(ReadOptions(path=str(path), file=path))
    read, ignored, rejects = 0, 0, []
    for document in read_documents(path):
        for entry in entries_of(format_, document):
            try:
                found = record_of(entry.value, entry.line, reader) is not None
            except Rejected as why:
                rejects.append([entry.line, *shown(why)])
                continue
            read, ignored = read + found, ignored + (not found)
    requests, duplicates, passed_over = case.counts(said)
    assert (rejects, read, ignored) == (said.get("rejected", []), requests + duplicates, passed_over)


def shown(why: Rejected) -> tuple[str, str, str]:
    """What is said of a rejected line, as the corpus writes it."""
    return why.field or "", why.reason, why.found


@pytest.mark.parametrize(
    ("group", "start"), [("times", "{"), ("claude_code", "{"), ("home_made", "{"), ("event_texts", "data: {")]
)
def test_a_line_of_17_megabytes_costs_only_itself(tmp_path: Path, group: str, start: str) -> None:
    long = f'{start}"text":"{SECRET * 1_000_000}"}}'
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join([good_line(group, "before"), long, good_line(group, "after"), ""]))
    with open_store(":memory:") as store:
        [result] = load(store, [log]).files
    assert (result.requests, result.rejected) == (2, 1)
    assert "longer than 16,777,216 bytes" in result.rejects[0][1].reason
    assert SECRET not in str(result.rejects[0][1])


def test_no_prompt_is_kept_or_shown(corpus: Corpus) -> None:
    assert sum(SECRET.encode() in case.content for case in CASES) > 100
    results = [corpus.result(case) for case in CASES]
    said = [str(why) for result in results for _, why in result.rejects]
    said += [finding for result in results for finding in result.findings]
    assert [text for text in said if SECRET in text] == []
    for table in ("usage", "superseded", "load_file", "rejected_line"):
        assert rows(corpus.store, f"FROM {table} AS kept WHERE contains(kept::VARCHAR, ?)", SECRET) == []


def test_the_corpus_is_large_and_each_format_has_a_dozen_cases_in_it() -> None:
    assert len(CASES) >= 300
    assert [name for name, times in Counter(NAMES).items() if times > 1] == []
    assert all(case.expected.keys() & {"requests", "duplicates", "ignored", "rejected"} for case in CASES)
    about = Counter(case.format for case in CASES)
    assert {format_.NAME: about[format_.NAME] for format_ in FORMATS if about[format_.NAME] < 12} == {}
