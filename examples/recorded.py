"""An app whose every request is recorded: what it cost, for which feature and whom."""

import anthropic

from usage_recorder import record, tagged

client = record(anthropic.Anthropic(), to="logs/")


@tagged(feature="ticket-triage")
def triage(ticket: str, user: str) -> str:
    """The team a ticket belongs to, in one word."""
    question = f"Which team should answer this: billing, shipping or other? One word.\n\n{ticket}"
    with tagged(user=user):
        answer = client.messages.create(
            model="claude-haiku-4-5", max_tokens=50, messages=[{"role": "user", "content": question}]
        )
    return next(block.text for block in answer.content if block.type == "text")


if __name__ == "__main__":
    print(triage("I was charged twice in May.", user="u_3f9a"))
