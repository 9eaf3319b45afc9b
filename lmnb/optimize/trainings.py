"""Carrying out a `Train` effect: records from its rows, the trainer of the LM, and the line between it and the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lmnb import settings
from lmnb.errors import BudgetExceeded, Cancelled
from lmnb.json_file import write_text
from lmnb.lm.budget import Purse
from lmnb.lm.training import Training, checked_records, trainer_of, weights_name
from lmnb.optimize.code import Code
from lmnb.optimize.controls import Controls
from lmnb.optimize.effects import Result, Train
from lmnb.optimize.journal import Journal
from lmnb.optimize.records import records
from lmnb.optimize.trained import SLOT, TrainedLMs

STEP = 0.1  # how much further a training is when it is told again


@dataclass
class Trainings:
    """Trains what a run asks for, in the run's folder of weights."""

    code: Code
    lms: TrainedLMs
    journal: Journal
    budget: Purse
    controls: Controls

    def __call__(self, effect: Train, jobs: Mapping[str, str]) -> Result:
        """Train, or go on with the job that a provider has taken. Raises BudgetExceeded or Cancelled; everything else that goes
        wrong is in the result.
        """
        self.budget.reserve()  # nothing is begun where a limit is reached
        self.budget.release()
        began = self.controls.clock.seconds
        watched = _Watched(effect.key(), jobs.get(effect.key()), self.journal, self.controls)
        try:
            reference = self._trained(effect, watched)
        except (BudgetExceeded, Cancelled):
            raise
        except Exception as error:  # noqa: BLE001 - the boundary to trainers: what fails is a result, as in a rollout
            said = f"{type(error).__name__}: {error}"
            return Result(None, error=said, error_kind="training", seconds=self.controls.clock.seconds - began)
        used = {"calls": 0, "tokens": reference.pop("tokens", 0), "usd": 0.0}
        self.budget.add(**used)
        return Result(None, outputs=reference, usage=used, seconds=self.controls.clock.seconds - began)

    def _trained(self, effect: Train, watched: _Watched) -> dict[str, Any]:
        program = self.lms.filled(self.code.program, effect.candidate.values, self.code.settings.get("lm"))
        lm = dict(program.named_predictors())[effect.paths[0]].lm or settings.current("lm")
        trainer = trainer_of(lm)
        out = self.lms.folder / weights_name(lm.model, effect.key())
        written = checked_records(records(program, effect.rows, exclude_demos=effect.exclude_demos))
        _export(written, out.with_name(f"{out.name}.jsonl"))
        watched.told(0.0, f"{len(written)} records in {str(out.with_name(f'{out.name}.jsonl'))!r}")
        asked = [{"messages": record["messages"]} for record in written]
        options = {**(lm.train_kwargs or {}), **effect.options}
        reference = trainer.fit(lm, asked, out, options, watched)
        data = self.journal.blobs.put([dict(row) for row in effect.rows])
        base = lm.dump_state().get("model", lm.model)
        former = effect.candidate.values.get(f"{effect.paths[0]}{SLOT}")
        before = {} if former is None else {"before": former}
        return {"trainer": trainer.name, "base": base, "records": len(written), "data": data, **before, **reference}


def _export(written: list[dict[str, Any]], path: Path) -> None:
    """What is trained on, for people and other tools: a record a line, with the examples that it comes from."""
    write_text(path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in written))


class _Watched(Training):
    """A training that a run watches: its job is journaled, its steps are told, and the run's end is its end."""

    def __init__(self, key: str, job: str | None, journal: Journal, controls: Controls) -> None:
        super().__init__(job)
        self._key = key
        self._journal = journal
        self._controls = controls
        self._last: tuple[float, str] = (-1.0, "")

    def begun(self, id: str) -> None:
        super().begun(id)
        self._journal.append({"k": "job", "key": self._key, "id": id})
        self._journal.sync()

    def told(self, done: float, text: str) -> None:
        further = done >= self._last[0] + STEP or (done >= 1.0 > self._last[0])
        if further or (done == self._last[0] == 0.0 and text != self._last[1]):
            self._last = (done, text)
            self._controls.post(partial(self._controls.told, "training", f"training {done:.0%}: {text}"))

    def check(self) -> None:
        if self._controls.stopping or self._controls.cancelled.is_set():
            raise Cancelled("the run ends")
        spent = self._controls.spent_time()
        if spent is not None:
            raise spent

    @property
    def abandoned(self) -> bool:
        return self._controls.cancelled.is_set()
