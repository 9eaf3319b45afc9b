"""Fine-tuning of the models that lmnb trained (`lmnb/tiny`, and what came of it) in this process, through `lmnb.train.fit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from lmnb.lm.training import Record, Reference, Training, train_options
from lmnb.lm.weights import digest, found
from lmnb.optional import installed

OPTIONS = {"epochs": "epochs", "n_epochs": "epochs", "rate": "rate", "learning_rate": "rate", "seed": "seed"}


class LocalTrainer:
    """Takes `epochs` (4), `rate` (0.004) and `seed` (0) as `train_kwargs`, the first two also as `n_epochs` and `learning_rate`. Needs
    the extra `train`; to ask what it made needs nothing more.
    """

    name = "local"

    def check(self, options: Mapping[str, Any]) -> None:
        train_options(options, OPTIONS)
        installed(("torch", "gguf", "numpy", "tokenizers"), "train", "training a model")

    def fit(
        self, lm: Any, records: Sequence[Record], out: Path, options: Mapping[str, Any], training: Training
    ) -> Reference:
        given, path = train_options(options, OPTIONS), out.with_name(f"{out.name}.gguf")
        # else a process that was killed has trained it: it is written whole, under the name of its key
        if not path.exists():
            training.check()
            # looked up by its name: training stands above LMs, and is an extra
            fit = import_module("lmnb.train.fit").fit
            steps = given.get("epochs", 4) * -(-len(records) // 8)

            def told(step: int, loss: float) -> None:
                training.check()
                training.told(min(1.0, step / steps), f"step {step} of {steps}, loss {loss:.3f}")

            fit(lm.finetuning_model or lm.model, records, path, **given, told=told)
        return {"name": path.name, "sha256": digest(path)}

    def load(self, reference: Reference, base: Any, folder: Path | None) -> Any:
        path = found(reference["name"], reference["sha256"], folder)
        return base.with_weights(path, reference["sha256"])
