"""GSM8K and HotPotQA in their published formats, on rows of our own, and parts for tuning."""

from __future__ import annotations

import json

import pytest

import lmnb
from lmnb.data import load_gsm8k, load_hotpotqa, split
from lmnb.evaluate import answer_exact_match, answer_passage_match

SUMS = [
    ("A box holds 4 pens. How many are in 3 boxes?", "3 boxes hold 3*4=<<3*4=12>>12 pens.\n#### 12", 12),
    (
        "A car costs $20,000, a van $1,500 more. What do both cost?",
        "The van is 20000+1500=$<<20000+1500=21500>>21,500.\nBoth are $<<20000+21500=41500>>41,500.\n#### 41,500",
        41500,
    ),
    ("It is 3 degrees and gets 7 colder. How warm is it?", "3-7=<<3-7=-4>>-4\n#### -4", -4),
    ("Half of 5 litres?", "5/2=<<5/2=2.5>>2.5 litres\n#### 2.5", 2.5),
    ("A shirt costs £7 ― how much are two?", "They are 2 * 7 = <<2*7=14>>14.\n#### $14", 14),
]
ROWS = [
    {
        "_id": "a1",
        "question": "In which county does the river of Elmton flow?",
        "answer": "Marl County",
        "type": "bridge",
        "level": "hard",
        "context": [
            ["Elmton", ["Elmton is a town.", " It lies on the Wend."]],
            ["Wend", ["The Wend is a river.", " It flows through Marl County."]],
            ["Oakby", ["Oakby is a village."]],
        ],
        "supporting_facts": [["Elmton", 1], ["Wend", 1]],
    },
    {
        "_id": "a2",
        "question": "Are Elmton and Oakby both towns?",
        "answer": "no",
        "type": "comparison",
        "level": "easy",
        "context": [["Elmton", ["Elmton is a town."]], ["Oakby", ["Oakby is a village."]]],
        "supporting_facts": [["Elmton", 0], ["Oakby", 0]],
    },
    {
        "_id": "a3",
        "question": "Who built the bridge of Elmton?",
        "answer": "Ida Falk",
        "type": "bridge",
        "level": "medium",
        "context": [["Elmton Bridge", ["It was built by Ida Falk."]]],
        "supporting_facts": [["Elmton Bridge", 0], ["Elmton Bridge", 7], ["Ida Falk", 0]],
    },
    {
        "_id": "a4",
        "question": "Which is older, the Wend mill or the Oakby mill?",
        "answer": "the Wend mill",
        "type": "comparison",
        "level": "hard",
        "context": [["Mills", ["The Wend mill is older than the Oakby mill."]]],
        "supporting_facts": [["Mills", 0]],
    },
    {"_id": "a5", "question": "What is on the arms of Oakby?", "context": [["Oakby", ["Oakby's arms show a heron."]]]},
]


@pytest.fixture
def sums(tmp_path):
    """A file as GSM8K is published: one object a line."""
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(json.dumps({"question": q, "answer": a}) for q, a, _ in SUMS) + "\n", "utf-8")
    return path


@pytest.fixture
def hotpot(tmp_path):
    """A file as HotPotQA is published: one list of objects."""
    path = tmp_path / "hotpot.json"
    path.write_text(json.dumps(ROWS), "utf-8")
    return path


def test_gsm8k_gives_the_question_the_reasoning_and_a_number(sums):
    """Calculator annotations and the line with the result are gone; commas and currency do not matter."""
    examples = load_gsm8k(sums)
    assert [(example.question, example.answer) for example in examples] == [(q, n) for q, _, n in SUMS]
    assert [type(example.answer) for example in examples] == [int, int, int, float, int]
    assert examples[1].reasoning == "The van is 20000+1500=$21,500.\nBoth are $41,500."
    assert examples[0].inputs().toDict() == {"question": SUMS[0][0]}
    assert answer_exact_match(examples[1], lmnb.Prediction(answer="$41,500"))


def test_gsm8k_from_rows_that_another_library_read():
    """A split of Hugging Face's library is such rows."""
    rows = [{"question": q, "answer": a} for q, a, _ in SUMS]
    assert [example.answer for example in load_gsm8k(iter(rows))] == [n for _, _, n in SUMS]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            {"question": "q", "answer": "It is 12."},
            "row 1: an answer of GSM8K ends in a line such as '#### 42', this one",
        ),
        ({"question": "q", "answer": "12\n#### twelve"}, "ends in a line such as '#### 42'"),
        ({"question": "q", "answer": "#### 1\n#### 2\nso"}, "ends in a line such as '#### 42'"),
        ({"question": "q", "answer": 12}, "row 1: there is no text 'answer'; it has: question, answer."),
        ({"answer": "#### 1"}, "row 1: there is no text 'question'; it has: answer."),
        ("q", "row 1: an example is an object with named fields, not 'q'."),
    ],
)
def test_a_row_of_another_form_is_named(row, said):
    """No number is guessed."""
    with pytest.raises(lmnb.InputError) as failure:
        load_gsm8k([row])
    assert said in str(failure.value)


def test_a_wrong_row_of_a_file_is_named(sums):
    """With the file and the row."""
    sums.write_text(sums.read_text("utf-8") + '{"question": "q", "answer": "none"}', "utf-8")
    with pytest.raises(lmnb.InputError, match=r"train.jsonl, row 6: an answer of GSM8K ends in"):
        load_gsm8k(sums)


def test_hotpotqa_gives_passages_and_supporting_facts(hotpot):
    """Titles and sentences are joined to passages; facts that the context does not hold are left out."""
    first, _, third, _, last = load_hotpotqa(hotpot)
    assert first.toDict() == {
        "question": ROWS[0]["question"],
        "context": [
            "Elmton | Elmton is a town. It lies on the Wend.",
            "Wend | The Wend is a river. It flows through Marl County.",
            "Oakby | Oakby is a village.",
        ],
        "titles": ["Elmton", "Wend"],
        "facts": ["It lies on the Wend.", "It flows through Marl County."],
        "answer": "Marl County",
        "type": "bridge",
        "level": "hard",
        "hotpot_id": "a1",
    }
    assert first.input_keys == ("question",)
    assert (third.titles, third.facts) == (["Elmton Bridge", "Ida Falk"], ["It was built by Ida Falk."])
    assert last.keys() == ["question", "context", "hotpot_id"]
    assert answer_passage_match(first, lmnb.Prediction(context=first.context))


def test_hotpotqa_by_level_and_with_the_passages_as_input(hotpot):
    """The hard ones are those that its paper evaluates on; the distractor setting gives the passages."""
    examples = load_hotpotqa(hotpot, level="hard", inputs=["context", "question"])
    assert [example.hotpot_id for example in examples] == ["a1", "a4"]
    assert examples[0].input_keys == ("context", "question")
    with pytest.raises(lmnb.InputError, match=r"as a list, such as \['question'\]"):
        load_hotpotqa(hotpot, inputs="question")


def test_hotpotqa_in_the_columns_of_hugging_face():
    """There, a list of pairs is kept as two lists."""
    row = {**ROWS[0], "id": ROWS[0]["_id"]}
    del row["_id"]
    titles, sentences = zip(*ROWS[0]["context"], strict=True)
    row["context"] = {"title": list(titles), "sentences": list(sentences)}
    row["supporting_facts"] = {"title": ["Elmton", "Wend"], "sent_id": [1, 1]}
    assert load_hotpotqa([row])[0].toDict() == load_hotpotqa(ROWS)[0].toDict()


@pytest.mark.parametrize("context", ["text", [["a"]], [["a", "text"]], {"title": ["a"]}, [3]])
def test_a_context_of_another_form_is_named(context):
    """A text in place of sentences would be taken letter by letter."""
    with pytest.raises(lmnb.InputError, match=r"row 1: .*context.* of HotPotQA is a list of \[title, "):
        load_hotpotqa([{"question": "q", "context": context}])


def test_parts_have_no_example_in_common():
    """Sizes are numbers or shares; the same seed gives the same parts, and the rest is for training."""
    examples = [lmnb.Example(n=n).with_inputs("n") for n in range(20)]
    parts = split(examples, val=5, test=0.25)
    assert [len(part) for part in parts] == [10, 5, 5]
    assert sorted(example.n for part in parts for example in part) == list(range(20))
    assert parts == split(examples, val=5, test=0.25) != split(examples, val=5, test=0.25, seed=1)
    assert parts.val[0].input_keys == ("n",)
    assert [example.n for example in split(examples, train=3, val=2, seed=None).train] == [2, 3, 4]


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"val": 3}, r"there are 2 examples, fewer than train=0 \+ val=3 \+ test=0"),
        ({"train": 2, "val": 1}, r"fewer than train=2 \+ val=1"),
        ({"val": 1.5}, r"val=1.5 is no part. Write a number of examples, val=50, or a share, val=0.2."),
        ({"test": -1}, "test=-1 is no part"),
        ({"val": True}, "val=True is no part"),
    ],
)
def test_parts_that_cannot_be_are_refused(sizes, said):
    """Nothing is silently smaller than asked."""
    with pytest.raises(lmnb.InputError, match=said):
        split([lmnb.Example(n=1), lmnb.Example(n=2)], **sizes)
