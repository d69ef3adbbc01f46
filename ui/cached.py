"""The only caching: answers of the process's store, kept until its data change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import streamlit as st

from store.connection import Store, StoreError
from store.process import process_store

__all__ = ["StoreError", "ask", "ask_once", "store_problem", "the_store"]

P = ParamSpec("P")
Answer = TypeVar("Answer")


def the_store() -> Store:
    """The open store; one connection a process, since only one process can own the file."""
    return process_store()


def store_problem() -> str | None:
    """Why the store cannot be opened, and what to do; None when all is well."""
    try:
        the_store()
    except StoreError as error:
        return str(error)
    return None


def ask(question: Callable[Concatenate[Any, P], Answer], *args: P.args, **kwargs: P.kwargs) -> Answer:
    """The answer of a `spend` question, asked once for each state of the data.

    The key is the store, its data version, the question's name and its arguments in words; frames are never hashed.
    """
    store = the_store()
    name = f"{question.__module__}.{question.__qualname__}"
    key = f"{store.path} {store.data_version} {name} {args!r} {sorted(kwargs.items())!r}"
    answer: Answer = _answer(key, question, args, kwargs)
    return answer


def ask_once(question: Callable[Concatenate[Any, P], Answer], *args: P.args, **kwargs: P.kwargs) -> Answer:
    """The answer of a `spend` question, not kept: for what is large and asked for once, such as an export."""
    with the_store().cursor() as cursor:
        return question(cursor, *args, **kwargs)


@st.cache_data(show_spinner=False, max_entries=2000)
def _answer(key: str, _question: Callable[..., Any], _args: tuple[Any, ...], _kwargs: dict[str, Any]) -> Any:  # noqa: ARG001
    with the_store().cursor() as cursor:
        return _question(cursor, *_args, **_kwargs)
