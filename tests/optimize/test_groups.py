"""Groups of examples: whole on one side of a split, scored apart, and the worst of them as the objective."""

from __future__ import annotations

import pytest
import worlds

import lmnb
from lmnb.optimize.groups import held_out
from lmnb.optimize.splits import prepared

PREDICT = lmnb.Predict("question -> answer")


def examples(*sizes, first=0):
    """Questions of as many customers as there are sizes."""
    customers = [customer for customer, size in enumerate(sizes) for _ in range(size)]
    rows = worlds.questions(first, first + len(customers))
    return [
        row.copy(customer=f"c{customer}").with_inputs("question") for row, customer in zip(rows, customers, strict=True)
    ]


def start(optimizer=None, lm=None, **options):
    optimizer = optimizer or lmnb.BootstrapFewShot(worlds.exact, max_bootstrapped_demos=2, max_labeled_demos=2)
    with lmnb.context(lm=lm or lmnb.FakeLM(worlds.reply)):
        return optimizer.start(PREDICT, **{"run_dir": None, **options})


def search():
    return worlds.optimizers(worlds.exact)["BootstrapFewShotWithRandomSearch"]


@pytest.mark.parametrize("group", ["customer", lambda example: example.customer[1:]])
def test_no_group_stands_on_both_sides(group):
    """About a third is held out, by whole groups; the note says so, and the scored examples know their groups."""
    data = examples(9, 5, 4, 3, 3, 2, 2, 1, 1)
    splits = prepared(PREDICT, data, None, scoring=True, needed=True, group=group)
    assert not {row.customer for row in splits.train} & {row.customer for row in splits.val}
    assert len(splits.train) + len(splits.val) == 30 and 8 <= len(splits.val) <= 10
    assert [name[-1] for name in splits.groups] == [row.customer[-1] for row in splits.val]
    assert "by whole groups" in splits.note


def test_groups_of_equal_size_are_dealt_the_same_way_every_time():
    """The choice follows from the names alone, and takes neither the first nor the last ones."""
    names = [f"g{n}" for n in range(30)]
    held = held_out(names)
    assert held == held_out(names) and len(held) == 10 and held != list(range(10)) and held != list(range(20, 30))
    assert held_out(["big"] * 9 + ["small"]) == [9] and held_out(["a", "b"]) in ([0], [1])


def test_what_cannot_be_grouped_is_refused():
    """A field that is not there, one group alone, a group in both sets, and an objective without groups."""
    optimizer = search()
    with pytest.raises(lmnb.InputError, match=r"trainset\[0\] has no field 'client'.*question, answer, customer"):
        start(optimizer, trainset=examples(30), group="client")
    with pytest.raises(lmnb.InputError, match="of the one group 'c0'"):
        start(optimizer, trainset=examples(30), group="customer")
    with pytest.raises(lmnb.InputError, match="of the one group 'c0'"):
        start(optimizer, trainset=examples(8), group="customer", cross_fit=True)
    with pytest.raises(lmnb.InputError, match=r"stand in both trainset and valset \('c0'\)"):
        start(optimizer, trainset=examples(3, 3), valset=examples(3, first=50), group="customer")
    with pytest.raises(lmnb.InputError, match="'worst group' needs groups"):
        start(optimizer, trainset=examples(3, 3), objective="worst group")
    with pytest.raises(lmnb.InputError, match="objective='best' is not known; write one of 'mean', 'worst group'"):
        start(optimizer, trainset=examples(3, 3), objective="best")


def test_cross_fitting_leaves_out_the_whole_group():
    """With groups, an example is scored without the demos of its whole group."""
    lm = lmnb.FakeLM(worlds.reply)
    data = examples(4, 4, 4)
    group_of = {row.question: row.customer for row in data}
    start(lmnb.LabeledFewShot(k=12, metric=worlds.exact), lm, trainset=data, group="customer", cross_fit=True).wait(60)
    shown = 0
    for call in lm.calls:
        turns = [
            line
            for m in call["messages"]
            if m["role"] == "user"
            for line in m["content"].splitlines()
            if line in group_of
        ]
        shown += len(turns) - 1
        assert all(group_of[turn] != group_of[turns[-1]] for turn in turns[:-1])
    assert shown == 12 * 8


def test_the_worst_group_decides_where_it_is_the_objective():
    """With the mean a candidate wins that gives up one group; with the worst group the one wins that serves all."""
    valset = [
        row.copy(customer=f"c{int(row.question[1:]) // 10}").with_inputs("question") for row in worlds.questions(0, 30)
    ]
    trainset = examples(3, first=100)
    # zero-shot is right on every second question of all customers, with demos on all of two customers and none of the third

    def reply(messages, **_):
        number = int(messages[-1]["content"].split("\nq")[1].split("\n")[0])
        demos = any(message["role"] == "assistant" for message in messages)
        return {"answer": f"a{number}" if (number < 20 if demos else number % 2) else "?"}

    best = {}
    for objective in ("mean", "worst group"):
        run = start(
            lmnb.LabeledFewShot(k=2, metric=worlds.exact),
            lmnb.FakeLM(reply),
            trainset=[row.copy(customer="other").with_inputs("question") for row in trainset],
            valset=valset,
            group="customer",
            objective=objective,
        )
        run.wait(60)
        best[objective] = run.best.number
        assert run.group_scores(1) == {"c0": (100.0, 10), "c1": (100.0, 10), "c2": (0.0, 10)}
        assert run.detail(1)["worst"] == {"group": "c2", "score": 0.0, "n": 10}
    assert best == {"mean": 1, "worst group": 0}
    run.accept(1)
    assert "worst group 'c2' 0.0 % of 10 examples" in run.to_html().replace("&#x27;", "'")


def test_a_grouped_run_reopens_with_its_data_given_again(tmp_path):
    """The rows that were held out are stored, so a group function need not be known to split the same data again; the objective stays."""
    optimizer = search()
    data = examples(8, 7, 6, 5, 4)
    run = start(
        optimizer,
        trainset=data,
        group=lambda row: row.customer,
        objective="worst group",
        run_dir=tmp_path / "r",
        cross_fit=False,
    )
    run.wait(60)
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        again = lmnb.reopen(tmp_path / "r", PREDICT, worlds.exact, trainset=data)
        assert again.header.splits == run.header.splits and again.header.objective == "worst group"
        assert again.best == run.best and again.group_scores() == run.group_scores()
        with pytest.raises(lmnb.Diverged, match="data changed"):
            lmnb.reopen(tmp_path / "r", PREDICT, worlds.exact, trainset=data[::-1])
    assert again.replay().slots() == run.result().slots()


def by_class(**options):
    """A run on answers of two classes, of which the program with demos gives up one."""
    rows = [lmnb.Example(question=f"q{n}", answer="rare" if n % 5 == 0 else "often") for n in range(30)]
    rows = [row.with_inputs("question") for row in rows]

    def reply(messages, **_):
        number = int(messages[-1]["content"].split("\nq")[1].split("\n")[0])
        demos = any(message["role"] == "assistant" for message in messages)
        return {"answer": "often" if demos or number % 2 else "rare"}

    run = start(lmnb.LabeledFewShot(k=2, metric=worlds.exact), lmnb.FakeLM(reply), trainset=rows[:10], **options)
    run.wait(60)
    return run


@pytest.mark.parametrize("group", ["answer", lambda example: example.answer])
def test_the_worst_class_is_an_objective_that_leaves_the_split_alone(group, tmp_path):
    """Classes stand on both sides of the split; the run is scored by them, and is the same when it is opened again."""
    rows = [
        row.with_inputs("question")
        for row in (lmnb.Example(question=f"q{n}", answer="often" if n % 5 else "rare") for n in range(10, 30))
    ]
    run = by_class(valset=rows, objective=lmnb.WorstGroup(group), run_dir=tmp_path / "run")
    assert run.best.number == 0 and run.header.objective == "worst group"
    assert run.group_scores(1) == {"rare": (0.0, 4), "often": (100.0, 16)}
    assert {row.answer for row in run.header.splits.train} == {row.answer for row in run.header.splits.val}
    again = lmnb.reopen(tmp_path / "run")
    assert again.header.splits == run.header.splits and again.best.number == 0


def test_cross_fitting_leaves_out_the_split_groups_and_not_the_classes():
    """With classes as the objective an example is shown demos of its class; with a group beside that, none of its group."""
    data = [row.copy(kind="a").with_inputs("question") for row in examples(4, 4)]
    given = {"scoring": True, "needed": True, "demos_only": True, "scored_by": "kind", "cross_fit": True}
    alone, both = prepared(PREDICT, data, None, **given), prepared(PREDICT, data, None, group="customer", **given)
    holder = lmnb.Candidate({"self.demos": tuple(row.with_origin("labelled", source=n) for n, row in enumerate(data))})
    shown = [
        [demo.source for demo in splits.shown(holder, "train", 0).values["self.demos"]] for splits in (alone, both)
    ]
    assert shown == [[1, 2, 3, 4, 5, 6, 7], [4, 5, 6, 7]]
    assert alone.groups == both.groups == ("a",) * 8
    assert type(both).from_dict(both.to_dict(), "train", both.note, both.how()) == both


def test_the_worst_group_needs_scores():
    """Groups for the objective alone are of no use where nothing is scored."""
    with pytest.raises(lmnb.InputError, match="needs groups, and examples that are scored"):
        start(lmnb.LabeledFewShot(k=2), trainset=examples(3, 3), objective=lmnb.WorstGroup("customer"))
