"""Fine-tuning jobs at a provider, through litellm: the records are uploaded as a file, a job is begun on it and asked after until it
is done (the fine-tuning API of OpenAI, which others speak too).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lmnb.errors import (
    BudgetExceeded,
    Cancelled,
    LMError,
    LMTimeoutError,
    RateLimitError,
    ServerError,
    TransportError,
)
from lmnb.lm.failures import translated
from lmnb.lm.training import Record, Reference, Training

POLL = 20.0  # seconds between two questions how a job is doing
_PASSING = (RateLimitError, ServerError, TransportError, LMTimeoutError)
_PATIENCE = 10  # questions in a row that may fail so
_ENDED = ("succeeded", "failed", "cancelled")


class HostedTrainer:
    """`train_kwargs`: `hyperparameters` (a dict), `suffix`, `seed`, `validation_file`, ... go to the provider as they are; `n_epochs`,
    `batch_size` and `learning_rate_multiplier` are hyperparameters; `poll` is how often the job is asked after, in seconds (20).

    A run that is stopped leaves the job at work, and finds it again when it is resumed; one that is cancelled cancels it.
    """

    name = "hosted"

    def __init__(self, load_litellm: Callable[[], Any]) -> None:
        self._litellm = load_litellm

    def fit(
        self, lm: Any, records: Sequence[Record], out: Path, options: Mapping[str, Any], training: Training
    ) -> Reference:
        options = dict(options)
        poll = options.pop("poll", POLL)
        model = lm.finetuning_model or lm.model
        provider, _, name = model.rpartition("/")
        known = _Provider(self._litellm(), lm, model, provider or "openai")
        job = self._known(known, training)
        if job is None:
            training.check()
            training.told(0.0, f"uploading {len(records)} records")
            lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
            file = known.ask("create_file", file=("train.jsonl", lines.encode()), purpose="fine-tune")
            job = known.ask("create_fine_tuning_job", model=name, training_file=file.id, **_hyperparameters(options))
            training.begun(job.id)
        ended = self._followed(known, job, poll, training)
        tuned = getattr(ended, "fine_tuned_model", None)
        if ended.status != "succeeded" or not tuned:
            said = getattr(getattr(ended, "error", None), "message", None) or "it gave no reason"
            raise LMError(
                f"the fine-tuning job {ended.id!r} of {model!r} has {ended.status}: {said}. Mend the data or train_kwargs, and train again.",
                model=model,
            )
        used = getattr(ended, "trained_tokens", None) or 0
        return {"model": f"{provider}/{tuned}" if provider else tuned, "job": ended.id, "tokens": used}

    def load(self, reference: Reference, base: Any, folder: Path | None) -> Any:
        return base.copy(model=reference["model"])

    def _known(self, known: _Provider, training: Training) -> Any:
        """The job that was begun before, unless it came to nothing."""
        if training.id is None:
            return None
        job = known.retrieve(training.id)
        return None if job.status in ("failed", "cancelled") else job

    def _followed(self, known: _Provider, job: Any, poll: float, training: Training) -> Any:
        failed = 0
        while job.status not in _ENDED:
            training.told(0.0, f"job {job.id}: {job.status}")
            try:
                training.wait(poll)
            except (Cancelled, BudgetExceeded):
                if training.abandoned:
                    known.ask("cancel_fine_tuning_job", fine_tuning_job_id=job.id)
                raise
            try:
                job, failed = known.retrieve(job.id), 0
            except _PASSING:
                failed += 1
                if failed >= _PATIENCE:
                    raise
        return job


class _Provider:
    """litellm's fine-tuning functions, for the place and the key of one LM, with errors of our tree."""

    def __init__(self, litellm: Any, lm: Any, model: str, provider: str) -> None:
        self._litellm = litellm
        self._model = model
        private = dict(lm._private)
        base = private.pop("base_url", None)
        self._private = {"custom_llm_provider": provider, **({"api_base": base} if base else {}), **private}

    def ask(self, function: str, **given: Any) -> Any:
        failure: LMError
        try:
            return getattr(self._litellm, function)(**given, **self._private, max_retries=0)
        except Exception as error:  # noqa: BLE001 - the boundary to litellm, which raises many unrelated types
            failure = translated(error, self._model, self._private)
        raise failure  # outside the handler: the original, whose text may hold a key, is not chained

    def retrieve(self, job: str) -> Any:
        return self.ask("retrieve_fine_tuning_job", fine_tuning_job_id=job)


def _hyperparameters(options: dict[str, Any]) -> dict[str, Any]:
    own = {
        name: options.pop(name) for name in ("n_epochs", "batch_size", "learning_rate_multiplier") if name in options
    }
    given = {**(options.pop("hyperparameters", None) or {}), **own}
    return {**options, **({"hyperparameters": given} if given else {})}
