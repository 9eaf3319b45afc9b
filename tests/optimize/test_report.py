"""The frozen Studio: what it shows, what it leaves out and says so, and that nothing in a run becomes markup."""

from __future__ import annotations

import copy
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnb.optimize.curve import curve, staircase
from lmnb.optimize.lineage import lineage
from lmnb.optimize.report import run_html, run_page
from lmnb.word_diff import word_diff


def row(number, score, label="6 demos · seed 3", **changes):
    low, high = (None, None) if score is None else (score - 7, min(100.0, score + 7))
    base = {
        "id": f"{number:012x}",
        "number": number,
        "label": label,
        "origin": "bootstrapped",
        "parents": [],
        "status": "scored",
        "score": score,
        "low": low,
        "high": high,
        "done": 100,
        "total": 100,
        "reason": None,
        "human": False,
    }
    return base | changes


ROWS = [
    row(0, 41.0, "baseline", origin="baseline"),
    row(1, 70.0),
    row(2, 74.0, status="dropped", reason="holds demo 31"),
    row(3, 77.0, "your edit of #1", origin="human", human=True),
    row(4, 60.0, status="evaluating", done=33, low=None, high=None),
    row(5, None, status="waiting", done=0),
]


def snapshot(**changes: Any) -> dict[str, Any]:
    base = {
        "seq": 9,
        "run": {"id": "r1", "name": "router-1", "path": "runs/router-1"},
        "optimizer": "RandomSearch",
        "program": "TicketRouter",
        "state": "paused",
        "error": None,
        "live": True,
        "progress": {"label": "candidate 5 of 19", "done": 5, "total": 19},
        "budget": {
            "calls": {"spent": 1204, "limit": 3000},
            "tokens": {"spent": 9, "limit": None},
            "usd": {"spent": 0.42, "limit": 2.0},
            "seconds": {"spent": 70.0, "limit": None},
        },
        "elapsed": 70.0,
        "eta": 130.0,
        "evalset": {"name": "valset", "size": 100},
        "best": ROWS[3]["id"],
        "accepted": None,
        "baseline": ROWS[0]["id"],
        "candidates": ROWS,
        "decisions": [
            {"id": 1, "time": "10:42", "kind": "reject-demo", "text": "rejected demo 31 “wrong team”", "undone": False},
            {"id": 2, "time": "10:44", "kind": "reject", "text": "rejected candidate 1", "undone": True},
        ],
    }
    return copy.deepcopy(base | changes)


def detail(**changes: Any) -> dict[str, Any]:
    demo = {
        "id": "d1",
        "number": 17,
        "fields": {"ticket": "charged twice", "team": "Billing"},
        "origin": "bootstrapped",
        "status": None,
    }
    base = {
        "id": ROWS[3]["id"],
        "number": 3,
        "row": ROWS[3],
        "expected": 75.2,
        "tokens": 412.3,
        "gain": {"against": 0, "mean": 36.0, "low": 30.6, "high": 43.4, "fixed": 38, "broken": 2, "n": 100},
        "predictors": [
            {
                "path": "route",
                "instructions": "Choose the one team.",
                "before": "Choose the team.",
                "locked": [],
                "inputs": ["ticket"],
                "outputs": ["team"],
                "demos": [demo, demo | {"number": 22, "status": "kept"}, demo | {"number": 23, "origin": "human"}],
            }
        ],
        "texts": [
            {"slot": "tools['look'].desc", "text": "Looks one ticket up.", "before": "Looks a ticket up."},
            {"slot": "tools['look'].arg_desc['id']", "text": "its number", "before": "its number"},
        ],
        "lineage": [
            {"id": r["id"], "number": r["number"], "label": r["label"], "score": r["score"]}
            for r in (ROWS[0], ROWS[1], ROWS[3])
        ],
    }
    return copy.deepcopy(base | changes)


def example(index, change="same", error=None):
    good = change != "broken"
    return {
        "index": index,
        "inputs": {"ticket": f"ticket {index}"},
        "labels": {"team": "A"},
        "outputs": None if error else {"team": "A" if good else "B"},
        "score": None if error else float(good),
        "before": float(change != "fixed"),
        "change": change,
        "error": error,
        "seconds": 0.1,
        "has_trace": True,
    }


def examples(*rows):
    counts = {kind: sum(r["change"] == kind for r in rows) for kind in ("fixed", "broken", "same")}
    return {"total": len(rows), "counts": counts, "rows": list(rows)}


def plain(markup):
    markup = re.sub(r"<style>.*?</style>", "", markup, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", markup))


def test_the_head_shows_state_progress_and_spending():
    """The first line of studio.png, without its buttons."""
    html = run_html(snapshot(), detail(), examples(example(0)))
    shown = plain(html)
    assert "Paused RandomSearch on TicketRouter · candidate 5 of 19" in shown
    assert "1,204 / 3,000 calls" in shown
    assert "$0.42 / $2.00" in shown
    assert "2 m 10 s left" in shown
    assert 'data-lmnb="studio"' in html
    assert 'data-state="paused"' in html


def test_a_finished_run_says_what_it_took():
    """No time left, but what was done, and on how many examples."""
    shown = plain(run_html(snapshot(state="finished", eta=None), detail()))
    assert "Finished RandomSearch on TicketRouter · 4 candidates on 100 examples (valset)" in shown
    assert "1 m 10 s in all" in shown


def test_your_last_edit_is_named_beside_the_best_or_not_at_all():
    """Its word lies over neither the best one's name nor the drawing's edges."""
    for place in range(1, 13):
        rows = [
            {**ROWS[0], "id": f"r{n}", "number": n, "score": 50.0, "human": n == place, "status": "scored"}
            for n in range(13)
        ]
        for best in range(13):
            rows[best]["score"] = 51.0
            drawing = str(curve(rows, f"r{best}"))
            rows[best]["score"] = 50.0
            texts = {look: (float(x), float(y), side, words) for x, y, side, look, words in LABEL.findall(drawing)}
            if best == place or "lm-yours" not in texts:
                continue
            (left, right, line), (from_, to, top) = map(box, (texts["lm-yours"], texts["lm-name"]))
            assert right < from_ or left > to or abs(line - top) > 11, (place, best)
    assert "lm-yours" in str(curve(ROWS, ROWS[0]["id"]))


LABEL = re.compile(r'<text x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)" class="(lm-yours|lm-name)">([^<]*)<')


def box(label):
    x, y, side, words = label
    wide = 6.2 * len(words)
    return (x, x + wide, y) if side == "start" else (x - wide, x, y)


def test_candidates_stand_in_order_of_their_score():
    """The best first with its star, dropped ones struck with their reason, unfinished ones last."""
    html = run_html(snapshot(accepted=ROWS[1]["id"]), detail())
    listed = re.findall(r'<tr class="lm-cand[^>]*>.*?</tr>', html, flags=re.S)
    assert [re.sub(r"\s+", " ", plain(line)).strip() for line in listed] == [
        "★ 3 your edit of #1 yours 77.0",
        "2 dropped: holds demo 31 74.0",
        "1 6 demos · seed 3 accepted by you 70.0",
        "0 baseline 41.0",
        "4 6 demos · seed 3 · 33 of 100 examples …",
        "5 6 demos · seed 3 …",
    ]
    assert "<s>2</s>" in html


def test_the_best_candidate_is_shown_in_full():
    """Gain with its interval, what to expect, prompt against the baseline, demos, ancestors."""
    html = run_html(snapshot(), detail(), examples(example(0)))
    shown = plain(html)
    assert "Candidate 3 +36.0 over #0" in shown
    assert "95 % interval of the gain +30.6 … +43.4 · 38 fixed, 2 broken of 100" in shown
    assert "75.2 expected on new data (shrunken) · 412 tokens a call" in shown
    assert "route · instruction, against baseline" in shown
    assert "Choose the<ins> one</ins> team." in html
    assert "].desc, against baseline" in shown and "1 description as in baseline" in shown
    assert "Looks <del>a</del><ins>one</ins> ticket up." in html
    assert "17 charged twice Billing bootstrapped" in shown
    assert "22 charged twice Billing kept by you" in shown
    assert "23 charged twice Billing yours" in shown
    assert "#0 baseline · 41.0 #1 6 demos · seed 3 · 70.0 #3 your edit of #1 · 77.0" in shown


def test_examples_that_failed_or_changed_come_first():
    """Errors, broken, fixed; those that stayed the same are counted, not listed."""
    page = examples(
        example(0), example(1, "fixed"), example(2, "broken"), example(3, "broken", error="ParseError: no field")
    )
    shown = plain(run_html(snapshot(), detail(), page))
    assert "Examples 4 · 1 fixed · 2 broken · 1 the same · 1 failed" in shown
    places = [shown.index(f"ticket {n}") for n in (3, 2, 1)]
    assert places == sorted(places)
    assert "ticket 0" not in shown
    assert "ParseError: no field failed" in shown
    assert "1 more: run.examples(run.best)" in shown


def test_examples_whose_checks_failed_are_listed_with_them():
    """Also where the score stayed the same; repaired ones too, and the heading counts both."""
    unmet = [{"text": "Suggest failed at attempt 3: <One> word.", "holds": False}]
    repaired = [{"text": "Assert repaired at attempt 2: One word.", "holds": True}]
    page = examples(
        example(0), example(1) | {"checks": unmet}, example(2, error="CheckFailed: x") | {"checks": repaired}
    )
    html = run_html(snapshot(), detail(), page)
    assert "1 failed · 1 with a failed check · 1 repaired by a check" in plain(html)
    assert '<td>A<div class="lm-bad">Suggest failed at attempt 3: &lt;One&gt; word.</div></td>' in html
    assert 'CheckFailed: x<div class="lm-muted">Assert repaired at attempt 2: One word.</div>' in html
    assert "ticket 1" in plain(html) and "ticket 0" not in plain(html)


def test_many_examples_are_cut_in_a_cell_and_whole_on_the_page():
    """A saved notebook stays small; to_html holds what it was given."""
    page = examples(*[example(n, "fixed") for n in range(40)])
    cell, whole = plain(run_html(snapshot(), detail(), page)), plain(run_page(snapshot(), detail(), page))
    assert "28 more" in cell and "ticket 39" not in cell
    assert "ticket 39" in whole and " more: run.examples" not in whole


def test_many_candidates_and_decisions_are_cut_and_say_so():
    """Nor do 10,000 candidates make a notebook heavy."""
    rows = [row(n, n / 100) for n in range(10_000)]
    decisions = [
        {"id": n, "time": "10:00", "kind": "reject", "text": f"rejected demo {n}", "undone": False} for n in range(100)
    ]
    html = run_html(snapshot(candidates=rows, best=rows[-1]["id"], decisions=decisions), detail())
    assert "9,940 more: run.to_pandas()" in html
    assert "60 earlier," in html and "rejected demo 99" in html and "rejected demo 59 " not in html
    assert len(html) < 600_000


def test_decisions_are_listed_and_undone_ones_struck():
    """The last line: what the person decided, when."""
    html = run_html(snapshot(), detail())
    assert "10:42 rejected demo 31 “wrong team”" in plain(html)
    assert re.search(r'<s class="lm-muted">10:44 rejected candidate 1</s>.*?\(undone\)', html)


@pytest.mark.parametrize("rows", [[], ROWS[5:], ROWS[4:5]])
def test_a_run_without_a_best_candidate_says_so(rows):
    """From the first moment on there is something to show."""
    shown = plain(run_html(snapshot(candidates=rows, best=None, baseline=None, decisions=[])))
    assert "No candidate yet." in shown or "No candidate can win yet" in shown


def test_a_failed_run_shows_its_error():
    """The cause stands at the top."""
    assert "metric failed: KeyError" in plain(
        run_html(snapshot(state="failed", error="metric failed: KeyError"), detail())
    )


def test_a_candidate_without_gain_or_interval():
    """Without an evaluation set there is no score, and nothing breaks."""
    bare = row(3, None, status="unscored", done=0, total=0)
    shown = plain(
        run_html(snapshot(candidates=[bare], best=bare["id"]), detail(row=bare, gain=None, expected=None, tokens=None))
    )
    assert "Candidate 3" in shown
    assert "★ 3 6 demos · seed 3 –" in shown


def test_the_curve_rises_with_finished_candidates_only():
    """Dropped and unfinished candidates are drawn, each in its own way, and are never the best so far."""
    assert [step.row["number"] for step in staircase(ROWS[:5])] == [0, 1, 3]
    drawing = str(curve(ROWS, ROWS[3]["id"]))
    assert drawing.count("<circle") == 3
    assert drawing.count('class="lm-partly"') == drawing.count(" of 100 examples</title>") == 1
    assert drawing.count('class="lm-human"') == 1
    assert "#3 · 77.0% ± 7.0" in drawing
    assert 'aria-label="5 candidates: from 41.0 % to 77.0 %, the best is #3"' in drawing
    assert curve(ROWS[5:]) is None


@given(st.lists(st.tuples(st.floats(-50, 150), st.booleans()), min_size=1, max_size=40))
def test_the_curve_stays_on_its_sheet(values):
    """Whatever the scores: every point and line lies inside the drawing."""
    rows = [row(n, score, status="scored" if whole else "evaluating") for n, (score, whole) in enumerate(values)]
    drawing = str(curve(rows))
    for name, limit in (("cx", 1030), ("cy", 150), ("x", 1030), ("y", 151)):
        assert all(-1 <= float(value) <= limit for value in re.findall(rf' {name}="(-?[\d.]+)"', drawing))
    for letter, limit in (("H", 1030), ("V", 150)):
        assert all(-1 <= float(value) <= limit for value in re.findall(rf"{letter}(-?[\d.]+)", drawing))


@given(st.text(), st.text())
def test_a_diff_holds_both_texts(before, after):
    """Without the inserted words it is the old text, without the deleted ones the new text."""

    class Parts(HTMLParser):
        def __init__(self):
            super().__init__()
            self.inside, self.old, self.new = "", "", ""

        def handle_starttag(self, tag, attrs):
            self.inside = tag

        def handle_endtag(self, tag):
            self.inside = ""

        def handle_data(self, data):
            self.old += data if self.inside != "ins" else ""
            self.new += data if self.inside != "del" else ""

    from lmnb.html import visible

    parts = Parts()
    parts.feed(word_diff(before, after))
    parts.close()
    squeeze = lambda text: re.sub(r"\s", "", visible(text))  # noqa: E731
    assert squeeze(parts.new) == squeeze(after)
    assert squeeze(parts.old) == squeeze(before)


def test_a_diff_marks_words():
    """Small changes inside the text, great ones as two blocks."""
    assert word_diff("Route the ticket.", "Route the ticket.") == "Route the ticket."
    assert (
        word_diff("Route it to a team.", "Route it to one team now.")
        == "Route it to <del>a</del><ins>one</ins> team<ins> now</ins>."
    )
    assert word_diff("Route it.", "Read the mail, then choose wisely.") == (
        "<del>Route it.</del>\n<ins>Read the mail, then choose wisely.</ins>"
    )
    assert word_diff("", "New.") == "<ins>New.</ins>"


def test_a_diff_of_huge_texts_is_quick():
    """Where comparing words would take long, the two texts are shown one after the other."""
    assert word_diff("a " * 50_000, "b " * 50_000).startswith("<del>a a")


def attributes(html):
    """Every attribute name that a parser finds."""
    names = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: names.extend(name for name, _ in attrs)
    parser.feed(html)
    parser.close()
    return names


HOSTILE = ["<script>x</script>", "</style><img src=x onerror=x>", "\u202e\x1b[31m", "$$\\href{javascript:x}{y}$$"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_text(hostile):
    """Every text of a run, from candidate labels to field names, is escaped in the cell and on the page."""

    def poisoned(value):
        if isinstance(value, dict):
            return {(hostile if key in ("ticket", "team") else key): poisoned(item) for key, item in value.items()}
        if isinstance(value, list):
            return [poisoned(item) for item in value]
        kept = (
            "paused",
            "scored",
            "dropped",
            "evaluating",
            "waiting",
            "kept",
            "human",
            "same",
            "fixed",
            "broken",
            "unscored",
        )
        return hostile if isinstance(value, str) and value not in kept else value

    parts = (
        poisoned(snapshot()),
        poisoned(detail()),
        poisoned(examples(example(0, "fixed"), example(1, "broken", error="x"))),
    )
    for html in (run_html(*parts), run_page(*parts)):
        assert "<script" not in html
        assert "<img" not in html
        assert "\x1b" not in html and "\u202e" not in html
        assert not [name for name in attributes(html) if name.startswith("on") or name in ("src", "id")]
        assert html.count("<style>") == html.count("</style>")


def test_the_page_is_a_document_that_loads_nothing():
    """It opens in any browser, and its policy forbids scripts and requests."""
    whole = run_page(snapshot(), detail())
    assert whole.startswith("<!doctype html>")
    assert "<title>RandomSearch on TicketRouter · router-1</title>" in whole
    assert "default-src 'none'" in whole


def test_all_candidates_stand_as_a_tree_in_the_page():
    """Each stands below the youngest of its parents, one that was dropped with its reason; a chain of thousands is no matter."""
    rows = [each | {"parents": [ROWS[parent]["id"]] if parent is not None else []} for each, parent in FAMILY]
    assert [(each["number"], depth) for each, depth in lineage(rows)] == [
        (0, 0),
        (1, 1),
        (3, 2),
        (2, 1),
        (4, 2),
        (5, 0),
    ]
    page = run_page(snapshot(candidates=rows), detail(), examples())
    assert "Lineage of 6 candidates" in page and "padding-left:36px" in page and "dropped: holds demo 31" in plain(page)
    chain = [row(n, 1.0, parents=[f"{n - 1:012x}"] if n else []) for n in range(5_000)]
    assert [depth for _, depth in lineage(chain)] == list(range(5_000))
    assert "4,700 more: run.to_pandas()" in run_page(snapshot(candidates=chain))


FAMILY = list(zip(ROWS, [None, 0, 0, 1, 2, None], strict=True))


def test_what_waits_and_what_is_fixed_of_the_prompt_is_shown():
    """The queue of a waiting run with its texts, pinned slots and locked spans; all of it as text."""
    item = {
        "kind": "proposal",
        "id": "p1",
        "label": "a proposal for route",
        "slot": "s",
        "values": {"rule": "<b>x</b>"},
    }
    fixed = detail()
    fixed["predictors"][0] |= {"locked": ["the <i>one</i> team"], "pinned": ["instructions", "demos"]}
    fixed["texts"][0] |= {"locked": ["ticket"], "pinned": True}
    shown = run_html(snapshot(state="waiting", pending=[item] * 14), fixed)
    assert "Waits for your answer 14" in shown and "2 more: run.pending" in shown
    assert "&lt;b&gt;x&lt;/b&gt;" in shown and "<b>" not in shown and "<i>" not in shown
    assert "pinned: instructions, demos · locked: “the &lt;i&gt;one&lt;/i&gt; team”" in shown
    assert "pinned · locked: “ticket”" in plain(shown)
