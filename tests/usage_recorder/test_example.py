from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.usage_recorder.messages_server import MessagesServer
from tests.usage_recorder.recording import only, records


def test_the_example_runs_and_its_request_is_recorded(server: MessagesServer, tmp_path: Path) -> None:
    environment = {**os.environ, "ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "k", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "examples" / "recorded.py")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == (server.words, "")
    found = only(tmp_path / "logs")
    assert (found["feature"], found["user"], found["usage"]) == (
        "ticket-triage",
        "u_3f9a",
        server.ledger.billed[0].usage,
    )


ENDS = """
import anthropic, multiprocessing, sys
from usage_recorder import record, tagged
client = record(anthropic.Anthropic(), to=sys.argv[1])
def ask(feature):
    with tagged(feature=feature):
        message = {"role": "user", "content": "x" * 1_000_000}
        client.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=[message])
ask("before")
worker = multiprocessing.get_context("fork").Process(target=ask, args=("worker",))
worker.start()
worker.join()
ask("at the end")
"""


def test_a_process_that_ends_at_once_leaves_its_records_and_so_do_its_workers(
    server: MessagesServer, tmp_path: Path
) -> None:
    environment = {**os.environ, "ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "k", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", ENDS, str(tmp_path / "logs")]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=60)
    assert [one["feature"] for one in records(tmp_path / "logs")] == ["before", "worker", "at the end"]
    assert len({one["prefixes"][0]["hash"] for one in records(tmp_path / "logs")}) == 1
