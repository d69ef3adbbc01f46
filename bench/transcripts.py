"""From a folder of Claude Code transcripts to spend by day and model, as a ratio to ccusage on the same files.

    python bench/transcripts.py [FOLDER] [--rounds 5]

Without FOLDER a gigabyte of transcripts is generated first, in bench/out; FOLDER is laid out like ~/.claude. Ours is
`python -m ingest` and `python -m spend report` after it, once with a new store and once more when nothing has changed;
theirs is one command both times, as it keeps nothing. Whole processes take turns, and the files are in memory for all.
After the first round the answers must agree in the four token classes of each day and model; costs are set beside each
other.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUT = ROOT / "bench" / "out"
VERSION = "20.0.24"
# each token class: its columns in our report, and its name in theirs
CLASSES = (
    (("uncached_input_tokens",), "inputTokens"),
    (("cache_read_tokens",), "cacheReadTokens"),
    (("cache_write_5m_tokens", "cache_write_1h_tokens"), "cacheCreationTokens"),
    (("output_tokens",), "outputTokens"),
)
CASES = ("new store", "nothing changed")
# tokens of a (day, model, token class), and dollars of a model
Tokens = dict[tuple[str, str, str], int]
Costs = dict[str, float]


@dataclass(frozen=True)
class Run:
    """What some commands took one after the other, and what the last of them printed."""

    seconds: float
    cpu: float
    peak_mib: float
    said: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    folder = (args.folder or gigabyte()).resolve()
    sizes = [len(log.read_bytes()) for log in folder.glob("projects/**/*.jsonl")]
    print(f"{len(sizes):,} files, {sum(sizes) / 1e6:,.0f} MB")
    program = ccusage()
    runs: dict[str, list[Run]] = {}
    for number in range(args.rounds):
        for name, run in _round(folder, program).items():
            runs.setdefault(name, []).append(run)
        if number == 0:
            _agree(folder, {name: one[0].said for name, one in runs.items()})
    _report(runs)


def gigabyte() -> Path:
    """The folder of generated transcripts."""
    folder = OUT / "transcripts"
    if not (folder / "expected.json").exists():
        subprocess.run([sys.executable, "bench/transcript_generator.py", str(folder)], check=True, cwd=ROOT)
    return folder


def ccusage() -> Path | None:
    """The program itself, fetched with npm into bench/out when it is not there yet; None where it is not to be had.

    It comes with a script that starts it in Node.js; without that it is quicker.
    """
    place = OUT / "ccusage"
    if not place.exists():
        if shutil.which("npm") is None:
            print("Without ccusage, which npm would fetch: npm is not installed here")
            return None
        fetch = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(place), f"ccusage@{VERSION}"]
        if subprocess.run(fetch, check=False).returncode:
            shutil.rmtree(place, ignore_errors=True)
            print(f"Without ccusage: npm cannot fetch ccusage@{VERSION}")
            return None
    program = next(place.glob("node_modules/@ccusage/*/bin/ccusage*"))
    program.chmod(0o755)  # as that script does
    return program


def _round(folder: Path, program: Path | None) -> dict[str, Run]:
    """One run of each, in turns; the second of ours finds the store that the first has made."""
    runs = {}
    with tempfile.TemporaryDirectory(dir=OUT) as new:
        db = ["--db", str(Path(new) / "bench.duckdb")]
        ingest = [sys.executable, "-m", "ingest", str(folder / "projects"), *db, "--json"]
        report = [sys.executable, "-m", "spend", "report", *db, "--by", "day,model", "--format", "json"]
        for case in CASES:
            runs[f"spendglass, {case}"] = _run(ingest, report)
            if program:
                daily = [str(program), "claude", "daily", "--json", "--offline", "--timezone", "UTC"]
                runs[f"ccusage, {case}"] = _run(daily, CLAUDE_CONFIG_DIR=str(folder), HOME=str(OUT / "ccusage"))
    return runs


def _run(*commands: list[str], **environment: str) -> Run:
    seconds = cpu = peak = 0.0
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        for command in commands:
            said.seek(0)
            said.truncate()
            began = time.monotonic()
            process = subprocess.Popen(command, stdout=said, cwd=ROOT, env=os.environ | environment)
            _, status, used = os.wait4(process.pid, 0)
            seconds += time.monotonic() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                sys.exit(f"{' '.join(command)} ended with {process.returncode}")
            cpu += used.ru_utime + used.ru_stime
            peak = max(peak, used.ru_maxrss / 1024)
        said.seek(0)
        return Run(seconds, cpu, peak, said.read())


def _agree(folder: Path, said: dict[str, str]) -> None:
    """Ends the program when an answer differs in its tokens from that of Spendglass with a new store."""
    answers = {name: (_ours if name.startswith("spendglass") else _theirs)(text) for name, text in said.items()}
    first, costs = answers[f"spendglass, {CASES[0]}"]
    if (folder / "expected.json").exists():
        answers["what was generated"] = (_generated(folder), {})
    for name, (tokens, _) in answers.items():
        apart = sorted(key for key in first.keys() | tokens.keys() if first.get(key, 0) != tokens.get(key, 0))
        for key in apart[:20]:
            print(f"{' '.join(key)}: {tokens.get(key, 0):,} is the answer of {name}, ours {first.get(key, 0):,}")
        if apart:
            sys.exit(f"{len(apart):,} counts of {name} are not ours")
    print(f"{len(first):,} token counts by day, model and class agree: {'; '.join(answers)}")
    for name, (_, others) in answers.items():
        if name.startswith("ccusage, new"):
            _compare_costs(costs, others)


def _compare_costs(ours: Costs, theirs: Costs) -> None:
    print(f"cost: ours ${sum(ours.values()):,.6f}, that of ccusage ${sum(theirs.values()):,.6f}")
    for model in sorted(ours.keys() | theirs.keys()):
        if abs(ours.get(model, 0) - theirs.get(model, 0)) > 1e-6:
            print(f"  {model}: ours ${ours.get(model, 0):,.6f}, that of ccusage ${theirs.get(model, 0):,.6f}")


def _ours(text: str) -> tuple[Tokens, Costs]:
    tokens: Tokens = {}
    costs: Costs = defaultdict(float)
    for row in json.loads(text):
        for columns, name in CLASSES:
            tokens[row["day"], row["model"], name] = sum(row[column] for column in columns)
        costs[row["model"]] += float(row["cost_usd"] or 0)
    return tokens, costs


def _theirs(text: str) -> tuple[Tokens, Costs]:
    tokens: Tokens = defaultdict(int)
    costs: Costs = defaultdict(float)
    for day in json.loads(text)["daily"]:
        for row in day["modelBreakdowns"]:
            model = _undated(row["modelName"])
            for _, name in CLASSES:
                tokens[day["date"], model, name] += row[name]
            costs[model] += row["cost"]
    return tokens, costs


def _generated(folder: Path) -> Tokens:
    tokens: Tokens = defaultdict(int)
    for day, model, *counts in json.loads((folder / "expected.json").read_text()):
        for (_, name), count in zip(CLASSES, counts, strict=True):
            tokens[day, _undated(model), name] += count
    return tokens


def _undated(model: str) -> str:
    """A model without the date of its snapshot, as Spendglass names it."""
    return re.sub(r"-\d{8}$", "", model)


def _report(runs: dict[str, list[Run]]) -> None:
    for name, each in runs.items():
        seconds, cpu = [run.seconds for run in each], statistics.median(run.cpu for run in each)
        spread = f"{statistics.median(seconds):8.3f} s ({min(seconds):.3f} to {max(seconds):.3f})"
        print(f"{name:<30} {spread}, CPU {cpu:.3f} s, peak {max(run.peak_mib for run in each):,.0f} MiB")
    for case in CASES:
        pairs = zip(runs.get(f"ccusage, {case}", ()), runs[f"spendglass, {case}"], strict=False)
        ratios = [theirs.seconds / ours.seconds for theirs, ours in pairs]
        if ratios:
            spread = f"{statistics.median(ratios):7.2f}    ({min(ratios):.2f} to {max(ratios):.2f})"
            print(f"{f'{case}, times as fast':<30} {spread}")


if __name__ == "__main__":
    main()
