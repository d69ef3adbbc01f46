from __future__ import annotations

from pathlib import Path

import pytest

from notify.destinations import Address, DestinationError, Destinations, Mail, destinations_of

MAIL = {"SPENDGLASS_MAIL_TO": "a@example.org", "SPENDGLASS_MAIL_FROM": "b@example.org"}


def secrets_in(folder: Path, text: str, mode: int = 0o600) -> Path:
    """The store that a file of secrets is beside."""
    path = folder / "usage.duckdb.secrets"
    path.write_text(text)
    path.chmod(mode)
    return folder / "usage.duckdb"


def test_nothing_is_set_by_itself(tmp_path: Path) -> None:
    found = destinations_of(tmp_path / "usage.duckdb", {})
    assert found == Destinations()
    assert not found


def test_destinations_come_from_the_environment(tmp_path: Path) -> None:
    found = destinations_of(
        tmp_path / "x",
        MAIL
        | {
            "SPENDGLASS_WEBHOOK_URL": "https://hooks.example.org/a/b?c=d#e",
            "SPENDGLASS_SLACK_URL": "http://127.0.0.1:9/x",
            "SPENDGLASS_SMTP_URL": "smtp://me%40here:p%3Aw@mail.example.org",
            "SPENDGLASS_URL": "https://spend.example.org/spend/",
            "SPENDGLASS_NOTIFY_LEVEL": "watch",
        },
    )
    assert found.webhook == Address(True, "hooks.example.org", 443, "/a/b?c=d")
    assert found.slack == Address(False, "127.0.0.1", 9, "/x")
    assert found.mail == Mail(False, "mail.example.org", 587, "me@here", "p:w", ("a@example.org",), "b@example.org")
    assert (found.url, found.level) == ("https://spend.example.org/spend", "watch")


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    text = (
        "# ours\n\nSPENDGLASS_WEBHOOK_URL = 'http://one.example.org/1'\nSPENDGLASS_SLACK_URL=http://two.example.org/2\n"
    )
    store = secrets_in(tmp_path, text)
    found = destinations_of(store, {"SPENDGLASS_WEBHOOK_URL": "http://three.example.org/3"})
    assert found.webhook == Address(False, "three.example.org", 80, "/3")
    assert found.slack == Address(False, "two.example.org", 80, "/2")


def test_a_file_of_secrets_can_be_named(tmp_path: Path) -> None:
    store = secrets_in(tmp_path, "SPENDGLASS_SLACK_URL=http://two.example.org/2\n")
    named = {"SPENDGLASS_SECRETS": f"{store}.secrets"}
    assert destinations_of(Path("/elsewhere"), named).slack
    with pytest.raises(DestinationError, match="which is not there"):
        destinations_of(store, {"SPENDGLASS_SECRETS": str(tmp_path / "gone")})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    store = secrets_in(tmp_path, "SPENDGLASS_SLACK_URL=http://two.example.org/s3cret\n", mode)
    with pytest.raises(DestinationError, match="can be read by others") as error:
        destinations_of(store, {})
    assert "s3cret" not in str(error.value)


def test_the_file_is_beside_the_store_itself_where_that_is_linked(tmp_path: Path) -> None:
    store = secrets_in(tmp_path, "SPENDGLASS_SLACK_URL=http://two.example.org/2\n")
    store.touch()
    (tmp_path / "linked.duckdb").symlink_to(store)
    assert destinations_of(tmp_path / "linked.duckdb", {}).slack


def test_a_link_or_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    store = secrets_in(tmp_path, "")
    linked = tmp_path / "linked.secrets"
    linked.symlink_to(f"{store}.secrets")
    with pytest.raises(DestinationError, match="cannot be read"):
        destinations_of(tmp_path / "linked", {})
    (tmp_path / "folder.secrets").mkdir(mode=0o700)
    with pytest.raises(DestinationError, match="not this user's own file"):
        destinations_of(tmp_path / "folder", {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SPENDGLASS_WEBHOOK_URL", "ftp://h/s3cret"),
        ("SPENDGLASS_WEBHOOK_URL", "file:///etc/s3cret"),
        ("SPENDGLASS_WEBHOOK_URL", "https://"),
        ("SPENDGLASS_WEBHOOK_URL", "https://h:99999/s3cret"),
        ("SPENDGLASS_WEBHOOK_URL", "https://h:0/s3cret"),
        ("SPENDGLASS_WEBHOOK_URL", "https://[s3cret/"),
        ("SPENDGLASS_WEBHOOK_URL", "https://h/s3cret\r\nX: y"),
        ("SPENDGLASS_WEBHOOK_URL", "https://h/s3 cret"),
        ("SPENDGLASS_WEBHOOK_URL", "https://me:s3cret@h/"),
        ("SPENDGLASS_SLACK_URL", "https://hé/s3cret"),
        ("SPENDGLASS_SMTP_URL", "http://me:s3cret@h"),
        ("SPENDGLASS_SMTP_URL", "smtp://me:s3cret%0d%0aRSET@h"),
        ("SPENDGLASS_SMTP_URL", "smtp://s3cret@h"),
        ("SPENDGLASS_MAIL_TO", "s3cret"),
        ("SPENDGLASS_MAIL_TO", "a@h, b@h\nBcc: s3cret@h"),
        ("SPENDGLASS_MAIL_TO", "a@h,"),
        ("SPENDGLASS_MAIL_FROM", "a@h> SIZE=s3cret"),
        ("SPENDGLASS_URL", "javascript:s3cret"),
        ("SPENDGLASS_URL", "https://h/?s3cret"),
        ("SPENDGLASS_NOTIFY_LEVEL", "s3cret"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_not_repeated(tmp_path: Path, name: str, value: str) -> None:
    right = MAIL | {"SPENDGLASS_SMTP_URL": "smtp://h"}
    assert destinations_of(tmp_path / "x", right)
    with pytest.raises(DestinationError, match=name) as error:
        destinations_of(tmp_path / "x", right | {name: value})
    assert "s3" not in str(error.value)
    assert error.value.__cause__ is None


@pytest.mark.parametrize("missing", ["SPENDGLASS_SMTP_URL", "SPENDGLASS_MAIL_TO", "SPENDGLASS_MAIL_FROM"])
def test_mail_takes_all_three(tmp_path: Path, missing: str) -> None:
    given = MAIL | {"SPENDGLASS_SMTP_URL": "smtp://me:s3cret@h"}
    with pytest.raises(DestinationError, match="together"):
        destinations_of(tmp_path / "x", {name: value for name, value in given.items() if name != missing})


def test_a_line_of_the_file_that_is_no_setting_is_refused_and_not_repeated(tmp_path: Path) -> None:
    store = secrets_in(tmp_path, "SPENDGLASS_SLACK_URL=http://h/1\nSLACK=s3cret\n")
    with pytest.raises(DestinationError, match="line 2") as error:
        destinations_of(store, {})
    assert "s3cret" not in str(error.value)


def test_secrets_are_in_no_repr(tmp_path: Path) -> None:
    found = destinations_of(
        tmp_path / "x",
        MAIL
        | {
            "SPENDGLASS_WEBHOOK_URL": "https://hooks.example.org/s3cret",
            "SPENDGLASS_SLACK_URL": "https://hooks.example.org/s3cret?s3cret",
            "SPENDGLASS_SMTP_URL": "smtps://s3cret:s3cret@mail.example.org",
        },
    )
    assert "s3cret" not in f"{found!r} {found}"
    assert found.mail
    assert (found.mail.secure, found.mail.port) == (True, 465)
