from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ingest.load import load
from spend.__main__ import main
from spend.filters import Filters
from spend.levers.lever import Pulled
from spend.what_if import Scene, gains, what_if
from spend.what_if.report import Report, data_fingerprint, report
from spend.what_if.report_formats import as_html, as_markdown
from spend.what_if.saved import from_text
from store.connection import Store, open_store
from store.money import usd
from tests.factories import loaded, usage_record, write_log

HOSTILE = "<script>x</script>|`a`,b;c% [x](http://x.example) www.x.example <img src=x>'\""
TODAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    opus = {"model": "claude-opus-4-8"}
    records = [
        *(usage_record(feature=HOSTILE, user="u", time=f"2026-11-{day:02}T09:00:00Z", **opus) for day in range(1, 21)),
        *(usage_record(feature="chat", output_tokens=day * 10) for day in range(1, 11)),
        usage_record(feature="lab", model="claude-haiku-9"),
    ]
    with open_store(folder / "usage.duckdb") as store:
        load(store, [write_log(folder / "log.jsonl", records)])
    return folder / "usage.duckdb"


@pytest.fixture
def store(db: Path) -> Iterator[Store]:
    with open_store(db) as opened:
        yield opened


LEVERS = (
    Pulled("swap", (("to", "claude-haiku-4-5"),), (("feature", HOSTILE),)),
    Pulled("cap", (("max_output_tokens", 50),)),
)
FILTERS = Filters(date(2026, 11, 2), date(2026, 11, 19), "Europe/Paris")


def made(store: Store) -> tuple[Report, int]:
    with Scene(store.cursor(), FILTERS) as scene:
        found = report(store, scene, LEVERS, title=HOSTILE, today=TODAY)
        return found, what_if(scene, LEVERS).saving


class Outside(HTMLParser):
    """Everything in a page that could ask for something or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "img", "a", "link", "iframe", "svg", "object", "form"):
            self.found.append(tag)
        self.found += [name for name, _ in attrs if name in ("src", "href") or name.startswith("on")]


def test_the_page_asks_for_nothing_and_every_name_is_text(store: Store) -> None:
    found, _ = made(store)
    page = as_html(found)
    parser = Outside()
    parser.feed(page)
    assert parser.found == []
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_names_in_markdown_are_text(store: Store) -> None:
    found, _ = made(store)
    text = as_markdown(found)
    prose = text[: text.index("````") if "````" in text else text.index("```")]
    assert not re.search(r"(?<!\\)[<`\[]", prose)
    assert "://" not in prose
    assert "www." not in prose
    rows = [re.sub(r"\\.", "", line).count("|") for line in prose.splitlines() if line.startswith("|")]
    assert rows
    assert min(rows) >= 3


def test_the_command_in_the_report_computes_the_same_figures(db: Path) -> None:
    with open_store(db) as store:
        found, saving = made(store)
    words = shlex.split(found.command)
    assert words[:4] == ["python", "-m", "spend", "what-if"]
    said = io.StringIO()
    with redirect_stdout(said):
        assert main([*words[3:], "--format", "json"]) == 0
    again: dict[str, Any] = json.loads(said.getvalue())
    assert again["baseline_usd"] == usd(found.answer.baseline)
    assert again["scenario_usd"] == usd(found.answer.scenario)
    assert again["saving_usd"] == usd(saving)
    assert [one["saving_usd"] for one in again["levers"]] == [usd(one.saving) for one in found.answer.levers]
    assert found.command in as_markdown(found)


def test_it_says_where_its_figures_come_from(store: Store) -> None:
    found, _ = made(store)
    text = as_markdown(found)
    for said in ("2026-11-02 to 2026-11-18, days of Europe/Paris", found.price_list, found.code, found.data):
        assert said in text
    assert store.prices.fingerprint.startswith(found.price_list)


def test_who_gains_adds_up_to_the_whole(store: Store) -> None:
    with Scene(store.cursor(), FILTERS) as scene:
        answer, found = what_if(scene, LEVERS), gains(scene, LEVERS)
    assert sum(one.before for one in found) == answer.baseline
    assert sum(one.after for one in found) == answer.scenario
    assert found[0].feature == HOSTILE
    assert [one.saving for one in found] == sorted((one.saving for one in found), reverse=True)


def test_the_fingerprint_of_the_data_changes_with_a_request_and_not_with_the_order(tmp_path: Path) -> None:
    records = [usage_record(feature=name) for name in "abc"]
    found = []
    for number, lines in enumerate((records, records[::-1], [*records, usage_record()])):
        with open_store(":memory:") as store:
            loaded(store, tmp_path / f"{number}.jsonl", lines)
            with Scene(store.cursor(), Filters()) as scene:
                found.append(data_fingerprint(scene))
    assert found[0] == found[1] != found[2]


def test_a_scenario_that_changes_nothing_has_a_report_too(store: Store) -> None:
    with Scene(store.cursor(), Filters()) as scene:
        found = report(store, scene, from_text("trim:max_prompt_tokens=50000"), title="None", today=TODAY)
    assert found.answer.saving == 0
    assert "Saves $0.00 a month" in as_html(found)
