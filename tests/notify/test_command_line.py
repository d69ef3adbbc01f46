from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from spend.__main__ import main
from spend.budgets import budget_of, keep_budget
from store.connection import open_store
from store.dashboard import running
from tests.conftest import ROOT
from tests.e2e.served import served
from tests.ingest.routes.asked import until
from tests.notify.nights import FIRST, MIDNIGHT, add
from tests.notify.receivers import SILENT, Mails, Webhook, closed_port, mail_server, webhook


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store whose last night, a few hours or days ago, had a spike."""
    shift = datetime.now(UTC).date() - date(2026, 10, 2)
    monkeypatch.setattr("tests.notify.nights.FIRST", FIRST + shift)
    path = tmp_path / "usage.duckdb"
    with open_store(path) as store:
        add(store, tmp_path, range(MIDNIGHT + 12), {MIDNIGHT + 1: 30})
    return path


def secrets(db: Path, hook: Webhook, mails: Mails | None = None, mode: int = 0o600) -> None:
    """Keeps destinations in the file beside the store."""
    lines = [f"SPENDGLASS_WEBHOOK_URL={hook.url}"]
    if mails:
        lines += [f"SPENDGLASS_SMTP_URL=smtp://me:hunter2@127.0.0.1:{mails.port}", "SPENDGLASS_MAIL_TO=a@example.org"]
        lines += ["SPENDGLASS_MAIL_FROM=b@example.org"]
    path = Path(f"{db}.secrets")
    path.write_text("\n".join(lines))
    path.chmod(mode)


def notified(db: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m spend spikes --notify`, a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPENDGLASS_")}
    command = [sys.executable, "-W", "error", "-m", "spend", "spikes", "--notify", "--db", str(db), *args]
    return subprocess.run(
        command, cwd=ROOT, env=kept | environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_cron_and_a_dashboard_tell_everybody_once_between_them(db: Path) -> None:
    with webhook() as hook, mail_server() as mails:
        secrets(db, hook, mails)
        first = notified(db, "--format", "json")
        assert first.returncode == 0, first.stderr
        assert (len(hook.taken), len(mails.mails)) == (1, 1)
        with open_store(db) as store:
            keep_budget(store, budget_of("account:month=0.01"))  # told after incidents
        log = db.with_name("dashboard.log")
        with served(db, log=log):
            until(lambda: len(hook.taken) > 1 and len(mails.mails) > 1)
            asked = notified(db, "--format", "json")
            assert (asked.returncode, asked.stdout, asked.stderr) == (0, first.stdout, "")
        last = notified(db)
        assert last.returncode == 0
    [spike, budget] = hook.taken
    [found] = json.loads(first.stdout)
    assert {name: spike[name] for name in found} == found
    assert (spike["state"], budget["event"], budget["state"]) == ("opened", "budget", "crossed")
    assert len(mails.mails) == 2
    assert spike["incident_id"] in mails.messages()[0].get_content()
    said = first.stdout + first.stderr + asked.stderr + last.stdout + last.stderr + log.read_text()
    assert "s3cret" not in said
    assert "hunter2" not in said


def test_secrets_are_never_printed_whatever_fails(db: Path) -> None:
    with webhook(401) as hook, mail_server(AUTH=[535]) as mails:
        secrets(db, hook, mails)
        done = notified(db)
    assert done.returncode == 1
    assert "webhook" in done.stderr
    assert "could not be told (opened): it answered 401" in done.stderr
    assert "could not be told (opened): it answered 535" in done.stderr
    with open_store(db) as store:
        kept = store.cursor().execute("SELECT * FROM setting").fetchall()
    for text in (done.stderr, done.stdout, repr(kept)):
        assert "s3cret" not in text
        assert "hunter2" not in text


def test_whoever_is_killed_while_it_waits_for_an_answer_has_told_once(db: Path) -> None:
    with webhook(SILENT) as hook:
        secrets(db, hook)
        command = [sys.executable, "-m", "spend", "spikes", "--notify", "--db", str(db)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                until(lambda: hook.posts or process.poll() is not None)
            finally:
                process.kill()
        again = notified(db)
        assert again.returncode == 0
        assert len(hook.posts) == 1


def told(capsys: pytest.CaptureFixture[str], *args: Any) -> str:
    assert main(["spikes", "--notify", *map(str, args)]) == 2
    return capsys.readouterr().err


def test_nobody_to_tell_and_secrets_that_others_can_read_are_wrong_calls(
    db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nobody to tell" in told(capsys, "--db", db)
    with webhook() as hook:
        secrets(db, hook, mode=0o644)
        said = told(capsys, "--db", db)
    assert "can be read by others" in said
    assert "s3cret" not in said
    assert hook.posts == []


def test_what_the_dashboard_is_asked_to_tell_it_tells(db: Path) -> None:
    with webhook() as hook, served(db):
        until(lambda: running(db))
        assert "nobody to tell" in notified(db).stderr
        secrets(db, hook)  # too late for a schedule of its own
        done = notified(db)
        assert done.returncode == 0
        assert "webhook, " in done.stderr
        assert "told (opened)" in done.stderr
    assert len(hook.taken) == 1


def test_a_store_that_is_held_by_no_dashboard_is_a_wrong_call(db: Path) -> None:
    with webhook() as hook, open_store(db):
        secrets(db, hook)
        done = notified(db)
    assert done.returncode == 2
    assert "open in another process" in done.stderr
    assert hook.posts == []


def test_a_dead_destination_does_not_keep_it_from_the_others(
    db: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("notify.delivery.PAUSES", ())
    with webhook() as hook:
        secrets(db, hook)
        monkeypatch.setenv("SPENDGLASS_WEBHOOK_URL", f"http://127.0.0.1:{closed_port()}/s3cret")
        monkeypatch.setenv("SPENDGLASS_SLACK_URL", hook.url)
        assert main(["spikes", "--notify", "--db", str(db)]) == 1
    assert "nobody listens there" in capsys.readouterr().err
    [post] = hook.posts
    assert set(post.json) == {"text", "blocks", "unfurl_links", "unfurl_media"}
