"""The LMs behind a run's trained weights: a slot `"<path>.lm"` holds a reference, a program needs the LM itself."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lmnb.canonical import canonical
from lmnb.errors import JournalError
from lmnb.lm.client import LM
from lmnb.lm.recall import RecallTrainer
from lmnb.lm.seq2seq import Seq2SeqTrainer
from lmnb.lm.training import Reference, Trainer

SLOT = ".lm"
_ALONE: dict[str, Trainer] = {each.name: each for each in (RecallTrainer(), Seq2SeqTrainer())}  # need no base


class TrainedLMs:
    """`folder` holds the run's weights; `stored` is the run's LM as its header has it, for a run without its code."""

    def __init__(self, folder: Path, stored: Mapping[str, Any] | None) -> None:
        self.folder = folder
        self._stored = stored
        self._made: dict[tuple[str, bool], Any] = {}
        self._lock = threading.Lock()

    def filled(self, program: Any, values: Mapping[str, Any], lm: Any) -> Any:
        """`program.with_candidate(values)` with LMs in the place of references; `lm` is the one in force (None: not known).

        LMNotConfigured where weights are missing, or are not those that were trained.
        """
        bases = {f"{path}{SLOT}": predictor.lm or lm for path, predictor in program.named_predictors()}
        known = {slot: self.lm(value, bases.get(slot)) for slot, value in values.items() if is_trained(slot, value)}
        return program.with_candidate({**values, **known})

    def lm(self, reference: Reference, base: Any) -> Any:
        """The LM of a reference, always the same; `base` is the LM that was trained."""
        name = canonical(reference), base is not None
        with self._lock:
            if name not in self._made:
                trainer = getattr(base, "trainer", None)
                if trainer is None or trainer.name != reference["trainer"]:
                    trainer, base = self._without_base(reference)
                self._made[name] = trainer.load(reference, base, self.folder)
            return self._made[name]

    def _without_base(self, reference: Reference) -> tuple[Trainer, Any]:
        kind, state = reference["trainer"], {"model": "lmnb/tiny", **(self._stored or {})}
        if kind in _ALONE:
            return _ALONE[kind], None
        if kind not in ("local", "hosted"):
            raise JournalError(
                f"the LM that was trained ({reference.get('base')!r}) is not known here, and {kind!r} needs it. Reopen the run with its "
                "program, under lmnb.context(lm=...)."
            )
        if kind == "local":
            state |= {"model": "lmnb/tiny", "weights": None}
        base = LM.load_state(
            {name: value for name, value in state.items() if value is not None and name != "class"},
            place="the run's LM",
        )
        return base.trainer, base


def is_trained(slot: str, value: Any) -> bool:
    """Whether a slot holds the reference of a trained LM."""
    return slot.endswith(SLOT) and isinstance(value, Mapping) and "trainer" in value


def words(reference: Reference) -> str:
    """What a reference says, for a table.

    >>> words({"trainer": "local", "name": "tiny-1a2b3c.gguf", "sha256": "0" * 64, "base": "lmnb/tiny", "records": 120})
    'tiny-1a2b3c.gguf: lmnb/tiny, fine-tuned on 120 records'
    """
    made = reference.get("name") or reference.get("model")
    return f"{made}: {reference.get('base')}, fine-tuned on {reference.get('records')} records"
