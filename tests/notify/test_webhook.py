from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from notify import sending
from notify import webhook as sender
from notify.destinations import Address
from notify.sending import Outcome
from notify.webhook import post
from tests.notify.receivers import DROP, SILENT, TRICKLE, Webhook, closed_port, webhook

CERTIFICATE = Path(__file__).with_name("localhost.pem")


def address(hook: Webhook) -> Address:
    return Address(False, "127.0.0.1", hook.port, "/hook/s3cret-path?x=1")


def test_json_is_posted_as_it_is() -> None:
    with webhook() as hook:
        assert post(address(hook), b'{"a": 1}', key="k.1").outcome is Outcome.DELIVERED
    [posted] = hook.posts
    assert (posted.path, posted.body) == ("/hook/s3cret-path?x=1", b'{"a": 1}')
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["idempotency-key"] == "k.1"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.DELIVERED),
        (204, Outcome.DELIVERED),
        (400, Outcome.REFUSED),
        (401, Outcome.REFUSED),
        (404, Outcome.REFUSED),
        (408, Outcome.NOT_NOW),
        (429, Outcome.NOT_NOW),
        (500, Outcome.NOT_NOW),
        (503, Outcome.NOT_NOW),
    ],
)
def test_what_an_answer_means(status: int, outcome: Outcome) -> None:
    with webhook(status) as hook:
        assert post(address(hook), b"{}", key=None).outcome is outcome


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with webhook() as elsewhere, webhook(status) as hook:
        hook.elsewhere = f"http://localhost:{elsewhere.port}/"
        sent = post(address(hook), b"{}", key="k")
    assert sent.outcome is Outcome.REFUSED
    assert elsewhere.posts == []


@pytest.mark.parametrize("failing", [SILENT, DROP])
@pytest.mark.parametrize(("key", "outcome"), [("k", Outcome.NOT_NOW), (None, Outcome.UNCERTAIN)])
def test_without_an_answer_it_is_sent_again_only_to_who_can_tell_it_is_the_same(
    failing: int, key: str | None, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "SILENCE", 0.3)
    with webhook(failing) as hook:
        assert post(address(hook), b"{}", key=key).outcome is outcome
        assert len(hook.posts) == 1


def test_an_answer_that_trickles_in_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "WHOLE", 0.5)
    with webhook(TRICKLE) as hook:
        assert post(address(hook), b"{}", key="k").outcome is Outcome.NOT_NOW


def test_nobody_there_is_no_secret_told() -> None:
    sent = post(Address(False, "127.0.0.1", closed_port(), "/s3cret"), b"{}", key=None)
    assert (sent.outcome, sent.why) == (Outcome.NOT_NOW, "nobody listens there")


@pytest.mark.parametrize("trusted", [False, True])
def test_a_certificate_has_to_be_trusted(trusted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with webhook(tls=context) as hook:
        sent = post(Address(True, "localhost", hook.port, "/"), b"{}", key="k")
    assert sent.outcome is (Outcome.DELIVERED if trusted else Outcome.NOT_NOW)
    assert len(hook.posts) == trusted


def test_what_is_asked_to_wait_waits_but_not_for_hours() -> None:
    with webhook(429) as hook:
        hook.retry_after = "7"
        assert post(address(hook), b"{}", key=None).wait == 7
        hook.answers, hook.retry_after = [503], "999999"
        assert post(address(hook), b"{}", key=None).wait == sender.LONGEST_WAIT
        hook.answers, hook.retry_after = [503], "Fri, 20 Nov 2026 12:00:00 GMT"
        assert post(address(hook), b"{}", key=None).wait == 0
