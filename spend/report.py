"""A breakdown as text: a table for people, JSON and CSV for programs. Money is exact decimal strings."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from spend.breakdown import Row, Spend
from store.money import usd

FORMATS = ("table", "json", "csv")
_TOKENS = (
    "uncached_input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
    "prompt_tokens",
    "unpriced_tokens",
)
_COSTS = (
    "uncached_input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "web_search",
)


def render(format_: str, by: Sequence[str], rows: Sequence[Row], whole: Spend) -> str:
    """``rows`` of a breakdown ``by`` these names, in one of FORMATS; the table ends with ``whole``, their total."""
    records = [record(by, row) for row in rows]
    if format_ == "json":
        return json.dumps(records, indent=2, ensure_ascii=False)
    if format_ == "csv":
        return _csv(list(by), records)
    return _table(by, rows, whole)


def record(by: Sequence[str], row: Row) -> dict[str, str | int | None]:
    """One row of a report: its keys, requests, tokens, and exact dollars in ``*_usd``, None where nothing is priced."""
    spend = row.spend
    known = spend.cost_known
    return {
        **dict(zip(by, row.key, strict=True)),
        "requests": spend.requests,
        "unpriced_requests": spend.unpriced_requests,
        "failed_requests": spend.failed_requests,
        **{name: getattr(spend, name) for name in _TOKENS},
        "web_search_requests": spend.web_search_requests,
        **{f"{name}_usd": usd(getattr(spend, f"{name}_cost")) if known else None for name in _COSTS},
        "cost_usd": usd(spend.cost) if known else None,
    }


def _csv(by: list[str], records: list[dict[str, str | int | None]]) -> str:
    columns = [*by, *list(record([], Row((), Spend())))]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: safe_cell(value) for name, value in line.items()} for line in records)
    return out.getvalue().rstrip("\n")


def safe_cell(value: str | int | None) -> str | int | None:
    """A value no spreadsheet takes for a formula: text that begins like one gets an apostrophe."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


def _table(by: Sequence[str], rows: Sequence[Row], whole: Spend) -> str:
    heads = [*by, "requests", "unpriced", "prompt tokens", "output tokens", "cost USD"]
    lines = [[*("—" if key is None else key for key in row.key), *_figures(row.spend)] for row in rows] if by else []
    lines.append([*("total" if n == 0 else "" for n in range(len(by))), *_figures(whole)])
    widths = [max(len(line[n]) for line in [heads, *lines]) for n in range(len(heads))]
    aligned = [
        [cell.ljust(widths[n]) if n < len(by) else cell.rjust(widths[n]) for n, cell in enumerate(line)]
        for line in [heads, *lines]
    ]
    return "\n".join("  ".join(cells).rstrip() for cells in aligned)


def _figures(spend: Spend) -> list[str]:
    counts = (spend.requests, spend.unpriced_requests, spend.prompt_tokens, spend.output_tokens)
    return [*(f"{count:,}" for count in counts), usd(spend.cost) if spend.cost_known else "—"]
