from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notify.destinations import Destinations, Mail
from notify.events import Event
from notify.look import look
from notify.record import NAME, claim, record_of, settle
from notify.sending import Outcome
from spend.budgets import budget_of, keep_budget
from spend.filters import Filters
from spend.spikes.settings import Mark, keep_mark
from store import settings
from tests.factories import loaded, rows, usage_record
from tests.notify.nights import MIDNIGHT, NIGHT, add, asked, looked, night_until, to
from tests.notify.receivers import DROP, SILENT, Mails, Webhook, mail_server, webhook


def states(hook: Webhook) -> list[str]:
    return [body["state"] for body in hook.taken]


def test_an_incident_opens_grows_and_closes_and_is_told_once_each(tmp_path: Path) -> None:
    store = night_until(tmp_path, 2, {1: 30})
    with webhook() as hook:
        looked(store, hook)
        assert states(hook) == ["opened"]
        version = store.data_version
        looked(store, hook)
        assert store.data_version == version  # with nothing new, nothing is written
        add(store, tmp_path, range(MIDNIGHT + 2, MIDNIGHT + 3), {MIDNIGHT + 2: 20})
        looked(store, hook)  # 50 is not twice 30
        assert states(hook) == ["opened"]
        add(store, tmp_path, range(MIDNIGHT + 3, MIDNIGHT + 4), {MIDNIGHT + 3: 20})
        looked(store, hook)
        looked(store, hook)
        assert states(hook) == ["opened", "grown"]
        add(store, tmp_path, range(MIDNIGHT + 4, MIDNIGHT + 12))
        looked(store, hook)
        looked(store, hook)
        assert states(hook) == ["opened", "grown", "closed"]
    bodies = hook.taken
    assert {body["incident_id"] for body in bodies} == {bodies[0]["incident_id"]}
    assert len({body["delivery_id"] for body in bodies}) == 3
    assert [body["so_far"] for body in bodies] == [True, True, False]
    assert [float(body["excess_usd"]) // 10 for body in bodies] == [3, 7, 7]


def test_an_incident_that_is_over_when_it_is_first_seen_is_told_once(tmp_path: Path) -> None:
    store = night_until(tmp_path, 12, {1: 30})
    with webhook() as hook:
        looked(store, hook)
        looked(store, hook)
    [body] = hook.taken
    assert (body["state"], body["so_far"], body["event"]) == ("opened", False, "spike")
    assert body["scope"] == {"feature": "search"}


def test_a_quiet_night_tells_nobody(tmp_path: Path) -> None:
    store = night_until(tmp_path, 12, {})
    with webhook() as hook:
        assert looked(store, hook) == []
    assert hook.posts == []
    assert settings.read(store.cursor(), NAME) is None


def test_what_was_planned_is_not_told_and_what_is_marked_later_closes(tmp_path: Path) -> None:
    store = night_until(tmp_path, 2, {1: 30})
    with webhook() as hook:
        looked(store, hook)
        [known] = record_of(store).values()
        spans = ((known.event.start, known.event.past),)
        keep_mark(store, Mark(known.event.key, spans, planned=True, note="load test"))
        looked(store, hook)
        looked(store, hook)
    assert states(hook) == ["opened", "closed"]
    assert hook.taken[-1]["planned"] is True
    assert hook.taken[-1]["note"] == "load test"


def test_a_planned_incident_is_never_begun_to_be_told(tmp_path: Path) -> None:
    store = night_until(tmp_path, 2, {1: 30})
    with webhook() as hook:
        [key] = [one.message.about for one in looked(store, hook)]
        known = record_of(store)[key]
        settings.write(store, NAME, None)
        keep_mark(store, Mark(known.event.key, ((known.event.start, known.event.past),), planned=True))
        looked(store, hook)
    assert states(hook) == ["opened"]


def test_an_incident_that_is_not_found_any_more_is_told_to_be_over(tmp_path: Path) -> None:
    store = night_until(tmp_path, 2, {1: 30})
    with webhook() as hook:
        looked(store, hook)
        with store.writing() as con:
            con.execute("UPDATE rollup SET cost = 2000000000000 WHERE cost > 20000000000000")
            con.execute("UPDATE rollup_hour SET cost = 2000000000000 WHERE cost > 20000000000000")
            con.execute("UPDATE usage SET cost = 2000000000000 WHERE cost > 20000000000000")
        looked(store, hook, withdraws=False)
        assert states(hook) == ["opened"]
        looked(store, hook, first=NIGHT + timedelta(days=1), last=NIGHT + timedelta(days=1))  # another night
        assert states(hook) == ["opened"]
        looked(store, hook)
        looked(store, hook)
    assert states(hook) == ["opened", "closed"]
    assert hook.taken[-1]["withdrawn"] is True


def test_only_flags_are_told_unless_watches_are_wanted(tmp_path: Path) -> None:
    store = night_until(tmp_path, 12, {1: 1.1}, feature="new")  # one without a history is only to be watched
    with webhook() as hook:
        assert looked(store, hook) == []
        wanted = Destinations(webhook=to(hook).webhook, level="watch")
        [told] = look(store, asked(), wanted, pauses=())
    assert (told.message.body["level"], told.message.body["scope"]) == ("watch", {"feature": "new"})


def test_what_ended_long_ago_is_not_begun_to_be_told(tmp_path: Path) -> None:
    store = night_until(tmp_path, 12, {1: 30})
    past = rows(store, "SELECT max(quarter) + 1 FROM rollup")[0][0]
    with webhook() as hook:
        assert looked(store, hook, since=past) == []
        assert len(looked(store, hook, since=past - 96)) == 1


@pytest.mark.parametrize("answers", [(500, 503), (429, 500), (DROP, 500), (SILENT,)])
def test_what_was_not_taken_is_tried_again_and_taken_once(
    tmp_path: Path, answers: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notify.webhook.SILENCE", 0.3)
    store = night_until(tmp_path, 12, {1: 30})
    with webhook(*answers) as hook:
        [done] = looked(store, hook)
        assert looked(store, hook) == []
    assert done.sent.outcome is Outcome.DELIVERED
    assert [post.status for post in hook.posts] == [*answers, 200]
    assert len({post.headers["idempotency-key"] for post in hook.posts}) == 1
    assert len({post.body for post in hook.posts}) == 1


def test_a_destination_that_fails_every_try_is_told_at_the_next_look(tmp_path: Path) -> None:
    store = night_until(tmp_path, 12, {1: 30})
    with webhook(500, 500, 500) as hook:
        [failed] = looked(store, hook)
        assert failed.sent.outcome is Outcome.NOT_NOW
        assert record_of(store) == {}
        [done] = looked(store, hook)
    assert done.sent.outcome is Outcome.DELIVERED
    assert states(hook) == ["opened"]


def test_growth_that_could_not_be_told_is_told_later(tmp_path: Path) -> None:
    store = night_until(tmp_path, 2, {1: 30})
    with webhook() as hook:
        looked(store, hook)
        add(store, tmp_path, range(MIDNIGHT + 2, MIDNIGHT + 3), {MIDNIGHT + 2: 60})
        hook.answers += [404]
        [refused] = looked(store, hook)
        assert (refused.sent.outcome, refused.sent.why) == (Outcome.REFUSED, "it answered 404")
        looked(store, hook)
    assert states(hook) == ["opened", "grown"]


def test_a_dead_destination_is_left_alone_for_the_rest_of_a_look(tmp_path: Path) -> None:
    store = night_until(tmp_path, 12, {1: 30})
    keep_budget(store, budget_of("account:day=1"))
    with webhook(500, 500, 500, 500, 500, 500) as hook:
        assert len(looked(store, hook)) == 1
        assert len(hook.posts) == 3


def test_whoever_is_killed_while_sending_leaves_a_message_that_is_not_sent_twice(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    store = night_until(tmp_path, 2, {1: 30})
    with webhook() as hook, pytest.MonkeyPatch.context() as patch:
        patch.setattr("notify.delivery.settle", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            looked(store, hook)
        patch.undo()
        assert [told.how for known in record_of(store).values() for told in known.to.values()] == ["sending"]
        assert looked(store, hook) == []
        assert states(hook) == ["opened"]


def test_two_senders_at_once_send_once(tmp_path: Path) -> None:
    store = night_until(tmp_path, 12, {1: 30})
    ready = threading.Barrier(4)
    done: list[Any] = []

    def sender() -> None:
        ready.wait()
        done.extend(looked(store, hook))

    with webhook() as hook:
        threads = [threading.Thread(target=sender) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(hook.posts) == len(done) == 1


def test_the_same_event_under_another_zone_is_known(tmp_path: Path) -> None:
    store = night_until(tmp_path, 12, {1: 30})
    with webhook() as hook:
        looked(store, hook)
        looked(store, hook, filters=Filters(timezone="Europe/Paris"), withdraws=False)
    assert states(hook) == ["opened"]


def test_a_budget_is_told_when_it_is_likely_to_be_crossed_and_when_it_is(tmp_path: Path) -> None:
    store = night_until(tmp_path, 12, {})
    keep_budget(store, budget_of("feature=search:month=1"))
    keep_budget(store, budget_of("account:month=100000"))
    with webhook() as hook:
        looked(store, hook)
        looked(store, hook)
        [body] = hook.taken
        assert (body["event"], body["state"], body["scope"]) == ("budget", "crossed", {"feature": "search"})
        assert (body["period"], body["since"], body["crossed_on"]) == ("month", "2026-10-01", "2026-10-01")
        keep_budget(store, budget_of("feature=search:month=50"))  # another budget
        looked(store, hook)
        looked(store, hook)
        assert [body["state"] for body in hook.taken] == ["crossed", "projected"]
        add(store, tmp_path, range(MIDNIGHT + 12, MIDNIGHT + 13), {MIDNIGHT + 12: 40})
        looked(store, hook, last=NIGHT - timedelta(days=3), first=NIGHT - timedelta(days=3))
    assert [body["state"] for body in hook.taken] == ["crossed", "projected", "crossed"]
    assert hook.taken[1]["incident_id"] == hook.taken[2]["incident_id"]


def test_ten_events_are_told_in_a_look_and_the_others_in_the_next(tmp_path: Path) -> None:
    store = night_until(tmp_path, 12, {})
    spent = [usage_record(time="2026-10-01T10:40:00Z", user=f"u{n}", input_tokens=2000) for n in range(12)]
    loaded(store, tmp_path / "users.jsonl", spent)
    for n in range(12):
        keep_budget(store, budget_of(f"user=u{n}:month=0.001"))
    with webhook() as hook:
        assert len(looked(store, hook)) == 10
        assert len(looked(store, hook)) == 2
        assert looked(store, hook) == []


def test_slack_and_mail_are_not_told_again_what_they_may_have_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notify.webhook.SILENCE", 0.3)
    monkeypatch.setattr("notify.mail.SILENCE", 0.3)
    store = night_until(tmp_path, 2, {1: 30})
    with webhook(SILENT) as slack, mail_server(END=[SILENT]) as mails:
        destinations = Destinations(slack=to(slack).webhook, mail=by(mails))
        done = look(store, asked(), destinations, pauses=(0, 0))
        assert [one.sent.outcome for one in done] == [Outcome.UNCERTAIN] * 2
        assert look(store, asked(), destinations, pauses=(0, 0)) == []
        assert (len(slack.posts), len(mails.mails)) == (1, 1)
        add(store, tmp_path, range(MIDNIGHT + 2, MIDNIGHT + 12))  # its end is told all the same
        done = look(store, asked(), destinations, pauses=(0, 0))
    assert [one.sent.outcome for one in done] == [Outcome.DELIVERED] * 2
    assert "Over: " in slack.posts[-1].json["text"]
    assert "Over: " in mails.messages()[-1]["Subject"]


def test_who_was_dead_is_told_how_things_are_once_it_is_back(tmp_path: Path) -> None:
    store = night_until(tmp_path, 2, {1: 30})
    with webhook(500, 500, 500) as hook, webhook() as slack:
        destinations = Destinations(webhook=to(hook).webhook, slack=to(slack).webhook)
        look(store, asked(), destinations, pauses=(0, 0))
        assert (hook.taken, len(slack.taken)) == ([], 1)
        add(store, tmp_path, range(MIDNIGHT + 2, MIDNIGHT + 3), {MIDNIGHT + 2: 60})
        look(store, asked(), destinations, pauses=(0, 0))
        assert (states(hook), len(slack.taken)) == (["opened"], 2)
        add(store, tmp_path, range(MIDNIGHT + 3, MIDNIGHT + 12))
        look(store, asked(), destinations, pauses=(0, 0))
        assert (states(hook), len(slack.taken)) == (["opened", "closed"], 3)


def test_while_one_sender_sends_no_other_tells_the_next_of_it(tmp_path: Path) -> None:
    store = night_until(tmp_path, 2, {1: 30})
    now = datetime(2026, 10, 1, 3, tzinfo=UTC)
    event = Event("spike overnight", "k", ("[]",), "2026-10-01", 0, 4, 10, True, True, "UTC")
    first = claim(store, event, "webhook", {}, now)
    assert first is not None
    bigger = replace(event, size=30)
    assert claim(store, bigger, "webhook", {}, now + timedelta(minutes=1)) is None
    other = claim(store, bigger, "mail", {}, now)
    assert other is not None
    assert (other.told.state, other.told.size) == ("opened", 30)
    late = claim(store, bigger, "webhook", {}, now + timedelta(minutes=16))  # whoever sent has not come back
    assert late is not None
    assert (late.told.state, late.told.number) == ("grown", 2)
    settle(store, first, None)  # and if it does after all, it has no say any more
    assert record_of(store)[first.id].to["webhook"] == late.told


def test_an_incident_that_is_told_best_by_another_scope_by_now_is_the_same(tmp_path: Path) -> None:
    store = night_until(tmp_path, 2, {})
    now = datetime(2026, 10, 1, 3, tzinfo=UTC)
    whole = Event("spike overnight", "whole", ("[]", "[1]"), "2026-10-01", 0, 4, 10, True, True, "UTC")
    opened = claim(store, whole, "webhook", {}, now)
    assert opened is not None
    settle(store, opened, "told")
    feature = replace(whole, key="feature", scopes=("[1]", "[2]"), start=1, past=9, size=15)
    assert claim(store, feature, "webhook", {}, now) is None
    grown = claim(store, replace(feature, size=25), "webhook", {}, now)
    assert grown is not None
    assert (grown.id, grown.told.state) == (opened.id, "grown")
    for other in (
        replace(feature, kind="spike morning"),
        replace(feature, start=9, past=12),
        replace(feature, scopes=("[3]",)),
    ):
        found = claim(store, replace(other, key=f"other {other}"), "webhook", {}, now)
        assert found is not None
        assert (found.id != opened.id, found.told.state) == (True, "opened")


def test_a_hostile_name_reaches_everybody_as_a_name(tmp_path: Path) -> None:
    name = "<!channel>\r\nBcc: evil@example.org\r\n\r\n<script>\x1b[2J"
    store = night_until(tmp_path, 12, {1: 30}, feature=name)
    with webhook() as hook, webhook() as slack, mail_server() as mails:
        look(store, asked(), Destinations(webhook=to(hook).webhook, slack=to(slack).webhook, mail=by(mails)), pauses=())
    assert hook.taken[0]["scope"] == {"feature": name}
    assert b"<!" not in slack.posts[0].body
    assert b"&lt;!channel&gt;" in slack.posts[0].body
    [mail] = mails.messages()
    assert mail["Bcc"] is None
    assert mails.envelopes[0][1] == ["TO:<a@example.org>"]
    assert "\x1b" not in mail.get_content()


def by(mails: Mails) -> Mail:
    return Mail(False, "127.0.0.1", mails.port, "", "", ("a@example.org",), "b@example.org")
