"""State files of DSPy: what they hold is read and written again, what has no place is named, nothing in them is run."""

import json
from typing import Literal

import pydantic
import pytest

import lmnb
from lmnb import ChainOfThought, Example, FakeLM, InputField, Module, OutputField, Predict, SaveError, Signature

VERSIONS = {"python": "3.11", "dspy": "3.4.1", "cloudpickle": "3.1"}
# the files of the reference's own documentation of the form, key by key
PREDICT = {
    "traces": [],
    "train": [],
    "demos": [{"question": "q1", "answer": "a1"}],
    "signature": {
        "instructions": "Given the fields `question`, produce the fields `answer`.",
        "fields": [
            {"prefix": "Question:", "description": "${question}"},
            {"prefix": "Answer:", "description": "${answer}"},
        ],
    },
    "lm": None,
    "metadata": {"dependency_versions": VERSIONS},
}
LM = {
    "_dspy_lm_class": "dspy.clients.lm.LM",
    "model": "openai/gpt-4o-mini",
    "model_type": "chat",
    "cache": True,
    "num_retries": 3,
    "temperature": 0.3,
    "max_tokens": None,
    "finetuning_model": None,
    "launch_kwargs": {},
    "train_kwargs": {},
}
NESTED = {
    "rewrite": {
        "traces": [],
        "train": [],
        "demos": [{"augmented": True, "question": "q1", "query": "k1"}],
        "signature": {
            "instructions": "Tuned: write a query.",
            "fields": [
                {"prefix": "Question:", "description": "what was asked"},
                {"prefix": "My Query:", "description": "${query}"},
            ],
        },
        "lm": LM,
    },
    "answer.predict": {
        "traces": [],
        "train": [],
        "demos": [
            {
                "context": ["A is B."],
                "question": "q",
                "reasoning": "r",
                "verdict": "yes",
                "sources": [{"title": "t", "year": 2001}],
            },
            {"question": "half", "verdict": "perhaps", "note": "kept"},
        ],
        "signature": {
            "instructions": "Answer the question from the context.",
            "fields": [
                {"prefix": "Context:", "description": "passages"},
                {"prefix": "Question:", "description": "${question}"},
                {"prefix": "Reasoning:", "description": "${reasoning}"},
                {"prefix": "Verdict:", "description": "${verdict}"},
                {"prefix": "Sources:", "description": "${sources}"},
            ],
        },
        "lm": None,
    },
    "metadata": {"dependency_versions": VERSIONS},
}


class Source(pydantic.BaseModel):
    """Where it stands."""

    title: str
    year: int


class Answer(Signature):
    """Answer."""

    context: list[str] = InputField()
    question: str = InputField()
    verdict: Literal["yes", "no"] = OutputField()
    sources: list[Source] = OutputField()


class Program(Module):
    """Two predictors, as in the file."""

    def __init__(self):
        self.rewrite = Predict("question -> query")
        self.answer = ChainOfThought(Answer)


def written(path, data):
    path.write_text(json.dumps(data))
    return path


def changed(change, data=NESTED):
    copy = json.loads(json.dumps(data))
    change(copy)
    return copy


def test_a_single_predictor_is_read_and_written_back(tmp_path):
    """The flat file of a Predict comes out key by key as it went in."""
    predict = Predict("question -> answer")
    predict.load(written(tmp_path / "p.json", PREDICT))
    assert predict.demos == [Example(question="q1", answer="a1")]
    assert [field.desc for field in predict.signature.fields.values()] == ["", ""]
    assert predict.provenance == {"saved_with": VERSIONS}
    predict.provenance = {}
    predict.save(tmp_path / "again.json", format="dspy")
    again = json.loads((tmp_path / "again.json").read_text())
    assert again.pop("metadata")["dependency_versions"].keys() == VERSIONS.keys()
    assert again == {key: value for key, value in PREDICT.items() if key != "metadata"}
    assert list(again) == ["traces", "train", "demos", "signature", "lm"]


def test_several_predictors_are_read_and_written_back(tmp_path):
    """Values in their types, instructions, descriptions, prefixes, the mark of a bootstrapped demo and the LM survive."""
    program = Program()
    program.load(written(tmp_path / "p.json", NESTED))
    rewrite, answer = program.rewrite, program.answer.predict
    assert rewrite.instructions == "Tuned: write a query."
    assert rewrite.signature.fields["question"].desc == "what was asked"
    assert (rewrite.signature.fields["query"].desc, rewrite.signature.fields["query"].prefix) == ("", "My Query:")
    assert "My Query" not in str(rewrite.messages(question="q"))
    assert (rewrite.demos[0].origin, dict(rewrite.demos[0])) == ("bootstrapped", {"question": "q1", "query": "k1"})
    assert (rewrite.lm.model, rewrite.lm.kwargs) == ("openai/gpt-4o-mini", {"temperature": 0.3})
    assert answer.demos[0].sources == [Source(title="t", year=2001)]
    assert dict(answer.demos[1]) == NESTED["answer.predict"]["demos"][1]
    program.provenance = {}
    program.export(tmp_path / "again.json", format="dspy")
    again = json.loads((tmp_path / "again.json").read_text())
    assert {**again, "metadata": None} == {**NESTED, "metadata": None}
    fresh = lmnb.load(tmp_path / "again.json", program=Program())
    assert fresh.slots().keys() == program.slots().keys()
    assert fresh.export_prompts() == program.export_prompts()


def test_a_prefix_survives_every_form(tmp_path):
    """The JSON file, the Python module and a copy by edits keep a field's prefix."""
    predict = Predict(Signature({"q": (str, InputField(prefix="Q>")), "a": (str, OutputField())}, "Do."))
    predict.signature = predict.signature.with_updated_fields("q", desc="asked")
    predict.save(tmp_path / "p.json")
    assert lmnb.load(tmp_path / "p.json").signature.fields["q"].prefix == "Q>"
    predict.export(tmp_path / "p.py", format="python")
    assert "lmnb.InputField(desc='asked', prefix='Q>')" in (tmp_path / "p.py").read_text()
    with pytest.raises(lmnb.SignatureError, match="InputField: prefix is a text, not 3"):
        InputField(prefix=3)


def test_a_model_that_stands_as_its_json_text_is_read(tmp_path):
    """Values that some releases wrote as JSON texts get their type; what is of another type stays as it is."""

    def change(data):
        data["answer.predict"]["demos"][0]["sources"] = '[{"title": "t", "year": "2001"}]'
        data["answer.predict"]["demos"][1]["sources"] = "none"

    program = Program()
    program.load(written(tmp_path / "p.json", changed(change)))
    first, second = program.answer.predict.demos
    assert first.sources == [Source(title="t", year=2001)]
    assert second.sources == "none"


def test_what_has_no_place_is_named(tmp_path):
    """Recordings, unknown keys, parts that only one side has and an LM's endpoint: one warning, the rest is loaded."""

    def change(data):
        data["rewrite"] |= {"traces": [1], "extended": {"x": 1}}
        data["rewrite"]["lm"] |= {"api_base": "http://evil.test", "api_key": "sk-of-theirs", "engine": "native"}
        data["anwser.predict"] = data.pop("answer.predict")

    program = Program()
    before = program.answer.predict.instructions
    with pytest.warns(UserWarning) as caught:
        program.load(written(tmp_path / "p.json", changed(change)))
    told = str(caught[0].message)
    assert len(caught) == 1 and "was saved by DSPy. What has no place here was left out:" in told
    for line in (
        "  - 'traces' of predictor 'rewrite'",
        "  - 'extended' of predictor 'rewrite'",
        "  - predictor 'anwser.predict' is only in the file (the program has 'answer.predict')",
        "  - predictor 'answer.predict' is only in the program, and stays as it is",
        "  - api_base, api_key, engine of the LM of predictor 'rewrite': set by lm.copy(...) what you trust",
    ):
        assert line in told.splitlines()
    assert "evil" not in repr(program.rewrite.lm) and "theirs" not in told
    assert not program.rewrite.lm._private
    assert program.rewrite.instructions == "Tuned: write a query."
    assert program.answer.predict.instructions == before


def test_an_lm_of_another_class_is_named_and_the_programs_own_stays(tmp_path):
    """A class that the file names is not looked for."""
    program = Program()
    program.rewrite.lm = own = FakeLM([])
    path = written(tmp_path / "p.json", changed(lambda data: data["rewrite"]["lm"].update(_dspy_lm_class="os.system")))
    with pytest.warns(UserWarning, match=r"the LM of predictor 'rewrite' \('os.system'\): set predictor.lm"):
        program.load(path)
    assert program.rewrite.lm is own


@pytest.mark.parametrize(
    ("signature", "line"),
    [
        ("answer -> question", "field 1 is 'question' in the file and 'answer' in the program"),
        ("query -> answer", "field 1 is 'question' in the file and 'query' in the program"),
        (
            "question -> reasoning, answer",
            "it has 2 fields in the file (question, answer) and 3 in the program (question, reasoning, answer)",
        ),
    ],
)
def test_other_fields_are_refused(tmp_path, signature, line):
    """The form is positional: where a description tells another name, or the number differs, nothing is loaded."""
    predict = Predict(signature)
    before = predict.slots()
    with pytest.raises(SaveError) as raised:
        predict.load(written(tmp_path / "p.json", PREDICT))
    assert f"it does not fit this program:\n  - predictor 'self': {line}\n" in str(raised.value)
    assert predict.slots() == before


def test_an_order_that_only_prefixes_tell_is_refused(tmp_path):
    """With descriptions of their own the prefix that another field would have shows that fields changed places."""

    def change(data):
        data["signature"]["fields"] = [
            {"prefix": "Context:", "description": "c"},
            {"prefix": "Question:", "description": "q"},
            {"prefix": "Answer:", "description": "a"},
        ]

    path = written(tmp_path / "p.json", changed(change, PREDICT))
    with pytest.raises(SaveError, match="field 1 is 'context' in the file and 'question' in the program"):
        Predict("question, context -> answer").load(path)
    Predict("context, question -> answer").load(path)


def test_a_program_without_any_of_its_predictors_is_refused(tmp_path):
    """Names on both sides are listed."""
    with pytest.raises(SaveError, match=r"the file has 'rewrite', 'answer.predict', the program has 'self'"):
        Predict("question -> query").load(written(tmp_path / "p.json", NESTED))


def test_the_file_alone_is_no_program(tmp_path):
    """Without names and types of fields nothing can be built, and the error says what to pass."""
    path = written(tmp_path / "p.json", PREDICT)
    with pytest.raises(SaveError, match=r"is a state that DSPy saved: .* Write lmnb.load\(.*, program=...\)"):
        lmnb.load(path)
    given = Predict("question -> answer")
    assert lmnb.load(path, program=given).demos and not given.demos


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["rewrite"].pop("signature"), "['rewrite'] has no 'signature'"),
        (lambda d: d["rewrite"].update(demos={}), "['rewrite'].demos should be a list, not {}"),
        (lambda d: d["rewrite"]["demos"].append(3), "['rewrite'].demos[1] should be an object, not 3"),
        (
            lambda d: d["rewrite"]["signature"].update(instructions=3),
            "['rewrite'].signature.instructions should be a text, not 3",
        ),
        (
            lambda d: d["rewrite"]["signature"]["fields"][0].pop("description"),
            "['rewrite'].signature.fields[0] has no 'description'",
        ),
        (lambda d: d["rewrite"].update(lm="gpt"), "['rewrite'].lm should be an object, not 'gpt'"),
        (lambda d: d["rewrite"]["lm"].update(num_retries="many"), "['rewrite'].lm.num_retries is 'many'"),
        (lambda d: d.update(other=3), "['other'] should be an object, not 3"),
    ],
)
def test_a_wrong_file_names_the_place(tmp_path, change, message):
    """What is not of the form is named by its path, and the program stays as it is."""
    program = Program()
    before = program.slots()
    with pytest.raises(SaveError) as raised:
        program.load(written(tmp_path / "p.json", changed(change)))
    assert message in str(raised.value) and "p.json' cannot be loaded" in str(raised.value)
    assert program.slots() == before


def test_a_whole_program_saved_as_a_pickle_is_refused(tmp_path):
    """A folder with a pickle in it is never opened, whatever it holds."""
    folder = tmp_path / "whole"
    folder.mkdir()
    (folder / "program.pkl").write_bytes(b"cposix\nsystem\n(S'touch owned'\ntR.")
    for load in (lmnb.load, Predict("q -> a").load):
        with pytest.raises(SaveError, match="is a pickle, and nothing is ever unpickled"):
            load(folder)
    assert not (tmp_path / "owned").exists()


def test_what_cannot_be_written_is_named(tmp_path):
    """Provenance, options of calls and an LM that only lmnb has are in a warning; no key is in the file."""
    program = Program()
    program.provenance = {"optimizer": "BootstrapRS", "seed": 7}
    program.rewrite.config = {"temperature": 0.5, "api_key": "sk-secret-123456"}
    program.rewrite.lm = FakeLM([], model="mine")
    program.answer.predict.lm = lmnb.LM("openai/gpt-5-mini", api_key="sk-secret-123456", api_base="http://me:pw@host")
    with pytest.warns(UserWarning) as caught:
        program.save(tmp_path / "p.json", format="dspy")
    assert str(caught[0].message).endswith(
        "p.json', written for DSPy, leaves out: the provenance (optimizer, seed); the options of 'rewrite' (temperature); "
        "the LM of 'rewrite' (FakeLM 'mine'), which only lmnb has; "
        "where the LM of 'answer.predict' is asked (its endpoint)."
    )
    text = (tmp_path / "p.json").read_text()
    assert "secret" not in text and "pw@" not in text
    stored = json.loads(text)
    assert stored["rewrite"]["lm"] is None
    assert stored["answer.predict"]["lm"] == LM | {"model": "openai/gpt-5-mini", "temperature": None}


def test_an_unknown_format_says_which_there_are(tmp_path):
    """Both ways of writing name their formats."""
    with pytest.raises(lmnb.InputError, match=r"save has no format 'yaml'\. Write format='json' or format='dspy'"):
        Predict("q -> a").save(tmp_path / "p.json", format="yaml")
    with pytest.raises(lmnb.InputError, match="'dspy' or 'python'"):
        Predict("q -> a").export(tmp_path / "p.json", format="yaml")
