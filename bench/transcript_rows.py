"""The rows of generated transcripts: a conversation with Claude Code, row by row as its generations write them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

# uncached input, cache read, cache written and output tokens of a day and a model as it is logged
Counts = dict[tuple[str, str], list[int]]
Block = tuple[str, Callable[[], None] | None]

FULL_CONTEXT = 165_000
TOOLS = (("Read", 60), ("Bash", 60), ("Grep", 60), ("Edit", 600), ("Write", 600))
LETTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

_OLD_USAGE = (
    '{"input_tokens":%(uncached)d,"cache_creation_input_tokens":%(written)d,"cache_read_input_tokens":%(read)d,'
    '"cache_creation":{"ephemeral_5m_input_tokens":%(short)d,"ephemeral_1h_input_tokens":%(hourly)d},'
    '"output_tokens":%(output)d,"service_tier":"standard"}'
)
_NEW_USAGE = (
    '{"input_tokens":%(uncached)d,"cache_creation_input_tokens":%(written)d,"cache_read_input_tokens":%(read)d,'
    '"output_tokens":%(output)d,"server_tool_use":{"web_search_requests":0,"web_fetch_requests":0},'
    '"service_tier":"standard","cache_creation":{"ephemeral_1h_input_tokens":%(hourly)d,'
    '"ephemeral_5m_input_tokens":%(short)d},"inference_geo":"not_available","iterations":[{"input_tokens":%(uncached)d,'
    '"output_tokens":%(output)d,"cache_read_input_tokens":%(read)d,"cache_creation_input_tokens":%(written)d,'
    '"cache_creation":{"ephemeral_5m_input_tokens":%(short)d,"ephemeral_1h_input_tokens":%(hourly)d},'
    '"type":"message"}],"speed":"standard"}'
)
_SYNTHETIC = (
    '"type":"assistant","message":{"id":"%s","container":null,"model":"<synthetic>","role":"assistant",'
    '"stop_reason":"stop_sequence","stop_sequence":"","type":"message","usage":{"input_tokens":0,"output_tokens":0,'
    '"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"server_tool_use":{"web_search_requests":0},'
    '"service_tier":null,"cache_creation":{"ephemeral_1h_input_tokens":0,"ephemeral_5m_input_tokens":0}},'
    '"content":[{"type":"text","text":"API Error: 529 Overloaded"}]},"isApiErrorMessage":true'
)
_AGENT_RESULT = (
    '{"status":"completed","agentId":"%s","totalDurationMs":61000,"totalTokens":22603,"usage":{"input_tokens":3,'
    '"cache_creation_input_tokens":900,"cache_read_input_tokens":21000,"output_tokens":700}}'
)
_HOOK = '{"type":"hook_progress","hookEvent":"PostToolUse","hookName":"PostToolUse:Edit","command":"callback"}'
_WORDS = (
    "order",
    "cart",
    "price",
    "stock",
    "total",
    "user",
    "event",
    "queue",
    "page",
    "route",
    "token",
    "cache",
    "batch",
)
_LINES = (
    "    def {0}_{1}(self, {2}: int, {1}: str | None = None) -> {0}:\\n",
    '        return self.{0}.get(\\"{1}_{2}\\", {3})\\n',
    "{3:>6}→\\tconst {0} = await {1}.{2}({3});\\n",
    "- **{0}**: the {1} of a {2} is wrong when it is {3}.\\n",
    "/home/dev/{0}/src/{1}/{2}_{3}.ts:{3}: {1} {2}\\n",
    '{{\\"type\\":\\"assistant\\",\\"message\\":{{\\"usage\\":{{\\"input_tokens\\":{3}}}}}}}\\n',
    "│   ├── {0}_{1}.py – {2} “{3}”\\n",
    "tests/{0}/test_{1}.py::test_{2} PASSED [ {3}%]\\n\\n",
)


@dataclass(frozen=True)
class Generation:
    """How Claude Code wrote for a time; until 2026 the output of a message grew from row to row."""

    first_day: datetime
    share: float
    versions: tuple[str, ...]
    models: tuple[str, ...]
    agent_model: str
    output_grows: bool = False
    agents_inline: bool = False
    agents_quoted: bool = False
    hourly_cache: bool = False


class Filler:
    """Text as it stands in a JSON string, made once and cut out between lines; signatures and names likewise."""

    def __init__(self, random: Random) -> None:
        self.random = random
        lines = (
            random.choice(_LINES).format(*random.choices(_WORDS, k=3), random.randrange(999)) for _ in range(40_000)
        )
        kept = list(lines)
        self._text = "".join(kept)
        self._starts = list(accumulate(map(len, kept), initial=0))
        self._letters = "".join(random.choices(LETTERS, k=200_000))

    def text(self, median: int, most: int = 60_000) -> str:
        """Whole lines: about ``median`` characters, now and then a great many."""
        first = self._starts[start := self.random.randrange(30_000)]
        size = min(most, int(self.random.lognormvariate(0, 1.3) * median))
        return self._text[first : self._starts[bisect_left(self._starts, first + size, lo=start)]]

    def signature(self) -> str:
        """What stands under a thought."""
        start = self.random.randrange(190_000)
        return self._letters[start : start + self.random.randrange(300, 3_000)]

    def name(self, prefix: str, letters: int) -> str:
        """An identifier like the API's."""
        return prefix + "".join(self.random.choices(LETTERS, k=letters))

    def uuid(self) -> str:
        """A random UUID."""
        digits = f"{self.random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


@dataclass(kw_only=True)
class Conversation:
    """The rows of a session, or of a subagent in it; ``files`` holds those of its subagents by name.

    ``held`` tokens are in the cache, ``fresh`` ones have come since; ``counts`` is the truth about all of them.
    """

    filler: Filler
    by: Generation
    model: str
    project: str
    version: str
    session: str
    clock: datetime
    counts: Counts
    agent: str | None = None
    held: int = 14_000
    fresh: int = 3_000
    rows: list[str] = field(default_factory=list)
    quoted: list[str] = field(default_factory=list)
    files: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = self.filler.random
        self._parent = "null"
        side = f'"isSidechain":true,"agentId":"{self.agent}"' if self.agent else '"isSidechain":false'
        place = (
            f'"cwd":"/home/dev/{self.project}","sessionId":"{self.session}","version":"{self.version}",'
            '"gitBranch":"main"'
        )
        old = self.by.output_grows
        self._before = f'{side},"userType":"external",{place},' if old else f"{side},"
        self._after = "" if old else f',"userType":"external","entrypoint":"cli",{place}'

    def turn(self, requests: int) -> None:
        """What a person or another agent asks, and all it takes to answer."""
        self._user(self.filler.text(300))
        for number in range(requests):
            self._request(last=number == requests - 1)
        if self.by.agents_quoted and not self.agent:
            self._row(f'"type":"system","subtype":"turn_duration","durationMs":{requests * 9_000},"isMeta":false')

    def pause(self) -> None:
        """A person reads and thinks."""
        self._wait(self.random.choice((15, 40, 90, 200, 900)))
        if self.random.random() < 0.02:
            self._row(_SYNTHETIC % self.filler.uuid())
        snapshot = f'"messageId":"{self.filler.uuid()}","trackedFileBackups":{{}},"timestamp":"{self._now()}"'
        self.rows.append(f'{{"type":"file-history-snapshot","snapshot":{{{snapshot}}},"isSnapshotUpdate":false}}\n')

    def _request(self, *, last: bool) -> None:
        blocks = self._blocks(last=last)
        output = max(9, sum(len(text) for text, _ in blocks) // 3)
        usage = self._usage(output)
        message, request = self.filler.name("msg_01", 22), self.filler.name("req_011C", 20)
        stop = "null" if self.by.output_grows else '"end_turn"' if last else '"tool_use"'
        for number, (text, _) in enumerate(blocks, 1):
            self._wait(1)
            so_far = usage | {"output": 3} if self.by.output_grows and number < len(blocks) else usage
            self._message(message, request, text, so_far, stop)
        for _, answer in blocks:
            if answer:
                answer()
        self.fresh += output
        if self.held + self.fresh > FULL_CONTEXT and not last:
            self._compact()

    def _usage(self, output: int) -> dict[str, int]:
        """The counts of the next request, entered into the truth; now and then the cache has been lost."""
        lost = self.random.random() < 0.03
        read, written = (0, self.held + self.fresh) if lost else (self.held, self.fresh)
        hourly = written if self.by.hourly_cache and not self.agent else 0
        uncached = self.random.randrange(1, 9)
        self.held, self.fresh = self.held + self.fresh, 0
        total = self.counts.setdefault((self.clock.date().isoformat(), self.model), [0, 0, 0, 0])
        total[:] = [so_far + new for so_far, new in zip(total, (uncached, read, written, output), strict=True)]
        tokens = {"uncached": uncached, "read": read, "written": written, "output": output}
        return tokens | {"hourly": hourly, "short": written - hourly}

    def _blocks(self, *, last: bool) -> list[Block]:
        """The content blocks of a message, each with what answers it."""
        blocks: list[Block] = []
        if self.random.random() < 0.25:
            thought = f'"thinking":"{self.filler.text(400, 8_000)}","signature":"{self.filler.signature()}"'
            blocks.append((f'{{"type":"thinking",{thought}}}', None))
        if last or self.random.random() < 0.3:
            blocks.append((f'{{"type":"text","text":"{self.filler.text(150, 8_000)}"}}', None))
        tools = 0 if last else self.random.choice((1, 1, 1, 1, 1, 2, 3))
        return blocks + [self._tool(self.filler.name("toolu_01", 22)) for _ in range(tools)]

    def _tool(self, tool: str) -> Block:
        task = not self.agent and self.random.random() < 0.02
        name, size = ("Task", 500) if task else self.random.choice(TOOLS)
        given = f'{{"description":"Look","prompt":"{self.filler.text(size, 12_000)}"}}'
        block = f'{{"type":"tool_use","id":"{tool}","name":"{name}","input":{given}}}'
        return block, (lambda: self._task(tool)) if task else (lambda: self._result(tool))

    def _result(self, tool: str) -> None:
        self._wait(self.random.choice((0.1, 0.3, 2, 8)))
        if self.by.agents_quoted and self.random.random() < 0.3:
            self._row(f'"type":"progress","data":{_HOOK},"parentToolUseID":"{tool}","toolUseID":"{tool}"')
        text = self.filler.text(900)
        self._answer(tool, text, f'{{"stdout":"{text}","stderr":"","interrupted":false,"isImage":false}}')

    def _task(self, tool: str) -> None:
        """A subagent at work: in a file of its own, or among the rows of its parent."""
        child = Conversation(
            filler=self.filler,
            by=self.by,
            model=self.by.agent_model,
            project=self.project,
            version=self.version,
            session=self.session,
            clock=self.clock,
            counts=self.counts,
            agent=f"a{self.random.getrandbits(64):016x}",
            held=7_000,
        )
        child.turn(self.random.randrange(3, 16))
        self.clock = child.clock
        if self.by.agents_inline:
            self.rows += child.rows
        else:
            self.files[f"{self.session}/subagents/agent-{child.agent}.jsonl"] = child.rows
        for quoted in child.quoted:
            data = f'{{"message":{quoted},"type":"agent_progress","prompt":"","agentId":"{child.agent}"}}'
            self._row(f'"type":"progress","data":{data},"parentToolUseID":"{tool}","toolUseID":"agent_{tool}"')
        self._answer(tool, self.filler.text(2_000), _AGENT_RESULT % child.agent)

    def _answer(self, tool: str, text: str, result: str) -> None:
        self.fresh += len(text) // 4
        content = f'[{{"tool_use_id":"{tool}","type":"tool_result","content":"{text}"}}]'
        self._row(f'"type":"user","message":{{"role":"user","content":{content}}}', f',"toolUseResult":{result}')

    def _user(self, text: str, behind: str = "") -> None:
        self.fresh += len(text) // 4
        self._row(f'"type":"user","message":{{"role":"user","content":"{text}"}}', behind)

    def _compact(self) -> None:
        metadata = f'{{"trigger":"auto","preTokens":{self.held + self.fresh}}}'
        self._row(f'"type":"system","subtype":"compact_boundary","compactMetadata":{metadata}')
        self.held, self.fresh = 14_000, 0
        self._user(self.filler.text(6_000), ',"isCompactSummary":true')

    def _message(self, message: str, request: str, block: str, usage: dict[str, int], stop: str) -> None:
        if self.by.output_grows:
            end = f'"usage":{_OLD_USAGE % usage}'
        else:
            end = f'"stop_details":null,"usage":{_NEW_USAGE % usage},"diagnostics":null,"context_management":null'
        body = (
            f'{{"model":"{self.model}","id":"{message}","type":"message","role":"assistant","content":[{block}],'
            f'"stop_reason":{stop},"stop_sequence":null,{end}}}'
        )
        self._row(f'"message":{body},"requestId":"{request}","type":"assistant"')
        if self.agent and self.by.agents_quoted:
            about = f'"type":"assistant","timestamp":"{self._now()}","uuid":"{self.filler.uuid()}"'
            self.quoted.append(f'{{{about},"requestId":"{request}","message":{body}}}')

    def _row(self, middle: str, behind: str = "") -> None:
        uuid = self.filler.uuid()
        about = f'"uuid":"{uuid}","timestamp":"{self._now()}"'
        self.rows.append(f'{{"parentUuid":{self._parent},{self._before}{middle},{about}{behind}{self._after}}}\n')
        self._parent = f'"{uuid}"'

    def _wait(self, seconds: float) -> None:
        self.clock += timedelta(milliseconds=int(self.random.random() * 2_000 * seconds))

    def _now(self) -> str:
        return f"{self.clock.isoformat(timespec='milliseconds')}Z"
