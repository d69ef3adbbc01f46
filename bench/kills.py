"""Killing what changes a store, at every moment: afterwards the store is as before, or as after, and whole.

    python bench/kills.py [--kills 50] [--requests 300000] [--seed 1]

Real processes load a log (new requests, duplicates, fuller records, rejected lines), load into a store that is not
there yet, undo a load, take a changed price list into force, and bring up a store of the first shape; each is killed
with SIGKILL, half of the times spread over what it takes undisturbed, half of them while it commits, from when it has
laid spare blocks aside. Each time the store left behind is checked (`python -m store check`), its content compared
with what it was and is to be, and the same done again undisturbed. Fails when anything is neither before nor after, or
not whole.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bench.generate import chunks  # noqa: E402
from store.check import check  # noqa: E402
from store.connection import PRICES, looking_at  # noqa: E402
from store.database import has_journal  # noqa: E402
from store.facts import FACTS  # noqa: E402
from store.prices import read_price_lists  # noqa: E402

FIRST_SHAPE = ROOT / "tests" / "store" / "schema_1.sql"
# share of the kills; when a load ends is where most can go wrong
SHARES = {"load": 0.44, "new store": 0.14, "undo": 0.14, "prices": 0.14, "migration": 0.14}
_UNDO = """
import sys
from ingest.undo import NoSuchLoad, undo
from store.connection import open_store
with open_store(sys.argv[1]) as store:
    try:
        undo(store, 2)
    except NoSuchLoad:
        pass
"""
_OPEN = """
import sys
from pathlib import Path
from store.connection import open_store
open_store(sys.argv[2], prices=Path(sys.argv[1])).close()
"""


class Broken(Exception):
    """A store that was left neither as before nor as after, or is not whole."""


@dataclass
class Action:
    """Something that changes a store: a command, to which the store's path is added, and the store it begins with."""

    name: str
    command: list[str]
    start: Path
    states: dict[str, str] = field(default_factory=dict)  # digest -> before, between, after
    seconds: float = 0.0

    def run(self, store: Path, *, killed_after: float | None = None, committing: bool = False) -> bool:
        """Runs it, and says whether it was killed before it ended, so long after it or its commit began."""
        command = [sys.executable, *self.command, str(store)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
            while committing and run.poll() is None and not Path(f"{store}.spare").exists():
                time.sleep(0.0005)
            try:
                said, _ = run.communicate(timeout=killed_after)
            except subprocess.TimeoutExpired:
                run.kill()
                run.communicate()
                return True
        if run.returncode:
            raise Broken(f"{self.name} went wrong undisturbed: {said}")
        return False


@dataclass
class Outcome:
    """How many of an action's kills left each state, a journal, spare blocks, or came too late."""

    left: Counter[str] = field(default_factory=Counter)
    journals: int = 0
    spares: int = 0
    late: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--requests", type=int, default=300_000, help="in the log whose load is killed")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    began = time.monotonic()
    (ROOT / "bench" / "out").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "bench" / "out") as folder:
        outcomes = kills(Path(folder), kills=args.kills, requests=args.requests, seed=args.seed)
        left_behind = f"{'before':>8}{'between':>9}{'after':>7}{'journal':>9}{'spare':>7}"
        print(f"{'':<11}{'takes':>8}{'kills':>7}{left_behind}{'too late':>10}")
        for action, outcome in outcomes:
            left = outcome.left
            counted = f"{left.total():>7}{left['before']:>8}{left['between']:>9}{left['after']:>7}"
            beside = f"{outcome.journals:>9}{outcome.spares:>7}{outcome.late:>10}"
            print(f"{action.name:<11}{action.seconds:>6.2f} s{counted}{beside}", flush=True)
    print(f"every store was as before or as after, and whole; {time.monotonic() - began:.0f} s")


def kills(folder: Path, *, kills: int, requests: int, seed: int) -> Iterator[tuple[Action, Outcome]]:
    """Does every action undisturbed, then kills it its share of ``kills`` times. Raises Broken."""
    for action in actions(folder, requests, seed):
        learn(action, folder)
        yield action, killed(action, folder, max(1, round(kills * SHARES[action.name])), random.Random(seed))


def actions(folder: Path, requests: int, seed: int) -> Iterator[Action]:
    """What is killed, and the stores and logs for it; ids of the first quarter of one log are those of the other."""
    before, after, empty = folder / "before.duckdb", folder / "after.duckdb", folder / "none.duckdb"
    first = _log(folder / "first.jsonl", requests // 4, seed)
    second = _log(folder / "second.jsonl", requests, seed + 1)
    load = Action("load", ["-m", "ingest", str(second), "--db"], before)
    Action("", ["-m", "ingest", str(first), "--db"], empty).run(before)
    shutil.copy(before, after)
    load.run(after)
    yield load
    yield Action("new store", ["-m", "ingest", str(first), "--db"], empty)
    yield Action("undo", ["-c", _UNDO], after)
    yield Action("prices", ["-c", _OPEN, str(_discounted(folder / "prices"))], after)
    yield Action("migration", ["-m", "spend", "report", "--db"], _first_shape(folder / "first.duckdb", after))


def learn(action: Action, folder: Path) -> None:
    """How long it takes, and what the store holds before it, between its transactions and after it."""
    action.states[content(action.start)] = "before"
    for _ in range(2):
        work = _copy(action, folder)
        began = time.monotonic()
        action.run(work)
        action.seconds = time.monotonic() - began
        action.states[content(work)] = "after"
    if len(action.states) != 2:
        raise Broken(f"{action.name} does not leave the same twice, or changes nothing")


def killed(action: Action, folder: Path, times: int, chance: random.Random) -> Outcome:
    """Kills it ``times`` times and looks at what is left each time. Raises Broken."""
    outcome = Outcome()
    for number in range(times):
        work = _copy(action, folder)
        if number % 2:
            late = not action.run(work, killed_after=chance.random() * 0.1 * action.seconds, committing=True)
        else:
            late = not action.run(work, killed_after=(number + chance.random()) / times * action.seconds)
        outcome.late += late
        outcome.journals += has_journal(str(work))
        outcome.spares += Path(f"{work}.spare").exists()
        outcome.left[_state(action, work)] += 1
        action.run(work)
        if _state(action, work) != "after":
            raise Broken(f"{action.name}, killed and done again, does not leave what it leaves undisturbed")
        litter = [path.name for path in work.parent.iterdir() if path != work]
        if litter and action.name != "new store":  # where the folder of one that was only begun may stay
            raise Broken(f"{action.name} left {', '.join(litter)}")
    return outcome


def _state(action: Action, store: Path) -> str:
    state = action.states.get(content(store)) or _between(action, store)
    if state is None:
        raise Broken(f"{action.name} left a store that is neither as before nor as after")
    if state != "between" and store.exists() and (action.name, state) != ("migration", "before"):
        lists = action.command[-1] if (action.name, state) == ("prices", "after") else PRICES
        with looking_at(store) as con:
            wrong = [f"{one.holds}: {one.examples}" for one in check(con, read_price_lists(Path(lists))) if one.wrong]
        if wrong:
            raise Broken(f"{action.name}, {state}: {'; '.join(wrong)}")
    return state


def _between(action: Action, store: Path) -> str | None:
    """Two actions are several transactions: a store is made before it is filled, and brought up before it is priced."""
    with looking_at(store) as con:
        if action.name == "new store":
            return None if con.execute("SELECT count(*) FROM load, usage").fetchall()[0][0] else "between"
        is_up = con.execute("SELECT schema_version > 1 AND price_list IS NULL FROM store_info").fetchall()[0][0]
        return "between" if action.name == "migration" and is_up and _facts(con) == _facts_of(action.start) else None


def content(store: Path) -> str:
    """Everything in a store, whatever the order of its rows, as text to compare; without when it was loaded."""
    if not store.exists():
        return "no store"
    with looking_at(store) as con:
        tables = [name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        queries = {name: f"FROM {name}" for name in tables}
        if "load" in queries:
            queries["load"] = "SELECT * EXCLUDE (loaded_at, seconds) FROM load"
        return json.dumps({name: _digest(con, query) for name, query in queries.items()})


def _digest(con: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return [
        str(one) for one in con.execute(f"SELECT count(*), sum(hash(t)::HUGEINT) FROM ({query}) AS t").fetchall()[0]
    ]


def _facts(con: duckdb.DuckDBPyConnection) -> list[str]:
    """As texts, whatever type the store's shape gives them."""
    return _digest(con, f"SELECT {', '.join(f'{name}::VARCHAR' for name in FACTS)} FROM usage")


def _facts_of(store: Path) -> list[str]:
    with looking_at(store) as con:
        return _facts(con)


def _copy(action: Action, folder: Path) -> Path:
    """A store of its own in a folder of its own, to see what else is left there."""
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    if action.start.exists():
        shutil.copy(action.start, work / "usage.duckdb")
    return work / "usage.duckdb"


def _log(path: Path, requests: int, seed: int) -> Path:
    """Requests with broken lines and duplicates among them; one in five hundred has an advisor as a second part."""
    with path.open("w") as log:
        for lines in chunks(requests, bad=requests // 1000, duplicates=requests // 100, seed=seed):
            log.write("".join(_advised(line) if number % 500 == 0 else line for number, line in enumerate(lines)))
    return path


def _advised(line: str) -> str:
    first, *rest = line.splitlines(keepends=True)
    record = json.loads(first)
    usage = record["usage"]
    own = {"type": "message", "input_tokens": usage["input_tokens"], "output_tokens": usage["output_tokens"]}
    advisor = {"type": "advisor_message", "model": "claude-opus-4-8", "input_tokens": 500, "output_tokens": 50}
    usage["iterations"] = [own, advisor]
    return "".join([json.dumps(record), "\n", *rest])


def _discounted(folder: Path) -> Path:
    """The price lists with a tenth off."""
    shutil.copytree(PRICES, folder)
    (folder / "mine.toml").write_text('[discount]\npercent = "10"\nrounding = "up"\n')
    return folder


def _first_shape(path: Path, filled: Path) -> Path:
    """A store of the first shape with the facts of another."""
    with duckdb.connect(str(path)) as con:
        con.execute(FIRST_SHAPE.read_text())
        con.execute("INSERT INTO store_info VALUES (1, 7, 'a list of then')")
        con.execute(f"ATTACH '{filled}' AS filled (READ_ONLY)")
        con.execute(f"INSERT INTO usage BY NAME SELECT {', '.join(FACTS)} FROM filled.usage")
        for table in ("load", "superseded", "overlap", "rejected_line", "place"):
            con.execute(f"INSERT INTO {table} BY NAME FROM filled.{table}")
        columns = [name for (name,) in con.execute("SELECT column_name FROM (DESCRIBE load_file)").fetchall()]
        con.execute(f"INSERT INTO load_file BY NAME SELECT {', '.join(columns)} FROM filled.load_file")
        con.execute("SELECT nextval('load_ids'), nextval('file_ids') FROM range(2)")
    return path


if __name__ == "__main__":
    main()
