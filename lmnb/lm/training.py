"""Fine-tuning as an LM offers it: what trains (`Trainer`), the work as whoever waits sees it (`Training`), and `lm.finetune`.

A trained LM is known by a reference, a dict in terms of JSON: `{"trainer", "base", "records"}`, and either `name` and `sha256` of
weights on disk or the `model` of a provider. References stand in journals and candidates; the weights lie outside.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from pathlib import Path
from typing import Any, Protocol, Self

from lmnb.canonical import content_hash
from lmnb.errors import Cancelled, InputError, TimedOut
from lmnb.lm.weights import kept_folder

Record = Mapping[str, Any]  # {"messages": [{"role": ..., "content": ...}, ...]}, the last one by the assistant
Reference = dict[str, Any]


class Training:
    """One training as its trainer sees it: where it tells how far it is, and hears whether it is still wanted.

    `id` is what a provider calls a job that was begun before and goes on there.
    """

    def __init__(self, id: str | None = None) -> None:
        self.id = id
        self._given_up = threading.Event()

    def begun(self, id: str) -> None:
        """A provider has taken the job under this id: it is not begun again."""
        self.id = id

    def told(self, done: float, text: str) -> None:
        """How far it is, from 0 to 1, and in words."""

    def check(self) -> None:
        """Raises Cancelled or BudgetExceeded where it is to end; called often."""
        if self._given_up.is_set():
            raise Cancelled("the training was cancelled")

    @property
    def abandoned(self) -> bool:
        """Whether a job at a provider is to be cancelled there too, when `check` has raised."""
        return self._given_up.is_set()

    def wait(self, seconds: float) -> None:
        """Sleep that long, unless `check` raises meanwhile."""
        pause, left = threading.Event(), seconds
        self.check()
        while left > 0:
            pause.wait(min(left, 0.1))
            left -= 0.1
            self.check()


def train_options(given: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """`train_kwargs` by the names that training takes; `known` maps each name that a user may write to one. InputError for others.

    >>> train_options({"n_epochs": 3}, {"epochs": "epochs", "n_epochs": "epochs"})
    {'epochs': 3}
    """
    unknown = sorted(given.keys() - known.keys())
    if unknown:
        raise InputError(
            f"train_kwargs has {unknown[0]!r}, which this training does not take. It takes: {', '.join(known)}."
        )
    return {known[name]: value for name, value in given.items()}


class Trainer(Protocol):
    """What fine-tunes the LMs of one kind: `lm.trainer` names it.

    A trainer may also have `check(options)`, which raises what it knows before it has anything to train on: an extra that is not installed
    (MissingExtra), an option that it does not take (InputError). An optimizer asks it before it runs a teacher.
    """

    name: str

    def fit(
        self, lm: Any, records: Sequence[Record], out: Path, options: Mapping[str, Any], training: Training
    ) -> Reference:
        """Train, and give the reference of what came of it. Weights go to `out` with a suffix, whole or not at all.

        LmnbError says what went wrong. `options` are the user's `train_kwargs`.
        """
        ...

    def load(self, reference: Reference, base: Any, folder: Path | None) -> Any:
        """The LM of a reference: `base` (None where it is not known) with the trained weights, which lie in `folder`.

        LMNotConfigured where they do not.
        """
        ...


class TrainingJob(Training):
    """A training at work in a thread of its own (see `LM.finetune`)."""

    def __init__(self, work: Callable[[TrainingJob], Any]) -> None:
        super().__init__()
        self.progress: tuple[float, str] = (0.0, "begun")
        self._result: Any = None
        self._error: BaseException | None = None
        self._ended = threading.Event()
        self._work = work

    def start(self) -> Self:
        context = copy_context()
        threading.Thread(target=context.run, args=(self._run,), name="lmnb-training", daemon=True).start()
        return self

    def _run(self) -> None:
        try:
            self._result = self._work(self)
        except BaseException as error:  # noqa: BLE001 - the thread's boundary: `result` raises it
            self._error = error
        finally:
            self._ended.set()

    def told(self, done: float, text: str) -> None:
        self.progress = (done, text)

    def status(self) -> str:
        """running, succeeded, cancelled or failed."""
        if not self._ended.is_set():
            return "running"
        if self._error is None:
            return "succeeded"
        return "cancelled" if isinstance(self._error, Cancelled) else "failed"

    def done(self) -> bool:
        return self._ended.is_set()

    def cancel(self) -> None:
        """Give it up; a job at a provider is cancelled there."""
        self._given_up.set()

    def result(self, timeout: float | None = None) -> Any:
        """The trained LM, once it is there; raises what went wrong. TimedOut after `timeout` seconds, and the work goes on."""
        if not self._ended.wait(timeout):
            raise TimedOut(f"the training is not done after {timeout} s", seconds=timeout or 0.0)
        if self._error is not None:
            raise self._error
        return self._result

    def __repr__(self) -> str:
        done, text = self.progress
        return f"TrainingJob({self.status()}, {done:.0%}, {text})"


class Trainable:
    """The part of `BaseLM` that can be fine-tuned, where it has a `trainer`."""

    model: str
    cache_scope: Callable[[], str]
    trainer: Trainer | None = None
    finetuning_model: str | None = None  # trained in the place of `model`
    launch_kwargs: Mapping[str, Any] | None = None
    train_kwargs: Mapping[str, Any] | None = None  # options of every training

    def finetune(
        self,
        train_data: Sequence[Record],
        train_data_format: str | None = None,
        train_kwargs: Mapping[str, Any] | None = None,
        *,
        folder: str | Path | None = None,
    ) -> TrainingJob:
        """Begin to train a new LM on chat records and return at once; `job.result()` is the LM.

        A record is `{"messages": [...]}` whose last message is the assistant's; the loss is on that. `train_kwargs` add to those
        of the LM. Weights go to `folder`, by default one below the user's cache folder.

        >>> import lmnb, tempfile
        >>> record = {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Ahoy"}]}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     tuned = lmnb.FakeLM(lambda messages: "Good day").finetune([record], folder=folder).result()
        ...     tuned("Hello"), tuned("Goodbye")
        (['Ahoy'], ['Good day'])
        """
        if train_data_format not in (None, "chat"):
            raise InputError(
                f"train_data_format={train_data_format!r} is not taken. Write records of messages: 'chat', or leave it out."
            )
        trainer, records = trainer_of(self), checked_records(train_data)
        options = {**(self.train_kwargs or {}), **(train_kwargs or {})}
        key = content_hash([self.model, self.finetuning_model, self.cache_scope(), records, options])
        out = (kept_folder("finetuned") if folder is None else Path(folder)) / weights_name(self.model, key)

        def work(job: TrainingJob) -> Any:
            out.parent.mkdir(parents=True, exist_ok=True)
            return trainer.load(trainer.fit(self, records, out, options, job), self, out.parent)

        return TrainingJob(work).start()

    def launch(self, launch_kwargs: Mapping[str, Any] | None = None) -> None:
        """Make the model ready to be asked. An LM does so by itself at its first call; a provider's is always ready."""

    def kill(self, launch_kwargs: Mapping[str, Any] | None = None) -> None:
        """Give back the memory of a model in this process; the next call loads it again."""


def trainer_of(lm: Any) -> Trainer:
    """The LM's trainer. InputError where it has none."""
    trainer = getattr(lm, "trainer", None)
    if trainer is None:
        raise InputError(
            f"{lm!r} cannot be fine-tuned: it has no trainer. Use LM('lmnb/tiny'), LM('openai/...') or another LM whose `trainer` says "
            "how (see lmnb.Trainer)."
        )
    return trainer


def check_trainable(lm: Any, options: Mapping[str, Any]) -> None:
    """Raise what is known before a training: InputError where the LM has no trainer, or what the trainer's `check` says."""
    check = getattr(trainer_of(lm), "check", None)
    if check is not None:
        check({**(lm.train_kwargs or {}), **options})


def weights_name(model: str, key: str) -> str:
    """What the weights of a training are called, without a suffix: the model that was trained, and the training's key."""
    stem = model.rpartition("/")[2].partition(".")[0].partition("-")[0] or "lm"
    plain = "".join(sign for sign in stem if sign.isascii() and sign.isalnum())
    return f"{plain or 'lm'}-{key[:12]}"


def checked_records(records: Sequence[Record]) -> list[dict[str, Any]]:
    """`records` as plain dicts. InputError names the first that cannot be learned from."""
    if not records:
        raise InputError(
            "there is nothing to train on: no record. Write [{'messages': [..., {'role': 'assistant', ...}]}]."
        )
    for at, record in enumerate(records):
        messages = record.get("messages") if isinstance(record, Mapping) else None
        last = messages[-1] if isinstance(messages, Sequence) and not isinstance(messages, str) and messages else None
        if not isinstance(last, Mapping) or last.get("role") != "assistant" or not isinstance(last.get("content"), str):
            raise InputError(
                f"record {at} does not end with a text of the assistant, so there is nothing to learn from it: {record!r:.200}"
            )
    return [dict(record) for record in records]
