"""Try it: the request is sent, its answer streams in as plain text and ends with what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from spend.estimate import ModelCost
from spend.estimate_counts import KEY, client_of_key, has_key, refusal
from spend.estimate_requests import JOB, Asked
from spend.pricing import picos
from ui import drill, names, numbers
from ui.cached import the_store
from ui.look import heading
from usage_recorder import flush, record, tagged
from usage_recorder.catalogue import Catalogue
from usage_recorder.spent import spent_usd

FEATURE = "spendglass"
_JOINER = "\N{WORD JOINER}"
_MARKDOWN = frozenset("\\`*_{}[]()#+-.!|><~$:&@/=\"'")


def try_it(asked: Asked, row: ModelCost, held: Catalogue) -> None:
    """The button, and once it is pressed the answer with its usage and cost."""
    if asked.kind == JOB or not asked.requests[0].get("messages"):
        return
    with heading("Try it", key="estimate-try"):
        pass
    if not has_key():
        st.caption(names.markdown(f"With {KEY} set where the dashboard runs, the request can be sent from here."))
        return
    worst = "what nobody can tell beforehand" if row.worst is None else f"at most {numbers.unit(row.worst)}"
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Send it", key="estimate-send", type="primary", disabled=bool(row.misfits))
        st.caption(names.markdown(f"It costs {worst}, and is recorded as feature {FEATURE}. The answer is not kept."))
    if pressed:
        _answer(asked.requests[0], held)


def plain(chunks: Iterable[str]) -> Iterator[str]:
    """Text as it comes, for Markdown to show as it is: no link, image, colour, formula, code or list comes of it."""
    line_begins, before = True, ""
    for chunk in chunks:
        shown = []
        for letter in chunk:
            if letter == "\n":
                shown.append("  \n" if not line_begins else f"{_JOINER}  \n")
                line_begins, before = True, ""
                continue
            if letter in " \t" and line_begins:
                shown.append("\N{NO-BREAK SPACE}" * (4 if letter == "\t" else 1))
                continue
            if letter.lower() == "w" and before.lower() == "w":
                shown.append(_JOINER)  # www. would become a link
            shown.append(f"\\{letter}" if letter in _MARKDOWN else letter)
            if letter in ":@":
                shown.append(_JOINER)
            line_begins, before = False, letter
        yield "".join(shown)


def _answer(request: Mapping[str, Any], held: Catalogue) -> None:
    from anthropic import AnthropicError

    folder = Path(the_store().path).absolute().parent / "logs"
    ended: list[Any] = []
    with st.container(border=True, key="estimate-answer-text"):
        try:
            with record(client_of_key(), to=folder, prefixes=False) as client, tagged(feature=FEATURE):
                st.write_stream(plain(_streamed(client, dict(request), ended)))
        except (AnthropicError, TypeError) as error:
            why = refusal(error) if isinstance(error, AnthropicError) else "the SDK does not know one of its fields"
            st.error(names.markdown(f"No answer, or only this much of it: {why}."))
            return
    if ended[0].stop_reason is None:
        st.error("The answer broke off, and its last counts with it: what it cost is not known.")
    else:
        _billed(ended[0], held, folder)


def _streamed(client: Any, request: dict[str, Any], ended: list[Any]) -> Iterator[str]:
    messages = client.beta.messages if "betas" in request else client.messages
    with messages.stream(**request) as stream:
        yield from stream.text_stream
        ended.append(stream.get_final_message())


def _billed(message: Any, held: Catalogue, folder: Path) -> None:
    usage = message.usage.model_dump()
    cost = picos(spent_usd(usage, model=message.model, prices=held))
    said = [f"{numbers.count(usage['input_tokens'])} in"]
    for name, word in (("cache_read_input_tokens", "read"), ("cache_creation_input_tokens", "written")):
        if usage.get(name):
            said.append(f"{numbers.count(usage[name])} {word}")
    said.append(f"{numbers.count(usage['output_tokens'])} out")
    with st.container(key="estimate-billed", gap="xsmall"):
        st.markdown(
            f"**{names.markdown(numbers.usd_exact(cost))}** · {names.markdown(', '.join(said))} · "
            f"{names.markdown(names.short(message.model, 40))} · {names.markdown(str(message.stop_reason))}"
        )
        flush()
        st.caption(names.markdown(f"Recorded as feature {FEATURE} in {folder}; it counts here once that is loaded."))
        drill.link("data", "Load it on the Data page →")
