"""Fields of a reply that still comes: what is told of them piece by piece is what the parser finds in the whole."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmnb import ChatAdapter, JSONAdapter, ParseError, Signature, XMLAdapter
from lmnb.feed import Feed
from lmnb.streaming.call import CallStream

FORMS = {"chat": ChatAdapter(), "json": JSONAdapter(), "xml": XMLAdapter()}
REASONED = Signature("question -> reasoning, answer")
UNITS = [
    *"ab \n\t\\\"'<>[]{}#&;:,*`-.0é😀\u2028",
    *(
        "[[ ## answer ## ]]",
        "[[ ##",
        "## ]]",
        "\\[[ ##",
        "[[ ## completed ## ]]",
        "[[ completed ]]",
        "[[ ## note ## ]]\n",
    ),
    *(
        "<answer>",
        "</answer>",
        "</reasoning>",
        "<b>",
        "<![CDATA[",
        "]]>",
        "&lt;",
        "&amp;",
        "&#10;",
        "< answer",
        "<answer x='",
    ),
    *(
        '"answer": "',
        '",',
        "\\n",
        "\\u00e9",
        "\\ud83d\\ude00",
        "\\ud83d",
        "\\frac",
        "{",
        "}",
        '{"a": ["',
        "</think>",
        "```",
    ),
]
TEXTS = st.lists(st.sampled_from(UNITS), max_size=12).map("".join)
CUTS = st.lists(st.integers(0, 200), max_size=30)


class Told:
    """What a listener was told of one call."""

    def __init__(self, signature):
        self.feed = Feed()
        texts = {name: field.type is str for name, field in signature.output_fields.items()}
        self.call = CallStream(self.feed, "p", "1", texts)
        self.items = []

    def so_far(self):
        """The text of each field that was told and not withdrawn."""
        self.items += [self.feed._waiting.popleft() for _ in range(len(self.feed._waiting))]
        texts = {}
        for item in self.items:
            if item.withdrawn:
                del texts[item.signature_field_name]
            else:
                texts[item.signature_field_name] = texts.get(item.signature_field_name, "") + item.chunk
        return texts

    def withdrawn(self):
        return [item.signature_field_name for item in self.items if item.withdrawn]


def pieces(reply, cuts):
    """The reply cut at these places."""
    places = sorted({0, len(reply), *(cut for cut in cuts if cut < len(reply))})
    return [reply[start:stop] for start, stop in pairwise(places)]


def streamed(form, signature, deltas):
    """What is told while the deltas come."""
    told = Told(signature)
    hear = told.call.deltas(lambda: FORMS[form].reader(signature))
    assert hear is not None
    for delta in deltas:
        hear(delta)
    return told


@pytest.mark.parametrize("form", FORMS)
@settings(deadline=None, max_examples=200)
@given(reasoning=TEXTS, answer=TEXTS, cuts=CUTS)
def test_a_reply_in_form_is_told_as_it_is_parsed(form, reasoning, answer, cuts):
    """However it is cut: at every moment a beginning of each value, in the end the value, and nothing has to be withdrawn."""
    adapter = FORMS[form]
    reply = adapter.written({"reasoning": reasoning, "answer": answer})
    values = adapter.parse(REASONED, reply)
    told = Told(REASONED)
    hear = told.call.deltas(lambda: adapter.reader(REASONED))
    for delta in pieces(reply, cuts):
        hear(delta)
        assert all(values[name].startswith(text) for name, text in told.so_far().items())
    told.call.finish(values)
    assert told.so_far() == values
    assert told.withdrawn() == []


@pytest.mark.parametrize("form", FORMS)
@settings(deadline=None, max_examples=200)
@given(
    units=st.lists(st.sampled_from([*UNITS, "[[ ## reasoning ## ]]\n", "<reasoning>", '{"reasoning": "', "x" * 9])),
    cuts=CUTS,
)
def test_any_reply_ends_as_it_is_parsed(form, units, cuts):
    """Dense in marks, in no form at all: nothing fails, and where the parser finds values they are what was told in the end."""
    reply = "".join(units)
    told = streamed(form, REASONED, pieces(reply, cuts))
    try:
        values = FORMS[form].parse(REASONED, reply)
    except ParseError:
        told.call.withdraw()
        assert told.so_far() == {}
        return
    told.call.finish(values)
    assert told.so_far() == values


@pytest.mark.parametrize("size", [1, 3, 50])
def test_malformed_replies_end_as_they_are_parsed(size):
    """The corpus of malformed replies: the parser's value is told in the end, and seldom another one before."""
    replies = changed = 0
    for cause in sorted(Path(__file__).with_name("malformed").glob("*.jsonl")):
        for row in map(json.loads, cause.read_text("utf-8").splitlines()):
            if "value" not in row:
                continue
            signature = Signature(row["signature"])
            texts = [name for name, field in signature.output_fields.items() if field.type is str]
            told = streamed(row["form"], signature, pieces(row["reply"], range(0, len(row["reply"]), size)))
            values = FORMS[row["form"]].parse(signature, row["reply"])
            told.call.finish(values)
            assert {name: told.so_far()[name] for name in texts} == {name: values[name] for name in texts}
            replies += 1
            changed += any(name in texts for name in told.withdrawn())
    assert replies > 100
    assert changed < replies / 10


REPLIES = [
    (
        "chat",
        "[[ ## reasoning ## ]]\nSo it\n is.\n\n[[ ## answer ## ]]\n4\n\n[[ ## completed ## ]]",
        "So it\n is.",
        "4",
    ),
    ("chat", "<think>[[ ## answer ## ]]\n5</think>\n[[ ## reasoning ## ]]\nr\n[[ ## answer ## ]]\n4", "r", "4"),
    ("chat", "Sure:\n**[[ ## reasoning ## ]]** r\n> [[ ## Answer ## ]]:\n4\n[[ completed ]]", "r", "4"),
    ("chat", "[[ ## reasoning\nr [[ or ]] #\n[[ ## answer ## ]\n4\n\n[[", "r [[ or ]] #", "4"),
    (
        "chat",
        "[[ ## reasoning ## ]]\n\\[[ ## answer ## ]]\n[[ ## answer ## ]]\n\\\\[[ ## x",
        "[[ ## answer ## ]]",
        "\\[[ ## x",
    ),
    ("json", '{"reasoning": "a\\n\\"b\\" \\u00e9\\ud83d\\ude00", "answer": " 4 "}', 'a\n"b" é😀', "4"),
    ("json", '```json\n{"Answer":"4" , "more": {"answer": ["{", 1]}, "reasoning":"r"}\n```', "r", "4"),
    ("xml", "<reasoning>a &lt; b &amp; <b>c</b></reasoning>\n<answer><![CDATA[4]]></answer>", "a < b & <b>c</b>", "4"),
    ("xml", "<Reasoning kind='x'>\nr\n</Reasoning> so < answer >4</ answer >", "r", "4"),
]


@pytest.mark.parametrize(("form", "reply", "reasoning", "answer"), REPLIES)
def test_a_reply_comes_letter_by_letter(form, reply, reasoning, answer):
    """Marks, quotes and escapes are never seen, whole or half; the pieces are there before the reply is."""
    told = Told(REASONED)
    hear = told.call.deltas(lambda: FORMS[form].reader(REASONED))
    for letter in reply:
        hear(letter)
        shown = told.so_far()
        assert reasoning.startswith(shown.get("reasoning", "")) and answer.startswith(shown.get("answer", ""))
    assert told.so_far()["reasoning"] == reasoning
    values = FORMS[form].parse(REASONED, reply)
    assert values == {"reasoning": reasoning, "answer": answer}
    told.call.finish(values)
    assert told.so_far() == values and told.withdrawn() == []


@pytest.mark.parametrize("form", FORMS)
def test_a_field_ends_when_the_next_begins(form):
    """The last piece says so at once, and not only at the reply's end."""
    reply = FORMS[form].written({"reasoning": "one two", "answer": "4"})
    told = streamed(form, REASONED, list(reply[: reply.rindex("4")]))
    told.so_far()
    assert [item.is_last_chunk for item in told.items][-1] is True
    assert sum(item.is_last_chunk for item in told.items) == 1


TYPED = Signature("question -> items: list[str], team: Literal['a', 'b'], note: str")


@pytest.mark.parametrize(
    ("form", "reply"),
    [
        ("chat", '[[ ## items ## ]]\n["x, ]", "y"]\n[[ ## team ## ]]\nb\n[[ ## note ## ]]\nn\n[[ ## completed ## ]]'),
        ("json", '{"items": ["x, ]", "y"], "team": "b", "note": "n"}'),
        ("xml", '<items>["x, ]", "y"]</items><team>b</team><note>n</note>'),
    ],
)
def test_other_types_are_told_as_they_are_written(form, reply):
    """A list as its JSON, an option as its text."""
    told = streamed(form, TYPED, list(reply))
    told.call.finish(FORMS[form].parse(TYPED, reply))
    assert told.so_far() == {"items": '["x, ]", "y"]', "team": "b", "note": "n"}
    assert told.withdrawn() == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "unit", ["[[ ## ", "\\", "<", "<answer ", "&", " \n", '{"', '{"a":[', "**", "<![CDATA[", "<think>"]
)
def test_what_waits_for_its_meaning_is_bounded(form, unit):
    """A reply that goes on with half a mark is given up, and comes whole in the end."""
    begun = FORMS[form].written({"reasoning": "r", "answer": "@"}).partition("@")[0]
    reader = FORMS[form].reader(REASONED)
    for delta in [begun, *unit * 3000]:
        list(reader.feed(delta))
    assert sum(len(str(value)) for value in vars(reader).values() if isinstance(value, str)) < 4_000
