"""`RecallingLM`: what the trainer of a `FakeLM` makes. It learns by heart and nothing else, so that fine-tuning can be tried and
tested in no time, offline and without an extra.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from lmnb.canonical import content_hash
from lmnb.errors import LMNotConfigured
from lmnb.json_file import write_json
from lmnb.lm.base import BaseLM
from lmnb.lm.training import Record, Reference, Trainer, Training
from lmnb.lm.weights import digest, found, located
from lmnb.settings import current


class RecallTrainer(Trainer):
    """Writes the records down: its "weights" are a JSON file of prompts and replies. Any LM can name it as its `trainer`, and is asked
    for what was not trained.

    >>> import lmnb
    >>> class Shout(lmnb.BaseLM):
    ...     trainer = lmnb.RecallTrainer()
    ...     def forward(self, prompt=None, messages=None, **options):
    ...         return messages[-1]["content"].upper()
    >>> record = {"messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "ahoy"}]}
    >>> tuned = Shout("shout", cache=False).finetune([record]).result()
    >>> tuned("hello"), tuned("bye")
    (['ahoy'], ['BYE'])
    """

    name = "recall"

    def fit(
        self, lm: Any, records: Sequence[Record], out: Path, options: Mapping[str, Any], training: Training
    ) -> Reference:
        training.check()
        learned = dict(_recalled(lm._path)) if isinstance(lm, RecallingLM) else {}
        for at, record in enumerate(records, 1):
            *prompt, reply = record["messages"]
            learned[content_hash(prompt, 24)] = reply["content"]
            training.told(at / len(records), f"record {at} of {len(records)}")
        path = out.with_name(f"{out.name}.json")
        write_json(path, {"lmnb": "recalled replies", "replies": learned})
        return {"name": path.name, "sha256": digest(path)}

    def load(self, reference: Reference, base: Any, folder: Path | None) -> Any:
        path = found(reference["name"], reference["sha256"], folder)
        return RecallingLM(path, base.base if isinstance(base, RecallingLM) else base)


class RecallingLM(BaseLM):
    """Replies to a prompt of its training as it was trained to, and asks `base` for the rest (None: the LM that is configured).

    No model is behind it. Two of them are equal where they recall the same.
    """

    derives_seed = True
    trainer = RecallTrainer()

    def __init__(self, path: str | Path, base: Any = None, *, weights: str | None = None) -> None:
        super().__init__(Path(path).name, cache=False)
        self.base = base
        self.weights = digest(Path(path)) if weights is None else weights
        self._path = Path(path)
        self._lacks = ""

    def forward(
        self, prompt: str | None = None, messages: list[dict[str, Any]] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        asked = messages or [{"role": "user", "content": prompt or ""}]
        reply = _recalled(self._path).get(content_hash(asked, 24))
        if reply is not None:
            return {"choices": [{"message": {"content": reply}, "finish_reason": "stop"}], "usage": {}, "cost": 0.0}
        base = current("lm") if self.base is None else self.base
        if base is None:
            raise LMNotConfigured(
                f"{self.model!r} was not trained on this prompt, and no LM is set that it could ask. Write lmnb.configure(lm=...).",
                model=self.model,
            )
        # its transport alone: budget, cache and recording are those of this request
        return base.forward(prompt=prompt, messages=messages, **{**base.kwargs, **base._private, **kwargs})

    def check_reachable(self) -> None:
        if self._lacks:
            raise LMNotConfigured(self._lacks, model=self.model)

    def dump_state(self) -> dict[str, Any]:
        return {**super().dump_state(), "weights": self.weights}

    @classmethod
    def load_state(
        cls, state: dict[str, Any], *, place: str = "the saved LM", former: Any = None, folder: Path | None = None
    ) -> Self:
        """The LM of a `dump_state`, whose file of replies lies in `folder`; where it does not, a warning says so, and it cannot be
        asked. `former` is what it asks for the rest.
        """
        path, lacks = located(state.get("model"), state.get("weights"), folder, place)
        made = cls(path, former.base if isinstance(former, cls) else former, weights=state["weights"])
        made._lacks = lacks
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecallingLM) and other.weights == self.weights

    def __hash__(self) -> int:
        return hash(self.weights)


@lru_cache(maxsize=16)
def _recalled(path: Path) -> Mapping[str, str]:
    return json.loads(path.read_text(encoding="utf-8"))["replies"]
