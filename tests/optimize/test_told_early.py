"""What a run says before it is too late, and what it says instead of a raw error."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import worlds

import lmnb
from lmnb.lm.recall import RecallTrainer

TRAIN, VAL = worlds.questions(0, 12), worlds.questions(100, 106)


def few(**options: Any) -> Any:
    """A small run that has ended."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        given = {"trainset": TRAIN, "valset": VAL, "run_dir": None, **options}
        run = lmnb.LabeledFewShot(2, worlds.exact).start(lmnb.Predict("question -> answer"), **given)
        run.wait(60)
    return run


def test_a_valset_that_overlaps_the_trainset_is_warned_of_once() -> None:
    """One warning says how many examples are in both; other objects with the same inputs count, too."""
    with pytest.warns(UserWarning) as told:
        few(valset=[*worlds.questions(2, 6), *VAL])
    assert len(told) == 1
    assert "4 of the 10 examples of the valset stand in the trainset too" in str(told[0].message)


def test_the_trainset_as_valset_is_a_choice_that_the_note_explains() -> None:
    """It is not warned of, nor is a valset of its own; a search that learns nothing from the trainset is not either."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "the trainset was given as the valset too" in few(valset=TRAIN).header.note
        assert "the given valset" in few().header.note
        with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
            run = lmnb.COPRO(metric=worlds.exact, breadth=2, depth=1).start(
                lmnb.Predict("question -> answer"), trainset=TRAIN, valset=[*TRAIN[:3], *VAL], run_dir=None
            )
            run.wait(60)


class Lacks(RecallTrainer):
    """A trainer whose library is not installed."""

    def check(self, options: Any) -> None:
        raise lmnb.MissingExtra("torch", "train", f"training with {dict(options)}")


@pytest.mark.parametrize("together", [False, True])
def test_a_missing_extra_is_told_before_the_teacher_runs(together: bool) -> None:
    """Nothing is asked where what is asked for could not be trained on; a forecast needs no extra."""
    lm = lmnb.FakeLM(worlds.reply)
    lm.trainer = Lacks()
    student: Any = lmnb.Predict("question -> answer", lm=lm)
    optimizer: Any = lmnb.BootstrapFinetune(worlds.exact, train_kwargs={"epochs": 2})
    optimizer = lmnb.BetterTogether(worlds.exact, w=optimizer) if together else optimizer
    given = {"trainset": TRAIN, "valset": VAL, **({"strategy": "w"} if together else {})}
    assert optimizer.plan(student, **given).runs is not None
    with pytest.raises(lmnb.MissingExtra, match=r"training with \{'epochs': 2\}"):
        optimizer.start(student, run_dir=None, **given)
    assert lm.calls == []


def test_options_that_no_training_takes_are_told_before_the_teacher_runs() -> None:
    """The local trainer names its options at the start."""
    student: Any = lmnb.Predict("question -> answer", lm=lmnb.LM("lmnb/tiny"))
    with pytest.raises(lmnb.InputError, match="train_kwargs has 'epoch'"):
        lmnb.BootstrapFinetune(worlds.exact, train_kwargs={"epoch": 2}).start(student, trainset=TRAIN, run_dir=None)


def test_a_finished_run_that_is_resumed_names_its_branch(tmp_path: Path) -> None:
    """The error is the call that makes the search longer, and it does."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        optimizer = lmnb.BootstrapRS(worlds.exact, num_candidate_programs=1)
        optimizer.compile(worlds.TwoCalls(), trainset=TRAIN, valset=VAL, run_dir=tmp_path / "run")
        run = lmnb.reopen(tmp_path / "run")
        with pytest.raises(lmnb.RunError, match=r"write run\.branch\(num_candidate_programs=2\)"):
            run.resume()
        longer = run.branch(num_candidate_programs=2)
        longer.wait(60)
    assert len(longer.candidates) == len(run.candidates) + 1


def test_a_journal_from_before_racing_is_replayed_without_it(tmp_path: Path) -> None:
    """A header that does not say whether it races is of a search that did not."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        optimizer = lmnb.BootstrapRS(worlds.exact, num_candidate_programs=3, racing=False)
        made = optimizer.compile(worlds.TwoCalls(), trainset=TRAIN, valset=VAL, run_dir=tmp_path / "run")
    journal = tmp_path / "run" / "journal.jsonl"
    header, rest = journal.read_text(encoding="utf-8").split("\n", 1)
    record = json.loads(header)
    del record["arguments"]["racing"]
    journal.write_text(f"{json.dumps(record)}\n{rest}", encoding="utf-8")
    again = lmnb.reopen(tmp_path / "run")
    assert again.replay().dump_state() == made.dump_state() and not again.header.optimizer().racing


def test_a_review_function_that_raises_is_named() -> None:
    """The error says whose it is, what was asked and how to go on; the cause is kept."""

    def review(pending: Any) -> Any:
        raise KeyError("team")

    with pytest.raises(
        lmnb.RunError, match=r"the review function raised KeyError: 'team', asked about 2 labelled demos"
    ) as told:
        few(review=review)
    assert isinstance(told.value.__cause__, KeyError)


def test_rows_that_are_no_examples_are_not_checked_on() -> None:
    """A check says what an example is, and what it wants its inputs to be."""
    run = few()
    with pytest.raises(lmnb.InputError, match=r"heldout\[0\] is \{'question': 'q200'\}, not an Example"):
        run.check([{"question": "q200"}])
    with pytest.raises(lmnb.InputError, match=r"heldout\[0\] does not say which fields are inputs"):
        run.check([lmnb.Example(question="q200", answer="a200")])


def test_a_candidate_of_another_run_is_injected(tmp_path: Path) -> None:
    """Its values are taken as they are, and scored; what is no candidate is told what to give."""
    theirs = few().inject(instructions="Answer in one word.")
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = few(run_dir=tmp_path / "run", seed=3)
        made = run.inject(candidate=theirs)
        run.wait(60)
    assert made.values["self.instructions"] == "Answer in one word." and made.id == theirs.id
    assert run.candidates[-1].status == "scored"
    with pytest.raises(lmnb.InputError, match=r"or a candidate of a run: inject\(candidate=run\.candidate\(1\)\)"):
        run.inject(candidate=run.program(1))


def test_a_verbose_compile_prints_what_the_search_does(capsys: pytest.CaptureFixture[str]) -> None:
    """Each event is a line, the proposed instruction among them; without `verbose` nothing is printed."""
    for verbose in (False, True):
        with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
            optimizer = lmnb.MIPROv2(
                worlds.exact, auto=None, num_candidates=2, max_bootstrapped_demos=0, verbose=verbose
            )
            optimizer.compile(
                lmnb.Predict("question -> answer"),
                trainset=TRAIN,
                valset=VAL,
                num_trials=2,
                minibatch=False,
                run_dir=None,
            )
        printed = capsys.readouterr().out
        assert ("report: proposed for self: " in printed, "scored: " in printed) == (verbose, verbose)


def test_a_compiled_program_tells_what_ported_code_asks() -> None:
    """Whether it is compiled, the LM calls of its search, and each candidate's scores by example."""
    program = lmnb.Predict("question -> answer")
    run = few()
    tuned = run.result()
    assert (program._compiled, tuned._compiled) == (False, True)
    assert tuned.total_calls == run.summary()["calls"] == 12
    first = tuned.candidate_programs[0]
    assert len(first["subscores"]) == 6 and 100 * sum(first["subscores"]) / 6 == pytest.approx(first["score"])
