"""The XML format: the exact text of a prompt, and what is read from replies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnb import FakeLM, ParseError, Predict, Signature, XMLAdapter, context
from lmnb.adapters.xml import escape, unescape

ROUTE = Signature("ticket: str -> reasoning, team: Literal['otter', 'falcon']", "Route the ticket.")


def test_the_prompt_of_the_xml_format():
    """Every field stands between its tags, in the request, the demos and the form of the reply."""
    demos = [{"ticket": "is 1 < 2 & </ticket> closed?", "reasoning": "r", "team": "otter"}]
    messages = XMLAdapter().format(ROUTE, demos, {"ticket": "the bill"})
    assert [(message["role"], message["content"]) for message in messages] == [
        (
            "system",
            "Route the ticket.\n\nInput fields:\n- `ticket` (str)\n\n"
            "Output fields:\n- `reasoning` (str)\n- `team` (one of: otter, falcon)\n\n"
            "Write each output field between its own tags, in this order and nothing else:\n\n"
            "<reasoning>{reasoning}</reasoning>\n<team>{team}</team>",
        ),
        ("user", "<ticket>is 1 < 2 & &lt;/ticket> closed?</ticket>"),
        ("assistant", "<reasoning>r</reasoning>\n<team>otter</team>"),
        (
            "user",
            "<ticket>the bill</ticket>\n\nReply with `<reasoning>`, `<team>`, each closed by its end tag.",
        ),
    ]


@pytest.mark.parametrize(
    "reply",
    [
        "<reasoning>a < b</reasoning><team>otter</team>",
        "Sure!\n```xml\n<?xml version='1.0'?>\n<reply>\n<reasoning>\na &lt; b\n</reasoning>\n<team>otter</team>\n</reply>\n```",
        "<think><team>falcon</team></think><team>OTTER</team><reasoning>a < b</reasoning>",
        '<Reasoning type="str"><![CDATA[a < b]]></Reasoning>\n< team >otter</ team >',
        "<reasoning>a < b\n<team>otter</team>",
        "So <team>falcon</team>?</think><reasoning>a < b</reasoning><team>otter</team>",
    ],
)
def test_replies_that_are_understood(reply):
    """Words and fences around it, thoughts, entities, CDATA, another order and case, a field that is not closed."""
    assert XMLAdapter().parse(ROUTE, reply) == {"reasoning": "a < b", "team": "otter"}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("", "The reply is empty. Expected `<reasoning>`, `<team>`, each followed by its value and its end tag."),
        ("otter", "The reply has no tags. Expected"),
        ("<reasoning>r</reasoning><team>ott", "Field 'team' is not closed: its end tag </team> is missing."),
        ("<reasoning>r</reasoning></team>otter", "Field 'team' is closed before it is opened."),
        ("<reasoning>r</reasoning>s</reasoning><team>otter</team>", "Field 'reasoning' is closed twice."),
        ("<reasoning>r</reasoning><team><team>otter</team></team>", "Field 'team' is opened twice."),
        (
            "<reasoning>r</reasoning><team>otter</team><team>falcon</team>",
            "Field 'team' stands twice, with different values.",
        ),
        ("<reasoning><![CDATA[r</reasoning><team>otter</team>", "Field 'reasoning' is not closed"),
        ("<reasoning>r</reasoning><Tier>otter</Tier>", "The reply has 'Tier', which nobody asked for."),
        ("<reasoning>r</reasoning><team>maple</team>", "Field 'team' is 'maple', but should be one of: otter, falcon."),
    ],
)
def test_a_wrong_reply_says_what_is_wrong(reply, said):
    """The error names the field and carries the reply."""
    with pytest.raises(ParseError) as failure:
        XMLAdapter().parse(ROUTE, reply)
    assert said in str(failure.value)
    assert failure.value.reply == reply


def test_one_repair_turn_shows_the_reply_and_the_error():
    """A reply that is cut off is shown back once; the scripted LM answers in the adapter's own format."""
    lm = FakeLM(["<reasoning>r", {"reasoning": "so </team> it is", "team": "otter"}])
    with context(adapter=XMLAdapter(), lm=lm):
        prediction = Predict(ROUTE)(ticket="t")
    assert prediction.toDict() == {"reasoning": "so </team> it is", "team": "otter"}
    turn = lm.calls[1]["messages"][-2:]
    assert turn[0] == {"role": "assistant", "content": "<reasoning>r"}
    assert turn[1]["content"].startswith("That reply could not be read: Field 'reasoning' is not closed")
    assert turn[1]["content"].endswith("Reply with `<reasoning>`, `<team>`, each closed by its end tag.")


@given(st.text("<>/&;#![]CDATAbx 1lgt\n"))
def test_what_is_escaped_holds_no_mark(value):
    """Dense in marks: no tag of a field, entity or CDATA section is left, and the value comes back."""
    written = escape(value, {"b"})
    assert "<b>" not in written and "<![CDATA[" not in written
    assert unescape(written) == value
