from __future__ import annotations

import subprocess
import sys

import pytest

from ingest.upload_tickets import LIFETIME, lasting, mint, owner_of
from tests.conftest import ROOT

NOW = 1_795_000_000


def test_a_ticket_names_its_session_until_it_expires() -> None:
    ticket = mint("abc123", now=NOW)

    assert owner_of(ticket, now=NOW) == "abc123"
    assert owner_of(ticket, now=NOW + LIFETIME - 1) == "abc123"
    assert owner_of(ticket, now=NOW + LIFETIME) is None


def test_no_ticket_can_be_made_up_or_altered() -> None:
    ticket = mint("abc123", now=NOW)
    session, until, seal = ticket.split(".")

    for forged in (
        "",
        "...",
        "abc123",
        f"abc124.{until}.{seal}",
        f"{session}.{int(until) + 1}.{seal}",
        f"{session}.{until}.",
        f"{session}.{until}.{'0' * 64}",
        f"{ticket} ",
        ticket.replace(seal, seal.upper()),
        "é\udc80.1.x",
    ):
        assert owner_of(forged, now=NOW) is None


def test_a_session_whose_name_could_be_read_in_two_ways_gets_none() -> None:
    with pytest.raises(ValueError, match="letters and digits"):
        mint("a.9999999999", now=NOW)


def test_another_process_honours_no_ticket_of_this_one() -> None:
    code = f"from ingest.upload_tickets import owner_of; print(owner_of({mint('abc123')!r}))"
    asked = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert asked.stdout.strip() == "None"


def test_a_ticket_is_renewed_when_half_its_life_is_over_and_not_before() -> None:
    ticket = mint("abc123", now=NOW)

    assert lasting(ticket, "abc123", now=NOW + LIFETIME // 2 - 1) == ticket
    renewed = lasting(ticket, "abc123", now=NOW + LIFETIME // 2)
    assert renewed != ticket
    assert owner_of(renewed, now=NOW + LIFETIME) == "abc123"
    assert owner_of(lasting(ticket, "def456", now=NOW), now=NOW) == "def456"
    assert owner_of(lasting(None, "abc123", now=NOW), now=NOW) == "abc123"
