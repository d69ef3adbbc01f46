"""Every figure on screen is the command line's."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.e2e.command_line import Question, Report, picos, report, whole
from tests.e2e.conftest import Opened
from tests.e2e.screen import answer, chart_texts, grid, painted, plain, text_of, turn_to, url
from ui import names, numbers

pytestmark = pytest.mark.browser

PAGES = {"feature": "features", "model": "models", "user": "users"}
WEEK = (date(2026, 11, 9), date(2026, 11, 16))
QUESTIONS = {
    "all, Paris": Question("Europe/Paris"),
    "all, Kolkata": Question("Asia/Kolkata"),
    "a week of two features, Paris": Question(
        "Europe/Paris", *WEEK, (("feature", "document-search"), ("feature", "prompt-lab"))
    ),
    "a week of a model, Kolkata": Question("Asia/Kolkata", *WEEK, (("model", "claude-sonnet-4-6"),)),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_the_figures_on_screen_are_the_command_lines(
    sample: str, sample_copy: Path, opened: Opened, question: Question
) -> None:
    total = whole(sample_copy, question)
    rows = {dimension: report(sample_copy, question, [dimension]) for dimension in PAGES}
    then = (
        {dimension: report(sample_copy, question.before, [dimension]) for dimension in PAGES} if question.before else {}
    )

    page = opened(url(sample, "", question.query))

    assert answer(page) == numbers.usd(picos(total["cost_usd"]))
    assert text_of(page.locator(".st-key-answer")).endswith(
        f"{total['requests']:,} requests · {numbers.tokens(total['prompt_tokens'] + total['output_tokens'])} tokens"
    )
    unpriced = text_of(page.locator(".st-key-unpriced"))
    if total["unpriced_requests"]:
        assert f"{total['unpriced_requests']:,} requests" in unpriced
        assert f"{numbers.tokens(total['unpriced_tokens'])} tokens" in unpriced
    else:
        assert "None" in unpriced
    for dimension in PAGES:
        written = chart_texts(page, f"top-{dimension}")
        for row in rows[dimension][:6]:
            said = written[written.index(names.short(row[dimension])) + 1]
            assert said.endswith(numbers.usd(picos(row["cost_usd"])))

    for dimension, path in PAGES.items():
        turn_to(page, path.capitalize())
        assert answer(page) == numbers.usd(picos(total["cost_usd"]))
        before = {row[dimension]: picos(row["cost_usd"]) or 0 for row in then[dimension]} if then else None
        expected = [_row(row, dimension, total, before) for row in rows[dimension][:100]]
        shown = [set(row) for row in painted(grid(page, path.capitalize()))]
        assert shown == expected


def _row(row: Report, dimension: str, total: Report, before: dict[str | None, int] | None) -> set[str]:
    """What a ranked list writes for a row of the report."""
    cost, of = picos(row["cost_usd"]) or 0, picos(total["cost_usd"]) or 1
    said = {
        plain(names.short(row[dimension])),
        numbers.usd(picos(row["cost_usd"])),
        f"{100 * cost / of:.1f} %",
        numbers.UNKNOWN if before is None else numbers.change(cost, before.get(row[dimension], 0)),
        numbers.count(row["requests"]),
        numbers.unit(numbers.each(cost, row["requests"] - row["unpriced_requests"])),
        numbers.percent(row["cache_read_tokens"], row["prompt_tokens"]),
        numbers.percent(picos(row["output_usd"]) or 0, cost),
    }
    return said | {numbers.count(row["unpriced_requests"] or None)} if total["unpriced_requests"] else said
