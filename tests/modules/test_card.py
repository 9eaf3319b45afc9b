"""A program's card: what a reviewer asks of it, in the notebook and as Markdown, with no secret in either."""

import html
import re

import pytest

import lmnb
from lmnb import ChainOfThought, Example, InputField, Module, OutputField, Predict, Signature


class Route(Signature):
    """Route the ticket to the right team."""

    ticket: str = InputField(desc="what was written")
    team: str = OutputField()
    stars: int = OutputField(ge=1, le=5)


class Router(Module):
    """Two predictors."""

    def __init__(self):
        self.route = ChainOfThought(Route)
        self.check = Predict("ticket, team -> fits: bool", temperature=0.5, api_key="sk-secret-123456")


def tuned():
    program = Router()
    program.route.predict.demos = [
        Example(ticket="charged twice", reasoning="r", team="Billing", stars=4).with_origin("bootstrapped", 31),
        Example(ticket="by hand", team="Access").with_origin("human"),
        Example(ticket="plain", team="Access"),
    ]
    program.check.lm = lmnb.LM(
        "openai/gpt-5-mini", temperature=0.3, api_key="sk-secret-123456", api_base="http://me:pw@h"
    )
    program.provenance = {
        "optimizer": "BootstrapRS",
        "arguments": {"k": 4},
        "seed": 0,
        "score": 87.5,
        "interval": [73.9, 94.5],
        "scored_on": "40 examples (val)",
        "usage": {"calls": 80, "tokens": 30_200, "usd": 0.042},
        "run": "token=abc https://me:pw@host/run",
    }
    return program


FORMS = {
    "html": lambda program: html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", program._repr_html_()))),
    "markdown": lambda program: program.card().replace("`", ""),
}


@pytest.mark.parametrize("form", FORMS)
def test_both_forms_say_what_a_reviewer_asks(form):
    """Signatures, instructions, demos with their origin, provenance, score, cost, options and LM are on the page."""
    shown = FORMS[form](tuned())
    for text in (
        "Router",
        "2 predictors",
        "87.5 % (95 % interval 73.9 … 94.5) of 40 examples (val)",
        "80 calls, 30,200 tokens, $0.0420",
        "BootstrapRS",
        '{"k": 4}',
        "route.predict",
        "ticket -> reasoning, team, stars",
        "Route the ticket to the right team.",
        "what was written",
        "int, >= 1, <= 5",
        "charged twice",
        "bootstrapped, training example 31",
        "yours",
        "given",
        "the one that is configured",
        "LM openai/gpt-5-mini (temperature=0.3, endpoint=own)",
        "temperature=0.5",
    ):
        assert text in shown, text


@pytest.mark.parametrize("form", FORMS)
def test_no_form_holds_a_secret(form):
    """Keys, endpoints and passwords in a recorded address stay away."""
    shown = FORMS[form](tuned())
    assert "sk-secret" not in shown and "me:pw" not in shown and "api_key" not in shown


@pytest.mark.parametrize("form", FORMS)
def test_a_program_that_nobody_tuned_claims_nothing(form):
    """Without provenance there is no score and no cost."""
    shown = FORMS[form](Router())
    assert "score" not in shown and "scoring took" not in shown


def test_the_run_says_what_its_result_is(tmp_path):
    """A compiled program's card has its score with the interval, what scoring took and the model, also after loading it."""
    examples = [Example(question=f"q{i}", answer=f"a{i}").with_inputs("question") for i in range(16)]

    def model(messages, **options):
        number = int(re.findall(r"q(\d+)", messages[-1]["content"])[-1])
        return {"answer": f"a{number}" if number < 8 or len(messages) > 2 else "unsure"}  # demos help

    optimizer = lmnb.BootstrapFewShot(
        metric=lambda example, prediction, trace=None: example.answer == prediction.answer
    )
    with lmnb.context(lm=lmnb.FakeLM(model, model="fake/one")):
        program = optimizer.compile(Predict("question -> answer"), trainset=examples[:8], valset=examples[8:])
    for made in (program, _reloaded(program, tmp_path / "p.json")):
        card = made.card()
        assert re.search(r"- `score`: `100.0 % \(95 % interval 67\.\d … 100.0\) of 8 examples \(val\)`", card)
        assert "- `scoring took`: `8 calls" in card
        assert "- `lm`: `fake/one`" in card and "- `optimizer`: `BootstrapFewShot`" in card
        assert "from `bootstrapped, training example" in card


def _reloaded(program, path):
    program.save(path)
    return lmnb.load(path)


def test_markdown_shows_all_demos_and_a_file_is_the_same(tmp_path):
    """Where the notebook's card cuts a long list, the text has every demo; it is written as it is returned."""
    program = Predict("q -> a")
    program.demos = [{"q": f"question {i}", "a": "x" * 500} for i in range(20)]
    text = program.card(tmp_path / "card.md")
    assert (tmp_path / "card.md").read_text() == text
    assert all(f"q: question {i}\na: {'x' * 500}\n" in text for i in range(20))
    assert "… 4 more demos" in program._repr_html_()


def test_the_tools_of_an_agent_stand_as_the_model_is_told_of_them():
    """Each by its slot, with its texts as they are tuned and nothing of them as markup, in both forms."""

    def look(town: str) -> str:
        """Looks a town up."""
        return town

    told = {"tools['look'].desc": "Finds <b>towns</b>.", "tools['look'].arg_desc['town']": "its name"}
    agent = lmnb.ReAct("question -> answer", [look]).with_candidate(told)
    said = "look(town: str): Finds <b>towns</b>.\n  town: its name"
    assert said in agent.card() and "## `tools['look']`" in agent.card()
    shown = agent._repr_html_()
    assert "look(town: str): Finds &lt;b&gt;towns&lt;/b&gt;." in shown and "<b>towns" not in shown
