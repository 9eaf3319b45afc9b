"""The optimizers of the bench, each with its arguments scaled to the same number of LM calls.

Two of them need a proposer in the embedded model's own form to write anything that it understands: the model was trained to propose an
instruction from labelled examples, and COPRO's prompt shows none, GEPA's shows them with replies and feedback. They stand in
the bench twice: as they come, and with such a proposer.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.tasks import Problem, right

import lmnb
from lmnb.canonical import content_hash
from lmnb.lm.response import read_reply
from lmnb.optimize.search import Search, evaluate, gate
from lmnb.optimize.task import Task as Known

CALLS = 600  # LM calls of one search: program runs and proposals, whatever a cache holds
TRAIN, VAL, SHOWN = 40, 40, 8
ASKED = lmnb.Signature(
    "examples, current_instruction -> proposed_instruction", "Propose a better instruction for the task."
)


class HeldOut(lmnb.Optimizer):
    """Scores a program on its validation set and changes nothing: an evaluation that is journaled, resumed and replayed like a search."""

    needs_evalset = True
    needs_trainset = False

    def search(self, task: Known) -> Search:
        program = yield from gate(task.baseline)
        if program is not None:
            yield from evaluate(program, task)


class FromExamples(lmnb.BaseLM):
    """A prompt model: whatever text it is asked for, it gives the instruction that `lm` proposes from training examples, drawn anew for
    each request. One call of `lm` a request.
    """

    derives_seed = True

    def __init__(self, lm: Any, examples: list[str], current: str, **options: Any) -> None:
        super().__init__(f"{lm.model} from examples", cache=False, **options)
        self.lm = lm
        self.examples = examples
        self.current = current

    def forward(self, prompt: str | None = None, messages: Any = None, **options: Any) -> str:
        rng = random.Random(content_hash([messages, options.get("seed")]))
        shown = "\n".join(rng.sample(self.examples, min(SHOWN, len(self.examples))))
        adapter = lmnb.ChatAdapter()
        asked = adapter.format(ASKED, [], {"examples": shown, "current_instruction": self.current})
        reply = read_reply(self.lm.forward(messages=asked), model=self.lm.model, cache="off", attempts=1)
        text = adapter.parse(ASKED, reply.texts[0])["proposed_instruction"]
        wanted = re.findall(r"^- `(\w+)`", messages[0]["content"].partition("Output fields:")[2], re.M)
        values = {name: text if name in ("proposed_instruction", "rule") else "" for name in wanted}
        return "\n\n".join(f"[[ ## {name} ## ]]\n{value}" for name, value in {**values, "completed": ""}.items())


class Reflecting(lmnb.Module):
    """GEPA's proposer in the embedded model's own form: the minibatch as labelled examples."""

    def __init__(self) -> None:
        self.propose = lmnb.Predict(ASKED)

    def forward(self, candidate: Any, reflective_dataset: Any, components_to_update: Any) -> str:
        [slot] = components_to_update
        examples = "\n".join(map(_labelled, reflective_dataset[slot]))
        return self.propose(examples=examples, current_instruction=candidate[slot]).proposed_instruction


def _labelled(record: Mapping[str, Any]) -> str:
    """What was given, and what was right: what the feedback says, or else the reply itself."""
    told = re.fullmatch(r"The (\w+) is (.*)\.", record["Feedback"], re.S)
    outputs = record["Generated Outputs"]
    fields = {**record["Inputs"], **({told[1]: told[2]} if told else outputs if isinstance(outputs, Mapping) else {})}
    return "\n".join(f"{name}: {value}" for name, value in fields.items())


@dataclass(frozen=True)
class Started:
    """A search to be begun: the optimizer, what `start` is given beside the examples, and the LM of its proposers."""

    optimizer: Any
    options: Mapping[str, Any] = field(default_factory=dict)
    prompt_model: Any = None


@dataclass(frozen=True)
class Contender:
    """`make(problem, demos, lm)` gives the search; `demos` is False where prompts have no room for demos. `needs_demos`: it tunes nothing else."""

    name: str
    make: Callable[[Problem, bool, Any], Started]
    runs: str  # how many program runs it takes at the most
    needs_demos: bool = False
    members: int = 0  # of an ensemble of the search's best programs, scored after it


def _prompt_model(problem: Problem, lm: Any) -> FromExamples:
    shown = ["\n".join(f"{name}: {value}" for name, value in each.items()) for each in problem.train]
    return FromExamples(lm, shown, problem.program.predictors()[0].instructions)


def _room(demos: bool) -> dict[str, Any]:
    return {"max_bootstrapped_demos": 4 if demos else 0, "max_labeled_demos": 8 if demos else 0}


def _labeled(problem: Problem, demos: bool, lm: Any) -> Started:
    return Started(lmnb.LabeledFewShot(k=8, metric=right))


def _bootstrap(problem: Problem, demos: bool, lm: Any) -> Started:
    return Started(lmnb.BootstrapFewShot(right, **_room(demos)))


def _random_search(count: int) -> Callable[[Problem, bool, Any], Started]:
    def make(problem: Problem, demos: bool, lm: Any) -> Started:
        search = lmnb.BootstrapFewShotWithRandomSearch(right, num_candidate_programs=count, **_room(demos))
        return Started(search)

    return make


def _optuna(problem: Problem, demos: bool, lm: Any) -> Started:
    return Started(lmnb.BootstrapFewShotWithOptuna(right, num_candidate_programs=13, **_room(demos)))


def _copro(problem: Problem, demos: bool, lm: Any) -> Started:
    return Started(lmnb.COPRO(metric=right, breadth=7, depth=2))


def _copro_shown(problem: Problem, demos: bool, lm: Any) -> Started:
    model = _prompt_model(problem, lm)
    return Started(lmnb.COPRO(metric=right, breadth=7, depth=2, prompt_model=model), prompt_model=model)


def _mipro(problem: Problem, demos: bool, lm: Any) -> Started:
    given = {"num_trials": 15, "minibatch_size": 20}
    count = 6 if demos else 14  # without demos there is nothing else to combine
    return Started(lmnb.MIPROv2(right, auto=None, num_candidates=count, **_room(demos)), given)


def _gepa(problem: Problem, demos: bool, lm: Any) -> Started:
    return Started(lmnb.GEPA(right, max_metric_calls=560))


def _gepa_shown(problem: Problem, demos: bool, lm: Any) -> Started:
    return Started(
        lmnb.GEPA(right, max_metric_calls=560, reflection_minibatch_size=SHOWN, instruction_proposer=Reflecting())
    )


def _simba(problem: Problem, demos: bool, lm: Any) -> Started:
    model = _prompt_model(problem, lm)
    teacher = lmnb.LabeledFewShot(k=8).compile(problem.program, trainset=problem.train, run_dir=None)
    search = lmnb.SIMBA(
        metric=right, bsize=10, num_candidates=4, max_steps=4, max_demos=4 if demos else 0, prompt_model=model
    )
    return Started(search, {"teacher": teacher}, model)


def _rules(problem: Problem, demos: bool, lm: Any) -> Started:
    search = lmnb.InferRules(num_candidates=10, metric=right, max_examples=SHOWN, init_temperature=0.3, **_room(demos))
    return Started(search)


def _nearest(problem: Problem, demos: bool, lm: Any) -> Started:
    return Started(lmnb.KNNFewShot(k=8, metric=right))


def _iterated(problem: Problem, demos: bool, lm: Any) -> Started:
    return Started(lmnb.IteratedBootstrapFewShot(right, rounds=6, **_room(demos)))


CONTENDERS = {
    each.name: each
    for each in (
        Contender("LabeledFewShot", _labeled, "2 V = 80", needs_demos=True),
        Contender("BootstrapFewShot", _bootstrap, "T + 2 V = 120", needs_demos=True),
        Contender("RandomSearch", _random_search(9), "T + 12 V = 520", needs_demos=True),
        Contender("Optuna", _optuna, "T + 13 V = 560", needs_demos=True),
        Contender("IteratedBootstrap", _iterated, "6 T + 7 V = 520", needs_demos=True),
        Contender("KNNFewShot", _nearest, "T + 2 V = 120", needs_demos=True),
        Contender("Ensemble of 3", _random_search(7), "T + 10 V + 3 V = 560", needs_demos=True, members=3),
        Contender("MIPROv2", _mipro, "T + 5 V + 15 · 20 = 540"),
        Contender("InferRules", _rules, "T + 12 V = 520"),
        Contender("COPRO", _copro, "14 V = 560"),
        Contender("COPRO, shown examples", _copro_shown, "14 V = 560"),
        Contender("GEPA", _gepa, "560"),
        Contender("GEPA, own form", _gepa_shown, "560"),
        Contender("SIMBA, taught", _simba, "4 · 10 · 9 + 5 V = 560"),
    )
}
