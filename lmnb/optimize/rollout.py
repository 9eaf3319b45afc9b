"""Carrying out one rollout with the real program and metric, or one proposal with a proposer."""

from __future__ import annotations

from collections import OrderedDict
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

from lmnb import settings
from lmnb.canonical import jsonable
from lmnb.evaluate.run_example import Row, run_example
from lmnb.example import Example
from lmnb.lm.budget import Purse
from lmnb.lm.recorder import recorder
from lmnb.optimize.blobs import Blobs
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.code import Code
from lmnb.optimize.effects import Bought, Propose, Result, Rollout, Train
from lmnb.optimize.recording import Recording, used
from lmnb.optimize.splits import Splits
from lmnb.optimize.trained import SLOT, TrainedLMs
from lmnb.optimize.trainings import Trainings
from lmnb.trace import Trace

PROGRAMS = 32  # candidates whose programs are kept built


@dataclass
class Runner:
    """Runs the code of a run, under the settings that were in force when it began."""

    code: Code
    splits: Splits
    blobs: Blobs
    budget: Purse
    cancelled: Event
    lms: TrainedLMs
    trainings: Trainings
    context: Context = field(default_factory=copy_context)
    _programs: OrderedDict[tuple[str, str], Any] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, effect: Bought, recording: Recording) -> Result:
        """Run it. Raises BudgetExceeded or Cancelled; everything else that goes wrong is in the result."""
        return self.context.copy().run(self._run, effect, recording)

    def _run(self, effect: Bought, recording: Recording) -> Result:
        if isinstance(effect, Train):
            with settings.context(**{**self.code.settings, "budget": self.budget}):
                return self.trainings(effect, recording.jobs)
        log = recording.calls(effect.run_key(), self.cancelled)
        recorder.set(log)
        with settings.context(**{**self.code.settings, "budget": self.budget, **self.code.settings_of(effect.role)}):
            row = self._proposed(effect) if isinstance(effect, Propose) else self._scored(effect)
        return Result(
            score=row.score,
            outputs=_outputs(row.prediction),
            feedback=row.feedback,
            error=row.error,
            error_kind="proposer" if row.error_kind and isinstance(effect, Propose) else row.error_kind,
            trace=None if row.trace is None else self.blobs.put(row.trace.to_dict()),
            usage=usage_of(row.trace),
            free=log.free or None,
            seconds=row.seconds or 0.0,
            checks=[check.to_dict() for check in row.checks],
        )

    def _proposed(self, effect: Propose) -> Row:
        asked = Example(effect.inputs).with_inputs(*effect.inputs)
        return run_example(_keeping(_sample(self.code.proposers[effect.asked], effect), effect), asked, None)

    def _scored(self, rollout: Rollout) -> Row:
        example = self.splits[rollout.split][rollout.index]
        program = _sample(self._program(rollout), rollout)
        asked = {"index": rollout.index, "trace_for_metric": rollout.tracing, "focus": rollout.focus}
        return run_example(program, example, self.code.metric, **asked)

    def _program(self, rollout: Rollout) -> Any:
        candidate = rollout.candidate
        if rollout.role == "student" and not rollout.tracing:
            candidate = self.splits.shown(candidate, rollout.split, rollout.index)
        key = (rollout.role, candidate.id)
        with self._lock:
            program = self._programs.get(key)
            if program is None:
                program = self._programs[key] = self._built(rollout, candidate)
                while len(self._programs) > PROGRAMS:
                    self._programs.popitem(last=False)
        return program

    def _built(self, rollout: Rollout, candidate: Candidate) -> Any:
        values, own = candidate.values, self.code.settings_of(rollout.role).get("lm")
        if (
            own is not None
        ):  # the teacher's LM is the one that its settings name, whatever weights the student has by now
            values = {slot: value for slot, value in values.items() if not slot.endswith(SLOT)}
        taught = self.code.teacher_of(rollout.role)
        base = self.code.program if taught is None else taught
        return self.lms.filled(base, values, self.code.settings.get("lm"))


def _sample(program: Any, effect: Rollout | Propose) -> Any:
    """The program as another sample asks it."""
    if not effect.rollout_id and effect.temperature is None:
        return program
    sample = program.deepcopy()
    for predictor in sample.predictors():
        lm = predictor.lm or settings.current("lm")
        predictor.lm = lm.copy(rollout_id=effect.rollout_id, temperature=effect.temperature)
    return sample


KEEP = "Of the text that you change, keep these passages word for word:"
AGAIN = "What you wrote before had lost one of them."


def _keeping(program: Any, effect: Propose) -> Any:
    """The proposer, told what stays."""
    if not effect.keep:
        return program
    told = "\n".join(
        [KEEP, *(f"- {' '.join(span.split())}" for span in effect.keep), *([AGAIN] if effect.again else [])]
    )
    program = program.deepcopy()
    for predictor in program.predictors():
        predictor.instructions = f"{predictor.instructions}\n\n{told}"
    return program


def _outputs(prediction: Any) -> dict[str, Any] | None:
    if prediction is None:
        return None
    return jsonable(dict(prediction.items()) if isinstance(prediction, Example) else {"output": prediction})


def usage_of(trace: Trace | None) -> dict[str, float]:
    """The LM calls of a trace, and the tokens and the money of those that no cache answered."""
    total = {"calls": 0, "tokens": 0, "usd": 0.0}
    for _, span in () if trace is None else trace.spans():
        if span.kind == "lm" and "cache" in span.data:  # else it was refused before it was sent
            for kind, amount in used(span.data["cache"], span.data.get("usage"), span.data.get("cost")).items():
                total[kind] += amount
    return total
