"""The bench of optimizers: cells that go on after a kill, and a table that the journals alone give."""

from __future__ import annotations

import random
from dataclasses import replace
from shutil import copytree
from typing import Any

import pytest
from bench.contenders import CONTENDERS, FromExamples
from bench.optimizers import Cell, carry_out, cells, gain, outcome, table
from bench.tasks import TASKS

import lmnb

NAMES = ["LabeledFewShot", "Ensemble of 3", "COPRO, shown examples", "GEPA, own form", "SIMBA, taught"]
TASK = "routing by instruction"


class Counting(lmnb.FakeLM):
    """Says the team that the instruction gives the ticket's first letter, and proposes the instruction that does; counts its calls."""

    def __init__(self) -> None:
        super().__init__(self.says)

    def says(self, messages: Any, **options: Any) -> Any:
        if "proposed_instruction" in messages[0]["content"]:
            return {"proposed_instruction": "Answer by the first letter."}
        return {"team": "right" if "first letter" in messages[0]["content"] else "wrong"}


@pytest.fixture
def problem() -> Any:
    """A routing task in which every team is called "right"."""
    made = TASKS[TASK].problem(0, 8, 6, 10)
    parts = [[row.copy(team="right") for row in part] for part in (made.train, made.val, made.test)]
    return type(made)(made.program, *parts)


def carried(folder: Any, problem: Any, names: list[str]) -> Counting:
    """The bench of one task and seed with these optimizers; gives the LM that it asked."""
    lm = Counting()
    with lmnb.context(lm=lm, num_threads=1):
        for name in (None, *names):
            carry_out(Cell(folder, TASKS[TASK], 0, None if name is None else CONTENDERS[name]), problem, lm)
    return lm


def shown(folder: Any, names: list[str]) -> list[str]:
    with lmnb.context(lm=None):
        return list(table(folder, [TASK], names, 1))


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_cell_goes_on_and_its_table_is_the_same(tmp_path: Any, problem: Any, name: str) -> None:
    """Half a journal is half the work: what was bought is not bought again, and the table does not tell the difference."""
    contender = CONTENDERS[name]
    whole = carried(tmp_path / "whole", problem, [name])
    copytree(tmp_path / "whole", tmp_path / "cut")
    folder = Cell(tmp_path / "cut", TASKS[TASK], 0, contender).folder
    for journal in (folder / "held-out" / "journal.jsonl", folder / "search" / "journal.jsonl"):
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join(lines[: len(lines) // 2]))
    again = carried(tmp_path / "cut", problem, [name])
    assert 0 < len(again.calls) < len(whole.calls)
    first, second = (outcome(Cell(tmp_path / kind, TASKS[TASK], 0, contender)) for kind in ("whole", "cut"))
    assert first is not None and second == replace(first, cell=Cell(tmp_path / "cut", TASKS[TASK], 0, contender))


def test_the_table_says_what_was_gained(tmp_path: Any, problem: Any) -> None:
    """COPRO, shown examples, comes to the instruction that answers all ten held-out tickets; the program as it was answers none."""
    carried(tmp_path, problem, ["COPRO, shown examples"])
    head, asis, _, row, *_ = shown(tmp_path, ["COPRO, shown examples"])
    assert head.startswith(TASK) and "as it was 0.0 %, n = 10 held out, 1 seed" in asis
    assert row.split()[3:8] == ["12", "25", "100.0", "100.0", "+100.0"] and row.endswith("+1 -0 of 1")


def test_an_optimizer_of_demos_has_no_cell_where_there_is_no_room_for_them(tmp_path: Any) -> None:
    """What an optimizer cannot do is left out, not scored."""
    names = [each.contender.name for each in cells(tmp_path, [TASK], NAMES, 1) if each.contender is not None]
    assert names == [name for name in NAMES if not CONTENDERS[name].needs_demos]


def test_equal_scores_claim_nothing_and_a_spread_of_seeds_widens_the_interval() -> None:
    """No difference is no claim, whatever n is; three seeds that disagree are less sure than their pooled examples."""
    same = gain([[0, 1] * 150] * 3, [[0, 1] * 150] * 3)
    assert (same.mean, same.claims(1), same.claims(-1)) == (0, 0, 0) and same.low < 0 < same.high
    spread = gain([[0] * 100] * 3, [[1] * 100, [0] * 100, [1] * 100])
    assert spread.claims(1) == 2 and spread.low < 0


def test_problems_are_balanced_repeatable_and_of_their_seed() -> None:
    """A seed makes the same problem again and another one other words; one label in ten is wrong in training alone."""
    task = TASKS["routing by demos"]
    one, again, other = (task.problem(seed, 40, 10, 20) for seed in (0, 0, 1))
    assert one.train == again.train and one.test == again.test
    assert not {row.team for row in one.test} & {row.team for row in other.test}
    _, rows = task.make(random.Random("routing by demos/0"), 70)
    assert sum(a.team != b.team for a, b in zip(one.train, rows[:40], strict=True)) == 4
    assert one.val == rows[40:50]
    drawn = TASKS["impossible"].problem(0, 40, 40, 300).test
    assert max(sum(row.team == team for row in drawn) for team in ("otter", "falcon", "maple")) <= 101


def test_a_proposer_from_examples_answers_every_request_once() -> None:
    """It draws other examples for other requests, the same for the same, and fills in every field that is asked for."""
    lm = lmnb.FakeLM(lambda messages, **_: {"proposed_instruction": messages[-1]["content"].split("ticket: ")[1][:2]})
    proposer = FromExamples(lm, [f"ticket: {n:02}\nteam: a" for n in range(30)], "Route it.")
    ask = lmnb.Predict("hint -> proposed_instruction, proposed_description", lm=proposer)
    made = [ask(hint=hint) for hint in ("one", "two", "three", "one")]
    assert made[0] == made[3] and len({each.proposed_instruction for each in made}) > 1
    assert {each.proposed_description for each in made} == {""} and len(lm.calls) == 4
