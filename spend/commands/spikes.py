"""`python -m spend spikes`: nights and days that cost far more than usual, where, and why."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from datetime import date, timedelta

from notify.look import Asked
from spend.commands.asked import add_store, opened, say
from spend.commands.told import add_notify, untold
from spend.explain.explanation import Bar, Explanation, explain
from spend.explain.record import record
from spend.filters import Filters, WrongQuestion
from spend.spikes.found import incidents
from spend.spikes.incidents import FLAG, WATCH, Incident
from spend.spikes.judged import last_night
from spend.spikes.night import night_hours
from spend.spikes.settings import settings_of
from spend.spikes.skill import backtest
from spend.spikes.skill_report import as_json, as_table
from spend.spikes.verdict import enough_on
from spend.spikes.words import money, printable, scope_words, sentence

HELP = "nights and days that cost far more than usual, where, and why"
NIGHTS = 30
OLDEST = date(1970, 1, 1)  # no request is older


def arguments(parser: ArgumentParser) -> None:
    """Which nights are looked at, and how it is told."""
    add_store(parser)
    parser.add_argument(
        "--timezone", help="IANA name the nights are counted in (default: as set in the store, else UTC)"
    )
    parser.add_argument("--night", metavar="22-6", help="the hour a night begins at and the one it ends at")
    parser.add_argument("--on", type=date.fromisoformat, help="one night, by the date of its evening")
    parser.add_argument("--since", type=date.fromisoformat, help="first night, e.g. 2026-11-01")
    parser.add_argument("--until", type=date.fromisoformat, help="the night after the last")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--fail-on", choices=(FLAG, WATCH), help="exit with 1 when there is such an incident")
    add_notify(parser)
    parser.add_argument("--backtest", action="store_true", help="put known spikes into this store's history, in memory")
    parser.add_argument("--seed", type=int, default=0, help="of the spikes that --backtest puts in")


def run(args: Namespace) -> int:
    """Prints the incidents, dearest first. Exit status 1 with ``--fail-on`` when there is one that was not planned,
    and with ``--notify`` when somebody could not be told."""
    with opened(args) as store:
        con = store.cursor()
        settings = settings_of(con)
        if args.night:
            settings = replace(settings, night=night_hours(args.night))
        filters = Filters(timezone=args.timezone or settings.timezone or "UTC")
        settings = replace(settings, timezone=filters.timezone)
        if args.backtest:
            skill = backtest(con, filters, settings, seed=args.seed)
            say(as_json(skill) if args.format == "json" else as_table(skill))
            return 0
        begun = (last_night(con, filters, settings) or (None, None))[1]
        first, last = _nights(args, begun)
        found = incidents(con, filters, settings, first, last)
        told = [(one, explain(con, filters, one.finding)) for one in found]
        if args.format == "json":
            say(json.dumps([record(*pair) for pair in told], indent=2, ensure_ascii=False))
        else:
            say(_table(told, first, last, enough_on(con, filters, settings), begun))
        own = not (args.timezone or args.night)
        missed = args.notify and untold(store, Asked(filters, settings, first, last, withdraws=own))
    levels = {one.level for one in found if not one.planned}
    failing = {FLAG: {FLAG}, WATCH: {FLAG, WATCH}}.get(args.fail_on, set())
    return 1 if levels & failing or missed else 0


def _nights(args: Namespace, begun: date | None) -> tuple[date, date]:
    if args.on and (args.since or args.until):
        raise WrongQuestion("--on is one night; --since and --until are several: give one or the other")
    if args.on:
        return args.on, args.on
    last = begun or OLDEST
    past = max(args.until, OLDEST) if args.until else last + timedelta(days=1)
    first = args.since or past - timedelta(days=NIGHTS)
    if first >= past:
        raise WrongQuestion(f"no night is in it: since {first} is not before until {past}")
    return first, min(past - timedelta(days=1), max(last, first))


def _table(
    told: list[tuple[Incident, Explanation]], first: date, last: date, enough: date | None, begun: date | None
) -> str:
    if enough is None or begun is None:
        return "No request has a time, so there are no nights to compare."
    if first > begun:
        return f"The last night that has begun, by the last request, is that of {begun}."
    nights = f"{(last - first).days + 1} nights, {first} to {last}" if first < last else f"the night of {first}"
    lines = [] if told else [f"Nothing unusual in {nights}."]
    if last < enough:
        lines = [
            f"Not enough history before {enough}: nights need 7 days and 4 nights before them to be compared with."
        ]
    elif first < enough:
        lines.append(f"Nights before {enough} have too little history to be compared with.")
    for incident, explanation in told:
        one = incident.finding
        planned = ", planned" if incident.planned else ""
        z = f", z {one.z:.1f}" if one.z is not None else ", by dollars"
        lines += ["", f"{incident.level.upper()} {one.kind} {one.night}: {money(one.excess)} more{z}{planned}"]
        lines.append(f"  {sentence(incident)}")
        lines += [f"  {change.sentence}" for change in explanation.changed]
        bars = " | ".join(_bar(bar) for bar in explanation.drawn())
        lines.append(f"  why: usual {money(one.expected)} | {bars} | = {money(one.actual)}")
        parts = ", ".join(
            f"{' and '.join(scope_words((pair,)) for pair in part.scope)} ({part.share:.0%})"
            for part in explanation.where
        )
        lines += [f"  where: {parts}"] if parts else []
        lines += [f"  note: {incident.note}"] if incident.note else []
    return "\n".join(printable(line) for line in lines).strip("\n")


def _bar(bar: Bar) -> str:
    whose = f"{bar.feature or 'no feature'}: " if bar.of_one else ""
    return f"{whose}{bar.driver} {'+' if bar.change >= 0 else ''}{money(bar.change)}"
