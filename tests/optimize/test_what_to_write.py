"""What a person asks of stored and unstored runs and of reports that is not there: the error says what to write, or it is there now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import worlds

import lmnb


def start(k: int = 1, **options: Any) -> Any:
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = lmnb.LabeledFewShot(k=k, metric=worlds.exact).start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 4), valset=worlds.questions(100, 102), **options
        )
        run.until("ended", 30)
    return run


def test_a_folder_of_runs_that_is_not_there_is_told_with_where_runs_are(tmp_path: Path) -> None:
    """A misspelt folder is no empty list; the default one may be empty, and a run's own folder is named as that."""
    with pytest.raises(
        lmnb.InputError, match=r"there is no folder 'nowhere' \(looked for at '/.*nowhere'\)\. New runs .*stored"
    ):
        lmnb.runs("nowhere")
    with lmnb.context(run_dir=str(tmp_path / "later")):
        assert lmnb.runs() == ()
    run = start(run_dir=tmp_path / "run")
    with pytest.raises(lmnb.InputError, match=r"is a run and no folder of runs\. Write lmnb\.reopen\("):
        lmnb.runs(run.path)


def test_a_row_of_stored_runs_is_opened_and_compared(tmp_path: Path) -> None:
    """With another row, a run or a folder, as `run.compare(other)` does; it is still the dict that it was."""
    runs = [start(k, run_dir=tmp_path / f"run{k}") for k in (1, 2)]
    rows = lmnb.runs(tmp_path)
    first, second = (rows.open(run.name) for run in runs)
    one, other = (next(row for row in rows if row["name"] == run.name) for run in runs)
    assert isinstance(one, dict) and one.open().id == first.id
    told = repr(first.compare(second))
    assert repr(one.compare(other)) == told == repr(one.compare(second)) == repr(one.compare(tmp_path / "run2"))


@pytest.mark.parametrize(
    ("asked", "cannot"),
    [
        (lambda run: run.resume(), "be resumed"),
        (lambda run: run.branch(), "have branches"),
        (lambda run: run.raise_budget(calls=99), "go on after its budget has stopped it"),
    ],
)
def test_a_run_that_keeps_nothing_says_what_there_is_instead(asked: Callable[[Any], Any], cannot: str) -> None:
    """A run_dir cannot be given to it any more: its result is there, and its decisions can be carried to another."""
    run = start(run_dir=None, budget=lmnb.Budget(calls=2))
    with pytest.raises(
        lmnb.RunError, match=rf"run_dir=None: .* cannot {cannot}\. run\.result\(\) .* decisions=run\.decisions"
    ):
        asked(run)


def test_a_finished_run_that_keeps_nothing_is_not_sent_to_a_branch() -> None:
    """It has none, whatever its state."""
    run = start(run_dir=None)
    for asked in (run.resume, lambda: run.raise_budget(calls=99)):
        with pytest.raises(lmnb.RunError, match="run_dir=None") as caught:
            asked()
        assert "branch(" not in str(caught.value)


def test_a_row_of_a_report_is_asked_again() -> None:
    """It holds the trace; a report as a whole is told that its rows do."""
    program = lmnb.Predict("question -> answer", lm=lmnb.FakeLM(worlds.reply))
    report = lmnb.Evaluate(worlds.questions(0, 2), worlds.exact, num_threads=1)(program)
    assert lmnb.rerun(report.rows[1]).root.inputs == {"question": "q1"}
    with pytest.raises(lmnb.InputError, match=r"Write one of its rows, lmnb\.rerun\(report\.rows\[0\]\)\."):
        lmnb.rerun(report)


def test_a_blank_text_is_no_instruction() -> None:
    """A docstring of blanks is none, so the sentence of the fields stands; blanks given as instructions leave the prompt without any."""

    class Blank(lmnb.Signature):
        """ """

        question: str = lmnb.InputField()
        answer: str = lmnb.OutputField()

    assert Blank.instructions == "Given the fields `question`, produce the fields `answer`."
    predict = lmnb.Predict(Blank.with_instructions("  \n"))
    assert predict.messages(question="q")[0]["content"].startswith("Input fields:")
