"""`Seq2SeqLM`: encoder-decoder models of Hugging Face's transformers (T5 and its kin) in this process, to be asked and fine-tuned."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from lmnb.errors import LMNotConfigured, ModelNotFound
from lmnb.lm.base import BaseLM
from lmnb.lm.training import Record, Reference, Trainer, Training, train_options
from lmnb.lm.weights import digest, found, located
from lmnb.optional import installed, need

MAX_TOKENS = 64
OPTIONS = {"epochs": "epochs", "n_epochs": "epochs", "rate": "rate", "learning_rate": "rate"} | {
    name: name for name in ("batch_size", "seed")
}


class Seq2SeqTrainer(Trainer):
    """Takes `epochs` (1), `batch_size` (12), `rate` (5e-5; also `learning_rate`) and `seed` (0) as `train_kwargs`."""

    name = "seq2seq"

    def check(self, options: Mapping[str, Any]) -> None:
        train_options(options, OPTIONS)
        installed(("torch", "transformers"), "seq2seq", "training a Seq2SeqLM")

    def fit(
        self, lm: Any, records: Sequence[Record], out: Path, options: Mapping[str, Any], training: Training
    ) -> Reference:
        given = train_options(options, OPTIONS)
        # else a process that was killed has trained it: it appears whole, under the name of its key
        if not out.exists():
            training.check()

            def told(done: float, loss: float) -> None:
                training.check()
                training.told(done, f"loss {loss:.3f}")

            # looked up by its name: training stands above LMs
            fit = import_module("lmnb.train.seq2seq").fit
            fit(lm.place, records, out, local_only=not lm.download, told=told, **given)
        return {"name": out.name, "sha256": digest(out)}

    def load(self, reference: Reference, base: Any, folder: Path | None) -> Any:
        path = found(reference["name"], reference["sha256"], folder)
        options = base.kwargs if isinstance(base, Seq2SeqLM) else {}
        return Seq2SeqLM(path, weights=reference["sha256"], **options)


class Seq2SeqLM(BaseLM):
    """An encoder-decoder model by its folder, or by its name on Hugging Face's hub. It is given the whole prompt as one text, and
    writes what follows it: for a signature with one output, that output alone.

    Only weights in the safetensors form are read, and no code that a model brings along. Nothing is downloaded but with
    `download=True`. Replies are greedy unless a `temperature` is given, and `max_tokens` long at most (64). Needs the extra `seq2seq`.

    >>> import lmnb
    >>> lmnb.Seq2SeqLM("google/flan-t5-small", max_tokens=20)
    Seq2SeqLM('google/flan-t5-small', max_tokens=20)
    """

    derives_seed = True
    trainer = Seq2SeqTrainer()

    def __init__(
        self,
        model: str | Path,
        *,
        download: bool = False,
        weights: str | None = None,
        cache: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(str(model), "text", cache=cache, **options)
        self.place = str(model)
        self.download = download
        self.weights = weights
        self._lacks = ""

    def forward(
        self, prompt: str | None = None, messages: list[dict[str, Any]] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        loaded = _loaded(self.place, self.cache_scope(), self.download)
        stop = kwargs.get("stop") or ()
        texts, asked, written = loaded.replies(
            prompt if prompt is not None else str((messages or [{"content": ""}])[-1]["content"]),
            n=kwargs.get("n", 1),
            most=kwargs.get("max_tokens") or MAX_TOKENS,
            temperature=kwargs.get("temperature") or 0.0,
            seed=kwargs.get("seed", 0),
        )
        choices = [
            {"message": {"content": _until(text, [stop] if isinstance(stop, str) else stop)}, "finish_reason": why}
            for text, why in texts
        ]
        return {"choices": choices, "usage": {"prompt_tokens": asked, "completion_tokens": written}, "cost": 0.0}

    def count_tokens(self, messages: list[dict[str, Any]]) -> int:
        loaded = _loaded(self.place, self.cache_scope(), self.download)
        return len(loaded.tokenizer(str(self.as_sent(messages)[-1]["content"]), truncation=False)["input_ids"])

    def cache_scope(self) -> str:
        path = Path(self.place)
        return self.weights or (digest(path) if path.is_dir() else "hub")

    def check_reachable(self) -> None:
        if self._lacks:
            raise LMNotConfigured(self._lacks, model=self.model)

    def kill(self, launch_kwargs: Any = None) -> None:
        _loaded.cache_clear()

    def dump_state(self) -> dict[str, Any]:
        state = super().dump_state()
        return state if self.weights is None else {**state, "model": Path(self.place).name, "weights": self.weights}

    @classmethod
    def load_state(
        cls, state: dict[str, Any], *, place: str = "the saved LM", former: Any = None, folder: Path | None = None
    ) -> Self:
        """The LM of a `dump_state`; trained weights are looked for in `folder` and the runs of this machine. Where they are missing, a
        warning says so, and it cannot be asked. It downloads nothing.
        """
        options = {name: state[name] for name in ("cache", "temperature", "max_tokens") if name in state}
        if state.get("weights") is None:
            return cls(str(state.get("model")), **options)
        path, lacks = located(state.get("model"), state["weights"], folder, place)
        made = cls(path, weights=state["weights"], **options)
        made._lacks = lacks
        return made


class Loaded:
    """A model in memory with its tokenizer; it is asked by one thread at a time."""

    def __init__(self, place: str, *, download: bool) -> None:
        transformers = need("transformers", "seq2seq", "Seq2SeqLM")
        self.transformers = transformers
        self.torch = need("torch", "seq2seq", "Seq2SeqLM")
        only = {"local_files_only": not download, "trust_remote_code": False}
        try:
            with quiet(transformers):
                self.tokenizer = transformers.AutoTokenizer.from_pretrained(place, **only)
                self.model = transformers.AutoModelForSeq2SeqLM.from_pretrained(place, use_safetensors=True, **only)
        except (OSError, ValueError, KeyError) as error:
            more = "" if download else ", or Seq2SeqLM(..., download=True) to fetch it"
            raise ModelNotFound(
                f"{place!r} cannot be loaded ({type(error).__name__}: {str(error)[:300]}). Give the folder of an encoder-decoder model "
                f"with its tokenizer and safetensors{more}.",
                model=place,
            ) from error
        self.model.eval()
        self._lock = threading.Lock()

    def replies(
        self, prompt: str, *, n: int, most: int, temperature: float, seed: int
    ) -> tuple[list[tuple[str, str]], int, int]:
        """Each reply with why it ended, and the tokens of the prompt and of all replies."""
        torch, count = self.torch, 1 if not temperature else n  # greedy replies are all the same
        sampling = {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}
        with self._lock, torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            asked = self.tokenizer(prompt, return_tensors="pt", truncation=False)
            made = self.model.generate(
                input_ids=asked["input_ids"],
                attention_mask=asked["attention_mask"],
                max_new_tokens=most,
                num_return_sequences=count,
                **sampling,
            )
        end = self.model.config.eos_token_id
        texts = [
            (self.tokenizer.decode(row, skip_special_tokens=True), "stop" if end in row.tolist()[1:] else "length")
            for row in made
        ]
        texts = texts if len(texts) == n else texts * n
        return texts, int(asked["input_ids"].shape[1]), int((made != self.model.config.pad_token_id).sum())


@contextmanager
def quiet(transformers: Any) -> Iterator[None]:
    """Inside, transformers draws no bars of its own."""
    bars = transformers.utils.logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()


@lru_cache(maxsize=4)
def _loaded(place: str, version: str, download: bool) -> Loaded:
    return Loaded(place, download=download)


def _until(text: str, stop: Sequence[str]) -> str:
    for mark in stop:
        text = text.partition(mark)[0]
    return text
