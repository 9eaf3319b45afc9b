"""lmnb.load: a saved program as a program again."""

import json

import pytest

import lmnb
from lmnb import ChainOfThought, FakeLM, Module, Predict, SaveError


class Two(Module):
    """Two predictors."""

    def __init__(self):
        self.a = Predict("q -> a")
        self.b = ChainOfThought("q -> b: int")


class Sized(Module):
    """A program that needs an argument."""

    def __init__(self, size):
        self.parts = [Predict("q -> a") for _ in range(size)]


def test_a_predictor_is_built_from_its_file_alone(tmp_path):
    """Types, bounds, options and demos of a Predict or ChainOfThought need no code."""
    signature = lmnb.Signature(
        {
            "question": (list[str], lmnb.InputField(desc="asked")),
            "answer": (dict[str, int | None], lmnb.OutputField(min_length=1)),
        },
        "Count.",
    )
    for program in (Predict(signature, temperature=0.5), ChainOfThought(signature)):
        program.predictors()[0].demos = [{"question": ["a"], "answer": {"a": 1}}]
        program.provenance = {"seed": 3}
        program.save(tmp_path / "p.json")
        made = lmnb.load(tmp_path / "p.json")
        assert type(made) is type(program)
        assert made.messages(question=["x"]) == program.messages(question=["x"])
        assert made.predictors()[0].config == program.predictors()[0].config
        assert made.provenance == {"seed": 3}


def test_a_loaded_predictor_answers(tmp_path):
    """What was loaded runs."""
    Predict("question -> answer: int").save(tmp_path / "p.json")
    assert lmnb.load(tmp_path / "p.json")(question="x", lm=FakeLM([{"answer": "4"}])).answer == 4


def test_another_class_needs_a_program_or_trust(tmp_path):
    """Code is never imported because a file says so."""
    program = Two()
    program.a.instructions = "Tuned."
    program.save(tmp_path / "p.json")
    with pytest.raises(
        SaveError,
        match=r"holds a Two of .*, whose code is not in the file. Write lmnb.load\(.*, "
        r"program=Two\(...\)\), or trust_import",
    ):
        lmnb.load(tmp_path / "p.json")
    given = Two()
    made = lmnb.load(tmp_path / "p.json", program=given)
    assert made.a.instructions == "Tuned."
    assert given.a.instructions != "Tuned."
    with pytest.raises(SaveError, match=r"program is 'Two'. Pass a program"):
        lmnb.load(tmp_path / "p.json", program="Two")


def importable(tmp_path, monkeypatch, source):
    """A module `their_program` that can be imported."""
    (tmp_path / "their_program.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "their_program", raising=False)
    return __import__("importlib").import_module("their_program")


def test_trust_import_calls_the_class(tmp_path, monkeypatch):
    """With trust the recorded class is imported and called."""
    theirs = importable(
        tmp_path,
        monkeypatch,
        "import lmnb\nclass Mine(lmnb.Module):\n    def __init__(self):\n        self.p = lmnb.Predict('q -> a')\n",
    )
    program = theirs.Mine()
    program.p.instructions = "Tuned."
    program.save(tmp_path / "p.json")
    made = lmnb.load(tmp_path / "p.json", trust_import=True)
    assert (type(made), made.p.instructions) == (theirs.Mine, "Tuned.")


def test_trust_import_that_cannot_work_says_why(tmp_path, monkeypatch):
    """A class that needs arguments, is gone or is no program."""
    theirs = importable(
        tmp_path,
        monkeypatch,
        "import lmnb\nclass Mine(lmnb.Module):\n    def __init__(self, k):\n        self.p = lmnb.Predict('q -> a')\n",
    )
    path = tmp_path / "p.json"
    theirs.Mine(3).save(path)
    with pytest.raises(SaveError, match=r"Mine of .* needs arguments: .* Write lmnb.load\(.*, program=Mine\(...\)\)"):
        lmnb.load(path, trust_import=True)
    for name, message in (
        ("their_program:Gone", "cannot be imported"),
        ("no_such_module:X", "cannot be imported"),
        ("json:JSONDecoder", "is no program"),
    ):
        stored = json.loads(path.read_text())
        stored["class"] = name
        path.write_text(json.dumps(stored))
        with pytest.raises(SaveError, match=message):
            lmnb.load(path, trust_import=True)


def test_a_type_of_the_users_says_to_pass_the_program(tmp_path):
    """A field type that only code has cannot come from the file."""
    import enum

    class Team(enum.Enum):
        a = "a"

    predict = Predict("q -> team: Team")
    predict.save(tmp_path / "p.json")
    with pytest.raises(
        SaveError,
        match=r"p\.json' cannot be loaded: the output 'team' has the type 'Team'.* Pass a program that declares it: program=\.\.\.",
    ):
        lmnb.load(tmp_path / "p.json")
    assert lmnb.load(tmp_path / "p.json", program=Predict("q -> team: Team")).signature.fields["team"].type is Team


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("type", "__import__('os').system('touch owned')", "is not a type"),
        ("type", "list[" * 500 + "int" + "]" * 500, "nested too deeply"),
        ("role", "both", "the role of 'a' is 'both', not 'input' or 'output'"),
        ("name", "class", "'class' is a Python keyword"),
        ("constraints", {"evil": 1}, "OutputField has no option 'evil'"),
    ],
)
def test_hostile_files_run_nothing(tmp_path, key, value, message):
    """What a file says of fields is checked, never run."""
    path = tmp_path / "p.json"
    Predict("q -> a").save(path)
    stored = json.loads(path.read_text())
    stored["predictors"]["self"]["fields"][1][key] = value
    path.write_text(json.dumps(stored))
    with pytest.raises(SaveError) as raised:
        lmnb.load(path)
    assert message in str(raised.value)
    assert not (tmp_path / "owned").exists()


def test_a_file_with_other_predictors_than_its_class(tmp_path):
    """A Predict has exactly one predictor."""
    path = tmp_path / "p.json"
    Predict("q -> a").save(path)
    stored = json.loads(path.read_text())
    stored["predictors"]["other"] = stored["predictors"].pop("self")
    path.write_text(json.dumps(stored))
    with pytest.raises(SaveError, match="a Predict has the predictor 'self', the file has 'other'"):
        lmnb.load(path)
