"""COPRO: instructions written by an LM that sees how its earlier ones scored (Yang et al. 2023, arXiv 2309.03409)."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

from lmnb.counts import whole_number
from lmnb.errors import InputError
from lmnb.modules.predict import Predict
from lmnb.modules.texts import output_slot
from lmnb.modules.tool_texts import LONGEST
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.counts import Counts
from lmnb.optimize.effects import Effect, Report
from lmnb.optimize.interval import Interval, exactly
from lmnb.optimize.optimizer import Optimizer
from lmnb.optimize.search import Search, evaluate, gate, propose, together
from lmnb.optimize.task import Predictor, Task
from lmnb.signature import InputField, OutputField, Signature

if TYPE_CHECKING:
    from lmnb.optimize.run import Run

HINTS = (  # one for each sample: servers that give the same text for the same prompt are asked different things
    "Say what makes an answer right.",
    "Say what form the answer has: its length, its words, its punctuation.",
    "Lead through the task step by step.",
    "Warn of the likeliest mistake.",
    "Be as short as can be.",
    "Be thorough: leave nothing to be guessed.",
    "Say what an expert in the matter looks at first.",
    "Say what to do where the input is unclear.",
)
TOP = 10  # scores that `results_best` sums up
_ROUND = re.compile(r"(?P<path>.+), round (?P<round>\d+), try \d+")

Texts = tuple[str, str]  # an instruction, and the description of the last output


class NewInstruction(Signature):
    """Write a better instruction for a language model that does this task, and a better description of its output. Follow the hint."""

    task: str = InputField(desc="names of the inputs and outputs")
    current_instruction: str = InputField()
    current_description: str = InputField(desc="of the last output; may be empty")
    rejected: list[dict[str, str]] = InputField(desc="texts that a person ruled out, and why")
    hint: str = InputField()
    proposed_instruction: str = OutputField()
    proposed_description: str = OutputField(desc="a few words on what the last output is to be")


class NextInstruction(Signature):
    """These instructions for a language model were tried on a task and scored from 0 to 100, the best one last. Write one that will score
    higher than all of them, and a description of its output. Keep what the good ones share, and follow the hint.
    """

    task: str = InputField(desc="names of the inputs and outputs")
    attempts: list[dict[str, Any]] = InputField(desc="instruction, description of the last output, and score")
    rejected: list[dict[str, str]] = InputField(desc="texts that a person ruled out, and why")
    hint: str = InputField()
    proposed_instruction: str = OutputField()
    proposed_description: str = OutputField(desc="a few words on what the last output is to be")


class COPRO(Optimizer):
    """Coordinate ascent over the texts of a program: for each predictor in turn, its instruction and its last output's description.

    In each of `depth` rounds the prompt model writes `breadth` new pairs of texts for every predictor (one less in the first, where the
    program's own pair is the other one), one a request at `init_temperature`; from the second round on it sees the best `breadth` pairs
    with their scores. Each new pair is scored in the best program so far; none is scored twice.

    At most P·(breadth·depth - 1) + 1 programs run on every example for P predictors, and P·(breadth·depth - 1) requests go to
    `prompt_model` (None: the LM of the task). Candidates are scored on the `valset`, or without one on the whole trainset: nothing else
    is learnt from it, so hold examples out for a last check.

    The result has `candidate_programs`; with `track_stats` also `results_best` and `results_latest` (for each predictor by its path: depth,
    max, average, min and std of the best ten scores so far, or of those of the round) and `total_calls`, the number of scored candidates.
    InputError without a metric, and for a breadth below 2.

    >>> import lmnb
    >>> rows = [lmnb.Example(question=f"{n} + {n}?", answer=str(2 * n)).with_inputs("question") for n in range(3)]
    >>> def says(messages):
    ...     asked = messages[-1]["content"]
    ...     if "proposed_instruction" in messages[0]["content"]:
    ...         return {"proposed_instruction": "Add the numbers.", "proposed_description": "digits alone"}
    ...     told = "Add" in messages[0]["content"]
    ...     return {"answer": next(row.answer for row in rows if row.question in asked) if told else "?"}
    >>> copro = lmnb.COPRO(metric=lambda example, prediction, trace=None: example.answer == prediction.answer, breadth=2, depth=1)
    >>> with lmnb.context(lm=lmnb.FakeLM(says)):
    ...     tuned = copro.compile(lmnb.Predict("question -> answer"), trainset=rows, run_dir=None)
    >>> tuned.instructions, tuned.signature.output_fields["answer"].desc
    ('Add the numbers.', 'digits alone')
    """

    needs_evalset = True
    learns_from_trainset = False

    def __init__(
        self,
        prompt_model: Any = None,
        metric: Callable[..., Any] | None = None,
        breadth: int = 10,
        depth: int = 3,
        init_temperature: float = 1.4,
        track_stats: bool = False,
    ) -> None:
        super().__init__(metric=metric)
        self.prompt_model = prompt_model
        self.breadth = whole_number(
            "breadth", breadth, "how many texts a round tries, the program's own among them", least=2
        )
        self.depth = whole_number("depth", depth, "the number of rounds")
        self.init_temperature = init_temperature
        self.track_stats = track_stats

    def proposers(self) -> Mapping[str, Any]:
        return {"first": Predict(NewInstruction), "next": Predict(NextInstruction)}

    def counts(self, task: Task, **_: Any) -> Counts:
        V, written = len(task.examples()), len(task.predictors) * max(0, self.breadth * self.depth - 1)
        return Counts(Interval(V, V * (1 + written)), proposals=exactly(written), shown=0)

    def start(
        self,
        student: Any,
        *,
        eval_kwargs: Mapping[str, Any] | None = None,
        num_threads: int | None = None,
        **options: Any,
    ) -> Run:
        """See `Optimizer.start`. Of `eval_kwargs` the number of threads is taken; a run shows its progress by itself."""
        given = dict(eval_kwargs or {})
        num_threads = num_threads or given.pop("num_threads", None)
        unknown = sorted(given.keys() - {"num_threads", "display_progress", "display_table", "provide_traceback"})
        if unknown:
            raise InputError(f"eval_kwargs has {unknown[0]!r}, which a run does not take. Write num_threads alone.")
        return super().start(student, num_threads=num_threads, **options)

    def search(self, task: Task) -> Search:
        baseline = yield from gate(task.baseline)
        if baseline is not None:
            yield from evaluate(baseline, task)
        for depth in range(self.depth):
            parts = [part for part in task.predictors if not task.archive.state.pins.keys() >= set(_slots(part))]
            written = yield from together(*(self.written(task, part, depth) for part in parts))
            for part, texts in zip(parts, written, strict=True):
                usable = f"{len(texts)} of {self.breadth - (depth == 0)} texts for {part.path} are new and usable"
                yield [Report(f"round {depth + 1} of {self.depth}: {usable}")]
                for number, pair in enumerate(texts):
                    base = task.archive.best() or task.baseline  # the other predictors hold what is best so far
                    values = {**base.values, **dict(zip(_slots(part), pair, strict=True))}
                    label = f"{part.path}, round {depth + 1}, try {number + 1}"
                    candidate = yield from gate(Candidate(values, (base.id,), "proposed", label))
                    if candidate is not None:
                        yield from evaluate(candidate, task)

    def written(self, task: Task, part: Predictor, depth: int) -> Generator[list[Effect], list[Any], list[Texts]]:
        """New texts for a predictor: each once, none that was tried, and none that says what a person rejected."""
        instruction, description = _texts(task.archive.best() or task.baseline, part)
        rejected = [each for slot in _slots(part) for each in task.rejected(slot)]
        inputs = {"task": f"{', '.join(part.inputs)} -> {', '.join(part.outputs)}", "rejected": rejected}
        attempts = self.attempts(task, part)
        if depth and attempts:
            asked, told = "next", {"attempts": attempts}
        else:
            asked, told = "first", {"current_instruction": instruction, "current_description": description}
        hints = task.rng("hints", part.path, depth).sample(HINTS, len(HINTS))
        answers = yield from together(
            *(
                propose(
                    asked,
                    {**inputs, **told, "hint": hints[number % len(hints)]},
                    rollout_id=depth * self.breadth + number + 1,
                    temperature=self.init_temperature,
                    slot=_slots(part)[0],
                    writes=dict(zip(("proposed_instruction", "proposed_description"), _slots(part), strict=True)),
                )
                for number in range(self.breadth - (depth == 0))
            )
        )
        known = {_normal(_texts(entry.candidate, part)) for entry in task.archive.entries.values()}
        found = []
        for answer in answers:
            pair = (
                _clean((answer or {}).get("proposed_instruction")),
                _clean((answer or {}).get("proposed_description")),
            )
            refused = any(task.refuses(slot, text) for slot, text in zip(_slots(part), pair, strict=True))
            if pair[0] and not refused and _normal(pair) not in known and max(map(len, pair)) <= LONGEST:
                known.add(_normal(pair))
                found.append(pair)
        return found

    def attempts(self, task: Task, part: Predictor) -> list[dict[str, Any]]:
        """The best `breadth` pairs of texts of a predictor, by the best score that each came to, the best one last."""
        scores: dict[Texts, float] = {}
        for candidate in task.feasible():
            score = task.score(candidate)
            if score is not None:
                pair = _texts(candidate, part)
                scores[pair] = max(score, scores.get(pair, score))
        ranked = sorted(scores.items(), key=lambda item: item[1])[-self.breadth :]
        return [{"instruction": pair[0], "description": pair[1], "score": round(score, 1)} for pair, score in ranked]

    def attributes(self, run: Run) -> dict[str, Any]:
        return {**super().attributes(run), **(_statistics(run) if self.track_stats else {})}


def _slots(part: Predictor) -> tuple[str, str]:
    return f"{part.path}.instructions", output_slot(part.path, part.outputs[-1])


def _texts(candidate: Candidate, part: Predictor) -> Texts:
    instruction, description = (candidate.values[slot] for slot in _slots(part))
    return instruction, description


def _clean(text: Any) -> str:
    """A proposal without the quotes that models like to put around one."""
    bare = str(text or "").strip()
    return bare[1:-1].strip() if len(bare) > 1 and bare[0] == bare[-1] == '"' and '"' not in bare[1:-1] else bare


def _normal(texts: Texts) -> Texts:
    first, second = (" ".join(text.split()).casefold() for text in texts)
    return first, second


def _statistics(run: Run) -> dict[str, Any]:
    """How the scores of each predictor's texts grew from round to round."""
    rows = [(row, row.score) for row in run.candidates if row.status == "scored" and row.score is not None]
    first = [score for row, score in rows if row.origin == "baseline"]
    placed = [
        (found["path"], int(found["round"]), score) for row, score in rows if (found := _ROUND.fullmatch(row.label))
    ]
    best: dict[str, Any] = {}
    latest: dict[str, Any] = {}
    for path in dict.fromkeys(name for name, _, _ in placed):
        mine = [(number, score) for name, number, score in placed if name == path]
        for number in sorted({number for number, _ in mine}):
            so_far = sorted([*first, *(score for earlier, score in mine if earlier <= number)])[-TOP:]
            _add(best.setdefault(path, {}), number - 1, so_far)
            _add(latest.setdefault(path, {}), number - 1, [score for same, score in mine if same == number])
    return {"results_best": best, "results_latest": latest, "total_calls": len(rows)}


def _add(table: dict[str, list[float]], depth: int, scores: list[float]) -> None:
    row = {"depth": depth, "max": max(scores), "average": fmean(scores), "min": min(scores), "std": pstdev(scores)}
    for name, value in row.items():
        table.setdefault(name, []).append(value)
