"""What a report says, in sentences and rows of plain text: the same for every format."""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

from spend.levers import LEVERS
from spend.levers.lever import Pulled
from spend.what_if.answer import Share
from spend.what_if.report import Report

Rows = list[tuple[str, ...]]
_WIDE = Context(prec=60)
_PRICED = {
    "then": "each request at the prices of its own day",
    "today": "all requests at today's prices",
    "announced": "all requests at the prices after the last announced change",
}
REASONS = {
    "over_context_window": "longer than the other model's context window",
    "over_max_output": "answers longer than the other model may give",
    "no_price": "no price for it on that day",
    "already_cached": "cached already",
    "no_fingerprint": "no fingerprint tells how its prompt begins",
    "under_minimum": "prefix too short for its model to cache",
    "no_cache_price": "not known whether its model caches it",
    "caching_does_not_pay": "caching it would cost more than it saves",
    "already_batch": "in a batch already",
    "fast_mode": "fast mode is never in a batch",
    "unpriced": "without a price to begin with",
}


def dollars(picos: int, *, signed: bool = False) -> str:
    """Dollars to the cent, half up."""
    amount = Decimal(abs(picos)).scaleb(-12, _WIDE).quantize(Decimal("0.01"), ROUND_HALF_UP, _WIDE)
    sign = "\N{MINUS SIGN}" if picos < 0 else "+" if signed and picos > 0 else ""
    return f"{sign}${amount:,}"


def line(text: str | None) -> str:
    """A name on one line, without invisible letters; what was not logged says so."""
    if text is None:
        return "(not logged)"
    shown = "".join(" " if unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp", "Cs") else one for one in text)
    return shown if shown.strip() else "(empty)"


def summary(report: Report) -> str:
    answer = report.answer
    share = f" ({100 * answer.saving / answer.baseline:.0f} %)" if answer.baseline else ""
    verb = "saves" if answer.saving >= 0 else "costs"
    return (
        f"{verb} {dollars(abs(report.month(answer.saving)))} a month{share}: from"
        f" {dollars(report.month(answer.baseline))} to {dollars(report.month(answer.scenario))}"
    )


def figures(report: Report) -> Rows:
    """Name, amount, what it is between."""
    answer = report.answer
    rows: Rows = [
        ("As it was", dollars(answer.baseline), f"{answer.requests:,} requests"),
        ("In the scenario", dollars(answer.scenario), ""),
        ("Saving", dollars(answer.saving), between(answer.saving_low, answer.saving_high)),
    ]
    words = {"days": "if other days had come", "users": "if other users had come"}
    rows += [("", "", f"{between(one.low, one.high)} {words[name]}") for name, one in report.sampling.items()]
    return rows


def between(low: int, high: int) -> str:
    ends = dollars(low), dollars(high)
    return "" if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def lever_rows(report: Report) -> Rows:
    return [(*said(share.pulled), dollars(share.saving, signed=True), _cut(share)) for share in report.answer.levers]


def said(pulled: Pulled) -> tuple[str, str]:
    """A lever's name, and how it is set."""
    inputs = {one.name: one for one in LEVERS[pulled.lever].inputs}
    parts = []
    for name, value in pulled.values:
        text = f"{value:,}" if isinstance(value, int) else str(value)
        unit = inputs[name].unit
        parts.append(f"{inputs[name].label.lower()} {text}{f' {unit}' if unit else ''}")
    parts += [f"only {name} {line(value)}" for name, value in pulled.where]
    if pulled.share != 1:
        parts.append(f"{float(pulled.share):.0%} of them")
    return LEVERS[pulled.lever].label, ", ".join(parts)


def gain_rows(report: Report) -> Rows:
    rows = [one for one in report.gains if one.saving]
    return [
        (line(one.feature), dollars(one.before), dollars(one.after), dollars(one.saving, signed=True)) for one in rows
    ]


def left_rows(report: Report) -> Rows:
    return [(REASONS.get(reason, reason), f"{count:,}") for reason, count in report.answer.unchanged.items()]


def evidence_rows(report: Report) -> Rows:
    return [
        (
            "" if one.started_at is None else f"{one.started_at:%Y-%m-%d %H:%M}",
            line(one.feature),
            f"{line(one.before.model)} to {line(one.after.model)}"
            if one.before.model != one.after.model
            else line(one.before.model),
            f"{_exact(one.before.cost)}",
            f"{_exact(one.after.cost)}",
        )
        for one in report.evidence
        if one.before.cost != one.after.cost
    ]


def source_rows(report: Report) -> Rows:
    """Where the figures come from."""
    filters = report.filters
    where = "; ".join(f"{name} {line(value)}" for name, value in filters.where)
    last = report.until - timedelta(days=1)
    return [
        ("Period", f"{report.since} to {last}, days of {filters.timezone}"),
        ("Requests of", where or "everyone and everything"),
        ("Prices", f"{_PRICED[report.prices]}; price list {report.price_list}"),
        ("Code", report.code),
        ("Data", report.data),
        ("Made on", report.made_on.isoformat()),
    ]


def _cut(share: Share) -> str:
    return "" if share.cut_share is None else f"cuts {float(share.cut_share):.0%} of answers"


def _exact(picos: int) -> str:
    whole, rest = divmod(abs(picos), 10**12)
    return f"${whole}.{f'{rest:012d}'.rstrip('0').ljust(2, '0')}"
