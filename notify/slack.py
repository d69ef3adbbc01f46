"""A message as Slack takes it: text and blocks, in which no name is markup, a link or a ping."""

from __future__ import annotations

import json
from typing import Any

from notify.messages import Message

_LONGEST = 2900  # characters of a block, of 3,000
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SIGNS = str.maketrans(_ESCAPED)


def payload(told: Message) -> bytes:
    """The body for an incoming webhook."""
    blocks = [_section(f"*{escaped(told.title)}*"), *_sections([escaped(line) for line in told.lines])]
    if told.link:
        blocks.append(_section(f"<{escaped(told.link)}|Open in Spendglass>"))
    text = escaped(told.title)
    return json.dumps({"text": text, "unfurl_links": False, "unfurl_media": False, "blocks": blocks}).encode()


def escaped(text: str) -> str:
    """Text whose signs mean nothing to Slack: without < there is no link, no ``<!channel>`` and no ``<@user>``."""
    return text.translate(_SIGNS)


def _sections(lines: list[str]) -> list[dict[str, Any]]:
    """The lines in as few blocks as they go into."""
    packed: list[str] = []
    for line in lines:
        if packed and len(packed[-1]) + len(line) < _LONGEST:
            packed[-1] += f"\n{line}"
        else:
            packed.append(line)
    return [_section(text) for text in packed]


def _section(text: str) -> dict[str, Any]:
    """``verbatim``: addresses, channels and names in it are not looked for."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
