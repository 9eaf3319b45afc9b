"""Saving and loading: what a file holds, what it refuses, and that nothing in it is run."""

import datetime
import enum
import json
from typing import Literal

import pydantic
import pytest

import lmnb
from lmnb import ChainOfThought, Example, FakeLM, InputField, Module, OutputField, Predict, SaveError, Signature


class Team(enum.Enum):
    """Who answers."""

    billing = "billing"
    tech = "tech"


class Person(pydantic.BaseModel):
    """Somebody."""

    name: str
    born: datetime.date | None = None


class Sort(Signature):
    """Sort the ticket."""

    ticket: str = InputField(desc="what was written")
    team: Team = OutputField()
    author: Person | None = OutputField()
    stars: int = OutputField(ge=1, le=5)


class Router(Module):
    """Two predictors."""

    def __init__(self):
        self.route = ChainOfThought(Sort)
        self.steps = [Predict("a -> b: float", temperature=0.5)]

    def forward(self, ticket):
        return self.route(ticket=ticket)


def tuned():
    """A program with something in every part."""
    program = Router()
    program.route.predict.instructions = 'Line one.\n"""Line two""" \\ ü 漢 \ud800'
    program.route.predict.signature = program.route.predict.signature.with_updated_fields("team", desc="who answers")
    program.route.predict.demos = [
        Example(
            ticket="[[ ## x ## ]]", team=Team.tech, author=Person(name="Ann", born=datetime.date(2000, 1, 2)), stars=5
        )
        .with_inputs("ticket")
        .with_origin("bootstrapped", 31),
        Example(ticket="t", team="nobody", note="kept").with_origin("human"),
    ]
    program.steps[0].demos = [{"a": "x", "b": float("inf")}, {"a": "y", "b": 0.1}]
    program.steps[0].lm = lmnb.LM(
        "openai/gpt-5-mini", temperature=0.3, api_key="sk-secret", api_base="http://me:pw@host"
    )
    program.provenance = {"optimizer": "BootstrapRS", "seed": 7, "scores": [50.0, 75.5], "data": "ab12"}
    return program


def test_a_program_comes_back_as_it_was(tmp_path):
    """Types, provenance, options and LM are restored; prompts are the same."""
    program, fresh = tuned(), Router()
    program.save(tmp_path / "p.json")
    with pytest.warns(UserWarning, match="endpoint of its own"):  # where the LM was asked is in no file
        fresh.load(tmp_path / "p.json")
    assert fresh.route.predict.messages(ticket="x") == program.route.predict.messages(ticket="x")
    demo, wrong = fresh.route.predict.demos
    assert demo == program.route.predict.demos[0]
    assert (demo.team, demo.author.born) == (Team.tech, datetime.date(2000, 1, 2))
    assert demo.provenance[:2] == ("bootstrapped", 31)
    assert demo.input_keys == ("ticket",)
    assert (wrong.team, wrong.note, wrong.origin) == ("nobody", "kept", "human")
    assert fresh.steps[0].demos == program.steps[0].demos
    assert fresh.steps[0].config == {"temperature": 0.5}
    assert fresh.steps[0].lm.model == "openai/gpt-5-mini"
    assert fresh.provenance == program.provenance
    fresh.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (tmp_path / "p.json").read_text()


def test_the_file_is_made_to_be_read(tmp_path):
    """Keys are in a fixed order, names and types are there, secrets are not."""
    tuned().save(tmp_path / "p.json")
    text = (tmp_path / "p.json").read_text(encoding="utf-8")
    stored = json.loads(text)
    assert list(stored) == ["lmnb", "format", "version", "class", "code", "provenance", "predictors"]
    assert stored["class"].endswith(":Router")
    assert stored["code"]["of"] == "source"
    first = stored["predictors"]["route.predict"]
    assert list(first) == ["instructions", "fields", "demos", "config", "lm"]
    assert [(field["name"], field["role"], field["type"]) for field in first["fields"]] == [
        ("ticket", "input", "str"),
        ("reasoning", "output", "str"),
        ("team", "output", "Team"),
        ("author", "output", "Person | None"),
        ("stars", "output", "int"),
    ]
    assert first["fields"][4]["constraints"] == {"ge": 1, "le": 5}
    assert "secret" not in text
    assert "pw@" not in text
    assert "ü 漢" in text
    assert text.endswith("}\n")


def test_a_program_that_differs_is_refused_with_the_difference(tmp_path):
    """Every difference is named, and the program stays as it is."""

    class Other(Module):
        def __init__(self):
            self.route = ChainOfThought("ticket, hint -> team: Literal['a', 'b'], author: str, stars: int")
            self.extra = Predict("q -> a")

    tuned().save(tmp_path / "p.json")
    program = Other()
    before = program.slots()
    with pytest.raises(SaveError) as raised:
        program.load(tmp_path / "p.json")
    message = str(raised.value)
    assert "p.json' cannot be loaded: it does not fit this program:\n" in message
    for line in (
        "  - predictor 'steps[0]' is only in the file",
        "  - predictor 'extra' is only in the program",
        (
            "  - predictor 'route.predict': the output 'team' has the type 'Team' in the file and "
            "\"Literal['a', 'b']\" in the program"
        ),
        (
            "  - predictor 'route.predict': the output 'author' has the type 'Person | None' in the file and "
            "'str' in the program"
        ),
        (
            "  - predictor 'route.predict': the output 'stars' has the bounds {'ge': 1, 'le': 5} in the file "
            "and None in the program"
        ),
        "  - predictor 'route.predict': the input 'hint' is only in the program",
    ):
        assert line in message.splitlines()
    assert program.slots() == before


def test_a_renamed_field_and_another_order_are_named(tmp_path):
    """A file of `a, b -> c` does not load into `x, y -> z`, nor into `b, a -> c`."""
    Predict("a, bird -> c").save(tmp_path / "p.json")
    with pytest.raises(SaveError, match=r"the input 'bird' is only in the file \(the program has 'birds'\)"):
        Predict("a, birds -> c").load(tmp_path / "p.json")
    with pytest.raises(SaveError, match="in the order a, bird, c in the file and bird, a, c in the program"):
        Predict("bird, a -> c").load(tmp_path / "p.json")


def test_a_changed_model_is_named(tmp_path):
    """A pydantic model with other fields is another type."""
    Predict(Sort).save(tmp_path / "p.json")
    path = tmp_path / "p.json"
    path.write_text(path.read_text().replace('"born"', '"birthday"'))
    with pytest.raises(
        SaveError, match=r"the output 'author' has the JSON schema .* in the file and .* in the program"
    ):
        Predict(Sort).load(path)


def hand_edited(path, change):
    """The file of a plain Predict after `change` of its JSON."""
    predict = Predict("question -> answer: int")
    predict.demos = [{"question": "q", "answer": 1}]
    predict.save(path)
    stored = json.loads(path.read_text())
    change(stored, stored["predictors"]["self"])
    path.write_text(json.dumps(stored))
    return path


def test_hand_edits_are_welcome(tmp_path):
    """Instructions, descriptions and demos may be written by hand."""

    def change(stored, predictor):
        predictor["instructions"] = "By hand."
        predictor["fields"][1]["desc"] = "a number"
        predictor["demos"].append({"fields": {"question": "w", "answer": "7"}})

    predict = Predict("question -> answer: int")
    predict.load(hand_edited(tmp_path / "p.json", change))
    assert predict.instructions == "By hand."
    assert predict.signature.fields["answer"].desc == "a number"
    assert predict.demos[1] == Example(question="w", answer=7)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda stored, p: p.update(instrctions=p.pop("instructions")),
            "predictors['self'] has an unknown key 'instrctions'. Did you mean 'instructions'?",
        ),
        (lambda stored, p: p.pop("demos"), "predictors['self'] has no 'demos'"),
        (lambda stored, p: p.update(instructions=3), "predictors['self'].instructions should be a text, not 3"),
        (lambda stored, p: p.update(demos={}), "predictors['self'].demos should be a list, not {}"),
        (lambda stored, p: p["demos"].append(3), "predictors['self'].demos[1] should be an object, not 3"),
        (
            lambda stored, p: p["demos"][0].update(origin=3),
            "predictors['self'].demos[0].origin should be a text, not 3",
        ),
        (
            lambda stored, p: p["demos"][0].update(source="x"),
            "predictors['self'].demos[0].source should be a whole number, not 'x'",
        ),
        (
            lambda stored, p: p["demos"][0].update(inputs=["zzz"]),
            "predictors['self'].demos[0].inputs names 'zzz', which the demo does not have",
        ),
        (
            lambda stored, p: p["demos"][0]["fields"].update(answer="many"),
            "predictors['self'].demos[0].fields.answer is 'many'",
        ),
        (lambda stored, p: p["fields"][0].update(type=["str"]), "predictors['self'].fields[0].type should be a text"),
        (lambda stored, p: p["fields"].append(p["fields"][0]), "predictors['self'].fields has a name twice"),
        (lambda stored, p: p.update(lm="gpt"), "predictors['self'].lm should be an object, not 'gpt'"),
        (
            lambda stored, p: p.update(lm={"class": "LM", "model": "lmnb/tiny", "model_type": ["text"]}),
            "predictors['self'].lm.model_type should be a text, not ['text']",
        ),
        (lambda stored, p: p.update(config=[]), "predictors['self'].config should be an object"),
        (
            lambda stored, p: stored.update(format=99, version="9.0"),
            "it has the format 99, and this lmnb reads 1. Install the lmnb that wrote it: '9.0'.",
        ),
        (lambda stored, p: stored.update(lmnb="run"), "it is not a program that lmnb saved"),
        (lambda stored, p: stored.update(predictors=[]), "predictors should be an object, not []"),
        (lambda stored, p: stored.update({"class": "os; import x"}), "class is 'os; import x', not 'module:Name'"),
        (lambda stored, p: stored.update(extra=1), "the file has an unknown key 'extra'."),
    ],
)
def test_a_wrong_file_names_the_place(tmp_path, change, message):
    """What somebody got wrong is named by its path in the file; the program stays as it is."""
    predict = Predict("question -> answer: int")
    with pytest.raises(SaveError) as raised:
        predict.load(hand_edited(tmp_path / "p.json", change))
    assert message in str(raised.value)
    assert "p.json' cannot be loaded" in str(raised.value)
    assert predict.demos == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is not JSON: Expecting value in line 1, column 1"),
        (b'{"lmnb": "program", ', "it is not JSON: Expecting property name enclosed in double quotes in line 1"),
        (b"\xff\xfe", "it is not a text in UTF-8 (byte 0)"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"a": 1, "a": 2}', "the key 'a' stands twice in one object"),
        (b"[]", "it is not a program that lmnb saved"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "it is not JSON that can be read"),
    ],
)
def test_broken_files_are_refused(tmp_path, content, message):
    """Truncated, deep, doubled and foreign files give one error."""
    (tmp_path / "p.json").write_bytes(content)
    with pytest.raises(SaveError) as raised:
        Predict("q -> a").load(tmp_path / "p.json")
    assert message in str(raised.value)


def test_missing_files_pickles_and_folders(tmp_path):
    """What is no program file says so."""
    predict = Predict("q -> a")
    with pytest.raises(SaveError, match="there is no such file"):
        predict.load(tmp_path / "none.json")
    with pytest.raises(SaveError, match=r"nothing is ever unpickled. Save again under a name such as .*p.json"):
        predict.load(tmp_path / "p.pkl")
    with pytest.raises(SaveError, match=r"is a folder. Write the name of a file"):
        predict.save(tmp_path)


def test_every_truncation_of_a_file_is_refused(tmp_path):
    """A file cut anywhere never loads in part."""
    tuned().save(tmp_path / "p.json")
    whole = (tmp_path / "p.json").read_bytes()
    program = Router()
    before = program.slots()
    for end in range(0, len(whole) - 2, 97):
        (tmp_path / "cut.json").write_bytes(whole[:end])
        with pytest.raises(SaveError):
            program.load(tmp_path / "cut.json")
    assert program.slots() == before


def test_an_lm_that_no_file_can_bring_back_warns(tmp_path):
    """A custom LM is named; the program's own stays."""
    predict = Predict("q -> a", lm=FakeLM([], model="mine"))
    predict.save(tmp_path / "p.json")
    fresh = Predict("q -> a")
    with pytest.warns(UserWarning, match=r"predictors\['self'\].lm was a 'FakeLM', which a file cannot bring back"):
        fresh.load(tmp_path / "p.json")
    assert fresh.lm is None
    own = Predict("q -> a", lm=FakeLM([]))
    kept = own.lm
    own.load(tmp_path / "p.json")
    assert own.lm is kept


def test_state_without_a_file():
    """dump_state and load_state are the same thing in memory."""
    program, fresh = tuned(), Router()
    with pytest.warns(UserWarning, match="endpoint of its own"):
        fresh.load_state(json.loads(json.dumps(program.dump_state())))
    assert fresh.slots()["route.predict.demos"] == program.slots()["route.predict.demos"]
    with pytest.raises(SaveError, match="predictor 'self' is only in the program"):
        Predict("q -> a").load_state({})


def test_a_literal_with_mixed_options_keeps_types(tmp_path):
    """Options that read alike come back as what they were."""
    signature = Signature({"q": (str, InputField()), "a": (Literal["1", 1, None], OutputField())})
    predict = Predict(signature)
    predict.demos = [{"q": "x", "a": "1"}, {"q": "y", "a": 1}, {"q": "z", "a": None}]
    predict.save(tmp_path / "p.json")
    fresh = Predict(signature)
    fresh.load(tmp_path / "p.json")
    assert [demo.a for demo in fresh.demos] == ["1", 1, None]


def test_no_file_holds_a_predictors_key(tmp_path):
    """A key among the options is for the calls alone; the live program keeps it, also when it loads its file."""
    program = Predict("a -> b", api_key="sk-verysecret-123456", extra_headers={"x": "y"}, temperature=0.5, stop=None)
    program.save(tmp_path / "p.json")
    assert "secret" not in (tmp_path / "p.json").read_text()
    assert "secret" not in json.dumps(program.dump_state())
    assert program.dump_state()["self"]["config"] == {"temperature": 0.5, "stop": None}
    assert program.config["api_key"] == "sk-verysecret-123456"
    program.config["temperature"] = 0.9
    program.load(tmp_path / "p.json")
    assert program.config == {
        "api_key": "sk-verysecret-123456",
        "extra_headers": {"x": "y"},
        "temperature": 0.5,
        "stop": None,
    }


@pytest.mark.parametrize("place", ["config", "lm"])
@pytest.mark.parametrize("option", ["api_base", "fallbacks", "aws_bedrock_runtime_endpoint", "ssl_verify"])
def test_a_file_cannot_lead_the_readers_key_elsewhere(tmp_path, place, option):
    """What a file says of endpoints, in whatever option, is left out with a warning; what decides the reply is kept."""
    path = tmp_path / "program.json"
    Predict("a -> b", temperature=0.5, lm=lmnb.LM("openai/gpt-5-mini", temperature=0.3)).save(path)
    stored = json.loads(path.read_text("utf-8"))
    stored["predictors"]["self"][place][option] = [{"model": "openai/x", "api_base": "http://127.0.0.1:9"}]
    path.write_text(json.dumps(stored), "utf-8")
    with pytest.warns(UserWarning, match=f"{place} names '{option}'"):
        loaded = lmnb.load(path)
    assert loaded.config == {"temperature": 0.5} and loaded.lm.kwargs == {"temperature": 0.3}
    assert "127.0.0.1" not in repr(vars(loaded.lm)) + repr(loaded.config)


@pytest.mark.parametrize("option", ["model", "model_type", "num_retries"])
def test_a_call_of_a_file_goes_to_the_readers_model(tmp_path, option):
    """The options of a call cannot name another model, which would get the key of the reader's LM, nor how often it is asked."""
    path = tmp_path / "program.json"
    Predict("a -> b", temperature=0.5).save(path)
    stored = json.loads(path.read_text("utf-8"))
    stored["predictors"]["self"]["config"][option] = "openrouter/some/model"
    path.write_text(json.dumps(stored), "utf-8")
    with pytest.warns(UserWarning, match=f"config names '{option}'"):
        assert lmnb.load(path).config == {"temperature": 0.5}


def test_a_model_of_a_file_is_no_address(tmp_path):
    """A model's name that holds an address is asked nothing before the reader has said so."""
    path = tmp_path / "program.json"
    Predict("a -> b", lm=lmnb.LM("openai/gpt-5-mini")).save(path)
    path.write_text(path.read_text("utf-8").replace("openai/gpt-5-mini", "oobabooga/http://127.0.0.1:9/x"), "utf-8")
    with pytest.warns(UserWarning, match="names an address"):
        loaded = lmnb.load(path)
    with pytest.raises(lmnb.LMNotConfigured, match="names an address"):
        loaded(a="x")
