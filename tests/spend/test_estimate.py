from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic
from hypothesis import given, settings
from hypothesis import strategies as st

from spend.__main__ import main
from spend.estimate import Expected, ModelCost, side_by_side
from spend.estimate_counts import counted, told
from spend.estimate_requests import JOB, PROMPT, REQUEST, asked_of, counted_by_hand
from spend.filters import WrongQuestion
from spend.pricing import prices_in_force
from tests.conftest import ROOT
from tests.usage_recorder.counting_server import Api, messages_api, words
from usage_recorder.bound import Conditions, bound
from usage_recorder.catalogue import catalogue

NOVEMBER = datetime(2026, 11, 20)
ON = ["--on", "2026-11-20"]
HAIKU = "claude-haiku-4-5"
SECRET = "the-secret of a prompt"
ASKED = {"model": HAIKU, "max_tokens": 100, "messages": [{"role": "user", "content": SECRET}]}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with messages_api() as served:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", served.address)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-hidden")
        yield served


Answer = list[dict[str, Any]]


def ask(capsys: pytest.CaptureFixture[str], *args: str) -> Answer:
    assert main(["estimate", *args, *ON, "--format", "json"]) == 0
    answer: Answer = json.loads(capsys.readouterr().out)
    return answer


def refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["estimate", *args]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert SECRET not in said.err
    assert "sk-ant-hidden" not in said.err
    return said.err


def on(model: str, rows: list[ModelCost]) -> ModelCost:
    return next(row for row in rows if row.model == model)


def typed(tokens: int, max_tokens: int, model: str = HAIKU, **expected: Any) -> list[ModelCost]:
    sized = told((counted_by_hand(model, max_tokens),), tokens)
    return side_by_side(sized, catalogue(), Expected(NOVEMBER, **expected))


# ── side by side ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_known_answer_comes_first_and_every_current_model_after_it() -> None:
    rows = typed(15, 50)
    assert (rows[0].model, rows[0].asked, rows[0].cost, rows[0].worst) == (HAIKU, True, 265_000_000, 265_000_000)
    assert rows[0].runs == 3773
    current = {model.model for model in catalogue().models.values() if model.is_current(date(2026, 11, 20))}
    assert [row.asked for row in rows].count(True) == 1
    assert {row.model for row in rows} == current
    assert "claude-opus-4-1" not in current
    costs = [row.cost for row in rows[1:]]
    assert costs == sorted(costs, key=lambda cost: (cost is None, cost or 0))


def test_a_model_that_retires_is_current_until_that_day() -> None:
    sized = told((counted_by_hand(HAIKU, 1),), 1)
    for day, there in ((4, True), (5, False)):
        rows = side_by_side(sized, catalogue(), Expected(datetime(2026, 8, day)))
        assert ("claude-opus-4-1" in {row.model for row in rows}) is there


def test_a_retired_model_that_is_asked_for_is_priced_and_marked() -> None:
    row = typed(10, 10, "claude-opus-4-1")[0]
    assert (row.retired, row.cost) == (True, (10 * 15 + 10 * 75) * 10**6)


def test_the_cached_part_is_written_once_and_then_read() -> None:
    row = typed(10_000, 100, cached_tokens=8_000)[0]
    assert row.cost == (10_000 * 1 + 100 * 5) * 10**6
    assert row.write == (2_000 * 1 + 100 * 5) * 10**6 + 8_000 * 1_250_000
    assert row.read == (2_000 * 1 + 100 * 5) * 10**6 + 8_000 * 100_000
    assert row.worst == 10_000 * 1_250_000 + 100 * 5 * 10**6
    assert row.batch == (row.cost or 0) // 2


def test_what_is_shorter_than_a_model_caches_has_no_cached_figures() -> None:
    rows = typed(1_000, 100)
    haiku, newer = rows[0], on("claude-haiku-5-5", rows)
    assert (haiku.write, haiku.read) == (None, None)
    assert haiku.uncached_because == "shorter than the model caches"
    assert newer.read == (1_000 * 10_000) + 100 * 500_000
    assert newer.uncached_because is None


def test_an_expected_answer_is_the_cost_and_the_longest_the_worst_case() -> None:
    row = typed(1_000, 1_000, output_tokens=10)[0]
    assert (row.cost, row.worst) == ((1_000 + 10 * 5) * 10**6, (1_000 + 1_000 * 5) * 10**6)
    assert typed(1_000, 10, output_tokens=1_000)[0].output_tokens == 10


def test_what_does_not_fit_is_said_of_the_models_it_does_not_fit() -> None:
    rows = typed(199_951, 50)
    assert (rows[0].misfits, rows[0].share) == (1, Decimal("1.000005"))
    assert "holds 200,000" in (rows[0].does_not_fit or "")
    assert on("claude-haiku-5-5", rows).misfits == 0
    assert typed(199_950, 50)[0].misfits == 0


def test_a_model_without_a_price_is_unknown_and_last() -> None:
    fast = {**counted_by_hand("claude-opus-5", 10), "speed": "fast"}
    rows = side_by_side(told((fast,), 10), catalogue(), Expected(NOVEMBER))
    assert rows[0].cost == (10 * 10 + 10 * 50) * 10**6
    unknown = [row.cost is None for row in rows]
    assert unknown == sorted(unknown)
    assert unknown[-1]
    assert rows[-1].unknown_because == catalogue_reason()


def catalogue_reason() -> str:
    return "the price list has no price for the model, this speed and prompt length on that day"


@settings(max_examples=30, deadline=None)
@given(
    prompt=st.integers(0, 300_000),
    cached=st.one_of(st.none(), st.integers(0, 300_000)),
    most=st.integers(1, 64_000),
    output=st.one_of(st.none(), st.integers(0, 64_000)),
)
def test_no_variant_of_any_model_costs_more_than_its_worst_case(
    prompt: int, cached: int | None, most: int, output: int | None
) -> None:
    for row in typed(prompt, most, cached_tokens=cached, output_tokens=output):
        held = [row.cost, row.batch, row.read, *([row.write] if cached else [])]
        assert row.worst is not None
        assert max(value for value in held if value is not None) <= row.worst


def test_a_job_is_the_sum_of_its_requests() -> None:
    models = (HAIKU, "claude-opus-5")
    sized = told(tuple(counted_by_hand(model, 100) for model in models), 1_000)
    rows = side_by_side(sized, catalogue(), Expected(NOVEMBER))
    each = [bound({"model": model, "max_tokens": 100}, 1_000, Conditions(NOVEMBER)).max_usd for model in models]
    assert (rows[0].model, rows[0].display, rows[0].requests) == (None, "As asked", 2)
    assert Decimal(rows[0].worst or 0) / 10**12 == sum(usd for usd in each if usd is not None)
    assert on(HAIKU, rows).cost == 2 * (1_000 + 500) * 10**6


def test_one_request_without_a_price_leaves_the_total_unknown() -> None:
    sized = told(tuple(counted_by_hand(model, 100) for model in (HAIKU, "claude-9")), 1_000)
    row = side_by_side(sized, catalogue(), Expected(NOVEMBER))[0]
    assert (row.cost, row.batch, row.runs) == (None, None, None)
    assert row.unknown_because == "1 of 2 requests: the model is not in the price list"


# ── counted by the API ──────────────────────────────────────────────────────────────────────────────────────────────


def test_each_tokenizer_is_asked_once(api: Api) -> None:
    sized = counted(({**ASKED, "model": "claude-opus-5"},), Anthropic(), catalogue(), NOVEMBER)
    asked = [body["model"] for body in api.of("/v1/messages/count_tokens")]
    assert sorted(asked) == ["claude-haiku-4-5", "claude-opus-5"]
    assert set(sized[0].tokens.values()) == {words(ASKED)}


def test_a_tokenizer_this_key_cannot_ask_leaves_its_models_unknown(api: Api) -> None:
    api.unknown_models = ("claude-haiku-5-5",)
    rows = side_by_side(counted((ASKED,), Anthropic(), catalogue(), NOVEMBER), catalogue(), Expected(NOVEMBER))
    assert rows[0].cost is not None
    assert on("claude-opus-5", rows).unknown_because is not None
    assert on("claude-sonnet-4-6", rows).cost is not None


# ── what is written ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "kind", "requests"),
    [
        ("Say hi.", PROMPT, 1),
        ("{not json", PROMPT, 1),
        ('{"a": 1}', PROMPT, 1),
        ('{"a": 1}\n{"b": 2}', PROMPT, 1),
        pytest.param("[" * 200_000, PROMPT, 1, id="nested without end"),
        (json.dumps(ASKED), REQUEST, 1),
        (json.dumps(ASKED, indent=2), REQUEST, 1),
        (json.dumps({"custom_id": "1", "params": ASKED}), REQUEST, 1),
        (json.dumps([ASKED, ASKED]), JOB, 2),
        (json.dumps({"requests": [{"custom_id": "1", "params": ASKED}] * 3}), JOB, 3),
        (f"{json.dumps(ASKED)}\n\n{json.dumps({'params': ASKED})}\n", JOB, 2),
    ],
)
def test_a_text_is_a_prompt_a_request_or_a_job(text: str, kind: str, requests: int) -> None:
    found = asked_of(text, model=HAIKU, max_tokens=5)
    assert (found.kind, len(found.requests)) == (kind, requests)
    assert {(one["model"], one["max_tokens"]) for one in found.requests} == {(HAIKU, 5)}
    assert SECRET not in repr(found)


def test_what_only_the_sdk_takes_is_no_part_of_a_request() -> None:
    text = json.dumps({**ASKED, "stream": True, "extra_headers": {"x": "y"}, "extra_body": {"z": 1}, "timeout": 1})
    assert asked_of(text, model=None, max_tokens=None).requests == (ASKED,)


@pytest.mark.parametrize(
    ("text", "model", "max_tokens", "said"),
    [
        ("", HAIKU, 5, "no text"),
        (" \n", HAIKU, 5, "no text"),
        (SECRET, None, 5, "no model"),
        (SECRET, HAIKU, None, "no max_tokens"),
        (json.dumps({**ASKED, "max_tokens": "5"}), None, None, "no max_tokens"),
        (f'{json.dumps(ASKED)}\n{{"x": "{SECRET}"}}', None, None, "line 2: not a request"),
        (f"{json.dumps(ASKED)}\n{SECRET}", None, None, "line 2: not a request"),
        (f"{json.dumps(ASKED)}\n{json.dumps({**ASKED, 'model': None})}", None, None, "request 2: no model"),
    ],
)
def test_what_cannot_be_estimated_is_refused_without_quoting_it(
    text: str, model: str | None, max_tokens: int | None, said: str
) -> None:
    with pytest.raises(WrongQuestion, match=said) as error:
        asked_of(text, model=model, max_tokens=max_tokens)
    assert SECRET not in str(error.value)


# ── the command line ────────────────────────────────────────────────────────────────────────────────────────────────


def test_counts_that_are_typed_need_neither_key_nor_file(capsys: pytest.CaptureFixture[str]) -> None:
    rows = ask(capsys, "--model", HAIKU, "--max-tokens", "50", "--tokens", "15")
    assert {name: rows[0][name] for name in ("model", "cost_usd", "max_usd", "batch_usd", "runs_per_usd", "fits")} == {
        "model": HAIKU,
        "cost_usd": "0.000265",
        "max_usd": "0.000265",
        "batch_usd": "0.0001325",
        "runs_per_usd": 3773,
        "fits": True,
    }
    assert rows[0]["context_share"] == "0.000325"
    assert len(rows) > 10


def test_a_prompt_is_counted_with_the_key(capsys: pytest.CaptureFixture[str], api: Api, tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text(" ".join(["word"] * 15))
    rows = ask(capsys, "--model", HAIKU, "--max-tokens", "50", "--count", str(file))
    assert (rows[0]["input_tokens"], rows[0]["cost_usd"]) == (15, "0.000265")
    assert api.sent == []
    assert {headers["authorization"] for _, headers, _ in api.asked} == {"Bearer sk-ant-hidden"}


def test_a_job_on_standard_input_is_summed(
    capsys: pytest.CaptureFixture[str], api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [{"custom_id": str(n), "params": {**ASKED, "max_tokens": n}} for n in (100, 200)]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(map(json.dumps, lines))))
    rows = ask(capsys, "--count", "-")
    counted_words = words(ASKED)
    assert (rows[0]["requests"], rows[0]["input_tokens"]) == (2, 2 * counted_words)
    assert Decimal(rows[0]["cost_usd"]) == (2 * counted_words * 1 + 300 * 5) / Decimal(10**6)


def test_a_request_brings_its_own_model_unless_another_is_asked_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(ASKED))
    assert ask(capsys, "--tokens", "9", str(file))[0]["model"] == HAIKU
    assert ask(capsys, "--tokens", "9", "--model", "claude-opus-5", str(file))[0]["model"] == "claude-opus-5"


def test_the_table_says_what_the_figures_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", "--model", HAIKU, "--max-tokens", "64000", "--tokens", "136001", *ON]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[1].startswith(HAIKU)
    assert "does not fit" in said.splitlines()[1]
    assert "the context window of claude-haiku-4-5 holds 200,000" in said
    assert "* another tokenizer than claude-haiku-4-5" in said
    assert "claude-opus-5 *" in said


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--model", HAIKU, "--max-tokens", "5", "FILE"], "--count asks the API (free), --tokens N tells it"),
        (["--model", HAIKU, "--max-tokens", "5", "--count", "FILE"], "counting needs a key: set ANTHROPIC_API_KEY"),
        (["--model", "claude-haiku-45", "--max-tokens", "5", "--tokens", "1"], "nearest: claude-haiku-4-5"),
        (["--max-tokens", "5", "--tokens", "1"], "counts alone need --model M and --max-tokens N"),
        (["--model", HAIKU, "--max-tokens", "5"], "name a FILE"),
        (["--model", HAIKU, "--max-tokens", "5", "--tokens", "-1"], "a count is zero or more"),
        (["--model", HAIKU, "--max-tokens", "5", "--tokens", "1", "--cached", "-1"], "a count is zero or more"),
        (["--tokens", "1", "/no/such/file"], "cannot be read: No such file"),
    ],
)
def test_what_cannot_be_answered_is_said_with_status_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, args: list[str], said: str
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    file = tmp_path / "prompt"
    file.write_text(SECRET)
    assert said in refused(capsys, *[str(file) if one == "FILE" else one for one in args])


@pytest.mark.parametrize("wrong", [b"\xff\xfe", b""])
def test_a_file_that_holds_no_text_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path, wrong: bytes) -> None:
    file = tmp_path / "prompt"
    file.write_bytes(wrong)
    assert "text" in refused(capsys, "--model", HAIKU, "--max-tokens", "5", "--tokens", "1", str(file))


def test_a_key_that_is_refused_is_said_without_the_key(
    capsys: pytest.CaptureFixture[str], api: Api, tmp_path: Path
) -> None:
    api.counting_status = 401
    file = tmp_path / "prompt"
    file.write_text(SECRET)
    said = refused(capsys, "--model", HAIKU, "--max-tokens", "5", "--count", str(file))
    assert "the API answered 401" in said
    assert "is ANTHROPIC_API_KEY right?" in said


def test_own_prices_are_in_force(tmp_path: Path) -> None:
    for path in (ROOT / "data" / "prices").glob("anthropic.toml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "mine.toml").write_text(
        "[models.our-model]\n[[models.our-model.prices]]\nfirst_day = 2026-01-01\n"
        'bands = [{ over = 0, uncached_input = "2", output = "4" }]\n'
    )
    held = prices_in_force(tmp_path)
    assert bound({"model": "our-model", "max_tokens": 1}, 1, Conditions(NOVEMBER, prices=held)).max_usd == Decimal(
        "0.000006"
    )


def test_it_runs_from_a_shell() -> None:
    command = [sys.executable, "-m", "spend", "estimate", "--model", HAIKU, "--max-tokens", "50", "--tokens", "15"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[1].split()[:4] == [HAIKU, "15", "50", "0.000265"]
