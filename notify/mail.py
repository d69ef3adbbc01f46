"""A message as mail, and one try to send it by SMTP."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from notify.destinations import LOOPBACK, Mail
from notify.sending import SILENCE, Outcome, Sent, fault, limited

_HELLO = "[127.0.0.1]"
_DOT = re.compile(rb"^\.", re.MULTILINE)


class _NoEncryption(Exception):
    """The server offers none, and the password would go in the clear."""


def written(mail: Mail, subject: str, lines: Sequence[str], *, key: str, about: str) -> EmailMessage:
    """The mail; ``key`` makes its id the same at every try, ``about`` has all of one incident in one thread.

    ``subject`` and ``lines`` hold no control characters; a line end in a header would raise ValueError.
    """
    domain = mail.sender.rpartition("@")[2]
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.to)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{key}@{domain}>"
    message["References"] = f"<{about}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(lines) + "\n")
    return message


def send(mail: Mail, message: EmailMessage) -> Sent:
    """Sends it. Once its content is on the way, an answer that does not come leaves it uncertain; before, it was not
    taken."""
    content = message.as_bytes()
    client = _client(mail)
    with closing(client), limited(lambda: client.sock):
        try:
            refused = _begun(client, mail)
        except smtplib.SMTPResponseException as error:
            return _by_code(error.smtp_code)
        except _NoEncryption:
            return Sent(Outcome.REFUSED, "it offers no encryption for the password")
        except (OSError, smtplib.SMTPException, ValueError) as error:
            return Sent(Outcome.NOT_NOW, fault(error))
        return _ended(client, content, refused)


def _client(mail: Mail) -> smtplib.SMTP:
    if mail.secure:
        context = ssl.create_default_context()
        client: smtplib.SMTP = smtplib.SMTP_SSL(local_hostname=_HELLO, timeout=SILENCE, context=context)
    else:
        client = smtplib.SMTP(local_hostname=_HELLO, timeout=SILENCE)
    client._host = mail.host  # type: ignore[attr-defined]  # the name its certificate must bear
    return client


def _begun(client: smtplib.SMTP, mail: Mail) -> int:
    """Everything up to the content: how many of the recipients it refused."""
    _answered(client.connect(mail.host, mail.port), 220)
    client.ehlo_or_helo_if_needed()
    if not mail.secure:
        if client.has_extn("starttls"):
            client.starttls(context=ssl.create_default_context())
            client.ehlo_or_helo_if_needed()
        elif mail.user and mail.host not in LOOPBACK:
            raise _NoEncryption
    if mail.user:
        client.login(mail.user, mail.password)
    _answered(client.mail(mail.sender), 250)
    answers = [client.rcpt(address) for address in mail.to]
    taken = [answer for answer in answers if answer[0] in (250, 251)]
    if not taken:
        _answered(min(answers), 250)
    _answered(client.docmd("DATA"), 354)
    return len(answers) - len(taken)


def _answered(answer: tuple[int, bytes], code: int) -> None:
    if answer[0] != code:
        raise smtplib.SMTPResponseException(answer[0], "")


def _ended(client: smtplib.SMTP, content: bytes, refused: int) -> Sent:
    """The content, with the dots of lines that begin with one doubled."""
    try:
        client.send(_DOT.sub(b"..", content) + b".\r\n")
        code, _ = client.getreply()
    except (OSError, smtplib.SMTPException) as error:
        return Sent(Outcome.UNCERTAIN, fault(error))
    with suppress(OSError, smtplib.SMTPException):
        client.quit()
    if code != 250:  # what is no refusal may be the beginning of an answer that broke off
        return _by_code(code) if 400 <= code < 600 else Sent(Outcome.UNCERTAIN, "its answer is not to be understood")
    return Sent(Outcome.DELIVERED, f"it refused {refused} of the recipients" if refused else "")


def _by_code(code: int) -> Sent:
    return Sent(Outcome.REFUSED if 500 <= code < 600 else Outcome.NOT_NOW, f"it answered {code}")
