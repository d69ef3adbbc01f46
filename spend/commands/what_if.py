"""`python -m spend what-if`: what the requests would have cost under other models, caches, limits and batches."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from fractions import Fraction

from spend.commands.asked import add_filters, add_store, filters_of, opened, say
from spend.filters import DIMENSIONS, WrongQuestion
from spend.levers import LEVERS
from spend.levers.lever import Pulled, pulled_from
from spend.what_if import Answer, Bounds, Sampling, Scene, bounds, sampling, what_if
from spend.what_if.homes import PRICED_AS
from store.money import usd

HELP = "what the requests would have cost under other models, caches, limits and batches"
FORMATS = ("table", "json")


def arguments(parser: ArgumentParser) -> None:
    """What is asked, and how it is told."""
    add_store(parser)
    parser.add_argument(
        "--lever",
        action="append",
        default=[],
        metavar="NAME:KEY=VALUE,...",
        help=f"several are one scenario; {_told()}",
    )
    add_filters(parser)
    parser.add_argument("--prices", choices=PRICED_AS, default="then", help="prices of each request's day, or others")
    parser.add_argument("--format", choices=FORMATS, default="table")


def run(args: Namespace) -> int:
    """Prints the joint scenario and each lever's part in it."""
    if not args.lever:
        raise WrongQuestion(f"give at least one --lever: {', '.join(LEVERS)}")
    filters = filters_of(args)
    levers = [pulled_from(text, LEVERS, tuple(DIMENSIONS)) for text in args.lever]
    with opened(args) as store, Scene(store.cursor(), filters, prices=args.prices) as scene:
        answer = what_if(scene, levers)
        ranges = sampling(scene, levers)
        unknown = bounds(scene) if "no_fingerprint" in answer.unchanged else []
    if args.format == "json":
        say(json.dumps(record(answer, ranges, unknown), indent=2, ensure_ascii=False))
    else:
        say(_table(answer, ranges))
    return 0


def record(answer: Answer, ranges: Mapping[str, Sampling], unknown: Sequence[Bounds]) -> dict[str, object]:
    """The answer for programs: money as exact decimal strings of dollars."""
    return {
        "baseline_usd": usd(answer.baseline),
        "scenario_usd": usd(answer.scenario),
        "saving_usd": usd(answer.saving),
        "saving_low_usd": usd(answer.saving_low),
        "saving_high_usd": usd(answer.saving_high),
        "sampling": {name: {"low_usd": usd(one.low), "high_usd": usd(one.high)} for name, one in ranges.items()},
        "requests": answer.requests,
        "unchanged": answer.unchanged,
        "levers": [
            {
                "lever": share.pulled.lever,
                **_settings(share.pulled),
                "saving_usd": usd(share.saving),
                **({} if share.cut_share is None else {"cut_share": round(float(share.cut_share), 6)}),
            }
            for share in answer.levers
        ],
        "cache_bounds": [
            {
                "feature": one.feature,
                "model": one.model,
                "ttl": one.ttl,
                "requests": one.requests,
                **{f"{name}_usd": usd(getattr(one, name)) for name in ("lower", "upper", "loss")},
            }
            for one in unknown
        ],
        "caveats": list(answer.caveats),
    }


def _settings(pulled: Pulled) -> dict[str, object]:
    values = {name: value if isinstance(value, int | str) else float(value) for name, value in pulled.values}
    where = [f"{name}={value or ''}" for name, value in pulled.where]
    return {"inputs": values, "where": where, "share": float(pulled.share)}


def _table(answer: Answer, ranges: Mapping[str, Sampling]) -> str:
    lines = [
        ("baseline", usd(answer.baseline), f"{answer.requests:,} requests"),
        ("scenario", usd(answer.scenario), ""),
        ("saving", usd(answer.saving), _between("", answer.saving_low, answer.saving_high)),
        *(
            ("", "", _between(f"resampled {name}: ", one.low, one.high))
            for name, one in ranges.items()
            if one.low < one.high
        ),
        *((f"  {share.pulled.lever}", usd(share.saving), _said(share.cut_share)) for share in answer.levers),
    ]
    widths = [max(len(line[n]) for line in lines) for n in (0, 1)]
    table = [f"{name:<{widths[0]}}  {amount:>{widths[1]}}  {said}".rstrip() for name, amount, said in lines]
    left = [f"{count:,} requests left as they were: {reason}" for reason, count in answer.unchanged.items()]
    return "\n".join(["USD", *table, *left, *answer.caveats])


def _between(words: str, low: int, high: int) -> str:
    return "" if low == high else f"{words}{usd(low)} to {usd(high)}"


def _said(cut_share: Fraction | None) -> str:
    return "" if cut_share is None else f"cuts {float(cut_share):.1%} of answers"


def _told() -> str:
    return "; ".join(
        f"{name}: {', '.join([*(one.name for one in lever.inputs), 'share', 'feature, ...'])}"
        for name, lever in LEVERS.items()
    )
