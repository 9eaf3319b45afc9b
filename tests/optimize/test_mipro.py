"""MIPROv2: what it proposes, what it tries, what may win, and what a person adds while it runs. The contract suite runs on it besides."""

from __future__ import annotations

import re

import pytest
import worlds

import lmnb
from lmnb.optimize.trials import PRIOR, observations

SMALL = {"auto": None, "num_candidates": 4, "max_bootstrapped_demos": 2, "max_labeled_demos": 2}
QUICK = {"minibatch_size": 3, "minibatch_full_eval_steps": 4}


def asked(lm, field):
    """The prompts in which a field was asked for."""
    prompts = ("\n".join(message["content"] for message in call["messages"]) for call in lm.calls)
    return [prompt for prompt in prompts if f"`{field}`" in prompt.partition("Output fields:")[2].partition("\n\n")[0]]


class Writer:
    """A prompt model that numbers its instructions; every other field is a text of its own."""

    def __init__(self, instructions=None):
        self.instructions = instructions
        self.written = 0

    def __call__(self, messages, **options):
        fields = re.findall(r"^- `(\w+)`", messages[0]["content"].partition("Output fields:")[2], re.M)
        if "proposed_instruction" in fields:
            self.written += 1
            text = self.instructions or f"Instruction {self.written}."
            return {"proposed_instruction": text}
        return {name: "False" if name == "complete" else f"What the {name} says." for name in fields}


class Own(worlds.TwoCalls):
    """A program whose code is the user's."""


def begin(program=None, *, writer=None, metric=worlds.exact, arguments=SMALL, lm=None, train=12, val=12, **options):
    proposer = lmnb.FakeLM(writer or Writer())
    with lmnb.context(lm=lm or lmnb.FakeLM(worlds.reply)):
        run = lmnb.MIPROv2(metric, prompt_model=proposer, **arguments).start(
            program or worlds.TwoCalls(),
            trainset=worlds.questions(0, train),
            valset=worlds.questions(100, 100 + val),
            **{**QUICK, **options},
        )
    return run, proposer


def single(instructions="Answer."):
    program = lmnb.Predict("question -> answer")
    program.instructions = instructions
    return program


def trial_candidates(run):
    return [run.candidate(row) for row in run.candidates if row.label.startswith("trial")]


def summary(run):
    """What the search says of its trials at the end."""
    return run.reports[-1].about


# --- the defects of the reference


def test_running_out_of_combinations_ends_with_the_best():
    """D3: with fewer combinations than trials the run ends when all were tried, with the best in full, and says so."""
    run, _ = begin(
        single(), arguments={**SMALL, "num_candidates": 1, "max_bootstrapped_demos": 0, "max_labeled_demos": 0},
        num_trials=50, minibatch_full_eval_steps=50,
    )  # fmt: skip
    run.wait(60)
    assert run.state == "finished" and len(run.candidates) == 2
    assert [report.message for report in run.reports][1] == "every combination has been tried"
    assert run.candidates[1].status == "scored"


@pytest.mark.parametrize("given, held", [(0, 0), (None, 9), (3, 3)])
def test_seed_0_is_a_seed(given, held):
    """D4: the seed of the call holds, 0 too; without one that of the optimizer."""
    run, _ = begin(num_trials=1, seed=given, run_dir=None)
    run.wait(60)
    assert run.header.seed == held


@pytest.mark.parametrize("auto, trials", [("light", 10), ("medium", 18), ("heavy", 27)])
def test_the_estimator_chooses_most_trials(auto, trials):
    """D5: at the smallest setting too, four of five trials are the estimator's, and the run says how many."""
    run, _ = begin(single(), arguments={"auto": auto}, train=9, run_dir=None)
    run.wait(60)
    told = summary(run)
    assert told["trials"] == told["tpe"] + told["random"] <= trials
    assert told["random"] <= 0.2 * trials and told["tpe"] >= 0.7 * told["trials"]
    assert f"of {told['trials']} trials the estimator chose {told['tpe']}" in run.reports[-1].message


def test_the_original_instruction_is_one_choice_more():
    """D6: light asks for 3 instructions a predictor; all of them and the original are tried."""
    run, proposer = begin(single(), arguments={"auto": "light"}, train=9, run_dir=None)
    run.wait(60)
    assert len(asked(proposer, "proposed_instruction")) == 3
    texts = {candidate.values["self.instructions"] for candidate in map(run.candidate, run.candidates)}
    assert texts == {"Answer.", "Instruction 1.", "Instruction 2.", "Instruction 3."}


def test_an_injected_instruction_becomes_a_choice_and_is_tried():
    """D15: what a person adds in the midst is scored, combined with other choices, and replays without the person."""
    run, _ = begin(paused=True, num_trials=20)
    for _ in range(2):
        run.step()
        run.until("paused", 30)
    child = run.inject(instructions={"rewrite.instructions": "Say it in other words."})
    run.resume()
    run.wait(60)
    assert next(row for row in run.candidates if row.id == child.id).status == "scored"
    others = [c for c in trial_candidates(run) if c.values["rewrite.instructions"] == "Say it in other words."]
    assert others and all(other.id != child.id for other in others)
    best = run.best.id
    again = lmnb.reopen(run.path)
    again.replay()
    assert again.best.id == best


def test_an_injected_demo_is_in_later_trials():
    """A demo that a person adds is a demo set more for the trials after it."""
    run, _ = begin(single(), paused=True, num_trials=20)
    for _ in range(2):
        run.step()
        run.until("paused", 30)
    run.inject(demo={"question": "q7", "answer": "seven"})
    run.resume()
    run.wait(60)
    held = [[demo.answer for demo in c.values["self.demos"]] for c in trial_candidates(run)]
    assert any("seven" in answers for answers in held)


def test_an_undone_injection_is_no_choice_any_more():
    """What a person took back is in no trial after that."""
    run, _ = begin(single(), paused=True, num_trials=24)
    run.step()
    run.until("paused", 30)
    run.inject(instructions="Taken back.")
    for _ in range(2):
        run.step()
        run.until("paused", 30)
    before = len(run.candidates)
    run.undo()
    run.resume()
    run.wait(60)
    later = [run.candidate(row).values["self.instructions"] for row in run.candidates[before:]]
    assert later and "Taken back." not in later
    assert "Taken back." in [run.candidate(row).values["self.instructions"] for row in run.candidates[:before]]


def test_an_edited_instruction_outlives_the_demos_of_its_candidate():
    """A demo that the person rejects rules out the edit that held it, and not the words of the edit; taking the edit back does."""
    for take_back in (False, True):
        run, _ = begin(single(), paused=True, num_trials=24)
        while not (found := [c for c in trial_candidates(run) if len(c.values["self.demos"]) == 2]):
            run.step()
            run.until("paused", 30)
        run.edit(found[0], "self.instructions", "By hand.")
        for _ in range(2):  # the edit is scored, then the search hears of it
            run.step()
            run.until("paused", 30)
        if take_back:
            run.undo()
        run.reject_demo(found[0].values["self.demos"][0], "wrong")
        before = len(run.candidates)
        run.resume()
        run.wait(60)
        later = [run.candidate(row).values["self.instructions"] for row in run.candidates[before:]]
        assert later and ("By hand." in later) != take_back


def test_an_injected_tool_description_is_a_choice_too():
    """Under an agent what a tool says is one slot more: a text that a person adds is combined with other instructions."""

    def look(number: str) -> str:
        """Looks."""
        return f"a{number}"

    def reply(messages):
        calls = [{"name": "submit", "args": {"answer": str(len(str(messages)) % 7)}}]
        return {"next_thought": "t", "tool_calls": calls}

    slot = "tools['look'].desc"
    options = {**SMALL, "max_bootstrapped_demos": 0, "max_labeled_demos": 0}
    run, _ = begin(lmnb.ReAct("question -> answer", [look], max_iters=2), arguments=options,
                   lm=lmnb.FakeLM(reply), paused=True, num_trials=8)  # fmt: skip
    run.step()
    run.until("paused", 30)
    run.inject(instructions={slot: "Finds the answer."})
    run.resume()
    tuned = run.wait(60)
    assert any(c.values[slot] == "Finds the answer." for c in trial_candidates(run))
    assert look.__doc__ == "Looks." and "look" in tuned.tools


def test_an_asynchronous_program_is_tuned_like_any_other():
    """A module that has `aforward` alone is bootstrapped, proposed for and tried."""

    class Asynchronous(lmnb.Module):
        def __init__(self):
            self.respond = lmnb.Predict("question -> answer")

        async def aforward(self, question):
            return await self.respond.acall(question=question)

    run, proposer = begin(Asynchronous(), num_trials=6)
    tuned = run.wait(60)
    assert run.state == "finished" and tuned.trial_logs[6]["examples"] == 3
    assert any("async def aforward" in prompt for prompt in asked(proposer, "proposed_instruction"))


# --- minibatches


def test_only_what_is_scored_in_full_wins():
    """Every fourth trial and the last are followed by a full evaluation of the best mean; the result is one of those."""
    run, _ = begin(num_trials=10)
    tuned = run.wait(60)
    status = [row.status for row in run.candidates]
    assert (
        status.count("partial") >= 6 and 3 <= status.count("scored") <= 4
    )  # the baseline, and after trials 4, 8 and 10
    assert run.best.done == run.best.total == 12
    assert [each["score"] for each in tuned.candidate_programs] == sorted(
        (row.score for row in run.candidates if row.status == "scored"), reverse=True
    )
    assert len(tuned.mb_candidate_programs) == status.count("partial")


def test_a_lucky_minibatch_counts_less_than_a_full_score():
    """3 of 3 is expected to be worse than 95 of 100: few examples are drawn towards the mean of all."""
    scores = {(0,): [1.0] * 3, (1,): [1.0] * 95 + [0.0] * 5, (2,): [1.0] * 20 + [0.0] * 80}
    few, many, poor = observations(scores)
    assert many.score > few.score > poor.score and (few.weight, many.weight) == (3, 100)
    assert few.score == pytest.approx((3 + PRIOR * 118 / 203) / (3 + PRIOR))


def test_a_small_validation_set_is_scored_in_full():
    """Where the minibatch is as large as the validation set every trial is a full evaluation."""
    run, _ = begin(num_trials=6, minibatch_size=35)
    run.wait(60)
    assert {row.status for row in run.candidates} == {"scored"} and len(run.candidates) == 7 == run.header.planned


def test_auto_scores_on_all_of_a_small_validation_set():
    """Up to 50 examples a minibatch of 35 would save next to nothing: every trial is scored in full, and may win."""
    run, _ = begin(single(), arguments={"auto": "light"}, train=9, val=45, run_dir=None, minibatch_size=35)
    run.wait(60)
    assert len(run.candidates) > 5 and {row.status for row in run.candidates} == {"scored"}


def test_the_trial_logs_say_what_each_trial_tried():
    """A trial's numbers name the values of its candidate; its scores are those of the run; programs of logs are no parts."""
    run, _ = begin(num_trials=8)
    tuned = run.wait(60)
    assert list(tuned.trial_logs) == list(range(1, 9))
    rows = {row.id: row for row in run.candidates}
    for log in tuned.trial_logs.values():
        row = rows[log["candidate"]]
        assert log["examples"] == 3 and (log["full_eval_score"] is None) == (row.status == "partial")
        assert row.status == "scored" or log["mb_score"] == pytest.approx(row.score)
        original = log["program"].rewrite.instructions == worlds.TwoCalls().rewrite.instructions
        assert (log["0_predictor_instruction"] == 0) == original
        assert (log["1_predictor_demos"] == 0) == (log["program"].respond.predict.demos == [])
    assert [path for path, _ in tuned.named_predictors()] == ["rewrite", "respond.predict"]
    assert not hasattr(begin(arguments={**SMALL, "track_stats": False}, num_trials=1)[0].wait(60), "trial_logs")


def test_what_one_search_told_is_not_told_by_the_next():
    """A tuned program that is compiled again has the candidates of the second search, and no logs of the first."""
    tuned = begin(num_trials=2, run_dir=None)[0].wait(60)
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        again = lmnb.LabeledFewShot(k=2, metric=worlds.exact).compile(
            tuned, trainset=worlds.questions(0, 6), valset=worlds.questions(100, 104), run_dir=None
        )
    assert tuned.trial_logs and not hasattr(again, "trial_logs") and not hasattr(again, "mb_candidate_programs")
    assert [each["label"] for each in again.candidate_programs] and len(again.candidate_programs) == 2


def test_a_reopened_run_tells_its_trials_too():
    """After a restart the folder alone gives the same logs and candidates, with no call of a model."""
    run, proposer = begin(num_trials=8)
    tuned, calls = run.wait(60), len(proposer.calls)
    again = lmnb.reopen(run.path, worlds.TwoCalls(), worlds.exact).result()
    for here, there in ((tuned.trial_logs, again.trial_logs), (tuned.candidate_programs, again.candidate_programs)):
        assert here and str(there) == str(here)
    assert len(proposer.calls) == calls


# --- proposals


def test_proposals_are_grounded():
    """The proposer is shown the data's summary, the program's code, the step, examples, the instruction so far, and tips."""
    run, proposer = begin(Own(), num_trials=1)
    run.wait(60)
    prompts = asked(proposer, "proposed_instruction")
    assert len(prompts) == 4
    for prompt in prompts:
        assert "What the summary says." in prompt and "class Own(worlds.TwoCalls):" in prompt
        assert "What the description says." in prompt and "[[ ## examples ## ]]\nquestion: q" in prompt
        assert "[[ ## current_instruction ## ]]" in prompt
        assert "rewrite: question -> query\n" in prompt or "respond.predict: question, query -> reasoning" in prompt
    assert any("[[ ## tip ## ]]" in prompt for prompt in prompts)
    assert not any("[[ ## refused ## ]]" in prompt for prompt in prompts)
    observed = asked(proposer, "observations")
    assert len(observed) == 2 and "q9" in observed[0] and "What the observations says." in observed[1]


def test_what_is_turned_off_is_not_asked_for():
    """Without the four awarenesses a proposal sees the instruction alone, and nothing else is asked."""
    off = dict.fromkeys(
        ("program_aware_proposer", "data_aware_proposer", "tip_aware_proposer", "fewshot_aware_proposer"), False
    )
    run, proposer = begin(num_trials=1, **off)
    run.wait(60)
    prompts = asked(proposer, "proposed_instruction")
    assert len(prompts) == len(proposer.calls) == 4
    for prompt in prompts:
        assert "[[ ## current_instruction ## ]]" in prompt
        for name in ("data_summary", "program", "step", "tip", "examples"):
            assert f"[[ ## {name} ## ]]" not in prompt


def test_a_proposal_that_fails_or_repeats_costs_its_place():
    """Unreadable replies leave the original instruction, equal ones count once; demos are tuned all the same."""

    def broken(messages, **options):
        return "no fields here"

    run, _ = begin(single(), writer=broken, num_trials=4)
    assert run.wait(60).instructions == "Answer." and run.state == "finished" and len(run.candidates) > 2
    run, _ = begin(single(), writer=Writer("Always this."), arguments={**SMALL, "verbose": True}, num_trials=8)
    run.wait(60)
    assert [report.message for report in run.reports if "proposed" in report.message] == [
        "proposed for self: Always this."
    ]
    assert {c.values["self.instructions"] for c in map(run.candidate, run.candidates)} == {"Answer.", "Always this."}


def test_a_rejected_instruction_is_answered_with_another():
    """The person's reason and the text that was refused are in the prompt of one proposal more, whose text is tried."""
    run, proposer = begin(single(), paused=True, num_trials=16)
    run.step()
    run.until("paused", 30)
    while not (found := [c for c in trial_candidates(run) if c.values["self.instructions"] != "Answer."]):
        run.step()
        run.until("paused", 30)
    before = len(asked(proposer, "proposed_instruction"))
    run.reject(found[0], "far too vague")
    run.resume()
    run.wait(60)
    [late] = asked(proposer, "proposed_instruction")[before:]
    assert f"{found[0].values['self.instructions']} (turned down: far too vague)" in late
    assert f"Instruction {before + 1}." in {c.values["self.instructions"] for c in trial_candidates(run)}
    again = lmnb.reopen(run.path)
    asked_before = len(proposer.calls)
    again.replay()
    assert again.best.id == run.best.id and len(proposer.calls) == asked_before


def test_a_rejected_demo_is_shown_to_no_proposer():
    """Neither in the summaries and proposals of a run that was given the decision, nor in a proposal after it was taken."""
    run, proposer = begin(single(), paused=True, num_trials=16)
    run.reject_demo(worlds.questions(0, 12)[0], "wrong")
    while not (found := [c for c in trial_candidates(run) if c.values["self.instructions"] != "Answer."]):
        run.step()
        run.until("paused", 30)
    assert (
        asked(proposer, "observations") and "q1" in str(proposer.calls) and "question: q0\n" not in str(proposer.calls)
    )
    before = len(asked(proposer, "proposed_instruction"))
    for demo in run.demos:
        run.reject_demo(demo, "wrong")
    run.reject(found[0], "vague")
    run.resume()
    run.wait(60)
    [late] = asked(proposer, "proposed_instruction")[before:]
    held = {demo.question for demo in run.demos}
    assert held and not held & set(re.findall(r"question: (q\d+)", late))


def test_a_rejected_demo_leaves_its_sets_without_it():
    """The rest of a demo set stays a choice when one of its demos is refused."""
    run, _ = begin(single(), paused=True, num_trials=16)
    while not (found := [c for c in trial_candidates(run) if len(c.values["self.demos"]) == 2]):
        run.step()
        run.until("paused", 30)
    first, second = found[0].values["self.demos"]
    before = len(run.candidates)
    run.reject_demo(first, "wrong")
    run.resume()
    run.wait(60)
    later = [c.values["self.demos"] for c in trial_candidates(run)[before - 1 :]]
    assert later and all(first not in demos for demos in later)
    assert any(list(demos) == [second] for demos in later)


# --- settings


def test_without_demos_only_instructions_are_tuned():
    """With both numbers 0 demos are bootstrapped to be shown to the proposer, and no candidate holds any."""
    run, proposer = begin(max_bootstrapped_demos=0, max_labeled_demos=0, num_trials=6)
    run.wait(60)
    assert not any(list(c.demos()) for c in map(run.candidate, run.candidates))
    assert any("reasoning: thinking about" in prompt for prompt in asked(proposer, "proposed_instruction"))
    assert len(asked(proposer, "proposed_instruction")) == 8  # num_candidates for each of two predictors


def test_auto_bounds_the_validation_set():
    """light looks at 100 examples of a larger validation set, evenly spread, and the header says so."""
    run, _ = begin(single(), arguments={"auto": "light"}, val=250, train=6, run_dir=None, minibatch_size=10)
    run.wait(60)
    assert run.best.total == 100
    assert run.header.note == "candidates are scored on the given valset, 100 of 250 examples of it"
    assert run.header.splits.val[99].question == "q347"


@pytest.mark.parametrize(
    "arguments, options, says",
    [
        ({"auto": "huge"}, {}, "auto='huge' is not known; write 'light', 'medium', 'heavy', or None"),
        ({"auto": "light"}, {"num_trials": 3}, "auto='light' sets num_candidates and num_trials"),
        ({"auto": "light", "num_candidates": 3}, {}, "write auto=None"),
        ({"auto": None}, {}, "with auto=None write num_candidates=..., 1 or more, not None"),
        (SMALL, {"num_trials": 0}, "num_trials=0 is no number of examples or trials; write 1 or more"),
        (SMALL, {"minibatch_size": 0}, "minibatch_size=0 is no number of examples or trials; write 1 or more"),
        (SMALL, {"minibatch_size": "3"}, "minibatch_size='3' is no number of examples or trials; write 1 or more"),
        (SMALL, {"max_bootstrapped_demos": -1}, "max_bootstrapped_demos is -1, and it is how many demos"),
        ({**SMALL, "task_model": "openai/x"}, {}, "Write task_model=lmnb.LM('openai/x')"),
    ],
)
def test_arguments_that_contradict_each_other_say_what_to_write(arguments, options, says):
    """Nothing runs before the arguments make sense."""
    with pytest.raises(lmnb.InputError, match=re.escape(says)):
        begin(arguments=arguments, **options)


def test_every_argument_of_the_reference_is_taken():
    """`compile` takes what a ported call gives it; with too few examples to split, the training set is scored."""
    made = lmnb.MIPROv2(
        worlds.exact,
        lmnb.FakeLM(Writer()),
        lmnb.FakeLM(worlds.reply),
        {},
        4,
        4,
        None,
        3,
        2,
        10,
        9,
        1.0,
        False,
        True,
        None,
        None,
    )
    tuned = made.compile(
        single(), trainset=worlds.questions(0, 5), teacher=single(), valset=None, num_trials=3, max_bootstrapped_demos=1,
        max_labeled_demos=2, seed=1, minibatch=False, minibatch_size=2, minibatch_full_eval_steps=1, program_aware_proposer=False,
        data_aware_proposer=True, view_data_batch_size=3, tip_aware_proposer=False, fewshot_aware_proposer=False,
        provide_traceback=True, run_dir=None,
    )  # fmt: skip
    assert len(tuned.trial_logs) == 3 and {log["examples"] for log in tuned.trial_logs.values()} == {5}
    assert tuned.provenance["seed"] == 1 and max(len(log["program"].demos) for log in tuned.trial_logs.values()) <= 2


def test_log_dir_is_the_runs_folder(tmp_path):
    """The argument of other tools for a folder names the run's, from which it can be opened again."""
    run, _ = begin(arguments={**SMALL, "log_dir": tmp_path / "mipro"}, num_trials=2)
    run.wait(60)
    assert run.path == tmp_path / "mipro" and lmnb.reopen(run.path).best.id == run.best.id


def test_a_program_with_demos_keeps_them_as_a_choice():
    """What the program came with is scored first and stays a choice, beside no demos at all and the new ones."""
    program = single()
    program.demos = [lmnb.Example(question="q0", answer="mine")]
    run, _ = begin(program, num_trials=12)
    run.wait(60)
    held = [tuple(demo.answer for demo in run.candidate(row).values["self.demos"]) for row in run.candidates]
    assert held[0] == ("mine",) and () in held[1:] and len(set(held)) > 2
