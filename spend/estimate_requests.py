"""What somebody wants to send, as text: a prompt, a request as JSON, or the lines of a job. Nothing of it is kept."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from spend.filters import WrongQuestion

Request = dict[str, Any]
_OF_THE_SDK = ("extra_headers", "extra_query", "extra_body", "timeout", "stream")  # no part of what is billed
PROMPT, REQUEST, JOB = "prompt", "request", "job"


@dataclass(frozen=True, slots=True)
class Asked:
    """Requests of the Messages API not yet sent, and what they were written as."""

    kind: str
    requests: tuple[Request, ...] = field(repr=False)  # holds prompts: never into an error or a log


def asked_of(text: str, *, model: str | None, max_tokens: int | None) -> Asked:
    """The requests a text means; ``model`` and ``max_tokens`` go before what it says itself.

    JSON with "messages" is a request, or with "params" an entry of a batch; a list or lines of them are a job; all else
    is the text of a prompt. Raises WrongQuestion, which names lines and fields but never quotes.
    """
    kind, found = _read(text)
    over = {name: value for name, value in (("model", model), ("max_tokens", max_tokens)) if value is not None}
    requests = []
    for number, request in enumerate(found, 1):
        whole = {name: value for name, value in request.items() if name not in _OF_THE_SDK} | over
        where = f"request {number}: " if kind == JOB else ""
        if not isinstance(whole.get("model"), str):
            raise WrongQuestion(f"{where}no model: say which, such as --model claude-haiku-4-5")
        tokens = whole.get("max_tokens")
        if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 1:
            raise WrongQuestion(
                f"{where}no max_tokens, so nothing bounds the answer: say it, such as --max-tokens 1000"
            )
        requests.append(whole)
    return Asked(kind, tuple(requests))


def kind_of(text: str) -> str:
    """What a text is written as. Raises WrongQuestion for a list or lines that hold what is no request."""
    kind, _ = _read(text)
    return kind


def counted_by_hand(model: str, max_tokens: int) -> Request:
    """A request of which only the counts are known."""
    return {"model": model, "max_tokens": max_tokens, "messages": []}


def _read(text: str) -> tuple[str, list[Request]]:
    if not text.strip():
        raise WrongQuestion("there is no text to estimate")
    if text.lstrip()[0] not in "{[":
        return PROMPT, [_prompt(text)]
    whole = _parsed(text)
    if whole is None:
        return _read_lines(text)
    if isinstance(whole, dict) and isinstance(whole.get("requests"), list):
        whole = whole["requests"]
    if isinstance(whole, list) and whole and _request(whole[0]):
        return JOB, [_entry(one, f"entry {number}") for number, one in enumerate(whole, 1)]
    request = _request(whole)
    return (REQUEST, [request]) if request else (PROMPT, [_prompt(text)])


def _read_lines(text: str) -> tuple[str, list[Request]]:
    """Lines of JSON; a text whose first line is no request is a prompt that happens to begin with a brace."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not _request(_parsed(lines[0][1])):
        return PROMPT, [_prompt(text)]
    return JOB, [_entry(_parsed(line), f"line {number}") for number, line in lines]


def _entry(value: Any, where: str) -> Request:
    request = _request(value)
    if request is None:
        raise WrongQuestion(f'{where}: not a request: it needs "messages", or "params" that hold them')
    return request


def _request(value: Any) -> Request | None:
    if not isinstance(value, dict):
        return None
    held = value.get("params") if isinstance(value.get("params"), dict) else value
    return held if isinstance(held, dict) and isinstance(held.get("messages"), list) else None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _prompt(text: str) -> Request:
    return {"messages": [{"role": "user", "content": text}]}
