"""BootstrapFinetune: what is learned from, where the weights are, and what a run makes of them."""

from __future__ import annotations

import json
import shutil
import time

import pytest
import worlds
from finetuning_server import FinetuningServer

import lmnb
from lmnb.lm.recall import RecallTrainer


def sums(count):
    return [lmnb.Example(question=f"{n} + 1?", answer=str(n + 1)).with_inputs("question") for n in range(count)]


def right(example, made, trace=None):
    return made.answer == example.answer


def knows(messages, **options):
    """A teacher's replies: always right."""
    asked = messages[-1]["content"].split("[[ ## question ## ]]\n")[1]
    return {"answer": str(int(asked.split()[0]) + 1)}


def nothing(messages, **options):
    """A student's replies: always the same."""
    return {"answer": "0"}


def program(handler, signature="question -> answer"):
    return lmnb.Predict(signature, lm=lmnb.FakeLM(handler))


@pytest.fixture
def server():
    made = FinetuningServer()
    yield made
    made.close()


def hosted(server):
    """A student at the stand-in server, whose jobs are asked after without a pause."""
    lm = lmnb.LM("openai/base", api_base=server.url, api_key="sk-test-1", cache=False, train_kwargs={"poll": 0.01})
    return lmnb.Predict("question -> answer", lm=lm)


def records_of(run):
    """What was written down to be trained on."""
    return [json.loads(line) for path in sorted(run.path.glob("weights/*.jsonl")) for line in path.open()]


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# -- what is learned


def test_the_student_learns_the_prompts_it_sends_and_the_better_program_wins():
    """Each record is the student's own prompt with the teacher's answer; the scores before and after are candidates of the run."""
    student = program(nothing)
    run = lmnb.BootstrapFinetune(right).start(student, teacher=program(knows), trainset=sums(5), valset=sums(4))
    tuned = run.wait(30)
    assert [(c.label, c.score) for c in run.candidates] == [
        ("baseline", 0.0),
        ("fine-tuned on 5 calls from 5 examples", 100.0),
    ]
    asked = [record["messages"][:-1] for record in records_of(run)]
    assert sorted(map(str, asked)) == sorted(str(student.messages(question=row.question)) for row in sums(5))
    tuned.save("elsewhere/program.json")  # the weights stay with the run, and are found there
    assert lmnb.load("elsewhere/program.json").lm == tuned.lm
    assert student.lm is not tuned.lm and isinstance(student.lm, lmnb.FakeLM)
    assert run.detail(run.best)["weights"]["self"].endswith(": fake, fine-tuned on 5 records")
    assert "fine-tuned on 5 records" in run.to_html() and tuned.lm.model in tuned.card()


def test_a_worse_program_after_training_does_not_win():
    """Where training did not help, the program as it was is the result."""

    def wrong(messages, **options):
        return {"answer": "7"}

    run = lmnb.BootstrapFinetune(lambda example, made, trace=None: trace is not None or right(example, made)).start(
        program(knows), teacher=program(wrong), trainset=sums(3), valset=sums(3)
    )
    tuned = run.wait(30)
    assert [c.score for c in run.candidates] == [100.0, 0.0] and isinstance(tuned.lm, lmnb.FakeLM)


def test_bare_inputs_are_learned_from_where_the_metric_checks_the_ground():
    """Examples without labels teach where the metric looks at the context alone."""

    def copies(messages, **options):
        text = messages[-1]["content"].split("[[ ## text ## ]]\n")[1].split("\n")[0]
        return {"quote": text.split()[0] if "good" in text else "made up"}

    def grounded(example, made, trace=None):
        return made.quote in example.text

    data = [lmnb.Example(text=text).with_inputs("text") for text in ("good day", "bad day", "good night")]
    run = lmnb.BootstrapFinetune(grounded).start(program(copies, "text -> quote"), trainset=data)
    run.wait(30)
    assert len(records_of(run)) == 2
    assert [report.about for report in run.reports] == [{"runs": 3, "calls": 2, "low": 1, "failed": 0}]


def test_equal_calls_of_several_teachers_are_learned_once_with_their_examples():
    """A list of teachers is run one beside the other; what they agree on is one record that names every example."""

    def half(messages, **options):
        found = knows(messages)
        return found if int(found["answer"]) % 2 else {"answer": "no"}

    data = [*sums(3), *sums(1)]
    run = lmnb.BootstrapFinetune(right).start(
        program(nothing), teacher=[program(knows), program(half)], trainset=data, run_dir="runs/two"
    )
    run.wait(30)
    assert sorted(record["from"]["examples"] for record in records_of(run)) == [[0, 3], [1], [2]]
    again = lmnb.reopen("runs/two")
    assert again.replay().lm == run.result().lm
    with pytest.raises(lmnb.InputError, match=r"the teacher is \[Predict"):
        lmnb.BootstrapFewShot().compile(program(nothing), teacher=[program(knows)], trainset=data)


def test_each_predictor_gets_its_own_weights_without_multitask():
    """Predictors that share an LM share the new one, with `multitask=False` each gets one; those with an LM of their own always do."""

    def labels(**options):
        run = lmnb.BootstrapFinetune(worlds.exact, **options).start(two, trainset=worlds.questions(0, 6))
        run.wait(30)
        values = run.candidate(run.best).values
        return [values[f"{path}.lm"]["name"] for path in ("rewrite", "respond.predict")]

    two = worlds.TwoCalls()
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        assert len(set(labels())) == 1 and len(set(labels(multitask=False))) == 2
        two.rewrite.lm = lmnb.FakeLM(worlds.reply)
        assert len(set(labels())) == 2


def test_demos_stand_in_the_prompts_unless_they_are_excluded():
    """The prompts of training hold the student's demos but the row's own; with `exclude_demos` neither they nor the result do."""
    student = program(knows)
    student.demos = [dict(sums(3)[0].items()), dict(sums(9)[8].items())]
    lengths = {}
    for excluded in (False, True):
        run = lmnb.BootstrapFinetune(right, exclude_demos=excluded).start(student, trainset=sums(2))
        tuned = run.wait(30)
        lengths[excluded] = sorted(len(record["messages"]) for record in records_of(run)), len(tuned.demos)
    assert lengths == {False: ([5, 7], 2), True: ([3, 3], 0)}


def test_the_adapter_writes_the_data_and_the_run_asks_by_it():
    """`adapter` writes the records; the new LM is scored with the same prompts."""
    adapter = lmnb.JSONAdapter()
    with lmnb.context(adapter=adapter):
        knowing = lmnb.FakeLM(lambda messages: json.dumps({"answer": "1"}))
    student = lmnb.Predict("question -> answer", lm=knowing)
    run = lmnb.BootstrapFinetune(right, adapter=adapter).start(student, trainset=sums(1), valset=sums(1))
    run.wait(30)
    assert json.loads(records_of(run)[0]["messages"][-1]["content"]) == {"answer": "1"}
    assert [c.score for c in run.candidates] == [100.0, 100.0]


def test_a_reply_that_parses_in_part_costs_its_example_and_is_told():
    """D8: where an output is missing the example is not lost in silence: the run says how many failed, and why."""

    def partly(messages, **options):
        if "2 + 1" in str(messages):
            return "[[ ## reasoning ## ]]\nthinking"
        return {"reasoning": "easy", **knows(messages)}

    two = lmnb.ChainOfThought("question -> answer")
    two.set_lm(lmnb.FakeLM(partly))
    run = lmnb.BootstrapFinetune(right).start(two, trainset=sums(4))
    run.wait(30)
    told = run.reports[0]
    assert told.about == {"runs": 4, "calls": 3, "low": 0, "failed": 1} and "ParseError" in told.message
    assert sorted(record["from"]["examples"] for record in records_of(run)) == [[0], [1], [3]]


def test_nothing_to_train_on_is_told_with_the_result():
    """Where no run of the teacher satisfies the metric, nothing is trained, and a warning says what to try."""
    run = lmnb.BootstrapFinetune(right).start(program(nothing), trainset=sums(3), valset=sums(2))
    with pytest.warns(
        UserWarning, match="nothing was trained: 3 runs gave 0 calls to learn from; 3 did not satisfy the"
    ):
        assert isinstance(run.wait(30).lm, lmnb.FakeLM)
    assert run.state == "finished" and not list(run.path.glob("weights/*"))


def test_the_turns_of_an_agent_are_learned_as_it_takes_them():
    """Every turn of a ReAct run is a record: the very prompt that was sent, and the calls in the form of the adapter."""

    def look(number: str) -> str:
        """Looks."""
        return f"a{number}"

    def turns(messages, **options):
        done = "gave:" in messages[-1]["content"]
        call = {"name": "submit", "args": {"answer": "a1"}} if done else {"name": "look", "args": {"number": "1"}}
        return {"next_thought": "so", "tool_calls": [call]}

    lm = lmnb.FakeLM(turns)
    with lmnb.context(lm=lm):
        run = lmnb.BootstrapFinetune().start(
            lmnb.ReAct("question -> answer", [look]), trainset=[lmnb.Example(question="q").with_inputs("question")]
        )
        run.wait(30)
    records = sorted(records_of(run), key=str, reverse=True)
    assert sorted(str(record["messages"][:-1]) for record in records) == sorted(str(c["messages"]) for c in lm.calls)
    assert {record["from"]["predictor"] for record in records} == {"react"}
    assert all('[{"name": ' in record["messages"][-1]["content"] for record in records)


# -- decisions


def test_what_is_rejected_is_not_learned_and_what_learned_it_is_dropped():
    """A rejected example is left out of the data; rejected later, it rules out the weights that were trained on it, until it is undone."""
    data = sums(4)
    run = lmnb.BootstrapFinetune(right).start(program(knows), trainset=data, valset=sums(3), paused=True)
    run.reject_demo(data[1], "wrong")
    run.resume()
    run.wait(30)
    assert sorted(record["from"]["examples"] for record in records_of(run)) == [[0], [2], [3]]
    run.accept(1)
    run.reject_demo(data[2], "wrong too")
    assert run.candidates[1].reason == "was trained on demo 2" and run.best.number == 0
    assert [c.reason for c in lmnb.reopen(run.path).candidates] == [None, "was trained on demo 2"]
    run.undo()
    assert run.best.number == 1


def test_what_is_edited_at_its_gate_is_learned_as_edited(tmp_path):
    """The person's answer is in the data, also when the run is searched again from its journal."""

    def mends(item):
        return {"answer": "eleven"} if item.kind == "demo" and item.value.question == "1 + 1?" else True

    optimizer = lmnb.BootstrapFinetune(right)
    run = optimizer.start(program(knows), trainset=sums(4), valset=sums(3), review=mends, run_dir=tmp_path / "run")
    run.wait(30)
    replies = {record["from"]["examples"][0]: record["messages"][-1]["content"] for record in records_of(run)}
    assert [at for at in replies if "eleven" in replies[at]] == [1] and len(replies) == 4
    assert run.replay_candidate().id == run.best.id


def test_weights_are_pinned_and_not_written_by_hand():
    """A pinned LM slot rules out candidates without these weights; no injection makes weights up."""
    run = lmnb.BootstrapFinetune(right).start(program(knows), trainset=sums(3), valset=sums(3))
    run.wait(30)
    run.pin("self.lm", 1)
    assert run.candidates[0].reason == "another value than the pinned self.lm" and run.best.number == 1
    with pytest.raises(lmnb.InputError, match="which only a training makes"):
        run.inject(candidate={"self.lm": {"trainer": "recall", "name": "x"}})
    with pytest.raises(lmnb.InputError, match=r"no text in a slot 'self\.lm'"):
        run.lock("self.lm", "x")
    child = run.inject(candidate={"self.instructions": "Add one."})
    run.until("ended", 30)
    assert child.values["self.lm"] == run.candidate(1).values["self.lm"]


# -- runs that end, and go on


def test_a_stopped_run_goes_on_with_the_job_at_the_provider(server):
    """A stop leaves the job at work; the resumed run asks after it under its journaled id, and begins no other."""
    run = lmnb.BootstrapFinetune(right, num_threads=1).start(
        hosted(server), teacher=program(knows), trainset=sums(3), valset=sums(2)
    )
    wait_for(lambda: server.count("GET fine_tuning/jobs/ftjob-1") > 1)
    assert run.snapshot()["progress"]["label"] == "training 0%: job ftjob-1: running"
    run.stop()
    run.wait(30)
    assert run.state == "stopped" and server.jobs["ftjob-1"]["status"] == "running"
    server.finish()
    run.resume()
    tuned = run.wait(30)
    assert server.count("POST fine_tuning/jobs") == 1 and run.state == "finished"
    assert tuned.lm.model == "openai/ft:base:ftjob-1" and [c.score for c in run.candidates] == [0.0, 100.0]
    assert run.snapshot()["budget"]["tokens"]["spent"] > 1234  # what was trained is counted


def test_a_killed_run_goes_on_with_the_job_at_the_provider(server, tmp_path):
    """A journal that ends in the middle of a training, as a kill leaves it, finds the job again."""
    run = lmnb.BootstrapFinetune(right, num_threads=1).start(hosted(server), teacher=program(knows), trainset=sums(3))
    wait_for(lambda: server.count("GET fine_tuning/jobs/ftjob-1") > 1)
    shutil.copytree(run.path, tmp_path / "killed", ignore=shutil.ignore_patterns("lock"))
    run.stop()
    server.finish()
    again = lmnb.reopen(tmp_path / "killed", hosted(server), right, teacher=program(knows))
    again.resume()
    assert again.wait(30).lm.model == "openai/ft:base:ftjob-1" and server.count("POST fine_tuning/jobs") == 1


def test_a_cancelled_run_cancels_the_job_and_a_resumed_one_begins_another(server):
    """cancel() gives the job up at the provider too."""
    run = lmnb.BootstrapFinetune(right, num_threads=1).start(hosted(server), teacher=program(knows), trainset=sums(2))
    wait_for(lambda: server.jobs)
    run.cancel()
    run.wait(30)
    wait_for(lambda: server.jobs["ftjob-1"]["status"] == "cancelled")
    server.finish()
    run.resume()
    assert run.wait(30).lm.model == "openai/ft:base:ftjob-2"


def test_the_time_of_a_run_ends_its_training(server):
    """A budget of seconds holds while a job is waited for."""
    run = lmnb.BootstrapFinetune(right, num_threads=1).start(
        hosted(server), teacher=program(knows), trainset=sums(2), valset=sums(2), budget=lmnb.Budget(seconds=1)
    )
    run.wait(30)
    assert run.state == "stopped" and "seconds is spent" in run.decisions[-1].text and len(run.candidates) == 1


class Breaking(RecallTrainer):
    """Fails the first time, in the middle."""

    def __init__(self):
        self.begun = 0

    def fit(self, lm, records, out, options, training):
        self.begun += 1
        if self.begun == 1:
            training.told(0.5, "half")
            raise OSError("the disk is full")
        return super().fit(lm, records, out, options, training)


def test_a_training_that_failed_is_told_and_tried_again_on_resume():
    """The error names its cause; resuming trains again, and a finished run never does."""
    student = program(knows)
    student.lm.trainer = trainer = Breaking()
    run = lmnb.BootstrapFinetune(right).start(student, trainset=sums(3), valset=sums(2))
    with pytest.raises(lmnb.RunError, match=r"the training failed: OSError: the disk is full"):
        run.wait(30)
    assert any(event["what"].startswith("training 50%: half") for event in run.events)
    run.resume()
    run.wait(30)
    assert run.state == "finished" and trainer.begun == 2 and len(run.candidates) == 2
    assert lmnb.reopen(run.path).replay_candidate().id == run.best.id and trainer.begun == 2


def test_missing_weights_are_told_and_a_moved_run_finds_its_own(tmp_path):
    """A run's folder can be moved whole; without its weights the error says what is missing."""
    run = lmnb.BootstrapFinetune(right).start(program(knows), trainset=sums(3), run_dir=tmp_path / "a")
    weights = run.wait(30).lm.weights
    shutil.move(tmp_path / "a", tmp_path / "b")
    assert lmnb.reopen(tmp_path / "b").result().lm.weights == weights
    assert lmnb.load(tmp_path / "b" / "program.json").lm.weights == weights
    next((tmp_path / "b" / "weights").glob("*.json")).unlink()
    with pytest.raises(lmnb.LMNotConfigured, match=r"the trained weights 'fake-.*json' .* were not found"):
        lmnb.reopen(tmp_path / "b").result()


def test_without_a_folder_the_weights_lie_in_the_cache_and_an_event_says_where():
    """run_dir=None keeps no journal; the weights have a place that is told."""
    run = lmnb.BootstrapFinetune(right).start(program(knows), trainset=sums(3), run_dir=None)
    tuned = run.wait(30)
    place = next(event["what"] for event in run.events if "records in" in event["what"])
    assert str(lmnb.lm.folders.cache_folder()) in place and tuned(question="2 + 1?").answer == "3"


def test_an_lm_that_cannot_be_trained_is_named():
    """A student whose LM has no trainer is refused before anything runs, with what to use instead."""

    class Plain(lmnb.BaseLM):
        def forward(self, prompt=None, messages=None, **options):
            return "[[ ## answer ## ]]\n1"

    student = lmnb.Predict("question -> answer", lm=Plain("plain"))
    with pytest.raises(lmnb.InputError, match="cannot be fine-tuned: it has no trainer"):
        lmnb.BootstrapFinetune().start(student, trainset=sums(1))


def test_a_stored_run_asks_no_other_lm_that_has_the_name_of_its_own(tmp_path):
    """A run whose LM was fine-tuned goes on with that; one whose LM no file brings back says that none is set, and asks nobody."""
    asked = lmnb.FakeLM(nothing)
    tuned = asked.finetune([{"messages": [{"role": "assistant", "content": "4"}]}], folder=tmp_path / "weights").result(
        30
    )
    for name, lm in (("tuned", tuned), ("other", lmnb.FakeLM(nothing, model="openai/gpt-4o"))):
        with lmnb.context(lm=lm, run_dir=tmp_path):
            optimizer = lmnb.LabeledFewShot(k=2, metric=right)
            run = optimizer.start(
                lmnb.Predict("question -> answer"), trainset=sums(4), valset=sums(4), run_dir=tmp_path / name
            )
            run.wait(60)
    with lmnb.context(lm=None, run_dir=tmp_path):
        stored = lmnb.reopen(tmp_path / "tuned", lmnb.Predict("question -> answer"), right)
        assert stored._code.settings["lm"] == tuned
        stored = lmnb.reopen(tmp_path / "other", lmnb.Predict("question -> answer"), right)
        stored.edit(0, "self.instructions", "Add.")
        stored.wait(60)
    assert "no LM is set" in stored.examples(len(stored.candidates) - 1)["rows"][0]["error"]
