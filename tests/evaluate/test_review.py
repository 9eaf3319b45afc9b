"""A queue that a person judges: answers as data, kept in a file that survives everything."""

from __future__ import annotations

import json
import os
import random
import signal
import time

import pytest

import lmnb
from lmnb.errors import SaveError
from lmnb.evaluate import Report, Row, exact_match

TEAMS = ("A", "B", "C")


def demos(count=4):
    return [lmnb.Example(ticket=f"ticket {n}", team=TEAMS[n % 3]).with_inputs("ticket") for n in range(count)]


def report_of(*answers, score=None):
    rows = [
        Row(n, example, error="KeyError: 'x'")
        if said is None
        else Row(n, example, prediction=lmnb.Prediction(team=said), score=float(said == example.team))
        for n, (said, example) in enumerate(zip(answers, demos(len(answers)), strict=True))
    ]
    return Report(tuple(rows), total=len(rows), program="Router")


def test_demos_are_kept_rejected_edited_and_skipped():
    """Each verdict goes on to the next item; what was kept or edited comes out as examples, what was rejected with its reason."""
    queue = lmnb.review(demos())
    queue.answer("keep")
    queue.answer("reject", reason="not a ticket")
    queue.answer("edit", fields={"team": "A"})
    assert queue.current.example.ticket == "ticket 3"
    queue.answer("skip")
    assert queue.current is None
    assert repr(queue) == "Review(4 of 4 reviewed: 1 kept, 1 rejected, 1 edited, 1 skipped; not saved)"
    assert [dict(one) for one in queue.kept()] == [
        {"ticket": "ticket 0", "team": "A"},
        {"ticket": "ticket 2", "team": "A"},
    ]
    assert [one.origin for one in queue.kept()] == [None, "human"]
    assert [one.input_keys for one in queue.kept()] == [("ticket",)] * 2
    assert queue.rejected() == [(demos()[1], "not a ticket")]
    assert queue.snapshot()["state"] == "finished"


def test_kept_outputs_are_a_trainset():
    """A report's rows become labelled examples of what was kept or put right; its failed row is left out of the queue."""
    queue = lmnb.review(report_of("A", "X", None, "A"))
    assert len(queue) == 3
    queue.answer("keep")
    queue.answer("edit", fields={"team": "B"})
    kept = queue.kept()
    assert [(one.ticket, one.team, one.origin) for one in kept] == [
        ("ticket 0", "A", "bootstrapped"),
        ("ticket 1", "B", "human"),
    ]
    program = lmnb.Predict("ticket -> team", lm=lmnb.FakeLM(lambda messages, **options: {"team": "A"}))
    tuned = lmnb.LabeledFewShot(k=2).compile(program, trainset=kept)
    assert {demo.team for demo in tuned.demos} == {"A", "B"}


def test_traces_and_predictions_can_be_reviewed():
    """What a program gave is an output with the inputs of its trace; its trace can be looked at."""
    qa = lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": "Paris"}, {"answer": "Rome"}]))
    first, second = qa(question="France?"), qa(question="Italy?")
    queue = lmnb.review([first, second.trace, (lmnb.Example(question="Spain?").with_inputs("question"), first)])
    assert [dict(item.inputs) for item in queue.items] == [
        {"question": f"{name}?"} for name in ("France", "Italy", "Spain")
    ]
    assert queue.trace(0) is first.trace
    assert queue.snapshot()["item"]["has_trace"]


def test_answers_outlive_the_queue_in_their_file(tmp_path):
    """Opened again, also in another order and with more items, a review goes on where it was."""
    path = tmp_path / "answers.jsonl"
    queue = lmnb.review(demos(), path)
    queue.answer("keep")
    queue.answer("reject", reason=1)
    mixed = demos(6)
    random.Random(1).shuffle(mixed)
    again = lmnb.review(mixed, path)
    assert (again.snapshot()["done"], len(again)) == (2, 6)
    assert again.rejected() == [(demos()[1], "wrong label")]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0]["inputs"] == {"ticket": "ticket 0"}
    assert [line["verdict"] for line in lines] == ["keep", "reject"]
    assert lmnb.review([], path).answers == []


def test_undo_takes_back_the_last_answer_that_stands(tmp_path):
    """Also one of an earlier sitting; an item that was answered twice gets its first answer back. Nothing in the file is rewritten."""
    path = tmp_path / "answers.jsonl"
    queue = lmnb.review(demos(), path)
    queue.answer("keep")
    queue.answer("keep")
    queue.answer("reject", 0)
    queue = lmnb.review(demos(), path)
    assert queue.undo().verdict == "reject"
    assert queue.answer_of(0).verdict == "keep"
    assert queue.current is queue.items[0]
    queue.undo()
    assert queue.current is queue.items[1]
    queue.undo()
    assert queue.undo() is None
    assert lmnb.review(demos(), path).answers == []
    assert len(path.read_text().splitlines()) == 6


def test_two_people_write_to_one_file(tmp_path):
    """No answer is lost, whichever numbers they have, and an undo takes back the one that is meant."""
    path = tmp_path / "answers.jsonl"
    one, other = lmnb.review(demos(), path), lmnb.review(demos(), path)
    one.answer("keep", 0)
    other.answer("reject", 1)
    one.answer("keep", 2)
    other.answer("skip", 3)
    one.undo()
    again = lmnb.review(demos(), path)
    assert [(answer.item, answer.verdict) for answer in again.answers] == [
        (again.items[place].id, verdict) for place, verdict in ((0, "keep"), (1, "reject"), (3, "skip"))
    ]


def test_pairs_are_judged_blind():
    """Which output stands left follows from the seed and the content alone, and the answer names the output, not the side."""
    pairs = [({"team": f"old {n}"}, {"team": f"new {n}"}) for n in range(40)]
    queue = lmnb.review(pairs, seed=3)
    sides = [queue.sides(item) for item in queue.items]
    assert {(0, 1), (1, 0)} == set(sides)
    assert sides == [lmnb.review(pairs[::-1], seed=3).sides(item) for item in queue.items]
    for item in queue.items[:30]:
        shown = queue.snapshot(item)["item"]["outputs"]
        queue.answer("A" if shown[0]["team"].startswith("new") else "B")
    assert queue.answer("tie").choice is None
    found = queue.preference()
    assert (found.first, found.second, found.ties) == (0, 30, 1)
    assert found.high < 0.5
    assert queue.kept()[0].team == "new 0"
    turned = lmnb.review(pairs, seed=4)
    assert turned.snapshot(0)["item"]["verdict"] is None


def test_a_comparison_of_reports_is_reviewed_as_pairs(tmp_path):
    """Only rows whose outputs differ are asked about; under another seed the same preference is shown on its side of then."""
    comparison = report_of("A", "B", "A").compare(report_of("A", "X", "Y"))
    queue = lmnb.review(comparison, tmp_path / "a.jsonl")
    assert [item.example.ticket for item in queue.items] == ["ticket 1", "ticket 2"]
    assert queue.items[0].outputs == ({"team": "B"}, {"team": "X"})
    better = "AB"[queue.sides(queue.items[0]).index(0)]
    assert queue.answer(better).choice == 0
    for seed in range(6):
        again = lmnb.review(comparison, tmp_path / "a.jsonl", seed=seed)
        shown = again.snapshot(0)["item"]
        assert shown["outputs"]["AB".index(shown["verdict"])] == {"team": "B"}


def test_a_judge_is_held_against_the_person():
    """The rows' own scores, or another metric, with Cohen's kappa and the items to look at."""
    queue = lmnb.review(report_of("A", "B", "X", "Y"))
    for verdict in ("keep", "reject", "reject", "reject"):
        queue.answer(verdict)
    found = queue.agreement()
    assert (found.n, found.share, found.kappa) == (4, 0.75, 0.5)
    assert found.disagreed == (queue.items[1].id,)
    assert repr(found) == "Agreement(75.0 % of 4, 95 % 30.1 … 95.4, kappa 0.50)"
    assert queue.agreement(lambda example, prediction: prediction.team == "A").share == 1.0
    assert queue.agreement(lambda example, prediction: 0.0).kappa is None
    pairs = lmnb.review(report_of("A", "B").compare(report_of("X", "Y")))
    for item in pairs.items:
        pairs.answer("AB"[pairs.sides(item).index(0)])
    assert pairs.agreement(exact_match("team")).share == 1.0
    with pytest.raises(lmnb.InputError, match="this queue holds demos, and a judge scores outputs"):
        lmnb.review(demos()).agreement()


BROKEN = [
    "{",
    "[]",
    "null",
    '"text"',
    '{"answer": true, "item": "x", "verdict": "keep"}',
    '{"answer": -1, "item": "x", "verdict": "keep"}',
    '{"answer": 1e400, "item": "x", "verdict": "keep"}',
    '{"answer": 7, "item": 3, "verdict": "keep"}',
    '{"answer": 7, "item": "x", "verdict": "yes"}',
    '{"answer": 7, "item": "x", "verdict": ["keep"]}',
    '{"answer": 7, "item": "x", "verdict": "keep", "reason": {}}',
    '{"answer": 7, "item": "x", "verdict": "edit", "fields": "team"}',
    '{"answer": 7, "item": "x", "verdict": "A", "choice": 7}',
    '{"answer": 7, "item": "x", "verdict": "A"}',
    '{"undo": 99}',
    '{"undo": {}}',
    "[" * 100_000,
    "9" * 6_000,
    "\x00\ufffd",
]


@pytest.mark.parametrize("line", BROKEN, ids=range(len(BROKEN)))
def test_lines_that_are_no_answers_count_for_nothing(line, tmp_path):
    """Whatever stands in a line, the others hold, and a warning says which line it is."""
    path = tmp_path / "answers.jsonl"
    lmnb.review(demos(), path).answer("keep")
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.warns(UserWarning, match="1 line of .* counts for nothing: line 2: "):
        queue = lmnb.review(demos(), path)
    assert queue.snapshot()["done"] == 1
    queue.answer("keep")
    with pytest.warns(UserWarning, match="line 2"):
        assert len(lmnb.review(demos(), path).answers) == 2


@pytest.mark.parametrize("keep", [1, 9, 40, -2])
def test_a_line_that_was_cut_off_costs_one_answer(keep, tmp_path):
    """The process was killed while it wrote: the answers before stay, and the next is not written behind the torn one."""
    path = tmp_path / "answers.jsonl"
    queue = lmnb.review(demos(), path)
    queue.answer("keep")
    before = path.read_bytes()
    queue.answer("reject")
    path.write_bytes(before + path.read_bytes()[len(before) :][:keep])
    with pytest.warns(UserWarning, match=r"it was not written to its end"):
        queue = lmnb.review(demos(), path)
    queue.answer("skip")
    with pytest.warns(UserWarning):
        assert [answer.verdict for answer in lmnb.review(demos(), path).answers] == ["keep", "skip"]
    path.write_bytes(before[:keep])
    with pytest.warns(UserWarning):
        lmnb.review(demos(), path).answer("keep")


def test_a_hostile_file_is_read_at_once_and_shown(tmp_path):
    """Very many answers that are taken back, or fit no item, take no minutes; what cannot be shown or is no choice counts for nothing."""
    queue = lmnb.review(demos(1))
    name, many = queue.items[0].id, 30_000
    lines = [json.dumps({"answer": n, "item": name, "verdict": "keep"}) for n in range(1, many)]
    lines += [json.dumps({"undo": 10**6, "item": name}), '{"undo": [1], "item": {}}'] * (many // 2)
    lines += [json.dumps({"answer": n, "item": name, "verdict": "tie"}) for n in range(many, 2 * many)]
    lines += [json.dumps({"undo": n, "item": name}) for n in range(many - 1, 1, -1)]
    deep, edit = "[" * 900 + "]" * 900, f'{{"answer": 2, "item": "{name}", "verdict": "edit", "fields": {{"team": '
    lines += [f"{edit}{deep}}}}}", json.dumps({"answer": 3, "item": name, "verdict": "keep", "fields": {"team": "Z"}})]
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(lines) + "\n")
    began = time.monotonic()
    with pytest.warns(UserWarning, match="count for nothing"):
        again = lmnb.review(demos(1), path)
    assert time.monotonic() - began < 20
    assert [answer.number for answer in again.answers] == [1] and again.kept()[0].team == "A"
    assert "1 of 1 reviewed" in again._repr_html_() and again.snapshot(0)["item"]["verdict"] == "keep"
    path.write_text(
        f'{{"answer": 1, "item": "{(pair := lmnb.review(_pair())).items[0].id}", "verdict": "A", "choice": 1.0}}\n'
    )
    with pytest.raises(SaveError, match=r"its choice is 1\.0"):
        lmnb.review(_pair(), path)
    assert pair.kept() == []


def _pair():
    return [(lmnb.Prediction(team="A"), lmnb.Prediction(team="B"))]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_what_is_no_file_is_not_waited_for(tmp_path):
    """A pipe in the place of the file would be read for ever."""
    os.mkfifo(tmp_path / "answers.jsonl")
    with pytest.raises(SaveError, match="is no file"):
        lmnb.review(demos(), tmp_path / "answers.jsonl")


def test_an_answer_after_one_that_a_full_disk_cut_is_kept(tmp_path):
    """What was written half is said not to be saved; the next answer stands on a line of its own."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "answers.jsonl"
    queue = lmnb.review(demos(), path)
    queue.answer("keep")
    limits, heeded = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, limits[1]))
    try:
        with pytest.raises(SaveError, match="the answer is not saved"):
            queue.answer("keep")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, heeded)
    queue.answer("reject")
    with pytest.warns(UserWarning, match="line 2: it is not JSON"):
        assert [answer.verdict for answer in lmnb.review(demos(), path).answers] == ["keep", "reject"]


def test_a_file_of_something_else_is_left_alone(tmp_path):
    """A data set is not taken for answers, nor written to."""
    path = tmp_path / "data.jsonl"
    path.write_text('{"question": "1 + 1"}\n')
    with pytest.raises(
        lmnb.SaveError, match=r"holds no answers of a review \(line 1: .*\)\. Give the name of another file"
    ):
        lmnb.review(demos(), path)
    assert path.read_text() == '{"question": "1 + 1"}\n'


def test_an_answer_that_does_not_fit_its_item_counts_for_nothing(tmp_path):
    """An edit of a field that the item lacks, or a preference about a single output, cannot come from this queue."""
    path = tmp_path / "answers.jsonl"
    name = lmnb.review(demos()).items[0].id
    lines = [
        {"answer": 1, "item": name, "verdict": "edit", "fields": {"other": "x"}},
        {"answer": 2, "item": name, "verdict": "B", "choice": 1},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.warns(UserWarning, match="2 lines of .* count for nothing: answer 1: it does not fit its item"):
        assert lmnb.review(demos(), path).answers == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            lambda queue: queue.answer("kep"),
            "'kep' is no answer about this demo; write one of 'keep', .* Did you mean 'keep'",
        ),
        (lambda queue: queue.answer("A"), "'A' is no answer about this demo"),
        (lambda queue: queue.answer("edit"), "an edit needs its new values"),
        (lambda queue: queue.answer("keep", fields={}), "only an edit has them"),
        (
            lambda queue: queue.answer("edit", fields={"tea": "A"}),
            "this demo has no field 'tea' to edit. Did you mean 'team'",
        ),
        (lambda queue: queue.answer("reject", reason=9), "there is no reason 9; they are numbered from 1 to 6"),
        (lambda queue: queue.answer("reject", reason=1.5), "a reason is a text, or its number from 1 to 6, not 1.5"),
        (lambda queue: queue.answer("reject", reason=True), "a reason is a text"),
        (lambda queue: queue.answer("edit", fields="team"), "an edit needs its new values"),
        (lambda queue: lmnb.review([], reasons="short"), "reasons are a list of texts, not 'short'"),
        (lambda queue: queue.answer("keep", 4), "there is no item 4 in this queue of 4"),
        (lambda queue: queue.trace(0), "this item has no trace"),
        (lambda queue: lmnb.review("demos"), "there is no queue to review in 'demos'. Write a list of demos"),
        (lambda queue: lmnb.review([object]), "cannot be reviewed"),
        (lambda queue: lmnb.review(list(report_of(None))), "row 0 failed and has no output to review: KeyError: 'x'"),
        (lambda queue: lmnb.review([demos(2)]), "the two outputs of a pair answer the same inputs"),
    ],
)
def test_what_cannot_be_answered_says_what_to_write(wrong, words):
    """Every mistake names what would be right, and nothing is answered."""
    queue = lmnb.review(demos())
    with pytest.raises(lmnb.InputError, match=words):
        wrong(queue)
    assert queue.answers == []


def test_values_that_are_no_texts_are_edited_as_json():
    """A number stays a number; what did not change is no edit."""
    queue = lmnb.review([lmnb.Example(q="2 + 2", n=5, tags=["a"]).with_inputs("q")] * 2)
    assert queue.answer("edit", fields={"n": "5", "tags": '["a"]', "q": "2 + 2"}).verdict == "keep"
    queue.answer("edit", fields={"n": "4"})
    assert queue.kept()[1].n == 4
    with pytest.raises(
        lmnb.InputError, match="'n' holds no text, so its new value is read as JSON, and 'four' is none"
    ):
        queue.answer("edit", 0, fields={"n": "four"})


def test_what_is_given_back_as_it_is_shown_is_not_edited():
    """A picture, or a text that holds one, is shown by kind and size; that text takes the place of neither."""
    uri = "data:image/png;base64," + "iVBORw0KGgo" + "A" * 201
    item = lmnb.Example(picture=lmnb.Image(uri), note=f"see {uri}", team="A").with_inputs("picture", "note")
    queue = lmnb.review([item])
    shown = queue.snapshot()["item"]
    answer = queue.answer("edit", fields={**shown["inputs"], **shown["outputs"][0], "team": "B"})
    assert answer.fields == {"team": "B"} and queue.kept()[0].note == f"see {uri}"


def test_the_table_has_a_row_an_item():
    """Items without an answer too; edited values stand beside the old ones."""
    pytest.importorskip("pandas")
    queue = lmnb.review(demos(3))
    queue.answer("edit", fields={"team": "Z"}, reason="wrong")
    frame = queue.to_pandas()
    assert list(frame.columns) == ["kind", "ticket", "team", "verdict", "reason", "choice", "time", "edited_team"]
    assert list(frame["verdict"].fillna("")) == ["edit", "", ""]
    assert frame.iloc[0]["edited_team"] == "Z"


def test_watchers_are_told_of_each_change():
    """Two views of one review stay in step by this."""
    queue, told = lmnb.review(demos()), []
    end = queue.subscribe(lambda: told.append(queue.snapshot()["done"]))
    queue.answer("keep")
    queue.go(3)
    queue.undo()
    end()
    end()
    queue.answer("keep")
    assert told == [1, 1, 0]


def test_the_static_form_says_how_far_it_is():
    """Progress, counts, the answered items first with their reasons."""
    queue = lmnb.review(demos(60), name="Routing")
    queue.answer("reject", 5, reason="too long")
    html = queue._repr_html_()
    assert 'Routing</strong> <span class="lm-muted">1 of 60 reviewed · 1 rejected · the answers are not saved' in html
    assert html.index("ticket 5<") < html.index("ticket 0<")
    assert "too long" in html
    assert "10 more items: review.to_pandas()" in html
    assert 'data-state="waiting"' in html


def test_the_static_form_of_outputs_has_the_expected_labels():
    """Whoever reads the file judges as the reviewer did; without labels there is no such column."""
    example = lmnb.Example(ticket="No refund yet", team="Billing").with_inputs("ticket")
    html = lmnb.review([(example, lmnb.Prediction(team="Access"))])._repr_html_()
    assert html.index('scope="col">expected<') < html.index('scope="col">output<')
    assert html.index(">Billing<") < html.index(">Access<")
    assert "expected<" not in lmnb.review(demos(2))._repr_html_()
