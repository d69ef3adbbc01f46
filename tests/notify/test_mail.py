from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from notify import mail as sender
from notify import sending
from notify.destinations import Mail
from notify.mail import send, written
from notify.sending import Outcome, Sent
from tests.notify.receivers import DROP, SILENT, TRICKLE, Mails, closed_port, mail_server

CERTIFICATE = Path(__file__).with_name("localhost.pem")
TO = ("a@example.org", "b@example.org")


@pytest.fixture
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


def by(server: Mails, *, secure: bool = False, user: str = "") -> Mail:
    return Mail(secure, "localhost", server.port, user, "hunter2" if user else "", TO, "spend@example.org")


def sent(mail: Mail, subject: str = "Hello", *lines: str) -> Sent:
    return send(mail, written(mail, subject, lines or ("One.",), key="id.1.opened", about="id"))


def test_a_mail_is_taken_with_its_envelope_and_its_id() -> None:
    with mail_server() as server:
        assert sent(by(server), "Spike: café", "One.", ".", "..two", "ü" * 300).outcome is Outcome.DELIVERED
    [message] = server.messages()
    assert message["Subject"] == "Spike: café"
    assert message["Message-ID"] == "<id.1.opened@example.org>"
    assert message["References"] == "<id@example.org>"
    assert message["To"] == "a@example.org, b@example.org"
    assert message.get_content().splitlines() == ["One.", ".", "..two", "ü" * 300]
    assert server.envelopes == [
        ("FROM:<spend@example.org>", ["TO:<a@example.org>", "TO:<b@example.org>"]),
    ]
    assert server.logins == []


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("at_once", [False, True])
def test_with_encryption_the_password_goes_after_it_began(tls: ssl.SSLContext, at_once: bool) -> None:
    with mail_server(tls, at_once=at_once) as server:
        assert sent(by(server, secure=at_once, user="me")).outcome is Outcome.DELIVERED
    assert server.logins == [b"\0me\0hunter2"]
    assert server.encrypted == [True]


@pytest.mark.parametrize("at_once", [False, True])
def test_a_server_that_nobody_vouches_for_gets_nothing(tls: ssl.SSLContext, at_once: bool) -> None:
    with mail_server(tls, at_once=at_once) as server:
        assert sent(by(server, secure=at_once, user="me")).outcome is Outcome.NOT_NOW
    assert (server.logins, server.mails) == ([], [])


def test_no_password_goes_unencrypted_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server() as server:
        monkeypatch.setattr(sender, "LOOPBACK", ())
        refused = sent(by(server, user="me"))
        assert sent(by(server)).outcome is Outcome.DELIVERED  # without one it may
    assert refused == Sent(Outcome.REFUSED, "it offers no encryption for the password")
    assert server.logins == []
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("command", "code", "outcome"),
    [
        ("CONNECT", 421, Outcome.NOT_NOW),
        ("CONNECT", 554, Outcome.REFUSED),
        ("AUTH", 535, Outcome.REFUSED),
        ("MAIL", 451, Outcome.NOT_NOW),
        ("DATA", 452, Outcome.NOT_NOW),
        ("DATA", 554, Outcome.REFUSED),
        ("END", 451, Outcome.NOT_NOW),
        ("END", 550, Outcome.REFUSED),
        ("CONNECT", DROP, Outcome.NOT_NOW),
        ("RCPT", DROP, Outcome.NOT_NOW),
        ("DATA", DROP, Outcome.NOT_NOW),
        ("DATA", SILENT, Outcome.NOT_NOW),
        ("END", DROP, Outcome.UNCERTAIN),
        ("END", SILENT, Outcome.UNCERTAIN),
        ("END", 25, Outcome.UNCERTAIN),
    ],
)
def test_what_an_answer_means_and_only_what_was_not_taken_may_be_sent_again(
    command: str, code: int, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "SILENCE", 0.3)
    with mail_server() as server:
        server.fails[command] = [code]
        found = sent(by(server, user="me"))
    assert found.outcome is outcome
    assert len(server.mails) == (outcome is Outcome.UNCERTAIN)
    assert "hunter2" not in found.why


@pytest.mark.parametrize(("command", "outcome"), [("CONNECT", Outcome.NOT_NOW), ("END", Outcome.UNCERTAIN)])
def test_an_answer_that_trickles_in_is_cut_off(command: str, outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "WHOLE", 0.5)
    with mail_server() as server:
        server.fails[command] = [TRICKLE]
        assert sent(by(server)).outcome is outcome


def test_recipients_that_are_refused_do_not_keep_it_from_the_others() -> None:
    with mail_server(RCPT=[550]) as server:
        found = sent(by(server))
        assert found == Sent(Outcome.DELIVERED, "it refused 1 of the recipients")
        assert server.envelopes[0][1] == ["TO:<b@example.org>"]
        server.fails["RCPT"] = [550, 550]
        assert sent(by(server)).outcome is Outcome.REFUSED
        server.fails["RCPT"] = [550, 450]
        assert sent(by(server)).outcome is Outcome.NOT_NOW
    assert len(server.mails) == 1


def test_nobody_there_is_told_without_a_name() -> None:
    mail = Mail(False, "localhost", closed_port(), "me", "hunter2", TO, "spend@example.org")
    assert sent(mail) == Sent(Outcome.NOT_NOW, "nobody listens there")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_header_cannot_be_added(end: str) -> None:
    mail = Mail(False, "localhost", 1, "", "", TO, "spend@example.org")
    for subject in (f"x{end}Bcc: evil@example.org", f"x{end}{end}body"):
        with pytest.raises(ValueError, match=r"linefeed|carriage|newline|return"):
            written(mail, subject, [], key="k", about="a")
    with pytest.raises(ValueError, match=r"linefeed|carriage|newline|return"):
        written(replace(mail, to=(f"x{end}Bcc: y@h",)), "s", [], key="k", about="a")
