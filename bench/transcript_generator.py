"""Transcripts of Claude Code by the gigabyte, for measurements: `python bench/transcript_generator.py [FOLDER]`.

FOLDER is laid out like ~/.claude: projects/<project>/<session>.jsonl, subagents in folders of their sessions. Four
generations of Claude Code write their rows each in its own shape, and some sessions begin with the rows of the one
they resume. Reproducible from the seed. expected.json beside projects/ holds the true counts of each day and model.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import deque
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.transcript_rows import Conversation, Counts, Filler, Generation  # noqa: E402

DEFAULT = ROOT / "bench" / "out" / "transcripts"
MEGABYTES = 1000
DAYS = 40
# the share of sessions that resume another, and how many of its rows they repeat at most
RESUMED, REPEATED = 0.12, 300
PROJECTS = tuple(f"{what}-{kind}" for what in ("shop", "billing", "search", "mail") for kind in ("api", "web", "jobs"))
GENERATIONS = (
    Generation(
        first_day=datetime(2025, 9, 1),
        share=0.1,
        versions=("1.0.98", "1.0.108", "1.0.120"),
        models=("claude-sonnet-4-20250514", "claude-opus-4-1-20250805"),
        agent_model="claude-sonnet-4-20250514",
        output_grows=True,
        agents_inline=True,
    ),
    Generation(
        first_day=datetime(2026, 1, 12),
        share=0.2,
        versions=("2.1.14", "2.1.45", "2.1.72"),
        models=("claude-opus-4-5-20251101", "claude-sonnet-4-5-20250929"),
        agent_model="claude-haiku-4-5-20251001",
        output_grows=True,
        agents_quoted=True,
    ),
    Generation(
        first_day=datetime(2026, 4, 20),
        share=0.3,
        versions=("2.1.119", "2.1.153"),
        models=("claude-opus-4-7", "claude-sonnet-4-6"),
        agent_model="claude-haiku-4-5-20251001",
        hourly_cache=True,
    ),
    Generation(
        first_day=datetime(2026, 8, 24),
        share=0.4,
        versions=("2.1.220", "2.1.251", "2.1.273"),
        models=("claude-opus-5", "claude-sonnet-5", "claude-opus-4-8"),
        agent_model="claude-haiku-4-5-20251001",
        hourly_cache=True,
    ),
)


def write(folder: Path, megabytes: float, *, seed: int = 1) -> Counts:
    """Writes sessions into ``folder`` until they have ``megabytes``; the true counts of each day and logged model."""
    random = Random(seed)
    filler = Filler(random)
    counts: Counts = {}
    earlier: deque[Conversation] = deque(maxlen=10)
    left = megabytes * 1e6
    while left > 0:
        resumed = random.choice(earlier) if earlier and random.random() < RESUMED else None
        session = _session(filler, counts, resumed)
        left -= _write(folder, session, resumed)
        earlier.append(session)
    rows = [[day, model, *tokens] for (day, model), tokens in sorted(counts.items())]
    (folder / "expected.json").write_text(json.dumps(rows, indent=0))
    return counts


def _session(filler: Filler, counts: Counts, resumed: Conversation | None) -> Conversation:
    """A day's work on a project, or the next day's; over well before midnight, so that each message is of one day."""
    random = filler.random
    by = resumed.by if resumed else random.choices(GENERATIONS, [generation.share for generation in GENERATIONS])[0]
    day = by.first_day + timedelta(days=random.randrange(DAYS))
    if resumed:
        day = resumed.clock.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    session = Conversation(
        filler=filler,
        by=by,
        model=random.choice(by.models),
        project=resumed.project if resumed else random.choice(PROJECTS),
        version=random.choice(by.versions),
        session=filler.uuid(),
        clock=day + timedelta(seconds=random.randrange(6 * 3600, 17 * 3600)),
        counts=counts,
    )
    for _ in range(1 + int(random.lognormvariate(2.3, 0.8))):
        if session.clock > day + timedelta(hours=21):
            break
        session.turn(1 + int(random.expovariate(1 / 11)))
        session.pause()
    return session


def _write(folder: Path, session: Conversation, resumed: Conversation | None) -> int:
    """Writes the files of a session, which begins with the rows it resumes under its own name; their size in bytes."""
    project = folder / "projects" / f"-home-dev-{session.project}"
    first = [f'{{"type":"summary","summary":"Work","leafUuid":"{session.filler.uuid()}"}}\n']
    if resumed:
        first = [row.replace(resumed.session, session.session) for row in resumed.rows[:REPEATED]]
    size = 0
    for name, rows in {f"{session.session}.jsonl": first + session.rows, **session.files}.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        size += path.write_bytes("".join(rows).encode())
    return size


def main() -> None:
    """Writes the folder named on the command line and says how large it is and how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, nargs="?", default=DEFAULT)
    parser.add_argument("--megabytes", type=float, default=MEGABYTES)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.perf_counter()
    if (asked.folder / "projects").exists():
        sys.exit(f"{asked.folder / 'projects'} is there already: remove it, or name another folder")
    write(asked.folder, asked.megabytes, seed=asked.seed)
    files = list(asked.folder.rglob("*.jsonl"))
    size = sum(path.stat().st_size for path in files)
    print(f"{asked.folder}: {len(files):,} files, {size / 1e6:,.0f} MB, {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
