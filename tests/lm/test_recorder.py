"""Recording and playing back: the seam by which a run resumes without buying a call twice."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

import lmnb
from lmnb import Budget, FakeLM
from lmnb.lm.recorder import recorder


class Tape:
    """Plays `kept` back in order, then records."""

    def __init__(self, kept: list[tuple[str, dict[str, Any]]] | None = None) -> None:
        self.kept = deque(kept or [])
        self.recorded: list[tuple[str, dict[str, Any]]] = []
        self.cancelled = False

    def replay(self, request_hash: str) -> dict[str, Any] | None:
        if self.cancelled:
            raise lmnb.Cancelled("the run was cancelled")
        if not self.kept:
            return None
        name, response = self.kept.popleft()
        assert name == request_hash
        return response

    def record(self, request_hash: str, response: dict[str, Any]) -> None:
        self.recorded.append((request_hash, response))


def ask(lm: lmnb.BaseLM, tape: Tape, *prompts: str, **options: Any) -> list[str]:
    token = recorder.set(tape)
    try:
        return [lm(prompt, **options)[0] for prompt in prompts]
    finally:
        recorder.reset(token)


def test_a_recorded_reply_is_played_back_without_a_call() -> None:
    """The same requests give the same replies, and the model is not asked."""
    first = Tape()
    assert ask(FakeLM(["one", "two"]), first, "a", "b") == ["one", "two"]
    silent = FakeLM([])
    assert ask(silent, Tape(first.recorded), "a", "b") == ["one", "two"]
    assert silent.calls == []


def test_play_goes_on_live_where_the_recording_ends() -> None:
    """Only the calls that were not recorded are bought, and they are recorded then."""
    first = Tape()
    ask(FakeLM(["one"]), first, "a")
    rest, lm = Tape(first.recorded), FakeLM(["two"])
    assert ask(lm, rest, "a", "b") == ["one", "two"]
    assert len(lm.calls) == len(rest.recorded) == 1


def test_a_played_reply_counts_for_the_budget_as_it_did() -> None:
    """A resumed run stands where the interrupted one stood, and a played call is never refused."""
    first, before, after = Tape(), Budget(), Budget(calls=2)
    with lmnb.context(budget=before):
        ask(FakeLM(["one " * 40, "two", "three"]), first, "a", "b", "c")
    with lmnb.context(budget=after):
        ask(FakeLM([]), Tape(first.recorded), "a", "b", "c")
    assert after.spent["calls"] == 3
    assert after.spent["tokens"] == before.spent["tokens"] > 0


def test_a_cache_hit_is_recorded_too() -> None:
    """A run that was served by the cache replays where there is none."""
    lm = FakeLM(["one"], cache=True)
    lm("a")
    tape = Tape()
    assert ask(lm, tape, "a") == ["one"]
    assert tape.recorded[0][1]["cache"] == "hit"
    assert ask(FakeLM([]), Tape(tape.recorded), "a") == ["one"]


def test_a_reply_is_recorded_before_anything_else() -> None:
    """A recorder that stops the run at that moment has the reply, and the cache does not."""

    class Stops(Tape):
        def record(self, request_hash: str, response: dict[str, Any]) -> None:
            super().record(request_hash, response)
            raise KeyboardInterrupt

    tape = Stops()
    with pytest.raises(KeyboardInterrupt):
        ask(FakeLM(["one"], cache=True), tape, "a")
    assert tape.recorded[0][1]["texts"] == ["one"]
    assert lmnb.cache.stats()["puts"] == 0


def test_a_cancelled_run_sends_nothing() -> None:
    """`Cancelled` from the recorder comes before budget and model."""
    tape, budget, lm = Tape(), Budget(), FakeLM(["one"])
    tape.cancelled = True
    with lmnb.context(budget=budget), pytest.raises(lmnb.Cancelled):
        ask(lm, tape, "a")
    assert (lm.calls, budget.spent["calls"]) == ([], 0)


def test_the_hash_tells_requests_apart_by_content_only() -> None:
    """Model, messages, options and rollout count; key, endpoint and the object do not."""

    def name(model: str = "openai/x", prompt: str = "a", **options: Any) -> str:
        lm = lmnb.LM(model, **{key: value for key, value in options.items() if key != "rollout_id"})
        decoding = {**lm.kwargs, **({"rollout_id": options["rollout_id"]} if "rollout_id" in options else {})}
        return lm.request_hash([{"role": "user", "content": prompt}], decoding)

    assert name() == name(api_key="sk-1", api_base="http://one") == name(api_key="sk-2", api_base="http://two")
    assert len({name(), name(model="openai/y"), name(prompt="b"), name(temperature=1.0), name(rollout_id=1)}) == 5
