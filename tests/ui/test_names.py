from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui import names

HOSTILE = [
    '<a href="http://evil.example">x</a>',
    ":red[x]",
    "$x$ and $y$",
    "=HYPERLINK(1)",
    "[link](http://evil.example)",
    "www.evil.example",
    "a@b.example",
    ":material/delete: x",
]


@given(st.one_of(st.none(), st.text(), st.sampled_from(["(not logged)", "\\(not logged)", "(empty)", ""])))
def test_a_name_survives_the_url(name: str | None) -> None:
    assert names.from_url(names.to_url(name)) == name


@given(st.none() | st.text())
def test_a_shown_name_is_one_visible_line(name: str | None) -> None:
    line = names.shown(name)
    assert line.strip()
    assert not re.search("[\x00-\x1f\u202e\u2028]", line)


@given(st.text(max_size=200), st.integers(8, 60))
def test_a_short_name_is_short_and_keeps_both_ends(name: str, length: int) -> None:
    line, short = names.shown(name), names.short(name, length)
    assert len(short) <= length
    assert short == line or (short[0] == line[0] and short[-1] == line[-1])


@given(st.text())
def test_markdown_leaves_no_mark_unescaped_and_no_word_lost(text: str) -> None:
    escaped = names.markdown(text)
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>~$:#|]", escaped)
    read = re.sub(r"\\([^a-zA-Z0-9\s])", r"\1", escaped.replace("\N{WORD JOINER}", ""))
    assert read == " ".join(text.replace("\N{WORD JOINER}", "").split())


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_finds_no_bare_address(text: str) -> None:
    escaped = names.markdown(text)
    assert not re.search(r"www(\\)?\.|:(\\)?/|@\w", escaped)


@given(st.text())
def test_plotly_gets_no_tag_and_reads_the_same(text: str) -> None:
    assert "<" not in names.plotly(text)
    assert html.unescape(names.plotly(text)) == html.unescape(html.escape(text, quote=False))


@given(st.text())
def test_no_csv_cell_begins_a_formula(text: str) -> None:
    cell = names.csv_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell.endswith(text)


def test_a_button_shows_an_icon_code_as_text() -> None:
    assert not names.button(":material/delete: x").startswith(":material")
    assert names.button("plain") == "plain"
