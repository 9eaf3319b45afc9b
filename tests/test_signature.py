"""Signatures: how they are written, what they refuse, and that they are values."""

# ruff: noqa: UP045 - both spellings of an optional type are in use
# ruff: noqa: S102 - cells are run as a notebook runs them

import datetime
import enum
from typing import Annotated, Any, Literal, Optional

import pydantic
import pytest

from lmnb import InputField, OutputField, Signature, SignatureError, ensure_signature
from lmnb.signature import type_code, type_from_code, type_text


class Team(enum.Enum):
    """Who answers."""

    billing = "billing"
    tech = "tech"


class Person(pydantic.BaseModel):
    """Somebody."""

    name: str = pydantic.Field(description="first and last name")
    age: int = pydantic.Field(ge=0)


def test_inline_types_and_default_instructions():
    """A string gives fields in order, str where no type stands, and a sentence as instructions."""
    made = Signature("context: list[str], question -> answer: int, sure: bool")
    assert made.signature == "context, question -> answer, sure"
    assert {name: field.type for name, field in made.fields.items()} == {
        "context": list[str],
        "question": str,
        "answer": int,
        "sure": bool,
    }
    assert made.instructions == "Given the fields `context`, `question`, produce the fields `answer`, `sure`."


def test_inline_types_of_every_kind():
    """Builtin, typing, standard and own types are all named in the string."""
    made = Signature(
        "a: dict[str, int], b: tuple[int, ...], c: Optional[float] -> d: Literal['x, y -> z', 3], e: Team, "
        "f: list[Person], g: datetime.date, h: date, i: int | None, j: Any"
    )
    types = [field.type for field in made.fields.values()]
    assert types[:3] == [dict[str, int], tuple[int, ...], Optional[float]]
    assert types[3:7] == [Literal["x, y -> z", 3], Team, list[Person], datetime.date]
    assert types[7:] == [datetime.date, int | None, Any]


def test_names_come_from_the_calling_frame():
    """A class of the calling function is found."""

    class Local(enum.Enum):
        """A local type."""

        a = "a"

    assert Signature("q -> kind: Local").fields["kind"].type is Local
    assert Signature("q -> kind: Other", custom_types={"Other": Local}).fields["kind"].type is Local


def test_a_cell_that_is_run_twice_gives_the_new_type():
    """Nothing is remembered of an earlier run of the same code."""
    cell = (
        "import enum\nfrom lmnb import Signature\n"
        "class Kind(enum.Enum):\n    a = 'a'\n"
        "made = Signature('q -> kind: Kind')"
    )
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(cell, scope)
    first = scope["made"]
    exec(cell, scope)
    assert scope["made"].fields["kind"].type is scope["Kind"]
    assert first.fields["kind"].type is not scope["Kind"]


def test_class_syntax():
    """The docstring holds the instructions; a field without a type is a str; plain attributes stay."""

    class Route(Signature):
        """Route the ticket.

        Be quick.
        """

        limit = 3
        ticket = InputField()
        team: Literal["a", "b"] = OutputField(desc="who answers")

    assert Route.instructions == "Route the ticket.\n\nBe quick."
    assert Route.fields["ticket"].type is str
    assert Route.output_fields["team"].desc == "who answers"
    assert Route.limit == 3


def test_class_syntax_with_annotations_as_text():
    """Modules with postponed annotations work, also with types of the enclosing function."""
    source = (
        "from __future__ import annotations\nimport enum\nfrom lmnb import *\nfrom lmnb import Signature, "
        "InputField, OutputField\n"
        "def make():\n"
        "    class Kind(enum.Enum):\n        a = 'a'\n"
        "    class Sort(Signature):\n        item: str = InputField()\n        kind: list[Kind] = OutputField()\n"
        "    return Sort, Kind\n"
    ).replace("from lmnb import *\n", "")
    scope: dict[str, Any] = {"__name__": "some_module"}
    exec(source, scope)
    made, kind = scope["make"]()
    assert made.fields["kind"].type == list[kind]


def test_subclasses_inherit_fields_and_words():
    """A subclass adds fields; without words of its own it keeps its parent's."""

    class Base(Signature):
        """Base words."""

        q: str = InputField()
        a: str = OutputField()

    class More(Base):
        hint: str = InputField()

    assert More.signature == "q, hint -> a"
    assert More.instructions == "Base words."


def test_from_a_dict():
    """A dict of types and fields."""
    made = Signature({"q": (str, InputField(desc="asked")), "n": (int, OutputField(ge=0))}, "Count.")
    assert made.instructions == "Count."
    assert made.fields["n"].constraints == {"ge": 0}


def test_bounds_in_annotated_are_the_fields_own():
    """Annotated types of pydantic give bounds and description."""

    class Rate(Signature):
        q: str = InputField()
        stars: Annotated[int, pydantic.Field(ge=1, le=5, description="how good")] = OutputField()

    assert Rate.fields["stars"].constraints == {"ge": 1, "le": 5}
    assert Rate.fields["stars"].desc == "how good"
    assert Rate.fields["stars"].type is int


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("question answer", "signature 'question answer' has no '->'. Write it as 'question -> answer'."),
        ("a, b, c", "signature 'a, b, c' has no '->'. Write it as 'a, b -> c'."),
        ("question", "signature 'question' has no '->'. Write it as 'question -> answer'."),
        ("", "signature '' has no '->'. Write it as 'question -> answer'."),
        ("a => b", "signature 'a => b' has no '->'. Write it as 'a -> b'."),
        ("a -> b -> c", "has more than one '->' (columns 3 and 8). Inputs stand before it, outputs after"),
        ("-> answer", "signature '-> answer' has no inputs. Write it as 'question -> answer'."),
        ("question ->", "signature 'question ->' has no outputs. Write it as 'question -> answer'."),
        ("a,, b -> c", "column 3: a field is missing."),
        ("a: flot -> b", "column 4: there is no type 'flot'. Did you mean 'float'?"),
        ("a -> b: list[strr]", "column 14: there is no type 'strr'. Did you mean 'str'?"),
        ("a: list[str -> b", "column 8: '[' is not closed. Add ']'."),
        ("a -> b]", "column 7: ']' closes nothing."),
        ("a: -> b", "column 2: the type of 'a' is missing after ':'. Write 'a: str'."),
        ("class -> b", "column 1: 'class' is a Python keyword, so it cannot be passed by name. Write 'class_'."),
        ("a, a -> b", "'a' stands twice. Every field needs a name of its own."),
        ("a -> a", "'a' is both an input and an output. Every field needs a name of its own."),
        (
            "my question -> b",
            "column 1: 'my question' is not a name. Write 'my, question' for 2 fields, or 'my_question'",
        ),
        ("a -> b: Literal[yes, no]", "column 17: the options of a Literal are written in quotes: Literal['yes']."),
        ("a -> b: open('x')", "is not a type"),
        ("a -> b: in", "'in' is not a type. Did you mean 'int'?"),
        ("_a -> b", "the field '_a' begins with '_'. Write 'a'."),
        ("config -> b", "'config' is an option of every call, so no input can have that name. Write 'config_text'."),
        ("a -> completed", "'completed' marks the end of a reply. Call the field 'is_completed'."),
        ("a -> b: " + "list[" * 3000 + "int" + "]" * 3000, "too long"),
        ("a -> b: " + "list[" * 900 + "int" + "]" * 900, "nested too deeply"),
    ],
)
def test_a_wrong_string_says_where_and_how_to_write_it(text, message):
    """Every mistake is named with its place."""
    with pytest.raises(SignatureError) as raised:
        Signature(text)
    assert message in str(raised.value)


def test_wrong_declarations():
    """Mistakes in classes, dicts and options say what to write."""
    with pytest.raises(SignatureError, match=r"Write 'q: int = InputField\(\)' or 'q: int = OutputField\(\)'"):
        type("Bad", (Signature,), {"__annotations__": {"q": int}})
    with pytest.raises(SignatureError, match=r"lacks the brackets. Write 'q = InputField\(\)'"):
        type("Bad", (Signature,), {"q": InputField})
    with pytest.raises(SignatureError, match=r"OutputField has no option 'dec'. Did you mean 'desc'"):
        OutputField(dec="x")
    with pytest.raises(SignatureError, match="a string such as 'question -> answer', a class or a dict, not 3"):
        Signature(3)
    with pytest.raises(SignatureError, match=r"Write \{'q': \(str, InputField\(\)\)\}"):
        Signature({"q": (str, "x")})
    with pytest.raises(SignatureError, match=r"the output 'n' is int, which has no 'min_length'. Bounds of it: gt, ge"):
        Signature({"q": (str, InputField()), "n": (int, OutputField(min_length=1))})
    with pytest.raises(SignatureError, match="cannot be object_at_work, which no text can be read into"):
        Signature({"q": (str, InputField()), "n": (type("object_at_work", (), {}), OutputField())})


def test_a_signature_is_not_changed_in_place():
    """Assignment says which edit to write."""

    class Ask(Signature):
        """Ask."""

        q: str = InputField()
        a: str = OutputField()

    with pytest.raises(SignatureError, match=r"Write Ask = Ask.with_instructions\('...'\)"):
        Ask.instructions = "Other."
    with pytest.raises(SignatureError, match=r"Write Ask = Ask.with_updated_fields\('q', ...\)"):
        Ask.q = 3
    with pytest.raises(SignatureError, match=r"a signature is not called. Write Predict\(Ask\)"):
        Ask(q="x")
    assert Ask.instructions == "Ask."


def test_edits_give_new_signatures():
    """Every edit leaves the original as it was."""
    base = Signature("q -> a")
    made = (
        base.with_instructions("Do.")
        .append_instructions("More.")
        .prepend("hint", InputField())
        .append("score", OutputField(ge=0), float)
        .insert(1, "why", OutputField(desc="reason"))
        .with_updated_fields("a", int, desc="a number", le=9)
        .delete("q")
        .delete("not there")
    )
    assert made.signature == "hint -> a, why, score"
    assert made.instructions == "Do.\nMore."
    assert made.fields["a"].type is int
    assert made.fields["a"].constraints == {"le": 9}
    assert base.signature == "q -> a"
    assert base.equals(Signature("q -> a"))
    assert not base.equals(made)
    with pytest.raises(SignatureError, match=r"has no field 'aa'. Did you mean 'a'"):
        base.with_updated_fields("aa", int)
    with pytest.raises(SignatureError, match="has a field 'q' already"):
        base.append("q", InputField())


def test_default_instructions_stay_when_a_field_is_added():
    """A module that adds a field does not rewrite what the person sees as instructions."""
    assert (
        Signature("q -> a").prepend("reasoning", OutputField()).instructions
        == "Given the fields `q`, produce the fields `a`."
    )


def test_state_goes_out_and_in():
    """A state carries instructions and descriptions, and refuses other fields."""
    base = Signature("q -> a: int")
    state = base.with_instructions("New.").with_updated_fields("a", desc="number").dump_state()
    assert base.load_state(state).instructions == "New."
    assert base.load_state(state).fields["a"].desc == "number"
    with pytest.raises(SignatureError, match="the state is of a signature with the fields"):
        Signature("q -> b: int").load_state(state)


def test_ensure_signature():
    """A signature stays what it is, a string becomes one."""
    base = Signature("q -> a")
    assert ensure_signature(base) is base
    assert ensure_signature("q -> a", "Do.").instructions == "Do."
    assert ensure_signature(base, "Do.").instructions == "Do."


@pytest.mark.parametrize(
    ("kind", "words", "code"),
    [
        (str, "str", "str"),
        (list[str], "list[str]", "list[str]"),
        (dict[str, int], "dict[str, int]", "dict[str, int]"),
        (tuple[int, ...], "tuple[int, ...]", "tuple[int, ...]"),
        (Literal["a", "b"], "one of: a, b", "Literal['a', 'b']"),
        (Literal["a, b", "c", 1], 'one of: "a, b", c, 1', "Literal['a, b', 'c', 1]"),
        (Literal["1", 1], 'one of: "1", 1', "Literal['1', 1]"),
        (Optional[int], "int or null", "int | None"),
        (int | str, "int or str", "int | str"),
        (list[Literal["a", "b"]], "list[one of: a, b]", "list[Literal['a', 'b']]"),
        (datetime.date, "date as YYYY-MM-DD", "datetime.date"),
        (datetime.datetime, "datetime as YYYY-MM-DDTHH:MM:SS", "datetime.datetime"),
        (Any, "any", "Any"),
        (Team, "one of: billing, tech", "Team"),
        (Person, "Person", "Person"),
    ],
)
def test_types_in_words_and_as_code(kind, words, code):
    """Every type has plain words for the prompt and source for files, which is read back."""
    assert type_text(kind) == words
    assert type_code(kind) == code
    assert type_from_code(code, {"Team": Team, "Person": Person}) == kind


@pytest.mark.parametrize(
    "code", ["__import__('os')", "os.system", "list[open]", "(lambda: 1)()", "1 + 1", "Unknown", "list["]
)
def test_code_of_a_type_is_never_run(code):
    """What is no type in a saved file is refused."""
    with pytest.raises(SignatureError):
        type_from_code(code)


def test_checks_across_fields():
    """A model_validator on the signature sees inputs and outputs, and survives edits."""

    class Span(Signature):
        text: str = InputField()
        start: int = OutputField()
        end: int = OutputField()

        @pydantic.model_validator(mode="after")
        def in_order(self):
            if self.end < self.start or self.end > len(self.text):
                raise ValueError(f"end {self.end} is out of place")
            return self

    assert Span.check({"text": "abc"}, {"start": 0, "end": 2}) == {"start": 0, "end": 2}
    for signature in (Span, Span.with_instructions("x"), Span.prepend("reasoning", OutputField())):
        more = {"reasoning": "r"} if "reasoning" in signature.fields else {}
        with pytest.raises(ValueError, match=r"^end 9 is out of place$"):
            signature.check({"text": "abc"}, {**more, "start": 0, "end": 9})


def test_html_card_escapes():
    """The card of a signature shows hostile text as text."""
    made = Signature(
        {"q": (str, InputField(desc="<img src=x onerror=alert(1)>")), "a": (str, OutputField())}, "<script>x</script>"
    )
    shown = made._repr_html_()
    assert "<script>" not in shown
    assert "<img" not in shown
    assert "&lt;script&gt;" in shown
    assert Signature._repr_html_() is None
