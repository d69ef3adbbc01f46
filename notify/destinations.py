"""Where to tell of spikes and budgets: from the environment, or a file of secrets that only its owner can read.

SPENDGLASS_WEBHOOK_URL, SPENDGLASS_SLACK_URL    http(s)://...
SPENDGLASS_SMTP_URL                             smtp(s)://user:password@host:port, with
SPENDGLASS_MAIL_TO, SPENDGLASS_MAIL_FROM        addresses, those to send to with commas between them
SPENDGLASS_URL                                  of the dashboard, for links
SPENDGLASS_NOTIFY_LEVEL                         flag (the default) or watch
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from spend.spikes.incidents import FLAG, WATCH

NAMES = (
    "SPENDGLASS_WEBHOOK_URL",
    "SPENDGLASS_SLACK_URL",
    "SPENDGLASS_SMTP_URL",
    "SPENDGLASS_MAIL_TO",
    "SPENDGLASS_MAIL_FROM",
    "SPENDGLASS_URL",
    "SPENDGLASS_NOTIFY_LEVEL",
)
FILE = "SPENDGLASS_SECRETS"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_PLAIN = re.compile(r"[!-~]+")
_MOST_BYTES = 20_000
_MOST_ADDRESSES = 50


class DestinationError(Exception):
    """A destination cannot be used; the message names the setting and what is wrong, and nothing of its value."""


@dataclass(frozen=True)
class Address:
    """An http(s) address; its path may be a secret."""

    secure: bool
    host: str = field(repr=False)
    port: int = field(repr=False)
    path: str = field(repr=False)


@dataclass(frozen=True)
class Mail:
    """A mail server, and from whom to whom. ``secure``: TLS from the first byte, else STARTTLS."""

    secure: bool
    host: str = field(repr=False)
    port: int = field(repr=False)
    user: str = field(repr=False)
    password: str = field(repr=False)
    to: tuple[str, ...] = field(repr=False)
    sender: str = field(repr=False)


@dataclass(frozen=True)
class Destinations:
    """Where to tell, and from which level on. ``url`` is the dashboard's, without a slash at its end."""

    webhook: Address | None = None
    slack: Address | None = None
    mail: Mail | None = None
    url: str | None = None
    level: str = FLAG

    def __bool__(self) -> bool:
        return bool(self.webhook or self.slack or self.mail)


def destinations_of(store: Path, environment: Mapping[str, str] | None = None) -> Destinations:
    """What is set for a store; the environment goes before the file. Raises DestinationError."""
    given = os.environ if environment is None else environment
    path = Path(given.get(FILE) or f"{store.resolve()}.secrets")
    kept = _read(path, must=bool(given.get(FILE)))
    values = {name: value for name in NAMES if (value := given.get(name) or kept.get(name))}
    level = values.get("SPENDGLASS_NOTIFY_LEVEL", FLAG)
    if level not in (FLAG, WATCH):
        raise DestinationError(f"SPENDGLASS_NOTIFY_LEVEL is {FLAG} or {WATCH}")
    return Destinations(
        webhook=_address(values, "SPENDGLASS_WEBHOOK_URL"),
        slack=_address(values, "SPENDGLASS_SLACK_URL"),
        mail=_mail(values),
        url=_url(values),
        level=level,
    )


def _read(path: Path, *, must: bool) -> dict[str, str]:
    """NAME=value lines. The file is refused when others than its owner, who is this user, can read or change it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        if must:
            raise DestinationError(f"{FILE} names {path}, which is not there") from None
        return {}
    except OSError as error:
        raise DestinationError(f"{path} cannot be read ({error.strerror})") from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise DestinationError(f"{path} is not this user's own file, so its secrets are not used")
        if found.st_mode & 0o077:
            raise DestinationError(f"{path} can be read by others, so its secrets are not used: chmod 600 {path}")
        text = os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)
    return _settings(path, text.decode("utf-8", "replace"))


def _settings(path: Path, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = stripped.partition("=")
        if not equals or name.strip() not in NAMES:
            raise DestinationError(f"{path}, line {number}: write NAME=value; the names are {', '.join(NAMES)}")
        found[name.strip()] = value.strip().strip("\"'")
    return found


def _split(values: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> SplitResult | None:
    """An address taken apart; its text never gets into an error."""
    text = values.get(name)
    if text is None:
        return None
    wrong = f"{name} is no {schemes[0]}:// or {schemes[1]}:// address"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise DestinationError(wrong) from None
    if not _PLAIN.fullmatch(text) or parts.scheme not in schemes or not host or not _HOST.fullmatch(host) or port == 0:
        raise DestinationError(wrong)
    return parts


def _address(values: Mapping[str, str], name: str) -> Address | None:
    parts = _split(values, name, ("http", "https"))
    if parts is None:
        return None
    if parts.username is not None or parts.password is not None:
        raise DestinationError(f"{name} has a user name in it: put a secret into its path or query")
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(secure, parts.hostname or "", parts.port or (443 if secure else 80), path)


def _mail(values: Mapping[str, str]) -> Mail | None:
    parts = _split(values, "SPENDGLASS_SMTP_URL", ("smtp", "smtps"))
    to, sender = values.get("SPENDGLASS_MAIL_TO"), values.get("SPENDGLASS_MAIL_FROM")
    if parts is None and not to and not sender:
        return None
    if parts is None or not to or not sender:
        raise DestinationError("mail takes SPENDGLASS_SMTP_URL, SPENDGLASS_MAIL_TO and SPENDGLASS_MAIL_FROM together")
    addresses = tuple(one.strip() for one in to.split(","))
    if len(addresses) > _MOST_ADDRESSES or not all(_ADDRESS.fullmatch(one) for one in addresses):
        raise DestinationError("SPENDGLASS_MAIL_TO is no list of mail addresses with commas between them")
    if not _ADDRESS.fullmatch(sender):
        raise DestinationError("SPENDGLASS_MAIL_FROM is no mail address")
    user, password = (unquote(part or "", errors="replace") for part in (parts.username, parts.password))
    if not (user + password).isprintable() or bool(user) != bool(password):
        raise DestinationError("SPENDGLASS_SMTP_URL has a user and a password that belong together, or neither")
    secure = parts.scheme == "smtps"
    port = parts.port or (465 if secure else 587)
    return Mail(secure, parts.hostname or "", port, user, password, addresses, sender)


def _url(values: Mapping[str, str]) -> str | None:
    parts = _split(values, "SPENDGLASS_URL", ("http", "https"))
    if parts is None:
        return None
    text = values["SPENDGLASS_URL"]
    if parts.query or parts.fragment or parts.username is not None or set(text) & set("<>|\"'"):
        raise DestinationError("SPENDGLASS_URL is the dashboard's own address, without a query")
    return text.rstrip("/")
