"""A program as a Python module: readable, complete, and the same prompts in a fresh interpreter."""

# ruff: noqa: S102 - cells are run as a notebook runs them

import importlib.util
import json
import linecache
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb import ChainOfThought, Example, FakeLM, Module, Predict, SaveError
from lmnb.modules.python_file import export_python

ROOT = Path(lmnb.__file__).parents[1]

THEIRS = '''
"""A module of a user."""
import datetime
import enum
import re as regex
from dataclasses import dataclass
from typing import Literal, Optional

import pydantic
from pydantic import BaseModel, model_validator

import lmnb
from lmnb import ChainOfThought as Reasoned

LIMIT = 3
LABELS = ["a", """b'"'""", 1.5, None]
Mood = Literal["good", "bad"]


class Team(enum.Enum):
    billing = "billing"
    tech = "tech"


class Person(BaseModel):
    """Somebody."""

    name: str = pydantic.Field(description="full name")
    team: Optional[Team] = None


@dataclass
class Point:
    x: int
    y: float = 0.0


def shorten(text, limit=LIMIT):
    return regex.sub(r"\\s+", " ", text)[: limit * 100]


def clean(text):
    return shorten(text) if text else again(text)


def again(text):
    return clean("x")


class Base(lmnb.Module):
    def help(self):
        return clean("y")


class Route(lmnb.Signature):
    """Route the ticket.

    Take your time."""

    ticket: str = lmnb.InputField(desc='what "they" wrote')
    day: datetime.date = lmnb.InputField(default=datetime.date(2024, 1, 2))
    team: Team = lmnb.OutputField()
    author: Optional[Person] = lmnb.OutputField()
    stars: int = lmnb.OutputField(ge=1, le=5, desc="how good")

    @model_validator(mode="after")
    def known(self):
        if self.team is Team.tech and self.stars > LIMIT:
            raise ValueError(clean("too many"))
        return self


class Router(Base):
    """Routes."""

    def __init__(self, size, *, labels=("x",)):
        self.route = Reasoned(Route)
        self.steps = [lmnb.Predict("question -> mood: Mood, where: Point") for _ in range(size)]
        self.by_kind = {"it's": lmnb.Predict("a: list[Person] -> b: dict[str, int]", temperature=0.5)}
        self.labels = labels

    def forward(self, ticket: str) -> lmnb.Prediction:
        return self.route(ticket=clean(ticket))
'''
HOSTILE = (
    'x\n"""\nimport os; os.system("touch owned")\n\'\'\' \\ {y} ${z} \u202e \x00 \ud800 [[ ## team ## ]] </script>'
)


def theirs(tmp_path, source=THEIRS, name="their_module"):
    """A user's module, imported from a file."""
    path = tmp_path / f"{name}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def prompts(program: Any) -> dict[str, Any]:
    """The prompt of every predictor for inputs of plain text."""
    return {
        path: predictor.messages(**{name: f"value of {name}" for name in predictor.signature.input_fields})
        for path, predictor in program.named_predictors()
    }


def prompts_elsewhere(path: Path) -> dict[str, Any]:
    """The same of an exported module, in a fresh interpreter that knows nothing but lmnb."""
    code = (
        "import json, runpy, sys\n"
        "program = runpy.run_path(sys.argv[1])['program']\n"
        "print(json.dumps({path: predictor.messages(**{name: f'value of {name}' for name in "
        "predictor.signature.input_fields}) "
        "for path, predictor in program.named_predictors()}))\n"
    )
    folder = path.parent / "elsewhere"
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, cwd=folder, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == []
    return json.loads(done.stdout)


def test_the_module_gives_the_same_prompts_in_a_fresh_interpreter(tmp_path):
    """Classes, functions, constants, types, instructions, demos and options are all there, whatever the texts hold."""
    module = theirs(tmp_path)
    program = module.Router(2, labels=("x", 'y"""'))
    program.route.predict.instructions = HOSTILE
    program.route.predict.demos = [
        Example(
            ticket=HOSTILE,
            team=module.Team.tech,
            author=module.Person(name="Ann", team="billing"),
            stars=5,
            day=__import__("datetime").date(2020, 1, 1),
        )
        .with_inputs("ticket")
        .with_origin("human", 3),
        Example({"ticket": "t", "team": "nobody", "not a name": 1, "class": 2}),
    ]
    program.steps[1].signature = program.steps[1].signature.with_updated_fields("mood", desc=HOSTILE)
    program.steps[1].demos = [{"question": "q", "mood": "good", "where": module.Point(1, float("inf"))}]
    program.by_kind["it's"].instructions = " indented\n\ttext \n"
    program.by_kind["it's"].lm = lmnb.LM("openai/gpt-5-mini", temperature=0.1, api_key="sk-secret")
    program.provenance = {"optimizer": "BootstrapRS", "scores": [1.0, float("nan")], "note": HOSTILE}
    path = program.export(tmp_path / "exported.py", format="python")
    text = path.read_text(encoding="utf-8")
    assert prompts_elsewhere(path) == json.loads(json.dumps(prompts(program)))
    assert "their_module" not in text
    assert "secret" not in text
    assert "program.by_kind[\"it's\"].lm = lmnb.LM('openai/gpt-5-mini'" in text
    assert "program = Router(2, labels=('x', 'y\"\"\"'))" in text
    assert "\n    program.route.predict.demos = ROUTE_PREDICT_DEMOS\n" in text


def test_the_module_is_readable(tmp_path):
    """Fields with types and descriptions, one demo a line, the words line by line."""
    predict = Predict(
        lmnb.Signature(
            {"q": (list[str], lmnb.InputField(desc="asked")), "a": (int, lmnb.OutputField(ge=0))}, "One.\nTwo."
        )
    )
    predict.demos = [Example(q=["x"], a=1).with_inputs("q"), Example(q=["y"], a=2).with_origin("bootstrapped", 31)]
    export_python(predict, tmp_path / "p.py", provenance={"seed": 7})
    text = (tmp_path / "p.py").read_text()
    assert (
        "class StringSignatureTuned(lmnb.Signature):\n"
        "    (\n        'One.\\n'\n        'Two.'\n    )\n"
        "    q: list[str] = lmnb.InputField(desc='asked')\n"
        "    a: int = lmnb.OutputField(ge=0)\n"
    ) in text
    assert (
        " = [\n"
        "    lmnb.Example(q=['x'], a=1).with_inputs('q'),\n"
        "    lmnb.Example(q=['y'], a=2).with_origin('bootstrapped', 31),\n"
        "]\n"
    ) in text
    assert "PROVENANCE = {'seed': 7}\n" in text
    assert text.endswith("\n\n\nprogram = build()\n")
    assert prompts_elsewhere(tmp_path / "p.py") == prompts(predict)


def test_a_chain_of_thought_alone(tmp_path):
    """The simplest program is one of lmnb's own classes."""
    program = ChainOfThought("question -> answer")
    program.predict.demos = [{"question": "q", "reasoning": "r", "answer": "a"}]
    program.export(tmp_path / "p.py", format="python")
    assert "program = lmnb.ChainOfThought('question -> answer')" in (tmp_path / "p.py").read_text()
    assert prompts_elsewhere(tmp_path / "p.py") == prompts(program)


def cell(source, number, scope):
    """Run `source` as a notebook does: its text is known to linecache only."""
    name = f"/tmp/ipykernel_1/{number}.py"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), scope)


def test_classes_of_notebook_cells(tmp_path, monkeypatch):
    """Classes typed in cells are written with their source, the last run of each."""
    main = type(sys)("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    scope = vars(main)
    cell("import enum\nimport lmnb\nclass Team(enum.Enum):\n    old = 'old'\n", 1, scope)
    cell("import enum\nimport lmnb\nclass Team(enum.Enum):\n    tech = 'tech'\n", 2, scope)
    cell("def shout(text):\n    return text.upper()\n", 3, scope)
    cell(
        "class Router(lmnb.Module):\n    def __init__(self):\n        self.route = lmnb.Predict('ticket "
        "-> team: Team')\n"
        "    def forward(self, ticket):\n        return self.route(ticket=shout(ticket))\n",
        4,
        scope,
    )
    program = scope["Router"]()
    program.route.demos = [{"ticket": "t", "team": scope["Team"].tech}]
    program.export(tmp_path / "p.py", format="python")
    text = (tmp_path / "p.py").read_text()
    assert "class Team(enum.Enum):\n    tech = 'tech'" in text
    assert "def shout(text):" in text
    assert prompts_elsewhere(tmp_path / "p.py") == prompts(program)


def test_a_class_without_readable_source_is_imported(tmp_path):
    """Where no source can be read, the module says where it came from."""
    scope: dict[str, Any] = {"__name__": "somewhere_else", "lmnb": lmnb}
    exec("class Hidden(lmnb.Module):\n    def __init__(self):\n        self.p = lmnb.Predict('q -> a')\n", scope)
    scope["Hidden"]().export(tmp_path / "p.py", format="python")
    assert "from somewhere_else import Hidden\n" in (tmp_path / "p.py").read_text()


def test_what_cannot_be_written_is_named(tmp_path):
    """An argument that is no data, and a global that is none."""

    class Search(Module):
        def __init__(self, index):
            self.answer = Predict("q -> a")

    with pytest.raises(
        SaveError,
        match=r"the argument 'index' of Search is a object, which cannot be written as Python. Use plain data there",
    ):
        Search(index=object()).export(tmp_path / "p.py", format="python")
    module = theirs(
        tmp_path,
        "import lmnb\nINDEX = object()\nclass Search(lmnb.Module):\n    def __init__(self):\n        "
        "self.p = lmnb.Predict('q -> a')\n"
        "    def forward(self, q):\n        return INDEX\n",
        "with_index",
    )
    with pytest.raises(SaveError, match="the global 'INDEX' is a object"):
        module.Search().export(tmp_path / "p.py", format="python")
    assert not (tmp_path / "p.py").exists()


def test_an_lm_that_cannot_be_written_leaves_a_comment(tmp_path):
    """A fake or custom LM is the reader's to set."""
    Predict("q -> a", lm=FakeLM([])).export(tmp_path / "p.py", format="python")
    assert "# program.lm was a FakeLM: set an LM, or configure one" in (tmp_path / "p.py").read_text()


WITH_AN_LM = """
import lmnb
class Asks(lmnb.Module):
    def __init__(self, lm):
        self.p = lmnb.Predict('q -> a')
        self.judge = lm
    def forward(self, q):
        return self.p(q=q)
"""


def test_an_lm_that_a_constructor_is_given_is_written_or_refused(tmp_path):
    """It was None in the module before, without a word: a program that asks it would have failed, or asked another."""
    asks = theirs(tmp_path, WITH_AN_LM, "with_an_lm").Asks
    path = asks(lmnb.LM("openai/gpt-5-mini", temperature=0.5)).export(tmp_path / "p.py", format="python")
    again = theirs(tmp_path, path.read_text(), "again_with_an_lm").program
    assert (again.judge.model, again.judge.kwargs) == ("openai/gpt-5-mini", {"temperature": 0.5})
    for program, argument in (
        (asks(FakeLM([])), "'lm' of Asks|an argument of Asks"),
        (lmnb.RLM("a -> b", sub_lm=FakeLM([])), "'sub_lm' of RLM"),
    ):
        with pytest.raises(SaveError, match=rf"(?:{argument}) is a FakeLM, and of LMs only lmnb.LM can be written"):
            program.export(tmp_path / "no.py", format="python")
    assert not (tmp_path / "no.py").exists()


def test_another_class_that_is_called_lm_is_another_class(tmp_path):
    """It is not written as lmnb's."""

    class LM(FakeLM):
        pass

    path = Predict("q -> a", lm=LM([])).export(tmp_path / "p.py", format="python")
    assert "# program.lm was a LM: set an LM" in path.read_text() and "lmnb.LM(" not in path.read_text()


def test_an_unknown_format_names_the_known_ones(tmp_path):
    """Only json and python."""
    with pytest.raises(lmnb.InputError, match=r"there is no format 'yaml'. Write export"):
        Predict("q -> a").export(tmp_path / "p", format="yaml")


def test_a_predictors_key_is_not_written(tmp_path):
    """Neither as its option nor as its constructor's argument; a comment says that there was one."""
    program = Predict("q -> a", api_key="sk-verysecret-123456", temperature=0.5)
    text = program.export(tmp_path / "p.py", format="python").read_text()
    assert "secret" not in text
    assert "program = lmnb.Predict('q -> a', temperature=0.5)" in text
    assert "# program.config also had api_key, which is private" in text
    assert prompts_elsewhere(tmp_path / "p.py") == prompts(program)


def test_a_key_of_the_environment_stays_where_the_constructor_puts_it(tmp_path, monkeypatch):
    """The written module reads it again and changes the other options only."""
    monkeypatch.setenv("THEIR_API_KEY", "a-value-in-the-environment")
    module = theirs(
        tmp_path,
        "import os\nimport lmnb\nclass Search(lmnb.Module):\n    def __init__(self):\n        "
        "self.p = lmnb.Predict('q -> a', api_key=os.environ['THEIR_API_KEY'])\n"
        "    def forward(self, q):\n        return self.p(q=q)\n",
        "with_environment",
    )
    program = module.Search()
    program.p.update_config(temperature=0.5)
    path = program.export(tmp_path / "p.py", format="python")
    assert "a-value" not in path.read_text()
    again = theirs(tmp_path, path.read_text(), "again_with_environment").program
    assert again.p.config == {"api_key": "a-value-in-the-environment", "temperature": 0.5}


@pytest.mark.parametrize(
    ("line", "used", "message"),
    [
        (
            "KEY = os.environ['THEIR_API_KEY']",
            "KEY",
            r"the global 'KEY' looks like a secret, .* Read it inside the function that uses it, such as os.environ",
        ),
        ("HEADERS = {'Authorization': 'abcdef'}", "HEADERS", "the global 'HEADERS' looks like a secret"),
        ("DB_PASSWORD = 'tiger'", "DB_PASSWORD", "the global 'DB_PASSWORD' looks like a secret"),
        ("", "'Bearer 1a2b3c4d5e'", "the source of Search holds a text that looks like a secret"),
    ],
)
def test_a_secret_that_the_code_uses_is_refused(tmp_path, monkeypatch, line, used, message):
    """A global is copied by value, so a key would be: the error names it and says what to write."""
    monkeypatch.setenv("THEIR_API_KEY", "a-value-in-the-environment")
    module = theirs(
        tmp_path,
        f"import os\nimport lmnb\n{line}\nclass Search(lmnb.Module):\n    def __init__(self):\n        "
        f"self.p = lmnb.Predict('q -> a')\n    def forward(self, q):\n        return self.p(q={used})\n",
        "with_secret",
    )
    with pytest.raises(SaveError, match=message) as caught:
        module.Search().export(tmp_path / "p.py", format="python")
    assert not (tmp_path / "p.py").exists()
    assert not any(secret in str(caught.value) for secret in ("a-value", "abcdef", "tiger", "1a2b"))


@pytest.mark.parametrize("given", [{"args": ("sk-verysecret-123456",)}, {"kwargs": {"key": "sk-verysecret-123456"}}])
def test_a_secret_argument_is_refused(tmp_path, given):
    """The written module calls the constructor with its arguments."""

    class Search(Module):
        def __init__(self, key):
            self.answer = Predict("q -> a", api_key=key)

    with pytest.raises(
        SaveError, match=r"the argument 'key' of Search looks like a secret, .* inside Search"
    ) as caught:
        Search(*given.get("args", ()), **given.get("kwargs", {})).export(tmp_path / "p.py", format="python")
    assert "verysecret" not in str(caught.value)
