"""The JSON format: the exact text of a prompt, what is read from replies, and the schema that an LM is held to."""

import enum
import json
from typing import Literal

import pydantic
import pytest

from lmnb import LM, Code, FakeLM, Image, InputField, JSONAdapter, OutputField, ParseError, Predict, Signature, context
from lmnb.adapters.json import is_closed, reply_schema

ORDER = Signature("ticket: str -> team: Literal['otter', 'falcon'], items: list[str], urgent: bool", "Read the ticket.")


class Level(enum.IntEnum):
    """Numbers as values."""

    low = 1
    high = 2


class Item(pydantic.BaseModel):
    """One thing, and how many of it."""

    name: str
    count: int = 1


def schema_lm(answers=(), kind="schema"):
    """A scripted LM that can be held to a JSON schema."""
    lm = FakeLM(answers)
    lm.structured_output = kind
    return lm


def test_the_prompt_of_the_json_format():
    """The fields stand as in the chat format, the reply is one JSON object, demos are written alike."""
    demos = [{"ticket": "my card was charged.", "team": "otter", "items": ["card"], "urgent": False}]
    messages = JSONAdapter().format(ORDER, demos, {"ticket": "where is the parcel?"})
    assert [(message["role"], message["content"]) for message in messages] == [
        (
            "system",
            "Read the ticket.\n\nInput fields:\n- `ticket` (str)\n\n"
            "Output fields:\n- `team` (one of: otter, falcon)\n- `items` (list[str])\n- `urgent` (bool)\n\n"
            'Write one JSON object with these keys and nothing else:\n\n{"team": {team}, "items": {items}, "urgent": {urgent}}',
        ),
        ("user", "[[ ## ticket ## ]]\nmy card was charged."),
        ("assistant", '{"team": "otter", "items": ["card"], "urgent": false}'),
        (
            "user",
            "[[ ## ticket ## ]]\nwhere is the parcel?\n\nReply with a JSON object with the keys `team`, `items`, `urgent`.",
        ),
    ]


@pytest.mark.parametrize(
    "reply",
    [
        '{"team": "otter", "items": ["a"], "urgent": true}',
        'Sure!\n```json\n{"team": "otter", "items": ["a"], "urgent": true}\n```\nDone.',
        '<think>{"team": "falcon"}</think>{"team": "otter", "items": ["a"], "urgent": true}',
        "{'team': 'otter', 'items': ['a'], 'urgent': True}",
        '{"Team": "OTTER", "items": "[\\"a\\"]", "urgent": "yes", "more": 1}',
        '{"team": "otter", "items": ["a"], "urgent": true',
        '{team: "otter", items: ["a",], urgent: true}',
    ],
)
def test_replies_that_are_understood(reply):
    """Words around it, fences, thoughts, Python literals, other cases, texts in place of values and broken JSON are read."""
    assert JSONAdapter().parse(ORDER, reply) == {"team": "otter", "items": ["a"], "urgent": True}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("", "The reply is empty. Expected one JSON object with the keys 'team', 'items', 'urgent'."),
        ("otter", "The reply holds no JSON object."),
        ("[1, 2]", "The reply holds no JSON object."),
        ("{" * 5000, "The reply holds no JSON object."),
        ('{"team": "otter", "items": []}', "Key 'urgent' (bool) is missing."),
        (
            '{"team": "maple", "items": [], "urgent": true}',
            "Key 'team' is 'maple', but should be one of: otter, falcon.",
        ),
        (
            '{"team": "otter", "items": ["\\frac"], "urgent": true}',
            r'The reply is unclear: a backslash inside a JSON text is written twice, as in "\\frac"',
        ),
        (
            '{"team": "otter", "team": "falcon"}',
            "The reply is unclear: the key 'team' stands twice, with different values.",
        ),
        ('{"team": "otter", "items": [], "urgent": "perhaps"}', "Key 'urgent' is 'perhaps', but should be bool"),
    ],
)
def test_a_wrong_reply_says_what_is_wrong(reply, said):
    """The error names the key, its value and what was expected, and carries the reply."""
    with pytest.raises(ParseError) as failure:
        JSONAdapter().parse(ORDER, reply)
    assert said in str(failure.value)
    assert failure.value.reply == reply


def test_one_repair_turn_shows_the_reply_and_the_error():
    """A reply that is no JSON is shown back once, with what is wrong."""
    lm = FakeLM(["otter", {"team": "otter", "items": [], "urgent": False}])
    with context(adapter=JSONAdapter(), lm=lm):
        assert Predict(ORDER)(ticket="t").team == "otter"
    turn = lm.calls[1]["messages"][-2:]
    assert turn[0] == {"role": "assistant", "content": "otter"}
    assert turn[1]["content"].startswith("That reply could not be read: The reply holds no JSON object.")
    assert turn[1]["content"].endswith("Reply with a JSON object with the keys `team`, `items`, `urgent`.")


def test_an_lm_that_can_be_held_to_a_schema_is():
    """The request carries the schema of the signature's outputs; a program's own response_format stands."""
    lm = schema_lm([{"team": "otter", "items": [], "urgent": False}] * 2)
    with context(adapter=JSONAdapter(), lm=lm):
        Predict(ORDER)(ticket="t")
        Predict(ORDER, response_format={"type": "json_object"})(ticket="t")
    sent = lm.calls[0]["response_format"]
    assert sent["type"] == "json_schema" and sent["json_schema"]["strict"]
    assert sent["json_schema"]["schema"] == {
        "type": "object",
        "properties": {
            "team": {"enum": ["otter", "falcon"]},
            "items": {"type": "array", "items": {"type": "string"}},
            "urgent": {"type": "boolean"},
        },
        "required": ["team", "items", "urgent"],
        "additionalProperties": False,
    }
    assert lm.calls[1]["response_format"] == {"type": "json_object"}


def test_the_request_follows_what_the_lm_can_do():
    """JSON mode where there is no schema, nothing where there is neither."""
    for kind, sent in (("json", {"type": "json_object"}), (None, None)):
        lm = schema_lm([{"team": "otter", "items": [], "urgent": False}], kind)
        with context(adapter=JSONAdapter(), lm=lm):
            Predict(ORDER)(ticket="t")
        assert lm.calls[0].get("response_format") == sent


def test_schemas_of_awkward_types():
    """Models bring their definitions, options are listed as they are written, what has no schema is asked for as JSON."""
    signature = Signature(
        {
            "q": (str, InputField()),
            "items": (list[Item], OutputField()),
            "level": (Level, OutputField()),
            "size": (Literal[1, 2, "many"] | None, OutputField()),
            "share": (float, OutputField(ge=0, le=1)),
        }
    )
    schema = reply_schema(signature)
    assert schema is not None
    assert schema["properties"]["items"] == {"type": "array", "items": {"$ref": "#/$defs/Item"}}
    assert schema["properties"]["level"] == {"enum": ["low", "high"]}
    assert schema["properties"]["size"] == {"enum": [1, 2, "many", None]}
    assert schema["properties"]["share"]["maximum"] == 1
    assert "Item" in schema["$defs"] and not is_closed(schema)  # Item's count has a default: not for strict decoding
    made = {"items": [Item(name="pen")], "level": Level.high, "size": 2, "share": 0.5}
    reply = JSONAdapter().format(signature, [{"q": "", **made}], {"q": ""})[2]["content"]
    assert json.loads(reply)["level"] == "high"
    assert JSONAdapter().parse(signature, reply) == made


def test_the_embedded_model_is_held_to_the_schema():
    """Whatever the prompt, the reply of a local model has the keys and the options of the signature."""
    lm = LM("lmnb/tiny", cache=False)
    with context(adapter=JSONAdapter(), lm=lm):
        prediction = Predict("ticket -> team: Literal['otter', 'falcon'], count: int")(ticket="where is my parcel?")
    assert prediction.team in ("otter", "falcon") and isinstance(prediction.count, int)
    assert [span.data.get("repair") for _, span in prediction.trace.spans() if span.kind == "lm"] == [None]


@pytest.mark.parametrize(
    ("kind", "stored"),
    [(list[Image], ["https://example.org/a.png"]), (dict[str, Code], {"a": "x = 1"}), (list[Image], [])],
)
def test_typed_values_from_a_journal_stand_as_json(kind, stored):
    """A list or dict of typed values comes from a journal as JSON, and stands there as such, not as a quoted text."""
    signature = Signature({"question": (str, InputField()), "value": (kind, OutputField())})
    for value in (stored, pydantic.TypeAdapter(kind).validate_python(stored)):
        demo = {"question": "q", "value": value}
        assert json.loads(JSONAdapter().format(signature, [demo], {"question": "q"})[2]["content"]) == {"value": stored}
