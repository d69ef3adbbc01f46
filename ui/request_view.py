"""One request as arithmetic: tokens x price x factors = cost, where the price is from, and all that was logged."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from spend.request import ArithmeticLine, PartDetail, RequestDetail
from ui import names, numbers
from ui.headline import figure
from ui.look import heading
from ui.reasons import why_unpriced

_FACTS = {
    "request_key": "Key",
    "key_kind": "Key is the",
    "request_id": "Request id",
    "provider": "Provider",
    "region": "Region",
    "model_logged": "Model as logged",
    "feature": "Feature",
    "user_id": "User",
    "session_id": "Session",
    "tags": "Tags",
    "service_tier": "Service tier",
    "speed": "Speed",
    "inference_geo": "Inference geography",
    "reasoning_tokens": "Reasoning tokens",
    "stop_reason": "Stop reason",
    "stop_category": "Stop category",
    "max_tokens": "Most tokens allowed",
    "stream": "Streamed",
    "latency_ms": "Latency, ms",
    "time_to_first_token_ms": "To the first token, ms",
    "status": "HTTP status",
    "error": "Error",
}


def request_view(detail: RequestDetail, timezone: str) -> None:
    """The whole screen of one request."""
    with st.container(key="request"):
        _headline(detail, timezone)
        for place, part in enumerate(detail.parts):
            _part(part, place, several=len(detail.parts) > 1)
        _origin(detail, timezone)
        with heading("As logged", key="facts"):
            pass
        _facts(detail)


def when(moment: datetime | None, timezone: str) -> str:
    """A UTC time as local time with its zone's offset; "no time" when unknown."""
    if moment is None:
        return "no time in the log"
    local = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone))
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S}"


def _headline(detail: RequestDetail, timezone: str) -> None:
    row = detail.row
    told = [names.short(row.model, 40), f"feature {names.short(row.feature)}", f"user {names.short(row.user)}"]
    with st.container(key="answer", gap="xsmall"):
        figure(f"{when(row.started_at, timezone)} ({timezone})", numbers.usd_exact(row.cost))
        st.caption(names.markdown(" · ".join(told)))
    if row.cost is None and len(detail.parts) > 1:
        st.text("Part of this request has no price, so the whole has none: unknown is never counted as zero.")
    if detail.recorded_cost is not None:
        st.caption(
            names.markdown(f"The log's own figure is {numbers.usd_exact(detail.recorded_cost)}; it is never summed.")
        )


_FREE = {"failed": "Not billed: the request failed.", "refused": "Not billed: refused before any output."}


def _part(part: PartDetail, place: int, *, several: bool) -> None:
    kind = "The request itself" if part.kind == "message" else f"{part.kind.capitalize()}"
    title = f"{kind}, {names.short(part.model, 40)}" if several else "What it costs"
    with heading(title, key=f"part-{place}"):
        pass
    if part.free_because:
        st.text(_FREE[part.free_because])
    elif part.unpriced_because:
        st.text(f"No price: {why_unpriced(part.unpriced_because)}.")
    else:
        st.table(_arithmetic(part), border="horizontal", hide_index=True, alt="The cost of each token class")
    said = _price_said(part)
    if said:
        with st.container(key=f"price-source-{place}"):
            st.text(said)
    for note in part.notes:
        st.caption(names.markdown(note))


def _arithmetic(part: PartDetail) -> pd.DataFrame:
    rows = [_line(line) for line in part.lines]
    rows.append(("", "", "**Total**", f"**{names.markdown(numbers.usd_exact(part.cost))}**"))
    return pd.DataFrame(rows, columns=["Count", "Of", "Price", "Cost"])


def _line(line: ArithmeticLine) -> tuple[str, str, str, str]:
    price = f"× {numbers.rate(line.list_price)} per {line.per}"
    factors = "".join(f" × {numbers.plain(factor)} {name}" for name, factor in line.factors)
    count, cost = numbers.count(line.count), f"= {numbers.usd_exact(line.cost)}"
    return tuple(names.markdown(cell) for cell in (count, line.label, price + factors, cost))  # type: ignore[return-value]


def _price_said(part: PartDetail) -> str:
    if not part.price_source:
        return ""
    since = f"since {part.price_since:%Y-%m-%d}" if part.price_since and part.price_since.year > 2000 else ""
    sure = f"({part.price_confidence})" if part.price_confidence else ""
    return " ".join(word for word in ("List price", since, sure, "from", part.price_source) if word)


def _origin(detail: RequestDetail, timezone: str) -> None:
    line = f", line {numbers.count(detail.line)}" if detail.line else ", its line is not to be found any more"
    loaded = when(detail.loaded_at, timezone)
    with heading("Where it is from", key="origin"):
        st.caption(f"Loaded {loaded}")
    st.text(f"{names.shown(detail.file)}{line}")


def _facts(detail: RequestDetail) -> None:
    told = [(label, _fact(detail.facts.get(name))) for name, label in _FACTS.items()]
    logged = pd.DataFrame([pair for pair in told if pair[1]], columns=["Field", "Value"])
    st.dataframe(logged, hide_index=True, height="content", key="facts", alt="All fields of the log line")
    missing = [label.lower() for label, value in told if not value]
    if missing:
        st.caption(f"Not logged: {', '.join(missing)}.")


def _fact(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return numbers.count(value) if isinstance(value, int) else names.shown(str(value))
