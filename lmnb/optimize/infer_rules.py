"""InferRules: rules that an LM reads off the training examples, added to the instructions (in the manner of Zhu et al. 2023, arXiv
2310.07064).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import replace
from typing import Any

from lmnb.adapters.values import plain
from lmnb.counts import whole_number
from lmnb.data_uri import without_data
from lmnb.example import Example
from lmnb.modules.predict import Predict
from lmnb.modules.tool_texts import LONGEST
from lmnb.optimize.bootstrap import BootstrapFewShot
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.counts import Counts
from lmnb.optimize.effects import Effect, Propose, Report, Result
from lmnb.optimize.interval import Interval
from lmnb.optimize.search import Search, allowed_demos, evaluate, gate, together
from lmnb.optimize.tabu import TWIN, jaccard
from lmnb.optimize.task import Predictor, Task
from lmnb.signature import InputField, OutputField, Signature

HEAD = "\n\nFollow these rules:\n"
_MARK = re.compile(r"\s*(?:[-*•]|\(?\d+[.):])\s+")


class Rules(Signature):
    """Write an instruction for the task that the examples show: the rules by which its outputs follow from its inputs. Each rule is a short
    sentence that also helps with inputs that are not shown, and none says what another one says.
    """

    task: str = InputField(desc="names of the inputs and outputs that the rules are for")
    examples: list[str] = InputField()
    current_instruction: str = InputField(desc="stays, and the rules come after it")
    rejected: list[dict[str, str]] = InputField(desc="rules that a person ruled out, and why")
    number: int = InputField(desc="the most rules that are wanted")
    proposed_instruction: str = OutputField(desc="one rule on each line")


class InferRules(BootstrapFewShot):
    """Bootstraps demos, then adds rules to the instructions: `num_candidates` times an LM that sees the training examples, each time in
    another order, writes up to `num_rules` of them for every predictor.

    A rule that says the same as an earlier one is left out. A request at `init_temperature` shows `max_examples` (None: all); where they
    are too many for the LM's context, half of them are dropped until they fit. The program as it is, the bootstrapped one and each with
    rules are scored, and the best one is the result: on the `valset`, or without one on a third of the training set, from which neither
    demos nor rules are then made.

    Runs up to (num_candidates + 2) programs on every scored example beside those of the bootstrap; P·num_candidates requests for P
    predictors, and one more for each time that examples are dropped, go to `prompt_model` (None: the LM of `teacher_settings`, else
    that of the task). The other arguments are those of `BootstrapFewShot`. InputError without a metric.

    >>> import lmnb
    >>> rows = [lmnb.Example(word=word, size=word.upper()).with_inputs("word") for word in ("one", "two", "three")]
    >>> def says(messages):
    ...     if "proposed_instruction" in messages[0]["content"]:
    ...         return {"proposed_instruction": "1. Write the word in capitals.\\n2. Write the word in capitals."}
    ...     word = next(row.word for row in rows if row.word in messages[-1]["content"])
    ...     return {"size": word.upper() if "capitals" in messages[0]["content"] else word}
    >>> rules = lmnb.InferRules(num_candidates=1, metric=lambda example, prediction, trace=None: example.size == prediction.size)
    >>> with lmnb.context(lm=lmnb.FakeLM(says)):
    ...     tuned = rules.compile(lmnb.Predict("word -> size"), trainset=rows, valset=rows, run_dir=None)
    >>> print(tuned.instructions)
    Given the fields `word`, produce the fields `size`.
    <BLANKLINE>
    Follow these rules:
    - Write the word in capitals.
    """

    needs_evalset = True
    learns_demos_only = False

    def __init__(
        self,
        num_candidates: int = 10,
        num_rules: int = 10,
        num_threads: int | None = None,
        teacher_settings: Mapping[str, Any] | None = None,
        *,
        metric: Callable[..., Any] | None = None,
        metric_threshold: float | None = None,
        max_bootstrapped_demos: int = 4,
        max_labeled_demos: int = 16,
        max_rounds: int = 1,
        max_errors: int | None = None,
        prompt_model: Any = None,
        max_examples: int | None = None,
        init_temperature: float = 1.0,
    ) -> None:
        super().__init__(
            metric=metric,
            metric_threshold=metric_threshold,
            teacher_settings=teacher_settings,
            max_bootstrapped_demos=max_bootstrapped_demos,
            max_labeled_demos=max_labeled_demos,
            max_rounds=max_rounds,
            max_errors=max_errors,
        )
        self.num_candidates = whole_number("num_candidates", num_candidates, "how many lists of rules are tried")
        self.num_rules = whole_number("num_rules", num_rules, "the most rules of a list")
        self.num_threads = num_threads
        self.prompt_model = prompt_model
        shown = "the most examples that a request shows"
        self.max_examples = None if max_examples is None else whole_number("max_examples", max_examples, shown)
        self.init_temperature = init_temperature

    def proposers(self) -> Mapping[str, Any]:
        return {"rules": Predict(Rules)}

    @property
    def proposer_lm(self) -> Any:
        return self.prompt_model or self.teacher_settings.get("lm")

    def planned(self, **_: Any) -> int:
        return self.num_candidates + 2

    def counts(self, task: Task, **options: Any) -> Counts:
        V, made, lists = (
            len(task.examples()),
            super().counts(task, **options),
            self.num_candidates * len(task.predictors),
        )
        shown = len(task.trainset) if self.max_examples is None else min(self.max_examples, len(task.trainset))
        return replace(
            made,
            student=made.student + Interval(0, self.num_candidates * V),
            proposals=Interval(
                lists, lists * shown.bit_length()
            ),  # once more for each time that the examples are halved
            shown=shown,
        )

    def search(self, task: Task) -> Search:
        bootstrapped = yield from super().search(task)
        for number in range(self.num_candidates):
            values = dict(bootstrapped.values)
            found = yield from together(*(self.rules(task, part, number) for part in task.predictors))
            for part, rules in zip(task.predictors, found, strict=True):
                told, demos = f"{part.path}.instructions", f"{part.path}.demos"
                values[told] = with_rules(task.baseline.values[told], rules)
                values[demos] = tuple((yield from allowed_demos(values[demos], demos)))
            label = f"rules {number + 1}: {' + '.join(str(len(rules)) for rules in found)}"
            if not any(found):
                yield [Report(f"rules {number + 1}: nothing that could be used was written")]
            else:
                candidate = yield from gate(Candidate(values, (bootstrapped.id,), "proposed", label))
                if candidate is not None:
                    yield from evaluate(candidate, task)

    def rules(self, task: Task, part: Predictor, number: int) -> Generator[list[Effect], list[Any], list[str]]:
        """Rules for a predictor, from as many training examples as fit."""
        slot = f"{part.path}.instructions"
        rejected = [
            {"rule": rule, "reason": each["reason"]}
            for each in task.rejected(slot)
            for rule in rules_in(each["text"].partition(HEAD)[2])
        ]
        examples = [_shown(example) for example in task.shown()]
        task.rng("rules", part.path, number).shuffle(examples)
        examples = examples[: self.max_examples]
        while examples:
            inputs = {
                "task": f"{', '.join(part.inputs)} -> {', '.join(part.outputs)}",
                "examples": examples,
                "current_instruction": task.baseline.values[slot],
                "rejected": rejected,
                "number": self.num_rules,
            }
            result = (yield [Propose("rules", inputs, number + 1, self.init_temperature, slot)])[0]
            if not isinstance(result, Result) or not (result.error or "").startswith("ContextWindowError"):
                written = (
                    result.outputs["proposed_instruction"] if isinstance(result, Result) and result.outputs else ""
                )
                return without_repeats(rules_in(written), [each["rule"] for each in rejected])[: self.num_rules]
            examples = examples[: len(examples) // 2]
        yield [Report("not one training example fits the context of the LM that writes the rules")]
        return []


def rules_in(text: str) -> list[str]:
    """The rules of a text with one on each line, without bullets and numbers.

    >>> rules_in("1. Be brief.\\n\\n- Be kind.")
    ['Be brief.', 'Be kind.']
    """
    lines = (_MARK.sub("", f" {line}", count=1).strip() for line in text.splitlines())
    return [line for line in lines if line and len(line) <= LONGEST]


def without_repeats(rules: Iterable[str], others: Iterable[str] = ()) -> list[str]:
    """Those that share fewer than nine in ten of their words with an earlier one, and with each of `others`.

    >>> without_repeats(["Answer in one word.", "Be kind.", "answer in ONE word"])
    ['Answer in one word.', 'Be kind.']
    """
    kept, known = [], list(others)
    for rule in rules:
        if all(jaccard(rule, other) < TWIN for other in known):
            kept.append(rule)
            known.append(rule)
    return kept


def with_rules(instruction: str, rules: Iterable[str]) -> str:
    """An instruction with rules after it; unchanged where there are none."""
    lines = "\n".join(f"- {rule}" for rule in rules)
    return f"{instruction}{HEAD}{lines}" if lines else instruction


def _shown(example: Example) -> str:
    return "\n".join(f"{name}: {without_data(plain(value))}" for name, value in example.items())
