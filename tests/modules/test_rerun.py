"""A call of a trace made again with changes, and calls that become examples."""

from __future__ import annotations

import pytest

import lmnb
from lmnb.trace import Trace


class Hops(lmnb.Module):
    def __init__(self):
        self.query = lmnb.ChainOfThought("question -> query")
        self.answer = lmnb.Predict("question, query -> answer")

    def forward(self, question):
        return self.answer(question=question, query=self.query(question=question).query)


def handler(messages, **options):
    """Says what it was asked with."""
    head, last = messages[0]["content"], messages[-1]["content"]
    if "reasoning" in head:
        return {"reasoning": "One step.", "query": "capital"}
    heat = options.get("temperature")
    return {"answer": f"{'loud' if 'Shout' in head else 'calm'} {heat} {'Rome' in last}"}


@pytest.fixture
def trace():
    with lmnb.context(lm=lmnb.FakeLM(handler, temperature=0.2)):
        return Hops()(question="The capital of France?").trace


def test_a_predictor_is_asked_again_with_other_words_and_the_old_trace_stays(trace):
    """Instructions, inputs and temperature change, LM and program are those of then; what is not said stays."""
    before = trace.to_dict()
    again = lmnb.rerun(trace, "answer", instructions="Shout.", inputs={"query": "Rome"}, temperature=0.9)
    assert again.root.inputs == {"question": "The capital of France?", "query": "Rome"}
    assert again.root.outputs == {"answer": "loud 0.9 True"}
    assert [step.path for step in again.steps()] == ["answer"]
    assert trace.to_dict() == before and trace.find("answer").outputs == {"answer": "calm 0.2 False"}


def test_the_program_is_not_changed_by_it(trace):
    """Its predictor has the instructions and the LM that it had."""
    part = trace.find("answer").module
    lmnb.rerun(trace, "answer", instructions="Shout.", demos=[lmnb.Example(question="q", query="r", answer="a")])
    assert part.instructions != "Shout." and part.lm is None and not part.demos


def test_an_lm_call_is_sent_other_messages_or_to_another_lm(trace):
    """By the number of its row; options of the call stay, those that the LM was set to are its own."""
    row = next(row["id"] for row in trace.to_dict()["spans"] if row["kind"] == "lm" and row["parent"])
    again = lmnb.rerun(trace, row, messages=[{"role": "user", "content": "Say it."}])
    assert again.root.kind == "lm" and again.root.data["messages"] == [{"role": "user", "content": "Say it."}]
    stop = {"stop": ["[[ ## completed ## ]]"]}
    assert again.root.data["request"] == {"temperature": 0.2, **stop}
    other = lmnb.FakeLM(["from another"], model="other")
    elsewhere = lmnb.rerun(trace, row, lm=other)
    assert (elsewhere.root.name, elsewhere.root.data["response"]) == ("other", "from another")
    assert elsewhere.root.data["request"] == stop and len(other.calls) == 1


def test_a_reply_that_fails_is_in_the_new_trace(trace):
    """It has its error, and both attempts."""
    again = lmnb.rerun(trace, "answer", lm=lmnb.FakeLM(["?", "?"]))
    assert again.root.outputs is None and again.root.error.startswith("ParseError")
    assert again.to_dict()["calls"] == 2


def test_a_trace_from_a_file_asks_only_whom_the_person_names(trace):
    """Its model is a text, and its options may say where a prompt would go: neither is followed."""
    stored = trace.to_dict()
    row = next(row for row in stored["spans"] if row["kind"] == "lm")
    row["request"] = {"temperature": 0.5, "api_base": "http://elsewhere.test", "model": "openai/x", "n": 100}
    read = Trace.from_dict(stored)
    with pytest.raises(lmnb.LMNotConfigured, match="Pass lm="):
        lmnb.rerun(read, row["id"])
    lm = lmnb.FakeLM(["fine"])
    assert lmnb.rerun(read, row["id"], lm=lm).root.data["request"] == {"temperature": 0.5}
    assert lm.calls[0].keys() == {"messages", "temperature", "seed"}
    assert lmnb.rerun(read, row["id"], lm=lmnb.FakeLM(["a", "b"]), n=2).root.data["texts"] == ["a", "b"]
    with pytest.raises(lmnb.InputError, match="Pass predictor="):
        lmnb.rerun(read, "answer", lm=lm)
    again = lmnb.rerun(read, "answer", predictor=Hops().answer, lm=lmnb.FakeLM([{"answer": "Paris"}]))
    assert again.root.outputs == {"answer": "Paris"}


def test_a_file_says_nothing_of_the_call_but_its_inputs(trace):
    """Inputs named like what a predictor takes beside them would say where the reader's key goes; other nonsense is told in words."""
    stored = trace.to_dict()
    row = next(row for row in stored["spans"] if row.get("path") == "answer")
    call = next(row for row in stored["spans"] if row["kind"] == "lm")
    lm = lmnb.FakeLM(handler)
    for name, value in {
        "config": {"api_base": "http://elsewhere"},
        "demos": [],
        "signature": "a -> b",
        "lm": "x",
    }.items():
        row["inputs"] = {"question": "q", "query": "q", name: value}
        with pytest.raises(lmnb.InputError, match=f"the predictor has no input {name!r}"):
            lmnb.rerun(Trace.from_dict(stored), "answer", predictor=lmnb.Predict("question, query -> answer", lm=lm))
    assert not lm.calls
    row["inputs"] = {"question": "q", "query": "q"}
    with pytest.raises(lmnb.InputError, match="no predictor 'nobody' was called"):
        Trace.from_dict(stored).find("nobody")
    for place, name, value in (
        (call, "request", ["api_base"]),
        (call, "messages", ["Say it."]),
        (row, "path", ["answer"]),
    ):
        with pytest.raises(lmnb.SaveError, match=rf"this is no trace: spans\[\d\]\.{name} should be"):
            Trace.from_dict(
                {**stored, "spans": [each | {name: value} if each is place else each for each in stored["spans"]]}
            )


def test_what_fits_no_call_is_refused_in_words(trace):
    """Messages are an LM's, inputs a predictor's; a program as a whole is called, not asked again."""
    with pytest.raises(lmnb.InputError, match="take the span below"):
        lmnb.rerun(trace, "answer", messages=[])
    with pytest.raises(lmnb.InputError, match=r"Name one: 'query\.predict', 'answer'"):
        lmnb.rerun(trace)
    with pytest.raises(lmnb.InputError, match="Did you mean 'answer'"):
        lmnb.rerun(trace, "answr")
    with pytest.raises(lmnb.InputError, match="there is no row 99"):
        trace.find(99)
    lm = next(item for _, item in trace.spans() if item.kind == "lm")
    for messages in ([], 3, "Say it."):
        with pytest.raises(lmnb.InputError, match="at least one"):
            lmnb.rerun(trace, lm, messages=messages)
    with pytest.raises(lmnb.InputError, match="take the span above"):
        lmnb.rerun(trace, lm, inputs={"question": "?"})


def test_a_prediction_is_asked_again_by_its_trace(trace):
    """One that a call gave has it; whatever else is given is quoted, with what to pass."""
    made = lmnb.Predict("question -> answer", lm=lmnb.FakeLM(handler))(question="?")
    assert lmnb.rerun(made, temperature=0.7).root.outputs == {"answer": "calm 0.7 False"}
    with pytest.raises(lmnb.InputError, match=r"Prediction\(answer='a'\) has no trace"):
        lmnb.rerun(lmnb.Prediction(answer="a"))
    for odd in (3, "runs/a.json", trace.root):
        with pytest.raises(lmnb.InputError, match="rerun takes a trace, a prediction or a report's row, not"):
            lmnb.rerun(odd)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"temprature": 0.7}, "Did you mean 'temperature'"),
        ({"max_token": 1}, "Did you mean 'max_tokens'"),
        ({"temperature": -5}, "temperature is -5: write a number from 0"),
        ({"temperature": "hot"}, "temperature is 'hot'"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"n": 0}, "n is 0: write a whole number from 1"),
        ({"top_p": 3}, "top_p is 3: write a number from 0 to 1"),
        ({"max_tokens": "many"}, "max_tokens is 'many'"),
        ({"stop": 3}, "stop is 3: write a text, or a list of texts"),
        ({"inputs": "?"}, "inputs='\\?' is no dict"),
        ({"lm": "openai/x"}, "Write lmnb.LM"),
        ({"predictor": 3}, "predictor=3 is no predictor"),
    ],
)
def test_changes_that_cannot_be_meant_are_told_before_anything_is_asked(trace, changes, says):
    """Misspelt options and values that no request takes, of a call that is made again as of any other call."""
    lm = trace.find("answer").children[0].data["lm"]
    asked = len(lm.calls)
    with pytest.raises(lmnb.InputError, match=says):
        lmnb.rerun(trace, "answer", **changes)
    if not {"inputs", "lm", "predictor"} & changes.keys():
        with pytest.raises(lmnb.InputError, match=says):
            lm("?", **changes)
        with pytest.raises(lmnb.InputError, match=says):
            lmnb.Predict("question -> answer", lm=lm, **changes)(question="?")
    assert len(lm.calls) == asked


@pytest.mark.parametrize(
    ("name", "meant"),
    [("instruction", "instructions"), ("input", "inputs"), ("demo", "demos"), ("message", "messages")],
)
def test_a_misspelt_change_is_no_option_of_a_request(trace, name, meant):
    """It is told before anything is asked, whatever the LM would make of it."""
    with pytest.raises(lmnb.InputError, match=f"rerun takes no option '{name}'. Did you mean '{meant}'\\?"):
        lmnb.rerun(trace, "answer", **{name: "x"})


def test_options_of_single_providers_pass():
    """Names that no other has, or that only look like a common one."""
    lm = lmnb.FakeLM(["a"])
    lm("?", top_a=0.3, max_new_tokens=5, min_tokens=1, speed="fast", temperature=None, prompt_cache_key="k")
    passed = {"messages", "top_a", "max_new_tokens", "min_tokens", "speed"}
    assert lm.calls[0].keys() - {"prompt_cache_key"} == passed


def test_rows_and_spans_have_one_number(trace):
    """A module that is nothing but its predictor is one row with it, and that row is the predictor's call."""
    for row in trace.to_dict()["spans"]:
        assert trace.find(row["id"]).kind == row["kind"]
    read = Trace.from_dict(trace.to_dict())
    assert [read.find(row["id"]).kind for row in read.to_dict()["spans"]] == [
        row["kind"] for row in trace.to_dict()["spans"]
    ]


def test_a_call_becomes_an_example_with_a_better_label(trace, tmp_path):
    """And goes into a file that is read as a data set; a last line without an end stays whole."""
    path = tmp_path / "more" / "dataset.jsonl"
    example = trace.to_example("answer", answer="Paris")
    assert example.inputs().keys() == ["question", "query"] and example.answer == "Paris"
    with pytest.raises(lmnb.InputError, match=r"no field 'anser'. Did you mean 'answer'\?.*copy\(anser="):
        trace.to_example("answer", anser="Paris")
    assert trace.to_example("answer", url="a.test").url == "a.test"  # a field that the data set has beside them
    lmnb.append_jsonl(path, example)
    path.write_bytes(path.read_bytes().rstrip())
    lmnb.append_jsonl(path, {"question": "\ud800 ü", "query": "\u2028", "answer": float("nan")})
    read = lmnb.load_jsonl(path, inputs=["question", "query"])
    assert read[0] == example and read[1].question == "\ud800 ü" and read[1].answer == "NaN"
    with pytest.raises(lmnb.InputError, match=r"Write 'dataset\.jsonl'"):
        lmnb.append_jsonl(tmp_path / "program.py", example)
    with pytest.raises(lmnb.InputError, match="cannot be written"):
        lmnb.append_jsonl(path / "x.jsonl", example)


def test_new_calls_are_told_to_who_watches_the_history():
    """From the thread of the call, failed ones too, until unsubscribed; only the history of all calls is live."""
    seen = []
    unsubscribe = lmnb.history().subscribe(lambda entry: seen.append((entry.response, entry.span.error)))
    lm = lmnb.FakeLM(["one", lmnb.LMError("down", model="fake"), "three"], num_retries=0)
    lm("?")
    with pytest.raises(lmnb.LMError):
        lm("?")
    unsubscribe()
    lm("?")
    assert [(text, bool(error)) for text, error in seen] == [("one", False), (None, True)]
    assert lmnb.history().live and not lmnb.history(3).live and not lm.history.live
