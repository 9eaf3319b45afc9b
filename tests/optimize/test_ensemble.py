"""Ensemble: who is asked, who is heard, what it costs, and what it teaches."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import threading
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import worlds

import lmnb

QA = "question -> answer"


def saying(*words: Any) -> list[lmnb.Predict]:
    """A program for each word, which always says it; one that is an error raises it."""

    def always(word: Any) -> Any:
        def reply(messages: Any, **_: Any) -> Any:
            if isinstance(word, Exception):
                raise word
            return {"answer": word}

        return lmnb.FakeLM(reply, num_retries=0)

    return [lmnb.Predict(QA, lm=always(word)) for word in words]


def ask(program: Any, number: int = 0, how: str = "sync") -> Any:
    question = f"q{number}"
    return asyncio.run(program.acall(question=question)) if how == "async" else program(question=question)


each_way = pytest.mark.parametrize("how", ["sync", "async"])


@each_way
def test_most_of_the_programs_decide(how: str) -> None:
    """By default the majority is given; the votes say who was asked and whose answer it is."""
    program = lmnb.Ensemble().compile(saying("Bern", "Basel", "bern."))
    made = ask(program, how=how)
    assert made.answer == "Bern"
    assert [(vote.program, vote.outputs["answer"], vote.agrees) for vote in program.votes(made)] == [
        (0, "Bern", True),
        (1, "Basel", False),
        (2, "bern.", True),
    ]
    with pytest.raises(lmnb.InputError, match="not made by this ensemble"):
        program.votes(lmnb.Prediction(answer="Bern"))


def test_who_is_asked_follows_from_the_inputs_and_the_seed() -> None:
    """The same inputs ask the same programs in every process; other inputs and other seeds ask others, each about as often."""
    programs = saying(*"abcde")
    made = [lmnb.Ensemble(size=2).compile(programs, seed=seed) for seed in (0, 0, 1)]
    chosen = [[tuple(each.chosen({"question": f"q{number}"})) for number in range(200)] for each in made]
    assert chosen[0] == chosen[1] != chosen[2]
    assert chosen[0][:3] == [(0, 1), (2, 4), (2, 3)]
    assert all(len(set(pair)) == 2 for pair in chosen[0])
    counts = Counter(at for pair in chosen[0] for at in pair)
    assert len(counts) == 5 and all(55 < count < 105 for count in counts.values())
    assert [vote.program for vote in made[0].votes(ask(made[0], 1))] == list(chosen[0][1])


@pytest.mark.parametrize("deterministic", [False, True])
def test_another_sample_of_the_inputs_asks_others_unless_it_is_deterministic(deterministic: bool) -> None:
    """`BestOfN` tries an ensemble again: with `deterministic=True` its tries ask the programs of the first one."""
    program = lmnb.Ensemble(size=1, deterministic=deterministic).compile(saying(*"abcdefgh"))
    best = lmnb.BestOfN(program, 8, lambda inputs, made: 0.0, 1.0)
    with lmnb.trace.span("module", "caller") as around:
        ask(best)
    tries = [span for _, span in lmnb.Trace(around).spans() if span.name.startswith("try")]
    said = {span.children[0].outputs["answer"] for span in tries}
    assert len(tries) == 8 and (len(said) == 1) == deterministic


@each_way
def test_a_program_that_fails_has_no_vote(how: str) -> None:
    """The others decide, and the report has its error; where all fail the first error is raised."""
    broken = lmnb.ServerError("it is down", model="fake")
    program = lmnb.Ensemble().compile(saying(broken, "x", "y", "y"))
    made = ask(program, how=how)
    assert made.answer == "y"
    assert [vote.error for vote in program.votes(made)] == ["ServerError: it is down", None, None, None]
    assert not program.votes(made)[0].agrees
    with pytest.raises(lmnb.ServerError, match="it is down"):
        ask(lmnb.Ensemble().compile(saying(broken, broken)), how=how)


def test_votes_have_weights() -> None:
    """Given, or the scores that the programs were compiled to."""
    programs = saying("x", "y", "y")
    assert ask(lmnb.Ensemble(weights=[3, 1, 1]).compile(programs)).answer == "x"
    for program, score in zip(programs, (90.0, 30.0, 40.0), strict=True):
        program.provenance = {"score": score}
    made = lmnb.Ensemble(weights="score").compile(programs)
    assert made.weights == [90.0, 30.0, 40.0] and ask(made).answer == "x"
    assert [vote.weight for vote in made.votes(ask(made))] == [90.0, 30.0, 40.0]


@each_way
def test_a_reduce_fn_of_ones_own(how: str) -> None:
    """A function gets the list of predictions; a module may ask an LM, and is a part of the program."""

    class Compare(lmnb.Module):
        def __init__(self) -> None:
            self.pick = lmnb.Predict("answers: list[str] -> answer", lm=lmnb.FakeLM([{"answer": "c"}]))

        def forward(self, made: list[Any]) -> Any:
            return self.pick(answers=[each.answer for each in made])

    joined = lmnb.Ensemble(reduce_fn=lambda made: "".join(each.answer for each in made)).compile(saying("x", "y"))
    assert ask(joined, how=how) == "xy"
    program = lmnb.Ensemble(reduce_fn=Compare()).compile(saying("x", "y"))
    assert [name for name, _ in program.named_predictors()] == ["programs[0]", "programs[1]", "reduce_fn.pick"]
    assert ask(program, how=how).answer == "c"


@each_way
def test_the_programs_are_asked_side_by_side(how: str) -> None:
    """No program waits for another's reply: each request comes before any is answered."""
    together = threading.Barrier(3, timeout=20)

    class Slow(lmnb.BaseLM):
        def forward(self, prompt: Any = None, messages: Any = None, **options: Any) -> Any:
            together.wait()
            return lmnb.FakeLM([{"answer": "x"}]).forward(prompt, messages, **options)

    program = lmnb.Ensemble().compile([lmnb.Predict(QA, lm=Slow("slow")) for _ in range(3)])
    with lmnb.context(num_threads=3):
        assert ask(program, how=how).answer == "x"


@each_way
def test_the_callers_budget_holds(how: str) -> None:
    """A request that is too many is refused, and that is no program's own failure."""
    lm = lmnb.FakeLM(lambda messages, **_: {"answer": "x"})
    program = lmnb.Ensemble().compile([lmnb.Predict(QA) for _ in range(4)])
    with lmnb.context(lm=lm, budget=lmnb.Budget(calls=3)), pytest.raises(lmnb.BudgetExceeded):
        ask(program, how=how)
    assert len(lm.calls) == 3


@each_way
def test_a_check_asks_its_own_step_again_and_nobody_elses(how: str) -> None:
    """What the other programs gave is replayed: one more request is all that a failed check costs."""

    class Checked(lmnb.Module):
        def __init__(self, lm: Any) -> None:
            self.answer = lmnb.Predict(QA, lm=lm)

        def forward(self, question: str) -> Any:
            made = self.answer(question=question)
            lmnb.Assert(" " not in made.answer, "One word.", at=self.answer)
            return made

    lms = [
        lmnb.FakeLM([{"answer": "x"}]),
        lmnb.FakeLM([{"answer": "y z"}, {"answer": "x"}]),
        lmnb.FakeLM([{"answer": "y"}]),
    ]
    program = lmnb.Ensemble().compile([Checked(lm) for lm in lms])
    assert ask(program, how=how).answer == "x"
    assert [len(lm.calls) for lm in lms] == [1, 2, 1]


def test_what_was_outvoted_stands_aside() -> None:
    """The steps of the trace, which become demos, are those of the programs that agree; usage counts every call."""
    made = ask(lmnb.Ensemble().compile(saying("x", "y", "x")))
    assert [step.path for step in made.trace.steps()] == ["programs[0]", "programs[2]"]
    assert made.trace.usage["calls"] == 3


def members(count: int) -> list[Any]:
    """Programs of two calls with demos of their own."""
    made = [worlds.TwoCalls() for _ in range(count)]
    for at, program in enumerate(made):
        program.respond.predict.demos = worlds.questions(40 + 10 * at, 42 + 10 * at)
    return made


def test_it_teaches_a_student_with_the_structure_of_its_programs() -> None:
    """The student's demos are the steps of one program that agreed, at the student's own predictors, and all passed the metric."""
    teacher = lmnb.Ensemble().compile(members(3))
    lm = lmnb.FakeLM(worlds.reply)
    with lmnb.context(lm=lm):
        tuned = lmnb.BootstrapFewShot(metric=worlds.exact, max_bootstrapped_demos=3, max_labeled_demos=3).compile(
            worlds.TwoCalls(), teacher=teacher, trainset=worlds.questions(0, 12), run_dir=None
        )
    for predictor in (tuned.rewrite, tuned.respond.predict):
        assert [demo.provenance.origin for demo in predictor.demos] == ["bootstrapped"] * 3
    for demo in tuned.respond.predict.demos:
        assert demo.answer == f"a{demo.question[1:]}" and demo.query == f"find {demo.question[1:]}"
        assert set(demo.keys()) == {"question", "query", "reasoning", "answer"}
    with pytest.raises(lmnb.InputError, match="a teacher has the same structure"):
        lmnb.BootstrapFewShot(metric=worlds.exact).compile(
            lmnb.Predict(QA), teacher=teacher, trainset=worlds.questions(0, 12), run_dir=None
        )


def test_it_is_saved_with_the_demos_of_every_program(tmp_path: Path) -> None:
    """A fresh ensemble that loads the file sends the same requests; one of fewer programs is told what is missing."""
    program, fresh = (lmnb.Ensemble(size=2).compile(members(3)) for _ in range(2))
    for predictor in fresh.predictors():
        predictor.demos = []
    program.save(tmp_path / "program.json")
    fresh.load(tmp_path / "program.json")
    lms = lmnb.FakeLM(worlds.reply), lmnb.FakeLM(worlds.reply)
    for made, lm in zip((program, fresh), lms, strict=True):
        with lmnb.context(lm=lm):
            ask(made, 7)

    def requests(lm: Any) -> list[str]:
        return sorted(str(call["messages"]) for call in lm.calls)

    assert requests(lms[0]) == requests(lms[1]) and len(lms[1].calls) == 4
    with pytest.raises(lmnb.SaveError, match=r"'programs\[2\]\.rewrite' is only in the file"):
        lmnb.Ensemble().compile(members(2)).load(tmp_path / "program.json")


def test_the_python_module_votes_as_the_program_does(tmp_path: Path) -> None:
    """The exported module is the ensemble, with its programs and the number that is asked."""
    program = lmnb.Ensemble(size=2).compile([lmnb.Predict(QA) for _ in range(3)], seed=4)
    program.programs[1].instructions = "Answer in German."
    program.export(tmp_path / "voting.py", format="python")
    spec = importlib.util.spec_from_file_location("voting", tmp_path / "voting.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    again = module.program
    assert [again.chosen({"question": f"q{n}"}) for n in range(9)] == [
        program.chosen({"question": f"q{n}"}) for n in range(9)
    ]
    assert again.slots() == program.slots()


def test_compiling_without_a_valset_asks_nobody_and_keeps_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    """The programs stay as they were, and say where the ensemble came from."""
    monkeypatch.chdir(tmp_path)
    programs = members(2)
    state = [program.dump_state() for program in programs]
    made = lmnb.Ensemble().compile(programs)
    made.programs[0].rewrite.instructions = "Otherwise."
    assert [program.dump_state() for program in programs] == state
    assert list(tmp_path.iterdir()) == [] and made.provenance["optimizer"] == "Ensemble"


def test_with_a_valset_it_is_scored_and_steered_like_any_run() -> None:
    """The run has the ensemble as its candidate; an edit of one program's instruction is another, and a replay asks nobody."""
    lm = lmnb.FakeLM(worlds.reply)
    with lmnb.context(lm=lm):
        run = lmnb.Ensemble(metric=worlds.exact).start(members(3), valset=worlds.questions(100, 108))
        run.wait(60)
        assert [each.status for each in run.candidates] == ["scored"] and len(lm.calls) == 8 * 3 * 2
        run.edit(0, "programs[1].rewrite.instructions", "Write a short query.")
        run.until("ended", 30)
    assert [each.status for each in run.candidates] == ["scored", "scored"]
    asked = len(lm.calls)
    again = lmnb.reopen(run.path)
    assert again.replay_candidate().id == run.best.id and len(lm.calls) == asked
    assert "0x" not in str(again.header.arguments)


@pytest.mark.parametrize(
    ("options", "given", "words"),
    [
        ({}, {"programs": []}, r"an ensemble needs a list of programs, not \[\]"),
        ({}, {"programs": lmnb.Predict(QA)}, "an ensemble needs a list of programs"),
        ({}, {"programs": ["x"]}, r"programs\[0\] is 'x', which is no program"),
        ({"size": 0}, {}, "size is 0, and it is how many programs are asked"),
        ({"weights": [1.0]}, {}, "there are 1 weights for 2 programs"),
        ({"weights": "score"}, {}, r"programs\[0\] has no score to weigh its vote by"),
        (
            {"weights": [1, 2], "reduce_fn": lmnb.majority},
            {},
            "weights are for the vote that reduce_fn takes the place of",
        ),
        ({}, {"trainset": worlds.questions(0, 3)}, "has no use for a trainset. Write valset="),
    ],
)
def test_what_cannot_be_is_said_at_once(options: dict[str, Any], given: dict[str, Any], words: str) -> None:
    """Before anybody is asked."""
    with pytest.raises(lmnb.InputError, match=words):
        lmnb.Ensemble(**options).compile(**{"programs": saying("x", "y"), **given})


class Shouts(lmnb.Module):
    """Another reduce_fn of one's own, with a predictor."""

    def __init__(self) -> None:
        self.pick = lmnb.Predict("answers -> answer")

    def forward(self, made: Any) -> Any:
        return lmnb.Prediction(answer=made[0].answer.upper())


def first(made: Any) -> Any:
    return made[0]


def test_a_saved_ensemble_is_loaded_from_its_file_alone(tmp_path: Path) -> None:
    """Plain programs need nothing more; the number that is asked, the seed, the weights and the demos are those that were saved."""
    programs = [lmnb.Predict(QA), lmnb.ChainOfThought(QA), lmnb.Predict(QA)]
    programs[0].demos = [lmnb.Example(question="q1", answer="a1")]
    inner = lmnb.Ensemble().compile([lmnb.Predict(QA), lmnb.Predict(QA)])
    program = lmnb.Ensemble(size=2, weights=[1, 2, 1, 4]).compile([*programs, inner], seed=5)
    program.save(tmp_path / "program.json")
    again = lmnb.load(tmp_path / "program.json")
    assert again.dump_state() == program.dump_state() and again.dump_arguments() == program.dump_arguments()
    asked = [{"question": f"q{n}"} for n in range(9)]
    assert [again.chosen(each) for each in asked] == [program.chosen(each) for each in asked]
    assert [type(each).__name__ for each in again.programs] == [
        "Predict",
        "ChainOfThought",
        "Predict",
        "EnsembledProgram",
    ]


@pytest.mark.parametrize("reduce", [first, Shouts()])
def test_an_ensemble_of_classes_of_ones_own_is_loaded_where_they_are_trusted(reduce: Any, tmp_path: Path) -> None:
    """Nothing is imported unless it is said; then its programs and its reduce_fn are found by their import paths."""
    program = lmnb.Ensemble(reduce_fn=reduce).compile([worlds.TwoCalls(), worlds.TwoCalls()])
    program.save(tmp_path / "program.json")
    with pytest.raises(lmnb.SaveError, match=r"holds a TwoCalls .* whose code is not in the file.*trust_import=True"):
        lmnb.load(tmp_path / "program.json")
    again = lmnb.load(tmp_path / "program.json", trust_import=True)
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        assert ask(again).answer == ask(program).answer
    assert again.reduce_fn is first or isinstance(again.reduce_fn, Shouts)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"size": -1}, "its arguments make no ensemble: size is -1"),
        ({"weights": ["x"]}, "its arguments make no ensemble"),
        ({"programs": [{"class": "lmnb.modules.predict:Predict"}] * 2}, "has no 'self'|has the predictor 'self'"),
        ({"programs": [{"klass": 1}]}, "programs\\[0\\] has an unknown key 'klass'"),
        ({"programs": 3}, "arguments.programs"),
        ({"reduce_fn": "os:system"}, "whose code is not in the file"),
    ],
)
def test_a_file_whose_arguments_make_no_ensemble_is_refused(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    """What somebody wrote into the file is an error that names it, and nothing of it runs."""
    path = tmp_path / "program.json"
    lmnb.Ensemble().compile([lmnb.Predict(QA)]).save(path)
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["arguments"] |= change
    path.write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(lmnb.SaveError, match=said):
        lmnb.load(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reduce_fn": ".x:y"}, "arguments.reduce_fn is '.x:y', not 'module:Name'"),
        ({"reduce_fn": ""}, "arguments.reduce_fn is '', not 'module:Name'"),
        ({"reduce_fn": 5}, "arguments.reduce_fn should be"),
        ({"reduce_fn": "os:sep"}, "'os:sep' as reduce_fn, which is no function"),
        ({"programs": [{"class": ""}]}, r"programs\[0\].class is '', not 'module:Name'"),
        ({"programs": [{"class": ".x:Y"}]}, r"programs\[0\].class is '.x:Y', not 'module:Name'"),
    ],
)
def test_a_file_that_is_trusted_and_names_no_code_is_refused(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    """A name that no module can have is an error of the file, as one that is not there is."""
    path = tmp_path / "program.json"
    lmnb.Ensemble().compile([lmnb.Predict(QA)]).save(path)
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["arguments"] |= change
    path.write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(lmnb.SaveError, match=said):
        lmnb.load(path, trust_import=True)


def test_an_ensemble_with_an_object_for_a_function_asks_for_the_program(tmp_path: Path) -> None:
    """An object that is called like a function is not its class: what it holds stands in no file."""
    program = lmnb.Ensemble(reduce_fn=partial(lmnb.majority, normalize=None)).compile([lmnb.Predict(QA)] * 2)
    path = tmp_path / "program.json"
    program.save(path)
    with pytest.raises(lmnb.SaveError, match="program=EnsembledProgram"):
        lmnb.load(path, trust_import=True)
    assert isinstance(lmnb.load(path, program=program).reduce_fn, partial)
