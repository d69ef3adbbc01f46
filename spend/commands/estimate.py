"""`python -m spend estimate`: what a prompt, a request or a job would cost, before it is sent."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import date, datetime, time
from difflib import get_close_matches
from pathlib import Path

from spend.commands.asked import say
from spend.estimate import AMOUNTS, Expected, ModelCost, side_by_side
from spend.estimate_counts import Sized, client_of_key, counted, told
from spend.estimate_requests import PROMPT, Asked, asked_of, counted_by_hand
from spend.filters import WrongQuestion
from spend.pricing import prices_in_force
from store.money import usd
from usage_recorder.catalogue import Catalogue, now

HELP = "what a prompt, a request or a job would cost before it is sent, on every current model"
_HEADS = (
    "model",
    "input",
    "output",
    "cost USD",
    "worst case",
    "cache write",
    "cache read",
    "batch",
    "runs/$1",
    "context",
)


def arguments(parser: ArgumentParser) -> None:
    """What is to be sent, how its tokens are known, and how the answer is told."""
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="a prompt, a JSON request, or a job's JSON lines; - stdin"
    )
    parser.add_argument("--model", help="the model, where the request does not name it or another one is meant")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="the longest answer, in tokens, likewise")
    known = parser.add_mutually_exclusive_group()
    known.add_argument("--count", action="store_true", help="ask the API, with $ANTHROPIC_API_KEY; counting is free")
    known.add_argument("--tokens", type=int, metavar="N", help="the input tokens of each request, if you know them")
    parser.add_argument("--cached", type=int, metavar="N", help="tokens of each prompt that are cached (default all)")
    parser.add_argument("--output", type=int, metavar="N", help="the answer you expect, in tokens (default max-tokens)")
    parser.add_argument("--on", type=date.fromisoformat, metavar="DATE", help="the UTC day it is sent (default today)")
    parser.add_argument("--format", choices=("table", "json"), default="table")


def run(args: Namespace) -> int:
    """Prints a row a model, the one asked for first."""
    held = prices_in_force()
    when = datetime.combine(args.on, time()) if args.on else now()
    for name in ("cached", "output"):
        if (getattr(args, name) or 0) < 0:
            raise WrongQuestion(f"--{name} {getattr(args, name)}: a count is zero or more")
    _known(args.model, held)
    asked = _asked(args)
    if args.count:
        sized = counted(asked.requests, client_of_key(), held, when)
    elif args.tokens is not None:
        sized = told(asked.requests, args.tokens)
    else:
        raise WrongQuestion("how many tokens it has is not known: --count asks the API (free), --tokens N tells it")
    rows = side_by_side(sized, held, Expected(when, args.cached, args.output))
    say(json.dumps([record(row) for row in rows], indent=2) if args.format == "json" else table(rows, sized))
    return 0


def record(row: ModelCost) -> dict[str, str | int | bool | list[str] | None]:
    """One row as JSON: exact dollars in ``*_usd``, None where unknown."""
    return {
        "model": row.model,
        "asked": row.asked,
        "requests": row.requests,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "max_output_tokens": row.max_output_tokens,
        **{name: _usd(getattr(row, amount)) for amount, name in AMOUNTS.items()},
        "runs_per_usd": row.runs,
        "context_window": row.context_window,
        "context_share": None if row.share is None else f"{row.share:.6f}",
        "fits": not row.misfits,
        "does_not_fit": row.does_not_fit,
        "same_tokenizer": row.same_tokenizer,
        "unknown_because": row.unknown_because,
        "not_cached_because": row.uncached_because,
        "not_covered": list(row.not_covered),
    }


def table(rows: Sequence[ModelCost], sized: Sequence[Sized]) -> str:
    """The rows for people, and below them what the figures do not say."""
    lines = [list(_HEADS), *(_cells(row) for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(_HEADS))]
    aligned = [
        "  ".join(cell.ljust(widths[n]) if n == 0 else cell.rjust(widths[n]) for n, cell in enumerate(line)).rstrip()
        for line in lines
    ]
    notes = [f"{len(sized):,} requests, together"] if len(sized) > 1 else []
    notes += [f"{row.model or row.display}: does not fit: {_misfit(row)}" for row in rows if row.misfits]
    notes += [f"{row.model or row.display}: {row.unknown_because}" for row in rows if row.unknown_because]
    if rows[0].retired:
        notes.append(f"{rows[0].model}: retired; its price is that of the day all the same")
    if any(row.uncached_because for row in rows):
        notes.append("no cache figures where the cached part is shorter than the model caches")
    if any(not row.same_tokenizer for row in rows):
        notes.append(f"* another tokenizer than {rows[0].model or 'that of the model asked for'}: the same text has")
        notes.append("  another count there; --count asks for it")
    notes += [f"not in the worst case: {said}" for said in rows[0].not_covered]
    return "\n".join([*aligned, *([""] if notes else []), *notes])


def _cells(row: ModelCost) -> list[str]:
    share = "—" if row.share is None else "does not fit" if row.misfits else f"{row.share * 100:.1f} %"
    counts = [f"{row.input_tokens:,}" if row.input_tokens is not None else "—", f"{row.output_tokens:,}"]
    money = [_usd(getattr(row, amount)) or "—" for amount in AMOUNTS]
    name = f"{row.model or row.display}{'' if row.same_tokenizer else ' *'}"
    return [name, *counts, *money, "—" if row.runs is None else f"{row.runs:,}", share]


def _misfit(row: ModelCost) -> str:
    return (
        f"{row.misfits} of {row.requests} requests; {row.does_not_fit}" if row.requests > 1 else str(row.does_not_fit)
    )


def _usd(picos: int | None) -> str | None:
    return None if picos is None else usd(picos)


def _known(model: str | None, held: Catalogue) -> None:
    if model is not None and held.resolved(model)[0] is None:
        near = get_close_matches(model.lower(), held.names, 1, 0.5)
        raise WrongQuestion(f"no model {model[:80]!r} in the price list" + (f"; nearest: {near[0]}" if near else ""))


def _asked(args: Namespace) -> Asked:
    if args.file is None:
        if args.tokens is None:
            raise WrongQuestion("name a FILE (- for standard input), or tell the counts alone with --tokens N")
        if args.model is None or (args.max_tokens or 0) < 1:
            raise WrongQuestion("counts alone need --model M and --max-tokens N")
        return Asked(PROMPT, (counted_by_hand(args.model, args.max_tokens),))
    return asked_of(_text(args.file), model=args.model, max_tokens=args.max_tokens)


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise WrongQuestion(f"{file} cannot be read: {why}") from None
