"""What a user reads when something is wrong: one clear error a mistake, that says what to write instead and loses nothing.

One test an item, at the level at which it is met; the parts' own tests go deeper.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import worlds

import lmnb


def told(kind: type[BaseException], call: Callable[[], Any]) -> str:
    """The message of the error that `call` raises."""
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


def says(value: Any) -> lmnb.FakeLM:
    """A model that always replies the same."""
    return lmnb.FakeLM(lambda messages: value)


def questions(count: int) -> list[lmnb.Example]:
    return [lmnb.Example(question=f"q{at}", answer="yes").with_inputs("question") for at in range(count)]


# -- signatures ---------------------------------------------------------------------------------------------------------


def test_a_signature_without_an_arrow() -> None:
    """The string is quoted and written again with its arrow."""
    message = told(lmnb.SignatureError, lambda: lmnb.Predict("question answer"))
    assert message == "signature 'question answer' has no '->'. Write it as 'question -> answer'."
    message = told(lmnb.SignatureError, lambda: lmnb.Predict("question: str, answer: int"))
    assert message.endswith("Write it as 'question: str -> answer: int'.")


def test_an_unknown_type() -> None:
    """The type is named with its column, and the nearest known one, or how to make it known."""
    message = told(lmnb.SignatureError, lambda: lmnb.Predict("question -> answer: integer"))
    assert "column 21: there is no type 'integer'. Did you mean 'int'?" in message
    message = told(lmnb.SignatureError, lambda: lmnb.Predict("question -> answer: Citation"))
    assert "there is no type 'Citation'. Define or import it before the signature, or use str." in message


# -- calls --------------------------------------------------------------------------------------------------------------


def test_a_missing_input() -> None:
    """The call is refused before anything is asked, and written as it should be."""
    lm = says({"answer": "yes"})
    message = told(lmnb.InputError, lambda: lmnb.Predict("question, context -> answer", lm=lm)(question="why?"))
    assert "The input 'context' is missing. Write predict(question=..., context=...)" in message
    assert lm.calls == []


def test_an_extra_input() -> None:
    """A name that was mistyped is told from one that is nowhere; nothing is asked."""
    lm = says({"answer": "yes"})
    qa = lmnb.Predict("question, context -> answer", lm=lm)
    message = told(lmnb.InputError, lambda: qa(question="why?", contxt="because"))
    assert message.startswith("There is no input 'contxt'. Did you mean 'context'?")
    message = told(lmnb.InputError, lambda: qa(question="why?", context="because", colour="red"))
    assert message.startswith("There is no input 'colour'. The inputs are: question, context. Write predict(question=")
    assert message.endswith("for the signature 'question, context -> answer', or add 'colour' to its inputs.")
    assert lm.calls == []


# -- replies ------------------------------------------------------------------------------------------------------------


def test_a_label_outside_a_literal() -> None:
    """The reply's label is quoted beside those that are allowed; the model was told so once; the reply is kept."""
    lm = says({"team": "sales"})
    route = lmnb.Predict("ticket -> team: Literal['billing', 'tech']", lm=lm)
    with pytest.raises(
        lmnb.ParseError, match=r"Field 'team' is 'sales', but should be one of: billing, tech\."
    ) as caught:
        route(ticket="My card was charged twice.")
    assert "sales" in caught.value.reply
    assert "should be one of: billing, tech" in lm.calls[1]["messages"][-1]["content"]
    assert len(lm.calls) == 2


def test_a_reply_without_headers() -> None:
    """The headers that are needed are in the message, the raw reply is in the error and in the history."""
    route = lmnb.Predict("ticket -> team", lm=says("I would ask billing."))
    with pytest.raises(lmnb.ParseError, match=r"The reply has no headers\. Expected `\[\[ ## team ## \]\]`") as caught:
        route(ticket="My card was charged twice.")
    assert caught.value.reply == "I would ask billing."
    assert [entry.response for entry in lmnb.history(2)] == ["I would ask billing."] * 2


# -- data and metrics -----------------------------------------------------------------------------------------------------


def test_an_empty_trainset() -> None:
    """It says what a training set is made of; None is as empty as []."""
    optimizer = lmnb.BootstrapFewShot(metric=worlds.exact)
    for empty in ([], None):
        message = told(lmnb.InputError, lambda: optimizer.compile(worlds.TwoCalls(), trainset=empty))  # type: ignore[arg-type]
        assert message == "the trainset is empty. Give at least one Example(...).with_inputs(...)"


def test_a_metric_that_raises_once() -> None:
    """The example is a row with the error, all others are scored, and the report says that one failed."""

    def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
        if example.question == "q3":
            raise KeyError("team")
        return example.answer == prediction.answer

    program = lmnb.Predict("question -> answer", lm=says({"answer": "yes"}))
    report = lmnb.Evaluate(questions(8), metric)(program)
    assert [(row.index, row.error) for row in report.rows if row.score is None] == [(3, "KeyError: 'team'")]
    assert [row.score for row in report.rows if row.error is None] == [1.0] * 7
    assert "1 failed" in repr(report)
    run = lmnb.BootstrapFewShot(metric=metric).start(program, trainset=questions(8), valset=questions(8))
    run.wait(30)
    failed = run.examples(run.best, only="error")["rows"]
    assert [(row["index"], row["error"]) for row in failed] == [(3, "KeyError: 'team'")]


def test_a_metric_that_always_raises() -> None:
    """Evaluate and a run both stop early; the message has the cause, where it was, and how to look at it."""

    def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
        return example.anser == prediction.answer

    lm = lmnb.FakeLM(lambda messages: {"answer": "yes"}, delay=0.01)
    lmnb.configure(lm=lm)
    program = lmnb.Predict("question -> answer")
    cause = (
        "failed in the metric: AttributeError: this Example has no field 'anser'. Did you mean 'answer'? Try it on one"
    )
    assert cause in told(lmnb.SystematicFailure, lambda: lmnb.Evaluate(questions(400), metric, num_threads=4)(program))
    assert len(lm.calls) < 200
    lm.calls.clear()
    run = lmnb.BootstrapFewShot(metric=metric).start(
        program, trainset=questions(9), valset=questions(400), num_threads=4
    )
    message = told(lmnb.SystematicFailure, lambda: run.wait(30))
    assert (
        "10 examples in a row failed in the metric, so the run ends: AttributeError: this Example has no field"
        in message
    )
    assert "Did you mean 'answer'? Try it on one example: program(**example.inputs())" in message
    assert len(lm.calls) < 200
    assert (run.state, lmnb.reopen(run.path).state) == ("failed", "failed")


# -- files and extras -----------------------------------------------------------------------------------------------------


def test_a_missing_model_file() -> None:
    """The path is quoted with the folder it was looked for from, and both ways to name a model stand beside it."""
    qa = lmnb.Predict("question -> answer", lm=lmnb.LM("gguf/models/none.gguf"))
    message = told(lmnb.ModelNotFound, lambda: qa(question="why?"))
    assert message.startswith(f"there is no file 'models/none.gguf' (looked from {str(Path.cwd())!r}). Write LM('gguf/")
    assert "LM('lmnb/tiny') for the embedded model" in message


PRELUDE = """
    import sys

    class Blocker:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] == {blocked!r}:
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

    sys.meta_path.insert(0, Blocker())
    import lmnb

    lmnb.configure(run_dir="runs")
    program = lmnb.Predict("question -> answer", lm=lmnb.FakeLM(lambda messages: {{"answer": "yes"}}))
    rows = [lmnb.Example(question=f"q{{at}}", answer="yes").with_inputs("question") for at in range(8)]
    metric = lmnb.evaluate.answer_exact_match
    run = lmnb.BootstrapFewShot(metric=metric).start(program, trainset=rows, valset=rows)
    run.wait(30)
    try:
        {call}
    except lmnb.LmnbError as error:
        print(type(error).__name__, isinstance(error, ImportError), error)
    assert "<table" in run._repr_html_() and "yes" in program(question="why?").trace._repr_html_()
"""


@pytest.mark.parametrize(
    ("blocked", "call", "message"),
    [
        (
            "pandas",
            "run.to_pandas()",
            "MissingExtra True Run.to_pandas() needs 'pandas', which is not installed. Run: pip install 'lmnb[pandas]'",
        ),
        (
            "pandas",
            "lmnb.Evaluate(rows, metric)(program).to_pandas()",
            "MissingExtra True Report.to_pandas() needs 'pandas', which is not installed. Run: pip install 'lmnb[pandas]'",
        ),
        (
            "plotly",
            "run.plot_scores()",
            "MissingExtra True Run.plot_scores() needs 'plotly', which is not installed. Run: pip install 'lmnb[plots]'",
        ),
        (
            "anywidget",
            "run.studio()",
            "MissingExtra True the live Studio needs 'anywidget', which is not installed. Run: pip install 'lmnb[lab]'",
        ),
        (
            "xllamacpp",
            "lmnb.LM('lmnb/tiny')('hi')",
            "LMError False LM('lmnb/tiny') runs through 'xllamacpp', which cannot be imported here "
            "(No module named 'xllamacpp'). Run: pip install xllamacpp",
        ),
    ],
    ids=["pandas-run", "pandas-report", "plotly", "anywidget", "xllamacpp"],
)
def test_a_missing_extra(blocked: str, call: str, message: str) -> None:
    """The library and the command that installs it are named; runs, static reports and traces work without it."""
    code = textwrap.dedent(PRELUDE).format(blocked=blocked, call=call)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == message


def test_a_journal_with_a_torn_tail() -> None:
    """Going on says what is dropped; every record before it is kept, and only what was torn is asked again."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = lmnb.BootstrapFewShot(metric=worlds.exact).start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 6), valset=worlds.questions(100, 104)
        )
        run.wait(30)
    expected = [(candidate.id, candidate.score) for candidate in run.candidates]
    journal = Path(run.path, "journal.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    last = max(at for at, line in enumerate(lines) if json.loads(line)["k"] == "call")
    journal.write_bytes(b"".join(lines[:last]) + lines[last][:17])
    lm = lmnb.FakeLM(worlds.reply)
    lmnb.configure(lm=lm)
    again = lmnb.reopen(run.path, program=worlds.TwoCalls(), metric=worlds.exact)
    with pytest.warns(
        UserWarning, match=r"journal\.jsonl ends inside a record: these 17 bytes are dropped and asked again"
    ):
        again.resume()
    again.wait(30)
    assert [(candidate.id, candidate.score) for candidate in again.candidates] == expected
    assert 1 <= len(lm.calls) <= 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert lmnb.reopen(run.path).state == "finished"


def test_a_saved_program_that_does_not_fit() -> None:
    """Everything that differs is listed, with what to load it into; the program stays as it was."""
    lmnb.Predict("question, context -> answer: int").save("other.json")
    program = lmnb.Predict("question -> answer")
    program.instructions = "Answer in one word."
    program.demos = [lmnb.Example(question="2 + 2?", answer="4")]
    before = program.dump_state()
    message = told(lmnb.SaveError, lambda: program.load("other.json"))
    assert message.startswith("'other.json' cannot be loaded: it does not fit this program:\n")
    assert "predictor 'self': the input 'context' is only in the file" in message
    assert "predictor 'self': the output 'answer' has the type 'int' in the file and 'str' in the program" in message
    assert message.endswith("Load it into a program with the parts of the file.")
    assert program.dump_state() == before


def test_names_that_are_nearly_right_are_told() -> None:
    """A misspelt public name, a model's name for a model, and a program saved as Python each say what to write."""
    with pytest.raises(AttributeError, match="Did you mean 'BootstrapFewShot'"):
        _ = lmnb.BootstrapFewshot
    with pytest.raises(TypeError, match=r"Write lm=lmnb\.LM\('openai/gpt-5-mini'\)"):
        lmnb.configure(lm="openai/gpt-5-mini")
    with pytest.raises(lmnb.SaveError, match=r"Write program\.export\('router\.py', format='python'\)"):
        lmnb.Predict("q -> a").save("router.py")
