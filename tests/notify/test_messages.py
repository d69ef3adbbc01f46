from __future__ import annotations

import json
import re
from dataclasses import replace
from email import message_from_bytes
from email.policy import SMTP
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from notify import slack
from notify.destinations import Mail
from notify.events import Event
from notify.mail import written
from notify.messages import Message, message
from ui.spike_question import INCIDENT, NIGHT, short_key

HOSTILE = [
    "<!channel> <!here> <!everyone>",
    "<@U123> <#C123> <!subteam^S1>",
    "<https://evil.example|Open in Spendglass>",
    "a & b < c > d &lt;",
    "x\r\nBcc: evil@example.org\r\n\r\nbody",
    "\x1b[2J\x00\x07‮",
    "  ",
    "n" * 20_000,
    "<" * 20_000,
    "\ud800",
    "..",
]
EVENT = Event("spike overnight", '["overnight","2026-11-12"]', (), "2026-11-12", 0, 4, 5, True, True, "Europe/Paris")


def spike(name: str | None = "search", **over: Any) -> dict[str, Any]:
    """What is said of a spike of a feature of this name."""
    return {
        "kind": "overnight",
        "level": "flag",
        "scope": {"feature": name},
        "night": "2026-11-12",
        "from": "2026-11-13T01:00:00+01:00",
        "until": "2026-11-13T04:00:00+01:00",
        "actual_usd": "31.27",
        "expected_usd": "0.04",
        "excess_usd": "31.23",
        "z": 5.1,
        "drivers": [{"driver": "requests", "feature": name, "change_usd": "31.23"}],
        "where": [{"scope": {"user": name}, "share": 0.5}],
        "changed": [f"A retry loop: user {name} sent"],
        "inside": [],
        "so_far": True,
        "new_level": False,
        "planned": False,
        "note": "",
        "sentence": f"In the night of 12 November, feature {name} cost $31.27",
    } | over


def budget(name: str = "search", **over: Any) -> dict[str, Any]:
    """What is said of a budget of a feature of this name."""
    return {
        "scope": {"feature": name},
        "period": "month",
        "since": "2026-11-01",
        "until": "2026-12-01",
        "today": "2026-11-20",
        "budget_usd": "100.00",
        "spent_usd": "68.00",
        "projected_usd": "104.00",
        "low_usd": "102.00",
        "high_usd": "232.00",
        "probability": 0.83,
        "rough": False,
        "crossed": False,
        "crossed_on": None,
        "breach_on": "2026-11-27",
        "breach_earliest": "2026-11-22",
        "breach_latest": None,
    } | over


def told(body: dict[str, Any], state: str = "opened", url: str | None = "https://spend.example.org/x") -> Message:
    event = EVENT if "kind" in body else replace(EVENT, kind="budget feature=search:month", state=state)
    return message(body, event, "id", state, 1, url)


@pytest.mark.parametrize(
    ("state", "title"),
    [
        ("opened", "$31.23 more than usual, feature search, night of 2026-11-12"),
        ("grown", "Still rising: $31.23 more than usual, feature search, night of 2026-11-12"),
        ("closed", "Over: $31.23 more than usual, feature search, night of 2026-11-12"),
    ],
)
def test_a_spike_in_words(state: str, title: str) -> None:
    one = told(spike(), state)
    assert one.title == title
    assert one.lines == [
        "In the night of 12 November, feature search cost $31.27",
        "A retry loop: user search sent",
        "Why: usual $0.04, search: requests +$31.23 = $31.27",
        "Where: user search (50%)",
    ]


def test_one_to_watch_says_so() -> None:
    assert told(spike(level="watch")).title.startswith("To watch: $31.23 more than usual")
    assert told(spike(level="watch"), "closed").title.startswith("Over: $31.23 more than usual")


def test_why_it_is_over_is_said() -> None:
    assert "It was marked as planned." in told(spike(planned=True), "closed").lines
    assert any("not unusual any more" in line for line in told(spike(withdrawn=True), "closed").lines)


def test_a_budget_in_words() -> None:
    likely = told(budget(), "projected")
    assert likely.title == "Budget of $100.00 is likely to be crossed, feature search, month of 2026-11-01"
    sure = "the probability that it is crossed is 83%"
    assert likely.lines == [
        "$68.00 of $100.00 are spent by 2026-11-20.",
        "The month is projected to end at $104.00, between $102.00 and $232.00.",
        f"It is projected to be crossed on 2026-11-27 (2026-11-22 to not at all); {sure}.",
    ]
    crossed = told(budget(spent_usd="101.00", crossed=True, crossed_on="2026-11-20", breach_on=None), "crossed")
    assert crossed.title == "Budget crossed: $101.00 of $100.00, feature search, month of 2026-11-01"
    assert "The budget was crossed on 2026-11-20." in crossed.lines


def test_the_link_leads_to_the_card_of_the_night() -> None:
    parts = urlsplit(told(spike()).link or "")
    assert (parts.netloc, parts.path) == ("spend.example.org", "/x/spikes")
    asked = {NIGHT: ["2026-11-12"], INCIDENT: [short_key(EVENT.key)], "timezone": ["Europe/Paris"]}
    assert parse_qs(parts.query) == asked  # what the page Spikes takes
    morning = replace(EVENT, kind="spike morning")
    assert "night=2026-11-11" in (message(spike(), morning, "id", "opened", 1, "http://h").link or "")
    assert told(budget(), "projected").link == "https://spend.example.org/x/"
    assert told(spike(), url=None).link is None


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("about", ["spike", "budget"])
def test_in_slack_no_name_is_a_ping_a_link_or_markup(name: str, about: str) -> None:
    one = told(spike(name) if about == "spike" else budget(name), "opened" if about == "spike" else "crossed")
    said = json.loads(slack.payload(one))
    texts = [said["text"], *(block["text"]["text"] for block in said["blocks"])]
    *mine, link = texts
    assert not any(sign in text for text in mine for sign in "<>")
    assert not any(re.sub("&(amp|lt|gt);", "", text).count("&") for text in texts)
    assert re.fullmatch(r"<https://spend\.example\.org/x/[^<>|]*\|Open in Spendglass>", link)
    assert all(0 < len(text) <= 3000 for text in texts)
    assert all(block["text"]["verbatim"] and block["text"]["type"] == "mrkdwn" for block in said["blocks"])
    assert len(said["blocks"]) <= 50


@pytest.mark.parametrize("name", HOSTILE)
def test_in_a_mail_no_name_is_a_header_or_a_control_character(name: str) -> None:
    one = told(spike(name))
    mail = Mail(False, "h", 25, "", "", ("a@example.org",), "b@example.org")
    sent = written(mail, f"Spendglass: {one.title}", one.lines, key=one.key, about=one.about).as_bytes()
    read = message_from_bytes(sent, policy=SMTP)
    headers = ["Subject", "From", "To", "Date", "Message-ID", "References", "Auto-Submitted"]
    assert list(read.keys())[:7] == headers
    assert read["To"] == "a@example.org"
    assert len(str(read["Subject"])) < 200
    assert len(sent) < 20_000
    assert all(letter.isprintable() for line in read.get_content().splitlines() for letter in line)


@pytest.mark.parametrize("name", HOSTILE)
def test_json_has_names_as_they_are(name: str) -> None:
    body = json.loads(told(spike(name)).json())
    assert body["scope"]["feature"] == name.replace("\ud800", "?")
    assert list(body)[:5] == ["event", "incident_id", "state", "delivery_id", "link"]
