"""A report as Markdown and as HTML: one file each, that asks nothing of any other machine."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from spend.what_if import report_words as words
from spend.what_if.report import Report

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#!|><~$&@])")
_ADDRESS = re.compile(r"://|www\.|@", re.IGNORECASE)  # bare addresses become links even when escaped
_JOINER = "\N{WORD JOINER}"
_SECTIONS = (
    ("What each lever saves", ("Lever", "Set to", "Saves", ""), words.lever_rows),
    ("Who gains", ("Feature", "Before", "After", "Saves"), words.gain_rows),
    ("Left as they were", ("Why", "Requests"), words.left_rows),
    (
        "Requests that change most",
        ("Time, UTC", "Feature", "Model", "Before", "After"),
        words.evidence_rows,
    ),
)
_AGAIN = "The same figures again"
_MOST_ROWS = 12
_FIGURE = re.compile(r"[-+−]?\$[\d,.]+|[\d,]+")
_OF_FIGURES = ("Saves", "Before", "After", "Requests")


def as_markdown(report: Report) -> str:
    """Markdown in which every name is plain text."""
    parts = [
        f"# {_plain(report.title)}",
        f"**{_plain(_sentence(report))}**",
        _md_table(("", "", ""), words.figures(report)),
    ]
    parts += [f"- {_plain(caveat)}" for caveat in report.answer.caveats]
    for title, heads, rows in _SECTIONS:
        if found := rows(report)[:_MOST_ROWS]:
            parts += [f"## {title}", _md_table(heads, found)]
    ticks = max((len(run) for run in re.findall("`+", report.command)), default=0)
    fence = "`" * max(3, ticks + 1)
    parts += [f"## {_AGAIN}", _md_table(("", ""), words.source_rows(report))]
    parts += [f"{fence}sh\n{report.command}\n{fence}"]
    return "\n\n".join(parts) + "\n"


def as_html(report: Report) -> str:
    """A page of its own: its policy lets nothing be fetched and nothing run."""
    caveats = "".join(f"<li>{_text(caveat)}</li>" for caveat in report.answer.caveats)
    sections = "".join(
        f"<section><h2>{title}</h2>{_html_table(heads, found)}</section>"
        for title, heads, rows in _SECTIONS
        if (found := rows(report)[:_MOST_ROWS])
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(report.title)}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{_text(report.title)}</h1><p class=answer>{_text(_sentence(report))}</p>"
        f"<ul class=caveats>{caveats}</ul>{_html_table((), words.figures(report))}{sections}"
        f"<section><h2>{_AGAIN}</h2>{_html_table((), words.source_rows(report))}"
        f"<pre>{html.escape(report.command)}</pre></section></main></body></html>\n"
    )


def _sentence(report: Report) -> str:
    text = words.summary(report)
    return f"{text[0].upper()}{text[1:]}"


def _md_table(heads: Sequence[str], rows: words.Rows) -> str:
    lines = ["| " + " | ".join(_plain(one) for one in heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(_plain(one) for one in row) + " |" for row in rows]
    return "\n".join(lines)


def _html_table(heads: Sequence[str], rows: words.Rows) -> str:
    head = "".join(f"<th{_right(one)}>{_text(one)}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td{_right(one)}>{_text(one)}</td>" for one in row) + "</tr>" for row in rows)
    return f"<div class=wide><table>{f'<tr>{head}</tr>' if head else ''}{body}</table></div>"


def _right(text: str) -> str:
    return " class=n" if text in _OF_FIGURES or _FIGURE.fullmatch(text) else ""


def _plain(text: str) -> str:
    escaped = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return _ADDRESS.sub(lambda found: f"{found[0][0]}{_JOINER}{found[0][1:]}", escaped)


def _text(text: str) -> str:
    return html.escape(" ".join(text.split()))


_STYLE = """
:root { color-scheme: light dark; --ink: #1A1F26; --quiet: #5B6672; --paper: #FFF; --line: #E3E7EC; --wash: #F6F8FA;
  --good: #17784E }
@media (prefers-color-scheme: dark) {
  :root { --ink: #E8EBEF; --quiet: #98A3B0; --paper: #12161C; --line: #262D36; --wash: #181E26; --good: #58C796 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 13px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums }
main { max-width: 50rem; margin: 0 auto; padding: 2rem 1.25rem }
h1 { font-size: 15px; font-weight: 600; color: var(--quiet); margin: 0; overflow-wrap: anywhere }
h2 { font-size: 13px; font-weight: 600; margin: 1.4rem 0 .25rem; border-top: 1px solid var(--line); padding-top: .7rem }
.answer { font-size: 20px; line-height: 1.25; font-weight: 600; margin: .2rem 0 .6rem; color: var(--good) }
.caveats { color: var(--quiet); padding-left: 1.1rem; margin: 0 0 .8rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .22rem .75rem .22rem 0; vertical-align: top; overflow-wrap: anywhere }
th { color: var(--quiet); font-weight: 400 }
tr + tr td { border-top: 1px solid var(--line) }
.n { text-align: right; white-space: nowrap }
pre { background: var(--wash); padding: .7rem .8rem; white-space: pre-wrap; overflow-wrap: anywhere;
  margin: .5rem 0 0; border-radius: 4px }
@media print { main { padding: 0 } body { font-size: 10.5px } }
"""
