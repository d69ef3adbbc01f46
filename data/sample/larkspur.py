"""Larkspur, the invented support and document product of the sample: its features, people and sessions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# requests by local hour: people at work, and customers who write at any hour
OFFICE = (0, 0, 0, 0, 0, 0, 0, 1, 5, 10, 12, 11, 7, 8, 12, 12, 10, 7, 3, 1, 1, 0, 0, 0)
ROUND_THE_CLOCK = (3, 3, 3, 3, 3, 3, 4, 6, 9, 12, 13, 12, 10, 10, 12, 12, 11, 9, 7, 5, 4, 4, 3, 3)
WEEKEND = (0.22, 0.18)


@dataclass(frozen=True)
class Feature:
    """How one feature calls the API; ``fresh`` and ``output`` are ranges of tokens, low values likelier."""

    name: str
    model: str
    weekday: float  # requests on a weekday
    teams: tuple[str, ...]
    fresh: tuple[int, int]
    output: tuple[int, int]
    max_tokens: int
    hours: tuple[int, ...] = OFFICE
    weekend: tuple[float, float] = WEEKEND
    turns: int = 1  # requests in one go, at most
    prefix: int = 0  # tokens that every request begins with
    keeps: timedelta | None = None  # how long the prefix is cached; None: sent in full each time
    thinking: float = 0.0
    stream: bool = True
    searches: int = 0
    power_user: bool = False
    served_as: str | None = None


# fmt: off
FEATURES = (
    Feature("report-writer", "claude-opus-4-8", 84, teams=("sales", "finance"), fresh=(6_000, 30_000),
            output=(3_000, 12_500), max_tokens=12_000, thinking=0.3, power_user=True),
    Feature("ticket-triage", "claude-opus-4-8", 164, teams=("support",), fresh=(4_400, 10_800), output=(3, 7),
            max_tokens=16, hours=ROUND_THE_CLOCK, weekend=(0.45, 0.4), prefix=1_900, stream=False),
    Feature("policy-answers", "claude-sonnet-4-6", 184, teams=("support",), fresh=(300, 2_100), output=(180, 820),
            max_tokens=1_024, prefix=8_000),
    Feature("contract-review", "claude-opus-5-5", 38, teams=("legal",), fresh=(14_000, 40_000), output=(800, 3_000),
            max_tokens=8_192, thinking=0.4),
    Feature("document-search", "claude-sonnet-4-6", 88, teams=("support", "sales"), fresh=(1_900, 5_200),
            output=(180, 620), max_tokens=1_024, hours=ROUND_THE_CLOCK, weekend=(0.5, 0.45), turns=5, prefix=9_216,
            keeps=timedelta(minutes=5)),
    Feature("meeting-summary", "claude-opus-5", 64, teams=("sales", "finance", "legal", "product"),
            fresh=(3_000, 9_500), output=(900, 2_500), max_tokens=4_096),
    Feature("customer-chat", "claude-sonnet-5-5", 60, teams=("support",), fresh=(500, 3_600), output=(120, 520),
            max_tokens=2_048, hours=ROUND_THE_CLOCK, weekend=(0.6, 0.6), turns=6, prefix=12_288,
            keeps=timedelta(hours=1)),
    Feature("market-research", "claude-sonnet-5-5", 8, teams=("sales", "product"), fresh=(8_000, 30_000),
            output=(700, 2_200), max_tokens=4_096, thinking=0.3, searches=4),
    Feature("translation", "claude-haiku-4-5", 30, teams=("support", "legal"), fresh=(400, 2_600), output=(380, 2_300),
            max_tokens=2_048, served_as="claude-haiku-4-5-20251001"),
    Feature("attachment-reader", "claude-haiku-5-5", 26, teams=("support", "finance"), fresh=(3_000, 60_000),
            output=(120, 900), max_tokens=2_048, stream=False),
)
DIGEST = Feature("nightly-digest", "claude-sonnet-4-6", 40, teams=("product",), fresh=(46_000, 78_000),
                 output=(1_100, 1_900), max_tokens=4_096, stream=False)
LAB = Feature("prompt-lab", "claude-sonnet-6-preview", 25, teams=("product",), fresh=(800, 6_000), output=(200, 1_400),
              max_tokens=4_096)
# fmt: on
SPEED = {"claude-haiku-5-5": 4, "claude-haiku-4-5": 5, "claude-sonnet-5-5": 9, "claude-sonnet-4-6": 12}  # ms a token


@dataclass
class Product:
    """The month as it goes: what is cached until when, who is in which session."""

    random: Random
    scale: float
    records: list[dict[str, object]] = field(default_factory=list)
    cached_until: dict[str, datetime] = field(default_factory=dict)
    sessions: dict[tuple[str, str], tuple[str, datetime]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = self.random.sample(range(0x1000, 0xFFFF), 60)
        sizes = {"support": 26, "sales": 14, "finance": 8, "legal": 7, "product": 5}
        self.users = {team: [f"u_{names.pop():x}" for _ in range(size)] for team, size in sizes.items()}
        self.power_user = self.users["sales"][2]
        self.loop_user = self.users["support"][7]

    def between(self, low: float, high: float, curve: int = 1) -> int:
        return int(low + (high - low) * self.random.random() ** curve)

    def user(self, feature: Feature) -> str:
        if feature.power_user and self.random.random() < 0.28:
            return self.power_user
        users = self.users[self.random.choice(feature.teams)]
        return users[self.between(0, len(users), 2)]

    def session(self, feature: Feature, user: str, at: datetime) -> str:
        key = (feature.name, user)
        name, last = self.sessions.get(key, ("", at - timedelta(days=1)))
        if at - last > timedelta(minutes=30):
            name = "s_" + self.letters(10)
        self.sessions[key] = (name, at)
        return name

    def letters(self, count: int) -> str:
        return "".join(self.random.choices(BASE62, k=count))
