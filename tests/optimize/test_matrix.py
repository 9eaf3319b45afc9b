"""Every optimizer on every kind of program: plain, checked, asynchronous, with an LM for each predictor, an agent with tools; and its teachers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import worlds

import lmnb

NAMES = list(worlds.optimizers(worlds.exact))
TEACHERLESS = ("GEPA", "GEPA with demos")  # they say so
UNTAUGHT = ("LabeledFewShot", "COPRO")  # nothing of theirs is made by a program
DESC = "tools['look'].desc"
WORDS = "Answer with a number."


class Single(lmnb.Module):
    """One step."""

    def __init__(self) -> None:
        self.answer = lmnb.Predict("question -> answer")

    def forward(self, question: str) -> Any:
        return self.answer(question=question)


class Checked(lmnb.Module):
    """Two steps, the second of which is asked again where it is wrong."""

    def __init__(self) -> None:
        self.query = lmnb.Predict("question -> query")
        self.answer = lmnb.Predict("question, query -> answer")

    def forward(self, question: str) -> Any:
        made = self.answer(question=question, query=self.query(question=question).query)
        lmnb.Suggest(made.answer.startswith("a"), WORDS, at=self.answer)
        return made


class Asynchronous(lmnb.Module):
    """Two steps in asynchronous code alone."""

    def __init__(self) -> None:
        self.query = lmnb.Predict("question -> query")
        self.answer = lmnb.Predict("question, query -> answer")

    async def aforward(self, question: str) -> Any:
        made = await self.query.acall(question=question)
        return await self.answer.acall(question=question, query=made.query)


def look(number: str) -> str:
    """Looks."""
    return f"a{number}"


def agent() -> Any:
    return lmnb.ReAct("question -> answer", [look], max_iters=2)


def two_lms(kind: str = "") -> Any:
    """A program each of whose predictors has an LM of its own."""
    program = worlds.TwoCalls()
    program.rewrite.lm = lmnb.FakeLM(reply, model=f"{kind}first")
    program.respond.predict.lm = lmnb.FakeLM(reply, model=f"{kind}second")
    return program


def reply(messages: Sequence[Any], **options: Any) -> Any:
    """As the small world's model; an agent is told the way too, and a step that failed its check is mended for odd questions."""
    said = messages[-1]["content"]
    asked = re.findall(r"^- `(\w+)`", messages[0]["content"].partition("Output fields:")[2], re.M)
    if "tool_calls" in asked:
        found = re.findall(r"gave: (a\d+)", said)
        number = re.sub(r"\D", "", said.partition("[[ ## tools")[0])
        call = (
            {"name": "submit", "args": {"answer": found[-1]}} if found else {"name": "look", "args": {"number": number}}
        )
        return {"next_thought": "t", "tool_calls": [call]}
    if "`feedback`" in messages[0]["content"] and "answer" in asked:
        number = re.findall(r"\bq(\d+)", said)[0]
        return {"answer": f"a{number}" if int(number) % 2 else "none"}
    return worlds.reply(messages, **options)


@dataclass(frozen=True)
class Kind:
    """How a program is made, and the slot of one of its texts."""

    make: Callable[[], Any]
    slot: str


KINDS = {
    "plain": Kind(Single, "answer.instructions"),
    "checks": Kind(Checked, "answer.instructions"),
    "async": Kind(Asynchronous, "query.instructions"),
    "two LMs": Kind(two_lms, "rewrite.instructions"),
    "agent": Kind(agent, DESC),
}


def started(name: str, program: Any, *, lm: Any = None, **options: Any) -> Any:
    with lmnb.context(lm=lm or lmnb.FakeLM(reply, model="third")):
        return worlds.optimizers(worlds.exact)[name].start(
            program, trainset=worlds.questions(0, 10), valset=worlds.questions(100, 106), num_threads=2, **options
        )


def fields_asked(lm: Any) -> set[str]:
    """The output fields for which an LM was asked."""
    systems = (call["messages"][0]["content"].partition("Output fields:")[2] for call in lm.calls)
    return {field for system in systems for field in re.findall(r"^- `(\w+)`", system, re.M)}


@pytest.mark.sampled(0.35)
@pytest.mark.parametrize("name", NAMES)
class TestEveryOptimizer:
    """On every kind of program, with every LM where it belongs."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_optimizer_tunes_every_kind_of_program(self, name: str, kind: str) -> None:
        """It ends with a scored program of the same slots, takes an edit on the way, leaves the caller's alone and replays from its journal."""
        program = KINDS[kind].make()
        before = json.dumps(program.dump_state(), default=str)
        run = started(name, program, paused=True)
        mine = run.inject(instructions={KINDS[kind].slot: "Say it in a word."})
        run.resume()
        tuned = run.wait(60)
        assert run.state == "finished" and run.best.status == "scored" and run.error is None
        assert next(row for row in run.candidates if row.id == mine.id).status == "scored"
        assert program.slots().keys() <= tuned.slots().keys()  # a policy for demos may come to them
        assert json.dumps(program.dump_state(), default=str) == before and look.__doc__ == "Looks."
        with lmnb.context(lm=lmnb.FakeLM([], model="third")):
            again = lmnb.reopen(run.path, program=program, metric=worlds.exact)
            assert again.replay().slots() == tuned.slots()

    def test_each_predictor_keeps_its_own_lm(self, name: str) -> None:
        """In every rollout and in the result; the LM in force is asked by proposers alone, and no LM that was given changes."""
        program, third = two_lms(), lmnb.FakeLM(reply, model="third")
        first, second = program.rewrite.lm, program.respond.predict.lm
        tuned = started(name, program, lm=third, run_dir=None).wait(60)
        assert fields_asked(first) == {"query"} and fields_asked(second) == {"reasoning", "answer"}
        assert not fields_asked(third) & {"query", "answer"}
        asked = len(first.calls), len(second.calls), len(third.calls)
        with lmnb.context(lm=third):
            tuned(question="q7")
        assert (len(first.calls), len(second.calls), len(third.calls)) == (asked[0] + 1, asked[1] + 1, asked[2])
        assert first.kwargs == second.kwargs == third.kwargs == {}

    def test_proposers_have_an_lm_of_their_own(self, name: str) -> None:
        """Where the optimizer has a `prompt_model` (GEPA: `reflection_lm`), it alone writes texts, and it runs no program."""
        optimizer = worlds.optimizers(worlds.exact)[name]
        task, proposer = lmnb.FakeLM(reply, model="task"), lmnb.FakeLM(reply, model="proposer")
        setattr(optimizer, "reflection_lm" if hasattr(optimizer, "reflection_lm") else "prompt_model", proposer)
        with lmnb.context(lm=task):
            run = optimizer.start(
                worlds.TwoCalls(),
                trainset=worlds.questions(0, 10),
                valset=worlds.questions(100, 106),
                run_dir=None,
                seed=3,  # with which SIMBA has rules to write
            )
            run.wait(60)
        assert fields_asked(task) == {"query", "reasoning", "answer"}
        assert bool(proposer.calls) == bool(optimizer.proposers())
        assert not fields_asked(proposer) & {"query", "answer"}

    def test_a_teacher_is_asked_by_its_own_lms_on_training_examples_alone(self, name: str) -> None:
        """What it did well is shown to the student, whose own LMs score; who has no use for one says so or asks it nothing."""
        teacher, program = two_lms("strong "), two_lms()
        run = started(name, program, teacher=teacher, run_dir=None)
        if name in TEACHERLESS:
            with pytest.raises(lmnb.InputError, match="has no teacher"):
                run.wait(60)
            return
        tuned = run.wait(60)
        taught = teacher.rewrite.lm.calls + teacher.respond.predict.lm.calls
        assert bool(taught) == (name not in UNTAUGHT)
        assert not any("q10" in call["messages"][-1]["content"] for call in taught), (
            "a validation example was shown to it"
        )
        assert tuned.rewrite.lm.model == "first" and tuned.respond.predict.lm.model == "second"
        assert program.rewrite.lm.calls and fields_asked(program.rewrite.lm) == {"query"}
