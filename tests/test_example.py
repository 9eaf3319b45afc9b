"""Examples and predictions: frozen, ordered records."""

import copy

import pytest

from lmnb import Example, InputError, Prediction
from lmnb.prediction import Completions


def test_fields_are_read_as_attributes_and_items():
    """A field is there under both forms, in the order of its declaration."""
    example = Example({"question": "q"}, answer="a")
    assert example.question == example["question"] == "q"
    assert list(example) == example.keys() == ["question", "answer"]
    assert dict(**example) == example.toDict() == {"question": "q", "answer": "a"}


def test_setting_a_field_says_to_copy():
    """An example is never changed in place."""
    example = Example(answer="a")
    with pytest.raises(AttributeError, match=r"write example = example.copy\(answer=\.\.\.\)"):
        example.answer = "b"
    with pytest.raises(TypeError, match=r"write example = example.copy\(answer=\.\.\.\)"):
        example["answer"] = "b"
    assert example.copy(answer="b").answer == "b"
    assert example.answer == "a"


def test_an_unknown_field_names_the_nearest():
    """A misspelt field gets a hint, in both forms."""
    with pytest.raises(AttributeError, match=r"no field 'anser'. Did you mean 'answer'"):
        _ = Example(answer="a").anser
    with pytest.raises(KeyError, match=r"no field 'zzz'. It has: answer"):
        _ = Example(answer="a")["zzz"]


def test_inputs_and_labels():
    """`with_inputs` splits the fields, and asking before that says what to write."""
    example = Example(question="q", answer="a")
    with pytest.raises(InputError, match=r"Write example.with_inputs\('question', \.\.\.\)"):
        example.inputs()
    marked = example.with_inputs("question")
    assert marked.inputs().toDict() == {"question": "q"}
    assert marked.labels().toDict() == {"answer": "a"}
    with pytest.raises(InputError, match=r"no field 'qestion'. Did you mean 'question'"):
        example.with_inputs("qestion")


def test_edits_keep_inputs_and_origin():
    """Copies carry over what is known of the example."""
    example = Example(a=1, b=2).with_inputs("a", "b").with_origin("labelled", 7)
    changed = example.copy(c=3).without("b")
    assert changed.toDict() == {"a": 1, "c": 3}
    assert changed.input_keys == ("a",)
    assert changed.provenance[:2] == ("labelled", 7)


def test_equality_and_hash_look_at_fields_only():
    """Origin, input keys and order of fields do not count; lists and dicts inside do not disturb."""
    one = Example(a=[1, {"x": 2}], b=1).with_origin("human").with_inputs("a")
    two = Example(b=1.0, a=[1, {"x": 2}])
    assert one == two
    assert hash(one) == hash(two)
    assert one != Example(a=[1], b=1)
    assert one != {"a": [1, {"x": 2}], "b": 1}
    assert len({one, two}) == 1


def test_id_is_the_hash_of_the_content():
    """The id has 12 hex digits and does not see where the example came from."""
    example = Example(a="x")
    assert example.id == example.with_origin("human", 3).with_inputs("a").id
    assert len(example.id) == 12
    assert int(example.id, 16) >= 0


def test_fields_named_like_the_provenance_win_and_provenance_stays_readable():
    """Data sets have columns such as id and source; they are what the attribute gives."""
    example = Example(id=7, source="wiki", origin="web").with_origin("labelled", 3)
    assert (example.id, example.source, example.origin) == (7, "wiki", "web")
    assert example.provenance.origin == "labelled"
    assert example.provenance.source == 3
    assert len(example.provenance.id) == 12


def test_repr_shows_fields_and_input_keys():
    """The repr is what people of the field know."""
    assert repr(Example(q="x").with_inputs("q")) == "Example({'q': 'x'}) (input_keys={'q'})"
    assert repr(Example(q="x")) == "Example({'q': 'x'}) (input_keys=None)"


def test_a_deep_copy_shares_no_value():
    """Deep copies are for programs that change what is inside."""
    example = Example(a=[1]).with_inputs("a")
    made = copy.deepcopy(example)
    made.a.append(2)
    assert example.a == [1]
    assert made.input_keys == ("a",)


def test_predictions_compare_by_score():
    """Predictions with a score are ordered and add up."""
    low, high = Prediction(score=0.25), Prediction(score=0.5)
    assert low < high <= 0.5
    assert sum([low, high]) == 0.75
    assert high / 2 == 0.25
    with pytest.raises(InputError, match="by its field 'score'; this one has: answer"):
        float(Prediction(answer="x"))


def test_completions_by_field_and_by_number():
    """Several completions are read as lists of a field or as predictions."""
    prediction = Prediction.from_completions([{"answer": "a"}, {"answer": "b"}])
    assert prediction.answer == "a"
    assert prediction.completions.answer == ["a", "b"]
    assert prediction.completions[1] == Prediction(answer="b")
    assert len(prediction.completions) == 2
    assert Prediction.from_completions({"answer": ["a", "b"]}) == prediction
    assert repr(prediction) == "Prediction(answer='a') (1 more completion)"
    assert Prediction(answer="x").completions.answer == ["x"]


def test_completions_of_unequal_length_are_refused():
    """Lists of different lengths cannot be rows."""
    with pytest.raises(InputError, match=r"as many completions as the others, not \[1, 2\]"):
        Completions({"a": [1, 2], "b": [1]})
