"""Gates that ask: a run waits for a person or a function, answers are decisions, and a replay needs neither."""

from __future__ import annotations

import time
from typing import Any

import pytest
import worlds

import lmnb
from lmnb.optimize.review import reviewed_kinds

SLOT = "self.instructions"


def policy(item: Any) -> Any:
    """Keeps one demo out and corrects another."""
    if item.kind == "demo":
        return {"q2": "reject: not this one", "q3": {"answer": "a three"}}.get(item.value.question)
    return None


def mipro() -> Any:
    return lmnb.MIPROv2(worlds.exact, auto=None, num_candidates=3, max_bootstrapped_demos=0, max_labeled_demos=0)


def bootstrap() -> Any:
    return lmnb.BootstrapFewShot(metric=worlds.exact, max_bootstrapped_demos=3, max_labeled_demos=3)


def start(optimizer: Any, model: Any = worlds.reply, **options: Any) -> Any:
    with lmnb.context(lm=lmnb.FakeLM(model)):
        return optimizer.start(
            lmnb.Predict("question -> answer"),
            trainset=worlds.questions(0, 8),
            valset=worlds.questions(100, 104),
            **{"num_threads": 2, **options},
        )


def answered(run: Any, answer: Any) -> Any:
    """The finished run, in which `answer(item)` was called for each item that waited."""
    while run.state not in ("finished", "failed", "stopped", "cancelled"):
        run.until("pending", 30)
        for item in run.pending[:1]:
            answer(item)
    return run.wait(30)


def test_candidates_wait_for_the_person_and_are_accepted_rejected_or_edited() -> None:
    """Nothing of a candidate is run before it is let through; an edit takes its place; the replay asks nobody."""
    run = start(mipro(), review="candidates")
    seen: list[str] = []

    def answer(item: Any) -> None:
        seen.append(item.id)
        assert run.state == "waiting" and next(row for row in run.candidates if row.id == item.id).done == 0
        shown = run.snapshot()
        assert shown["pending"][0]["label"] == item.label and "waits for your answer" in shown["progress"]["label"]
        if len(seen) == 1:
            run.reject(item, "too dull")
        elif len(seen) == 2:
            run.edit(item, SLOT, "Say it in my words.")
        else:
            run.accept(item)

    tuned = answered(run, answer)
    rows = {row.id: row for row in run.candidates}
    assert rows[seen[0]].reason == "rejected: too dull" and rows[seen[0]].done == 0
    assert rows[seen[1]].reason == "edited before it was tried" and rows[seen[1]].done == 0
    [mine] = [row for row in rows.values() if row.human]
    assert mine.status == "scored" and run.candidate(mine).values[SLOT] == "Say it in my words."
    assert all(rows[name].status == "scored" for name in seen[2:]) and len(seen) == len(set(seen)) > 2
    assert lmnb.reopen(run.path).replay().slots() == tuned.slots()


def test_demos_wait_and_the_same_demo_is_asked_about_once() -> None:
    """A bootstrapped demo is kept, rejected or corrected before it is shown to anyone; labelled ones are yours already."""
    search = lmnb.BootstrapFewShotWithRandomSearch(
        metric=worlds.exact, max_bootstrapped_demos=3, max_labeled_demos=4, num_candidate_programs=3
    )
    run = start(search, review=["demos"])
    seen: list[Any] = []

    def answer(item: Any) -> None:
        seen.append(item.value.question)
        assert item.value.provenance.origin == "bootstrapped"
        if len(seen) == 1:
            run.reject(item, "no")
        elif len(seen) == 2:
            run.edit_demo(item.value, {"answer": "as I say"})
        else:
            run.accept(item)

    tuned = answered(run, answer)
    assert len(seen) == len(set(seen)) > 2
    held = {demo.question: demo for demo in run.demos if demo.provenance.origin in ("bootstrapped", "human")}
    assert seen[0] not in held and held[seen[1]].answer == "as I say" and held[seen[1]].provenance.origin == "human"
    assert lmnb.reopen(run.path).replay().slots() == tuned.slots()


def test_proposals_wait_and_a_rejected_one_is_no_candidate() -> None:
    """The text that an LM wrote is seen before anything is made of it; an edit goes into the candidates in its place."""
    run = start(lmnb.COPRO(metric=worlds.exact, breadth=4, depth=1), review="proposals")
    seen: list[Any] = []

    def answer(item: Any) -> None:
        seen.append(item)
        if len(seen) == 1:
            run.reject(item, "no slogans")
        elif len(seen) == 2:
            run.edit(item, "proposed_instruction", "Mine instead.")
        else:
            run.accept(item.id)

    tuned = answered(run, answer)
    texts = [run.candidate(row).values[SLOT] for row in run.candidates]
    assert [item.value["proposed_instruction"] in texts for item in seen] == [False, False, True]
    assert "Mine instead." in texts
    assert [decision.kind for decision in run.decisions] == ["reject-proposal", "edit-proposal", "pass"]
    assert lmnb.reopen(run.path).replay().slots() == tuned.slots()


def test_a_function_answers_in_the_persons_place() -> None:
    """It is asked once for each thing, its answers are journaled, and a run that goes on without it knows them."""
    asked: list[str] = []

    def answer(item: Any) -> Any:
        asked.append(item.id)
        return policy(item)

    run = start(bootstrap(), review=answer)
    tuned = run.wait(30)
    demos = {demo.question: demo.answer for demo in run.demos if demo.provenance.origin != "labelled"}
    assert "q2" not in demos and demos.get("q3") == "a three"
    assert {decision.by for decision in run.decisions} == {"policy"} and len(asked) == len(set(asked)) > 2
    before = len(asked)
    assert lmnb.reopen(run.path).replay().slots() == tuned.slots() and len(asked) == before


def test_a_function_answers_in_the_words_of_the_methods() -> None:
    """Such as those that a judge with a literal type gives; a reason is kept."""
    run = start(bootstrap(), review=lambda item: "Reject: too easy" if item.kind == "demo" else "accept", run_dir=None)
    run.wait(30)
    rejected = [each.text for each in run.decisions if "reject" in each.kind]
    assert rejected and all(text.endswith("“too easy”") for text in rejected)
    assert [row.status for row in run.candidates] == ["scored", "scored"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (3, "the review function gave 3 for "),
        ({"colour": "red"}, "no field 'colour'"),
        ("maybe", r"gave 'maybe' for .*\. Its answers are True \(or None, or 'accept'\), False \(or 'reject'"),
        ("accept: well done", "gave 'accept: well done'"),
    ],
)
def test_a_function_that_answers_nonsense_ends_the_run_with_the_words(given: Any, words: str) -> None:
    """What it may give is said."""
    run = start(bootstrap(), review=lambda item: given if item.kind == "demo" else True, run_dir=None)
    with pytest.raises(lmnb.InputError, match=words):
        run.wait(30)


def test_a_waiting_run_is_stopped_resumed_and_cancelled() -> None:
    """Stop and cancel get through at a gate; resumed, it waits for the same answers and asks again for none that it had."""
    run = start(bootstrap(), review="demos")
    run.until("pending", 30)
    first = [item.id for item in run.pending]
    run.accept(run.pending[0])
    run.until("pending", 30)
    run.stop()
    run.until("ended", 30)
    assert run.state == "stopped" and run.pending == []
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        again = lmnb.reopen(run.path, program=lmnb.Predict("question -> answer"), metric=worlds.exact)
    again.resume()
    again.until("pending", 30)
    assert again.pending and first[0] not in [item.id for item in again.pending]
    again.cancel()
    again.until("ended", 30)
    assert again.state == "cancelled"
    again.resume()
    answered(again, again.accept)
    whole = start(bootstrap())
    whole.wait(30)
    assert again.state == "finished" and [(c.id, c.score) for c in again.candidates] == [
        (c.id, c.score) for c in whole.candidates
    ]


def test_an_edited_proposal_is_the_result_where_nothing_is_scored() -> None:
    """Without a metric the search's proposal is the result, also as the person edited it at the gate; undo brings the first one back."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = lmnb.LabeledFewShot(k=2).start(
            lmnb.Predict("question -> answer"), trainset=worlds.questions(0, 4), review="candidates", run_dir=None
        )
    answered(run, lambda item: run.edit(item, SLOT, "Mine."))
    assert run.result().instructions == "Mine." and len(run.result().demos) == 2
    run.undo()
    assert run.result().instructions != "Mine." and len(run.result().demos) == 2


def test_a_candidate_rejected_at_its_gate_is_scored_when_the_reject_is_undone() -> None:
    """It comes back, and the driver runs it, for the search has gone on without it."""
    run = start(bootstrap(), review="candidates", run_dir=None)
    answered(run, lambda item: run.reject(item, "no"))
    assert [row.status for row in run.candidates] == ["scored", "dropped"]
    run.undo()
    run.until("ended", 30)
    assert [row.status for row in run.candidates] == ["scored", "scored"]


def test_what_nobody_answers_goes_on_after_the_timeout() -> None:
    """It is as if all had been let through, each is a decision of its own, and the replay waits for nobody."""
    run = start(bootstrap(), review="all", review_timeout=0.02)
    tuned = run.wait(30)
    plain = start(bootstrap())
    assert tuned.slots() == plain.wait(30).slots()
    assert {(each.kind, each.by) for each in run.decisions} == {("pass", "timeout")}
    assert run.decisions[0].text.endswith("go on: no answer in 0.02 s")
    again = lmnb.reopen(run.path)
    assert again.header.review_timeout == 0.02 and again.replay().slots() == tuned.slots()


def test_the_countdown_stands_still_in_a_pause_and_begins_anew_with_an_answer() -> None:
    """What the panels show of it: seconds, or None while it is held."""
    run = start(bootstrap(), review="demos", review_timeout=600)
    run.until("pending", 30)
    first = run.snapshot()["review"]
    assert first["timeout"] == 600 and 0 < first["left"] <= 600
    run.pause()
    while run.snapshot()["review"]["left"] is not None:
        time.sleep(0.005)
    assert run.state == "waiting" and run.pending
    run.resume()
    while run.snapshot()["review"]["left"] is None:
        time.sleep(0.005)
    answered(run, run.accept)
    assert run.snapshot()["review"]["left"] is None and {each.by for each in run.decisions} == {"person"}


@pytest.mark.parametrize(
    "asked", ["all", ["candidates", "demos", "proposals"], ["candidates", "demos", "instructions"]]
)
def test_all_is_every_kind_and_proposals_are_instructions(asked: Any) -> None:
    """The former name means the same, in journals of before too."""
    run = start(mipro(), review=asked, paused=True)
    assert run.header.review == ["candidates", "demos", "instructions"]
    run.stop()
    assert reviewed_kinds(["proposals"]) == {"instructions"}


@pytest.mark.parametrize(
    ("timeout", "review", "words"),
    [
        (0, "all", "is no time"),
        ("60", "all", "is no time"),
        (float("nan"), "all", "is no time"),
        (5, None, "waits for nobody; write review='all'"),
        (5, policy, "waits for nobody"),
    ],
)
def test_a_timeout_that_means_nothing_is_told(timeout: Any, review: Any, words: str) -> None:
    """Before anything runs."""
    with pytest.raises(lmnb.InputError, match=words):
        start(bootstrap(), review=review, review_timeout=timeout)


def test_a_timeout_of_a_thousand_years_is_waited_for() -> None:
    """No lock can wait that long at once, and nothing overflows; a stored header with a time that is none is refused."""
    run = start(bootstrap(), review="all", review_timeout=1e11)
    run.until("pending", 30)
    assert run.state == "waiting" and run.pending
    run.stop()
    run.until("ended", 30)
    place = run.path / "journal.jsonl"
    place.write_text(place.read_text().replace('"review_timeout":100000000000.0', '"review_timeout":-4'))
    with pytest.raises(lmnb.JournalError, match="review_timeout is -4"):
        lmnb.reopen(run.path)


def test_several_texts_of_a_candidate_are_edited_at_once() -> None:
    """One decision, one child; of a proposal too; carried over it is the same."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        search = worlds.optimizers(worlds.exact)["BootstrapFewShot"]
        data = {"trainset": worlds.questions(0, 8), "valset": worlds.questions(100, 104)}
        run = search.start(worlds.TwoCalls(), **data, paused=True)
        first, second = (part.path for part in run.header.predictors)
        texts = {f"{first}.instructions": "Do one.", f"{second}.instructions": "Do two."}
        run.resume()
        run.wait(30)
        child = run.edit(0, texts)
        run.until("ended", 30)
        other = run.edit(run.best, {slot: f"{text} Well." for slot, text in texts.items()})
        run.until("ended", 30)
        again = search.start(worlds.TwoCalls(), **data, decisions=run.decisions)
        again.wait(30)
    assert {slot: child.values[slot] for slot in texts} == texts and len(run.decisions) == 2
    assert child.id in [row.id for row in again.candidates]
    carried = next(
        made for made in again.candidates if again.detail(made)["predictors"][0]["instructions"] == "Do one. Well."
    )
    assert any(other.values[f"{path}.demos"] for path in (first, second))
    assert not any(
        part["demos"] for part in again.detail(carried)["predictors"]
    )  # as of one text: not what it was written into


def test_what_can_be_reviewed_is_told() -> None:
    """An unknown kind is refused before anything runs."""
    with pytest.raises(
        lmnb.InputError, match=r"review='prompts' is not known; write 'candidates', 'demos', 'instructions', 'all'"
    ):
        start(bootstrap(), review="prompts")


@pytest.mark.sampled("MIPROv2")
@pytest.mark.parametrize("name", worlds.optimizers(worlds.exact))
def test_every_optimizer_bears_with_whatever_is_answered(name: str) -> None:
    """A policy that accepts, rejects and edits at random leaves every search sound: each thing is asked once, what was refused is nowhere, and
    the replay comes to the same without the policy."""
    asked, refused = [], set()

    def answer(item: Any) -> Any:
        asked.append(item.id)
        luck = int(lmnb.canonical.content_hash([name, item.id], 8), 16) % 5
        if luck == 0:
            refused.add(item.id)
            return "reject: no"
        if luck > 1:
            return True
        if item.kind == "candidate":
            return {"rewrite.instructions": f"Edited {item.id}."}
        field = "answer" if "answer" in item.value else next(iter(item.value))
        return {field: f"edited {item.id}"}

    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = worlds.optimizers(worlds.exact)[name].start(
            worlds.TwoCalls(),
            trainset=worlds.questions(0, 12),
            valset=worlds.questions(100, 106),
            num_threads=4,
            review=answer,
        )
        tuned = run.wait(60)
    assert run.state == "finished" and len(asked) == len(set(asked)) > 0
    held = {demo.provenance.id for row in run.candidates for _, demo in run.candidate(row).demos()}
    assert not refused & held and not refused & {row.id for row in run.candidates if row.status != "dropped"}
    before = len(asked)
    assert lmnb.reopen(run.path).replay().slots() == tuned.slots() and len(asked) == before
