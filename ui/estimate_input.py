"""What is to be estimated: a prompt, a request or a job, or its counts alone. None of it is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

from spend.breakdown import amounts
from spend.estimate import Expected
from spend.estimate_counts import KEY, TOLD, Sized, client_of_key, counted, has_key, told
from spend.estimate_requests import JOB, PROMPT, Asked, asked_of, counted_by_hand, kind_of
from spend.filters import Filters, WrongQuestion
from ui import names, numbers
from ui.cached import ask
from ui.look import heading
from usage_recorder.catalogue import Catalogue, Model, now

TEXT, COUNTS = "From its text", "From counts"
MODEL, OVER = "estimate-model", "estimate-model-over"
AS_WRITTEN = "As written"
_KEPT = "estimate-counts"  # counts by a fingerprint of what was counted, in the session
_USUAL_ANSWER = 1000


@dataclass(frozen=True)
class Wanted:
    """What was asked for, sized; ``chooser`` is the widget that says on which model."""

    asked: Asked = field(repr=False)
    sized: Sequence[Sized] = field(repr=False)
    expected: Expected
    chooser: str


class _Missing(Exception):
    """Something is not entered yet: says what."""


def wanted(held: Catalogue) -> Wanted | None:
    """The inputs, and what they mean together; None while something is missing, which is said."""
    with heading("Before it is sent", key="estimate"):
        way = st.segmented_control(
            "What is known",
            [TEXT, COUNTS],
            default=TEXT if has_key() else COUNTS,
            required=True,
            key="estimate-way",
            label_visibility="collapsed",
        )
    if not has_key():
        st.caption(
            names.markdown(
                f"No key: tokens are typed, not counted. Set {KEY} where the dashboard runs, and the API counts them, "
                "for free."
            )
        )
    left, right = st.columns([1.6, 1], gap="large")
    with left:
        text = _text() if way == TEXT else None
        tokens, copies = _tokens(way == TEXT)
        details = _details() if way == COUNTS else None
    with right:
        kind = _kind(text)
        model, chooser = _model(held, as_written=kind not in (None, PROMPT))
        max_tokens = _max_tokens(as_written=kind not in (None, PROMPT))
        expected = Expected(now(), *(details or _details()))
    try:
        return _put_together(held, way, text, tokens, copies, model, max_tokens, expected, chooser)
    except _Missing as missing:
        _nothing(str(missing))
        return None
    except WrongQuestion as error:
        st.error(names.markdown(f"{str(error)[:1].upper()}{str(error)[1:]}."))
        return None


def _put_together(
    held: Catalogue,
    way: str | None,
    text: str | None,
    tokens: int | None,
    copies: int,
    model: str | None,
    max_tokens: int | None,
    expected: Expected,
    chooser: str,
) -> Wanted | None:
    if way == COUNTS:
        if tokens is None:
            raise _Missing("Type how many tokens go in: the cost on every current model appears below.")
        asked = Asked(PROMPT, (counted_by_hand(str(model), max_tokens or _USUAL_ANSWER),) * copies)
        return Wanted(asked, told(asked.requests, tokens), expected, chooser)
    if not text or not text.strip():
        raise _Missing("Paste a prompt, or a request or a job as JSON: the cost on every current model appears below.")
    asked = asked_of(text, model=model, max_tokens=max_tokens)
    if not has_key():
        if tokens is None:
            raise _Missing("Type how many input tokens it has.")
        return Wanted(asked, told(asked.requests, tokens), expected, chooser)
    sized = _counted(asked, held, expected)
    return None if sized is None else Wanted(asked, sized, expected, chooser)


def _text() -> str | None:
    pasted = st.text_area(
        "Prompt, request or job",
        height=190,
        key="estimate-text",
        placeholder='A prompt as it is, {"messages": [...]} as JSON, or a request a line for a job',
        label_visibility="collapsed",
    )
    file = st.file_uploader(
        "Or a file, up to 1 MB: a larger job on the command line, python -m spend estimate",
        key="estimate-file",
        type=["txt", "md", "json", "jsonl"],
    )
    if file is None:
        return pasted
    try:
        return bytes(file.getvalue()).decode("utf-8")
    except UnicodeDecodeError:
        st.error("The file is not UTF-8 text.")
        return None


def _tokens(has_text: bool) -> tuple[int | None, int]:
    """Input tokens of each request, and how many requests, where they are typed."""
    if has_text and has_key():
        return None, 1
    with st.container(horizontal=True):
        tokens = st.number_input(
            "Input tokens", min_value=0, max_value=100_000_000, value=None, step=100, key="estimate-tokens"
        )
        copies = 1 if has_text else st.number_input("Requests", 1, 10_000, 1, key="estimate-copies")
    return tokens, int(copies)


def _kind(text: str | None) -> str | None:
    """What a text is, without a say on its model."""
    if not text or not text.strip():
        return None
    try:
        return kind_of(text)
    except WrongQuestion:
        return JOB


def _model(held: Catalogue, *, as_written: bool) -> tuple[str | None, str]:
    current = [model for model in held.models.values() if model.is_current(now().date())]
    display = {model.model: model.display for model in current}
    offered = [AS_WRITTEN, *display] if as_written else list(display)
    key = OVER if as_written else MODEL
    chosen = st.selectbox(
        "Model",
        offered,
        index=0 if as_written else offered.index(_most_used(current)),
        format_func=lambda name: display.get(name, name),
        key=key,
    )
    return (None if chosen == AS_WRITTEN else chosen), key


def _most_used(current: Sequence[Model]) -> str:
    """The model most is spent on so far; else the first of the list."""
    spent = {str(name): cost for (name,), cost in ask(amounts, Filters(), ("model",)).items()}
    return max(current, key=lambda model: spent.get(model.model, 0)).model


def _max_tokens(*, as_written: bool) -> int | None:
    return st.number_input(
        "Longest answer, max_tokens",
        min_value=1,
        max_value=1_000_000,
        value=None if as_written else _USUAL_ANSWER,
        step=100,
        placeholder="as written",
        key="estimate-max-over" if as_written else "estimate-max",
    )


def _details() -> tuple[int | None, int | None]:
    """The cached part of each prompt and the expected answer, in tokens."""
    with st.container(horizontal=True):
        cached = st.number_input(
            "Cached part, tokens", min_value=0, value=None, step=1000, placeholder="all of it", key="estimate-cached"
        )
        answer = st.number_input(
            "Expected answer, tokens",
            min_value=0,
            value=None,
            step=100,
            placeholder="the longest",
            key="estimate-answer",
        )
    return cached, answer


def _counted(asked: Asked, held: Catalogue, expected: Expected) -> Sequence[Sized] | None:
    """The counts of the API, asked for once; a job waits for its button."""
    prompts = [{name: value for name, value in one.items() if name != "max_tokens"} for one in asked.requests]
    key = hashlib.sha256(repr(prompts).encode()).hexdigest()
    kept: dict[str, list[dict[str, int]]] = st.session_state.setdefault(_KEPT, {})
    place = st.empty()  # there in every run, so that nothing below moves when counting is over
    if key not in kept:
        many = len(asked.requests)
        if asked.kind == JOB and not place.button(
            f"Count {numbers.count(many)} requests", key="estimate-count", type="primary"
        ):
            st.caption("Counting is free; each request is counted once for every tokenizer.")
            return None
        bar = place.progress(0.0, "Counting")

        def heard(done: int) -> None:
            bar.progress(done / many, "Counting")

        try:
            sized = counted(asked.requests, client_of_key(), held, expected.when, heard)
        finally:
            place.empty()
        if len(kept) > 20:
            kept.clear()
        kept[key] = [dict(one.tokens) for one in sized]
    return [Sized(request, tokens) for request, tokens in zip(asked.requests, kept[key], strict=True)]


def _nothing(what_to_do: str) -> None:
    with st.container(key="estimate-empty"):
        st.header("Nothing to estimate yet", anchor=False)
        st.text(f"{what_to_do} Nothing you enter is kept.")


def by_hand(wanted: Wanted) -> bool:
    """Were the tokens typed?"""
    return any(TOLD in one.tokens for one in wanted.sized)
