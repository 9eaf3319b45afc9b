"""Rejected texts and locked spans: what is tabu and what is not, what proposers are told, and that it holds in every optimizer."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
import worlds

import lmnb
from lmnb.optimize.decisions import carried
from lmnb.optimize.tabu import Tabu

SLOT = "self.instructions"
WRITERS = ("COPRO", "GEPA", "MIPROv2", "SIMBA", "InferRules")  # those that ask an LM for texts


class Writer:
    """Answers questions by luck, and writes a text of its own for each request, with what it is told to keep where `keeps` says so."""

    def __init__(self, keeps: bool = True) -> None:
        self.keeps, self.asked, self.answered = keeps, [], Counter()

    def __call__(self, messages: list[dict[str, str]], **options: Any) -> Any:
        said = worlds.reply(messages)
        if not any(re.search(r"proposed|rule", name) for name in said):  # samples of one prompt differ
            self.answered[messages[-1]["content"]] += 1
            return said | ({"answer": "no"} if self.answered[messages[-1]["content"]] % 2 else {})
        system = messages[0]["content"]
        self.asked.append("\n".join(each["content"] for each in messages))
        kept = re.findall(r"^- (.*)$", system.partition("word for word:")[2], re.M) if self.keeps else []
        text = " ".join([*kept, f"Way {'abcdefghijklmnopqrstuvwxyz'[len(self.asked) % 26] * 9} it is."])
        return {name: text if re.search(r"instruction|rule$", name) else value for name, value in said.items()}


def optimizer(name: str) -> Any:
    return {
        "COPRO": lambda: lmnb.COPRO(metric=worlds.exact, breadth=3, depth=3),
        "GEPA": lambda: lmnb.GEPA(worlds.exact, max_metric_calls=90, skip_perfect_score=False),
        "MIPROv2": lambda: lmnb.MIPROv2(
            worlds.exact, auto=None, num_candidates=3, max_bootstrapped_demos=0, max_labeled_demos=0
        ),
        "SIMBA": lambda: lmnb.SIMBA(metric=worlds.exact, bsize=6, num_candidates=3, max_steps=3, max_demos=0),
        "InferRules": lambda: lmnb.InferRules(num_candidates=4, metric=worlds.exact, max_labeled_demos=0),
    }[name]()


def start(name: str, model: Any, **options: Any) -> Any:
    with lmnb.context(lm=lmnb.FakeLM(model)):
        return optimizer(name).start(
            lmnb.Predict("question -> answer"),
            trainset=worlds.questions(0, 8),
            valset=worlds.questions(100, 106),
            **{"num_threads": 1, **options},
        )


def stepped(run: Any, until: Any) -> None:
    """Step until `until()` is true or the run has ended."""
    while run.state != "finished" and not until():
        run.step()
        run.until("paused", 30)


def labelled(metric: Any = worlds.exact, **options: Any) -> Any:
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = lmnb.LabeledFewShot(k=2, metric=metric).start(
            lmnb.Predict("question -> answer"),
            trainset=worlds.questions(0, 6),
            valset=worlds.questions(100, 103),
            **{"run_dir": None, **options},
        )
        run.wait(30)
    return run


def test_of_two_texts_with_one_long_beginning_one_may_be_rejected_alone() -> None:
    """What a text shares with the one it came from does not make two texts the same: only what is new counts."""
    long = "Read the ticket with care and name the team that has to answer it, " * 5
    tabu = Tabu(SLOT, f"{long} Rule: shout.", before=(long,))
    assert tabu.covers(f"{long} rule: SHOUT") and not tabu.covers(f"{long} Rule: whisper.") and not tabu.covers(long)


@pytest.mark.sampled("COPRO", "MIPROv2", "SIMBA")
@pytest.mark.parametrize("name", WRITERS)
def test_a_rejected_text_is_told_with_its_reason_and_never_comes_back(name: str) -> None:
    """Each optimizer that asks for texts tells later requests what was rejected and why; no later candidate holds it, and a replay agrees."""
    model = Writer()
    run = start(name, model, paused=True)

    def texts() -> list[Any]:
        return [row for row in run.candidates if run.candidate(row).origin not in ("baseline", "bootstrapped", "human")]

    stepped(run, lambda: any(row.status == "scored" for row in texts()))
    row = next(row for row in texts() if row.status == "scored")
    text, before = run.candidate(row).values[SLOT], len(model.asked)
    new = next(re.finditer(r"Way (\w)\1{8} it is\.", text)).group()
    run.reject(row, "not our way of speaking")
    run.resume()
    run.wait(60)
    assert run.decisions[0].data["tabu"][SLOT]["text"] == text
    later = model.asked[before:]
    assert any(new in asked and "not our way of speaking" in asked for asked in later)
    held = [run.candidate(each).values[SLOT] for each in run.candidates if each.status != "dropped"]
    assert held and all(new not in value for value in held) and new not in run.result().instructions
    assert run.replay().slots() == run.result().slots()


def test_rejecting_a_candidate_with_other_demos_rejects_no_text() -> None:
    """The instruction that it has of its parent stays allowed, and so does the parent."""
    run = labelled()
    run.reject(1, "bad demos")
    assert "tabu" not in run.decisions[0].data and [row.status for row in run.candidates] == ["scored", "dropped"]


def test_what_says_the_same_is_dropped_too_and_undo_brings_it_back() -> None:
    """Nine in ten shared words are the same text: a twin that was scored drops with it, in the decision's words, and comes back with its score."""
    run = labelled(run_dir="run")
    words = "Read the question twice, then give the shortest answer that is right and nothing else."
    for text in (words, words.replace("twice,", "TWICE:"), "Be quick."):
        run.edit(0, SLOT, text)
        run.until("ended", 30)
    scored = run.candidates
    run.reject(2, "too long")
    assert [row.reason for row in run.candidates[2:]] == [
        "rejected: too long",
        f"holds rejected {SLOT}: too long",
        None,
    ]
    assert run.decisions[-1].text == "rejected #2 “too long”, 1 candidate more dropped"
    again = lmnb.reopen(run.path)
    assert [row.reason for row in again.candidates] == [row.reason for row in run.candidates]
    run.undo()
    assert run.candidates == scored


def test_a_person_may_write_again_what_was_rejected() -> None:
    """Their own later edit outweighs the reject, word for word; rejected once more it is out."""
    run = labelled()
    run.edit(0, SLOT, "Answer in one word, please.")
    run.until("ended", 30)
    run.reject(2)
    child = run.inject(candidate={SLOT: "Answer in one word, please!", "self.demos": []})
    run.until("ended", 30)
    assert next(row for row in run.candidates if row.id == child.id).status == "scored"
    run.reject(child)
    assert [row.status for row in run.candidates[2:]] == ["dropped", "dropped"]


def test_a_tabu_is_carried_over_and_spares_the_new_program() -> None:
    """A run that starts with the decisions of another refuses the text; a program that has it already keeps it."""
    run = labelled()
    run.edit(0, SLOT, "Answer loudly.")
    run.until("ended", 30)
    run.reject(2, "loud")
    other = labelled(decisions=run.decisions)
    [row] = [each for each in other.candidates if other.candidate(each).values[SLOT] == "Answer loudly."]
    assert row.reason == "rejected: loud" and other.result().instructions != "Answer loudly."
    [reject] = [data for kind, data, _ in carried(run.decisions, run.candidate(2)) if kind == "reject"]
    assert "Answer loudly." in reject["tabu"][SLOT]["before"]


@pytest.mark.sampled("COPRO")
@pytest.mark.parametrize("name", WRITERS)
def test_a_locked_span_stays_in_every_later_candidate(name: str) -> None:
    """What an LM writes, what is put together and what wins hold the locked words; the replay holds them too."""
    model = Writer()
    run = start(name, model, paused=True)
    run.lock(SLOT, "Given the fields `question`")
    run.resume()
    tuned = run.wait(60)
    assert len(run.candidates) > 2
    assert run.detail(0)["predictors"][0]["locked"] == ["Given the fields `question`"]  # the Studio shows it
    for row in run.candidates:
        assert row.reason is not None or "Given the fields `question`" in run.candidate(row).values[SLOT]
    assert "Given the fields `question`" in tuned.instructions
    assert run.replay().slots() == tuned.slots()
    if name in ("COPRO", "GEPA", "MIPROv2"):
        assert all("word for word:\n- Given the fields `question`" in asked for asked in model.asked)


@pytest.mark.sampled("GEPA")
@pytest.mark.parametrize("name", ["COPRO", "GEPA", "MIPROv2"])
def test_a_proposal_that_drops_the_lock_is_asked_once_more_then_rejected(name: str) -> None:
    """A stubborn proposer is told what it lost, asked a second time and no third; an event says so, and nothing of it is tried."""
    model = Writer(keeps=False)
    run = start(name, model, paused=True)
    run.lock(SLOT, "Given the fields")
    run.resume()
    tuned = run.wait(60)
    again = [asked for asked in model.asked if "had lost one of them" in asked]
    assert len(again) * 2 == len(model.asked) > 0
    assert [row.origin for row in run.candidates if row.origin in ("proposed", "reflected")] == []
    assert any("lost the locked text twice" in event["what"] for event in run.events)
    assert "Given the fields" in tuned.instructions
    asked = len(model.asked)
    run.replay()
    assert len(model.asked) == asked


def test_a_lock_drops_those_that_lack_it_until_it_is_unlocked() -> None:
    """As a pin does; an edit that would lose it is refused, and lock, unlock, undo and redo are decisions like others."""
    run = labelled(run_dir="run")
    run.edit(0, SLOT, "Be brief.  Name the\ncity.")
    run.until("ended", 30)
    before = run.candidates
    run.lock(SLOT, "Name the city")
    lost = f"{SLOT} has lost the locked text 'Name the city'"
    assert [row.reason for row in run.candidates] == [lost, lost, None] and run.best.number == 2
    assert run.decisions[-1].text == "locked “Name the city” in instructions, 2 candidates dropped; only yours are left"
    with pytest.raises(lmnb.InputError, match=r"would be dropped at once: .*Name the city"):
        run.edit(2, SLOT, "Be brief.")
    with pytest.raises(lmnb.InputError, match=r"holds 'Be kind' in self\.instructions, so a lock would leave none"):
        run.lock(SLOT, "Be kind")
    with pytest.raises(lmnb.InputError, match=r"no text in a slot 'self\.demos'; this program has self\.instructions"):
        run.lock("self.demos", "x")
    run.unlock(SLOT, "Name the city")
    assert run.candidates == before
    run.undo()
    assert run.candidates[0].reason == lost
    run.unlock(SLOT)
    with pytest.raises(lmnb.InputError, match="no text is locked"):
        run.unlock(SLOT)
    assert run.candidates == before and lmnb.reopen(run.path).candidates == before


def test_a_lock_is_carried_where_something_holds_it() -> None:
    """With the edit that brought the words it goes along; to a program where nothing has them it stays behind."""
    run = labelled()
    run.edit(0, SLOT, "Name the city.")
    run.until("ended", 30)
    run.lock(SLOT, "Name the city")
    base = run.candidate(0)
    assert [kind for kind, *_ in carried(run.decisions, base)] == ["edit", "lock"]
    assert [kind for kind, *_ in carried(run.decisions[1:], base)] == []
    other = labelled(decisions=run.decisions)
    assert other.result().instructions == "Name the city."
