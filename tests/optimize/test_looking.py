"""What a run tells beside its candidates: origins of its prompt, the fixed/broken matrix, another run beside it, the table of runs."""

from __future__ import annotations

import json

import pytest
import worlds

import lmnb
from lmnb.optimize.prompt_origins import sentences


def start(name="BootstrapFewShotWithRandomSearch", **options):
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        given = {"trainset": worlds.questions(0, 9), "valset": worlds.questions(100, 110), **options}
        run = worlds.optimizers(worlds.exact)[name].start(lmnb.Predict("question -> answer"), **given)
        run.wait(60)
    return run


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return start(run_dir=tmp_path_factory.mktemp("runs") / "one")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that tests decide about."""
    return start(run_dir=tmp_path_factory.mktemp("mine") / "runs" / "mine")


def by(run, kind, candidate=None):
    return [(each.text, each.candidate, each.by) for each in run.provenance(candidate) if each.kind == kind]


def test_each_demo_says_who_made_it_and_from_what(finished):
    """A bootstrapped demo names the program that made it and its training example, a labelled one the training set."""
    found = {each.by: each for each in finished.provenance() if each.kind == "demo"}
    best = finished.candidate(finished.best)
    assert sum(each.kind == "demo" for each in finished.provenance()) == len(best.values["self.demos"])
    assert found["student"].how == f"bootstrapped, training example {found['student'].source}"
    assert found["trainset"].how == f"labelled, training example {found['trainset'].source}"
    taught = start("BootstrapFewShot", teacher=lmnb.Predict("question -> answer"), run_dir=None)
    assert "teacher" in {each.by for each in taught.provenance() if each.kind == "demo"}


def test_a_sentence_that_a_person_wrote_is_theirs_and_the_others_stay_the_programs(run):
    """An edit is theirs from the candidate on that it made; what it left of the instruction is the program's."""
    first = run.candidate(0).values["self.instructions"]
    run.edit(0, "self.instructions", f"{first}\nMind the number.")
    run.until("ended", 30)
    child = run.candidates[-1]
    run.edit(child, "self.instructions", f"{first}\nMind the number. Be short.")
    run.until("ended", 30)
    found = by(run, "sentence", -1 + len(run.candidates))
    assert found == [
        (first, 0, "program"),
        ("Mind the number.", child.number, "person"),
        ("Be short.", child.number + 1, "person"),
    ]
    assert run.provenance(child)[1].how.startswith("edited instructions of #0")


def test_a_demo_of_a_person_is_theirs(run):
    """An injected demo names the person and the decision; one that was kept says so."""
    child = run.inject(demo={"question": "q77", "answer": "a77"})
    run.until("ended", 30)
    mine = run.provenance(child)[-1]
    assert mine.by == "person" and "injected a demo" in mine.how and "q77" in mine.text
    run.keep_demo(run.candidate(child).values["self.demos"][0])
    assert any("kept by you" in each.how for each in run.provenance(child))


def test_a_proposed_instruction_names_its_proposer():
    """What a proposer wrote is found in its proposals, also after reopening."""
    run = start("COPRO")
    child = next(row for row in run.candidates if row.origin not in ("baseline", "human"))
    for again in (run, lmnb.reopen(run.path)):
        found = [each for each in again.provenance(child) if each.by == "proposer"]
        assert found and all("proposed it" in each.how for each in found)


def test_a_demo_that_a_program_came_with_was_given():
    """It is no example of the trainset, and nothing is unknown of it: in the detail, in the origins and on the card."""
    program = lmnb.Predict("question -> answer", lm=lmnb.FakeLM(lambda messages: {"answer": "4"}))
    program.demos = [{"question": "1 + 1?", "answer": "2"}]
    run = lmnb.LabeledFewShot(k=1).start(program, trainset=worlds.questions(0, 2), run_dir=None)
    run.wait(30)
    (demo,) = run.detail(0)["predictors"][0]["demos"]
    (told,) = [each for each in run.provenance(0) if each.kind == "demo"]
    assert demo["origin"] == "given" and (told.by, told.how) == ("program", "given")
    assert lmnb.edit(program).to_dict()["predictors"][0]["demos"][0]["origin"] == "given"


def test_sentences_are_split_at_their_ends_and_at_lines():
    """Numbers and abbreviations inside a line stay together, bullets stand alone."""
    assert sentences("Use 3.5 points. Then stop.\n\n- a\n- b") == ["Use 3.5 points.", "Then stop.", "- a", "- b"]


def test_origins_are_a_table(finished):
    """As a frame, in a cell, and as text."""
    found = finished.provenance()
    frame = found.to_pandas()
    assert list(frame["by"]) == [each.by for each in found] and len(frame) == len(found)
    assert f"Where the prompt of #{finished.best.number} comes from" in found._repr_html_()
    assert repr(found).splitlines()[0].startswith("#0 program: ")
    assert "Where the prompt" in finished.to_html()


def test_the_matrix_of_examples_and_candidates(finished):
    """Each cell says whether a candidate fixed or broke an example; what a race did not ask is neither."""
    flips = finished.flips()
    base = finished.examples(0)["rows"]
    assert flips.candidates == tuple(range(1, len(finished.candidates)))
    for column, number in enumerate(flips.candidates):
        rows = {row["index"]: row for row in finished.examples(number, against=0)["rows"]}
        kinds = {None: None, "fixed": 1, "broken": -1, "same": 0}
        changes = [kinds[rows[i]["change"]] if i in rows else None for i in range(len(base))]
        assert [row[column] for row in flips.changes] == changes
    fixed, broken = flips.counts()[finished.best.number]
    assert fixed > broken and f"#{finished.best.number}: {fixed} fixed, {broken} broken" in repr(flips)
    frame = flips.to_pandas()
    assert frame.shape == (10, len(flips.candidates)) and int(frame[finished.best.number].sum()) == fixed - broken
    assert "▲" in flips._repr_html_() and finished.flips(1).against == 1


def test_two_runs_are_paired_on_the_examples_that_both_scored(finished):
    """The gain is that of the two results on shared examples only; equal candidates are found in both."""
    other = start("BootstrapFewShot", valset=worlds.questions(104, 114), run_dir=None)
    found = finished.compare(other)
    mine, theirs = finished.scores_by_example(finished.best), other.scores_by_example(other.best)
    shared = [name for name in mine if name in theirs]
    assert found.shared == 6 == len(shared)
    assert found.gain.mean == pytest.approx(sum(mine[name] - theirs[name] for name in shared) / 6)
    assert (0, 0) in found.common and "on 6 shared examples" in repr(found)
    both, here, there = found.demos["self.demos"]
    assert both + here == len(finished.candidate(finished.best).values["self.demos"])
    assert both + there == len(other.candidate(other.best).values["self.demos"])
    assert list(found.to_pandas()["optimizer"]) == ["BootstrapFewShotWithRandomSearch", "BootstrapFewShot"]


def test_a_comparison_shows_decisions_and_prompts(run, finished):
    """What only one run decided is listed, and the prompt is shown as a difference; without shared examples nothing is claimed."""
    run.accept(run.edit(run.best, "self.instructions", "Answer with a number."))
    run.until("ended", 30)
    found = run.compare(finished)
    assert "edited instructions" in found.decisions[0][0] and not found.decisions[1]
    assert found.texts["self.instructions"][1] == "Answer with a number."
    shown = found._repr_html_()
    assert "<ins>" in shown and "edited instructions" in shown and "expected on new data" in shown
    apart = start("BootstrapFewShot", valset=worlds.questions(200, 204), run_dir=None)
    assert run.compare(apart).gain is None and "cannot be compared" in repr(run.compare(apart))
    with pytest.raises(lmnb.InputError, match=r"run\.compare\(lmnb\.reopen\(path\)\)"):
        run.compare("runs/mine")


def test_the_table_of_runs(run):
    """Stored runs with score, estimate, held-out check, calls, cost and date; the frame sorts by any of them."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        check = run.check(worlds.questions(300, 306))
    table = lmnb.runs(run.path.parent)
    row = table[0]
    assert (row["state"], row["optimizer"], row["program"]) == (
        "finished",
        "BootstrapFewShotWithRandomSearch",
        "Predict",
    )
    assert (row["best"], row["expected"], row["check"]) == (run.best.score, run.best.expected, check.score)
    assert row["calls"] == run.snapshot()["budget"]["calls"]["spent"] and row["usd"] == 0
    frame = table.to_pandas().sort_values(["expected", "created"])
    assert frame["created"].dt.year.iloc[0] >= 2024
    assert "expected" in repr(table) and "held-out" in table._repr_html_()


def test_a_candidate_tells_what_is_fixed_and_what_a_check_found(run):
    """Pins and locks by slot, the last held-out check, and the origins of its prompt as data."""
    words = run.candidate(0).values["self.instructions"].split()[0]
    run.pin("self.demos", 0)
    run.lock("self.instructions", words)
    part = run.detail(0)["predictors"][0]
    assert (part["pinned"], part["locked"]) == (["demos"], [words])
    run.undo()
    run.undo()
    part = run.detail(0)["predictors"][0]
    assert (part["pinned"], part["locked"]) == ([], [])
    found = run.check(worlds.questions(200, 206))
    assert run.detail(run.best)["check"] == found.to_dict() and run.detail(0)["check"] is None
    first = run.provenance(0)
    assert json.loads(json.dumps(first.to_dicts()))[0]["text"] == first[0].text


def test_what_is_injected_is_a_child_of_the_candidate_that_is_named(run):
    """By default of the best."""
    child = run.inject(demo={"question": "q901", "answer": "901"}, parent=0)
    run.until("ended", 30)
    assert child.parents == (run.candidates[0].id,)
    assert run.inject(instructions="Say it.").parents != child.parents
    run.until("ended", 30)
