"""Malformed replies, by cause: each is read right, or refused with the reply and repaired in one turn; never a wrong value."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmnb import ChatAdapter, FakeLM, JSONAdapter, ParseError, Predict, Signature, XMLAdapter, context

FORMS = {"chat": ChatAdapter(), "json": JSONAdapter(), "xml": XMLAdapter()}
CAUSES = sorted(Path(__file__).with_name("malformed").glob("*.jsonl"))
UNITS = """< [[ [[## { {"a": <a> </a> <![CDATA[ &#1; \\" {" 1 {} [] <think> </think> /* ** “"""
GOOD = {
    "reasoning": "good",
    "answer": "good",
    "final_answer": "good",
    "side_note": "good",
    "note": "good",
    "count": 7,
    "price": 7.5,
    "sure": False,
    "items": ["good"],
    "numbers": [7],
    "scores": {"good": 7},
    "team": "maple",
}


def rows(cause):
    """The replies of one file."""
    return [json.loads(line) for line in cause.read_text("utf-8").splitlines()]


def outcome(row):
    """The outputs and the number of requests that a program needs whose first reply is this row's, the second a good one."""
    signature = Signature(row["signature"])
    lm = FakeLM([row["reply"], {name: GOOD[name] for name in signature.output_fields}])
    with context(adapter=FORMS[row["form"]]):
        prediction = Predict(signature)(**dict.fromkeys(signature.input_fields, "x"), lm=lm)
    return prediction.toDict(), len(lm.calls)


@pytest.mark.parametrize("cause", CAUSES, ids=lambda path: path.stem)
def test_malformed_replies_are_read_right_or_repaired(cause):
    """The value that the reply was made from, or a repair turn; each kind of value counts with its type."""
    wrong = []
    for number, row in enumerate(rows(cause), 1):
        found, requests = outcome(row)
        wanted = row.get("value", row.get("at_most"))
        read = (
            requests == 1
            and wanted is not None
            and json.dumps(found, sort_keys=True) == json.dumps(wanted, sort_keys=True)
        )
        refused = requests == 2 and "value" not in row
        if not read and not refused:
            wrong.append(f"line {number}: {row['reply']!r} gave {found} after {requests} requests")
    assert wrong == []


@pytest.mark.parametrize("cause", CAUSES, ids=lambda path: path.stem)
def test_what_must_be_refused_carries_the_reply(cause):
    """A ParseError has the raw text and the signature, and says something."""
    for row in rows(cause):
        if "value" in row or "at_most" in row:
            continue
        signature = Signature(row["signature"])
        with pytest.raises(ParseError) as failure:
            FORMS[row["form"]].parse(signature, row["reply"])
        assert (failure.value.reply, failure.value.signature) == (row["reply"], signature)
        assert str(failure.value)


def test_the_corpus_is_as_large_as_it_should_be():
    """At least twelve causes, each with twenty replies and all three formats."""
    assert len(CAUSES) >= 12
    for cause in CAUSES:
        forms = [row["form"] for row in rows(cause)]
        assert len(forms) >= 20 and set(forms) == set(FORMS), cause.stem


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "unit", [*UNITS.split(), "[[ ## a ## ]]\n", "x [[ ## a ## ]]", "a: 1,", "```\n", "<a ", " ", "\n"]
)
def test_long_hostile_replies_are_refused_soon(form, unit):
    """No reply makes a parser go over it again and again: ten thousand of anything is still a moment's work."""
    signature = Signature("q -> a, b: dict[str, int]")
    for before in ("", "{", "[[ ## a ## ]]\na\n[[ ## b ## ]]\n", "<a>a</a><b>", '{"a": "'):
        with pytest.raises(ParseError):
            FORMS[form].parse(signature, before + unit * 10_000)


@pytest.mark.parametrize("form", ["json", "xml"])
@given(
    values=st.fixed_dictionaries(
        {
            "count": st.integers(),
            "note": st.text() | st.text('"\\{}[]<>/&;notecu', max_size=12),
            "items": st.lists(st.text('"\\,[]<>ab', max_size=4), max_size=3),
            "scores": st.dictionaries(st.text("ab\"{}'", max_size=3), st.integers(), max_size=3),
        }
    ),
    share=st.floats(0, 1),
)
@settings(max_examples=200)
def test_a_reply_cut_off_anywhere_is_whole_or_refused(form, values, share):
    """What is left of a reply never gives another value than the whole reply."""
    signature = Signature("q -> count: int, note: str, items: list[str], scores: dict[str, int]")
    reply = FORMS[form].format(signature, [{"q": "", **values}], {"q": ""})[2]["content"]
    try:
        found = FORMS[form].parse(signature, reply[: int(share * len(reply))])
    except ParseError:
        return
    assert found == values | {"note": values["note"].strip()}
