"""Wordings: the phrases of prompts in one language, and prompts in others."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from modules.spoken import said_by_modules
from said import said_by

import lmnb
from lmnb import ChatAdapter, FakeLM, InputError, JSONAdapter, Predict, TwoStepAdapter, Wording, XMLAdapter
from lmnb.optimize.code import Code, code_hashes

ENGLISH = Path(__file__).parent / "prompts" / "english.json"
SHIPPED = ["de", "zh"]
SAME = {"json_schema"}  # a name of its own, which Chinese texts use too


def phrases(wording: Wording, at_least: int) -> dict[str, str]:
    """The longest run of plain text of each phrase that has one of so many letters."""
    longest = {name: max(re.split(r"\{\w+\}", said), key=len) for name, said in asdict(wording).items()}
    return {name: said for name, said in longest.items() if name != "language" and len(said) >= at_least}


def test_english_prompts_are_what_they_were_before_there_were_others() -> None:
    """Byte for byte: the prompts and the repair turns of every adapter, and the errors, as they were written down."""
    assert said_by(lambda adapter, *args, **options: adapter(*args, **options)) == json.loads(ENGLISH.read_text())


@pytest.mark.parametrize("language", SHIPPED)
def test_no_english_is_left_in_another_language(language: str) -> None:
    """Under every adapter no phrase of English stands in what a model is told, and each of the language's own does somewhere."""
    pytest.importorskip("pydantic_monty", reason="pydantic-monty is not installed: pip install 'lmnb[interpreter]'")
    told = said_by(lambda adapter, *args, **options: adapter(*args, wording=language, **options))
    told |= said_by_modules(ChatAdapter(wording=language))
    to_model = "\n".join(text for texts in told.values() for text in texts)
    english, own = phrases(Wording(), 7), phrases(Wording.load(language), 4)
    assert [name for name, said in english.items() if name not in SAME and said in to_model] == []
    assert [name for name, said in own.items() if said not in to_model] == []


@pytest.mark.parametrize("language", SHIPPED)
def test_a_shipped_wording_says_everything_in_its_language(language: str) -> None:
    """No phrase is the English one, and the marks that replies are read by are in none."""
    english, own = asdict(Wording()), asdict(Wording.load(language))
    assert {name for name in own if own[name] == english[name]} <= SAME
    assert own["language"] == language and not any("[[" in said for said in own.values())


@pytest.mark.parametrize("language", [None, *SHIPPED])
@pytest.mark.parametrize("adapter", [ChatAdapter, JSONAdapter, XMLAdapter])
def test_replies_are_read_alike_in_every_language(adapter: Any, language: str | None) -> None:
    """The marks stay, so a reply is read, and after a wrong one the repair turn ends with the same request as the prompt."""
    lm = FakeLM(["words", {"reasoning": "so", "answer": 4}])
    with lmnb.context(lm=lm, adapter=adapter(wording=language)):
        assert Predict("question -> reasoning, answer: int")(question="2 + 2?").toDict() == {
            "reasoning": "so",
            "answer": 4,
        }
    first, second = (call["messages"][-1]["content"].split("\n\n")[-1] for call in lm.calls)
    assert first == second


def test_the_german_prompt() -> None:
    """A signature without instructions is German throughout, names of fields and types apart."""
    with lmnb.context(adapter=ChatAdapter(wording="de")):
        system, asked = Predict("frage -> stimmung: Literal['gut', 'schlecht'] | None").messages(frage="Wie war es?")
    assert system["content"] == (
        "Bestimme aus den Feldern `frage` die Felder `stimmung`.\n\n"
        "Eingabefelder:\n- `frage` (str)\n\n"
        "Ausgabefelder:\n- `stimmung` (eines von: gut, schlecht oder null)\n\n"
        "Schreibe jedes Ausgabefeld unter seine eigene Überschrift, in dieser Reihenfolge und sonst nichts:\n\n"
        "[[ ## stimmung ## ]]\n{stimmung}\n\n[[ ## completed ## ]]"
    )
    assert asked["content"].endswith("Antworte mit `[[ ## stimmung ## ]]`, dann `[[ ## completed ## ]]`.")


def test_only_the_sentence_that_lmnb_made_is_said_otherwise() -> None:
    """What a module appends to it stays, and so do instructions of one's own."""
    german = Wording.load("de")
    assert german.instructions("Given the fields `a`, `b`, produce the fields `c`.\nBe brief.") == (
        "Bestimme aus den Feldern `a`, `b` die Felder `c`.\nBe brief."
    )
    for own in ("", "Answer.", "Given the fields `a`, produce the fields `b`. And more.", "given the fields `a`"):
        assert german.instructions(own) == own


def test_a_wording_of_ones_own() -> None:
    """One phrase may be replaced, and the others stay."""
    brief = replace(Wording(), chat_request="{fields} {end}")
    with lmnb.context(adapter=ChatAdapter(wording=brief)):
        asked = Predict("q -> a").messages(q="?")[-1]["content"]
    assert asked == "[[ ## q ## ]]\n?\n\n`[[ ## a ## ]]` `[[ ## completed ## ]]`"


def test_the_extraction_of_two_steps_is_in_the_same_language() -> None:
    """Unless it has an adapter of its own."""
    small = FakeLM([{"answer": 4}] * 2)
    with lmnb.context(lm=FakeLM(["vier", "vier"])):
        for adapter in (TwoStepAdapter(small, wording="de"), TwoStepAdapter(small, ChatAdapter(), wording="de")):
            with lmnb.context(adapter=adapter):
                Predict("frage -> answer: int")(frage="2 + 2?")
    first, second = (call["messages"] for call in small.calls)
    assert "Übernimm die Ausgabefelder" in first[0]["content"] and "Antworte mit" in first[-1]["content"]
    assert "Reply with" in second[-1]["content"]


def test_caches_and_journals_know_the_wording() -> None:
    """Another language is another request, and a run that began in one does not go on in another."""
    lm = FakeLM([{"a": "x"}] * 3, cache=True)
    predict = Predict("q -> a", lm=lm)
    for wording in (None, "de", None, "de", "en"):
        with lmnb.context(adapter=ChatAdapter(wording=wording)):
            predict(q="?")
    assert len(lm.calls) == 2

    def hashed(adapter: Any) -> str:
        return code_hashes(Code(predict, None, settings={"adapter": adapter}))["adapter"]["hash"]

    small = lmnb.LM("openai/gpt-4o-mini")
    same = [ChatAdapter(), ChatAdapter(wording="en"), ChatAdapter(callbacks=[lmnb.BaseCallback()]), None]
    others = [
        ChatAdapter(wording="de"),
        ChatAdapter(wording=replace(Wording(), field="Part")),
        ChatAdapter(use_native_function_calling=True),
        XMLAdapter(),
        TwoStepAdapter(small),
        TwoStepAdapter(small.copy(model="openai/gpt-5-mini")),
        TwoStepAdapter(small, ChatAdapter(wording="de")),
    ]
    assert len({hashed(adapter) for adapter in same}) == 1
    assert len({hashed(adapter) for adapter in [*same, *others]}) == 1 + len(others)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """A JSON file with every phrase is a wording."""
    path = tmp_path / "fr.json"
    path.write_text(json.dumps({**asdict(Wording()), "language": "fr", "input_fields": "Champs :"}), encoding="utf-8")
    assert Wording.load(path) == Wording.load(str(path)) == replace(Wording(), language="fr", input_fields="Champs :")
    assert ChatAdapter(wording=path).wording.input_fields == "Champs :"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "'x.json' is not JSON"),
        ("[" * 100_000, "'x.json' is not JSON"),
        ("[]", "'x.json' is list, not an object"),
        ("{}", "'x.json' has no phrase 'language'. English: 'en'"),
        (
            json.dumps({**asdict(Wording()), "one_off": "x"}),
            "has a phrase 'one_off', which there is not. Did you mean 'one_of'?",
        ),
        (json.dumps({**asdict(Wording()), "field": 3}), "the phrase 'field' is a text, not 3"),
        (json.dumps({**asdict(Wording()), "field": " "}), "the phrase 'field' is a text"),
        (json.dumps({**asdict(Wording()), "unread": "Wrong."}), "has to hold the names of the English one"),
        (json.dumps({**asdict(Wording()), "unread": "{error} {more}"}), "has to hold the names of the English one"),
        (
            json.dumps({**asdict(Wording()), "unread": "{error.__class__}"}),
            "in its braces stands a name and nothing else",
        ),
        (
            json.dumps({**asdict(Wording()), "unread": "{error:>999999999}"}),
            "in its braces stands a name and nothing else",
        ),
        (json.dumps({**asdict(Wording()), "unread": "{error!r}"}), "in its braces stands a name and nothing else"),
        (json.dumps({**asdict(Wording()), "unread": "{error"}), "the phrase 'unread' is '{error'"),
        (json.dumps({**asdict(Wording()), "field": "[[ ## x ## ]]"}), "holds '[[ ##', which replies are read by"),
    ],
    ids=[str(number) for number in range(14)],
)
def test_a_wrong_file_names_the_phrase(text: str, says: str) -> None:
    """What is missing, unknown, of another form or dangerous is an error that says what to write."""
    Path("x.json").write_text(text)
    with pytest.raises(InputError, match=re.escape(says)):
        Wording.load("x.json")


def test_an_unknown_language_says_which_there_are() -> None:
    """And how a file is given."""
    with pytest.raises(InputError, match=r"has no wording 'fr'. It has: en, de, zh; a file of your own"):
        ChatAdapter(wording="fr")
    with pytest.raises(InputError, match=r"'none.json' cannot be read"):
        Wording.load("none.json")
    with pytest.raises(InputError, match=r"not 3. Write wording='de'"):
        ChatAdapter(wording=3)  # type: ignore[arg-type]
