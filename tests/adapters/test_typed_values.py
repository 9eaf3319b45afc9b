"""Typed values over every adapter: media stand in user turns as parts, and replies name no file.

That every typed value comes back as it was written is held by `test_round_trip.py`.
"""

from __future__ import annotations

import json

import pydantic
import pytest
from adapters.kinds import ALBUMS, IMAGES, TEXT, TYPED, Album
from hypothesis import given, settings
from hypothesis import strategies as st
from media import PDF, png

import lmnb
from lmnb import Audio, Code, File, History, Image, InputField, OutputField, Signature
from lmnb.types.parts import content_text

ADAPTERS = [lmnb.ChatAdapter(), lmnb.JSONAdapter(), lmnb.XMLAdapter()]


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: type(adapter).__name__)
@pytest.mark.parametrize("name", TYPED)
def test_what_a_journal_keeps_is_written_alike(adapter, name):
    """From a journal a typed value comes as JSON, and is written so that it reads as it did before."""
    kind, values = TYPED[name]
    signature = Signature({"question": (str, InputField()), "value": (kind, OutputField())})

    @given(values)
    @settings(max_examples=30, deadline=None)
    def holds(value):
        stored = json.loads(json.dumps(pydantic.TypeAdapter(kind).dump_python(value, mode="json")))
        found = [
            adapter.parse(
                signature,
                adapter.format(signature, [{"question": "q", "value": each}], {"question": "q"})[2]["content"],
            )
            for each in (value, stored)
        ]
        assert found[0] == found[1] == {"value": value}

    holds()


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: type(adapter).__name__)
@given(TEXT, st.lists(IMAGES, max_size=3), ALBUMS)
@settings(max_examples=150, deadline=None)
def test_media_stand_at_their_place(adapter, text, images, album):
    """A user turn has each picture once, in order, none of its data as text, and the same text around it."""
    signature = Signature("before, images: list[Image], album: Album, after -> answer", custom_types={"Album": Album})
    inputs = {"before": text, "images": images, "album": album, "after": text}
    content = adapter.format(signature, [], inputs)[-1]["content"]
    held = [*images, *([album.cover] if album.cover else []), *album.pages]
    if not held:
        assert isinstance(content, str)
        return
    shown = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    assert shown == [image.url for image in held]
    assert {part["type"] for part in content} == {"text", "image_url"}
    written = "".join(part["text"] for part in content if part["type"] == "text")
    assert all(image.url not in written for image in held if image.media_type)
    form = adapter._form(signature)
    assert written.startswith(form.under("before", text))
    assert form.under("after", text) in written


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: type(adapter).__name__)
def test_content_is_a_text_without_media(adapter):
    """Typed fields without media leave every message a plain string."""
    signature = Signature(
        "history: History, code: Code, notes: list[str], picture: Image | None -> answer: Code['sql']"
    )
    inputs = {"history": [{"code": "a", "answer": "b"}], "code": Code("x"), "notes": ["n"], "picture": None}
    for message in adapter.format(signature, [{**inputs, "answer": "SELECT 1"}], inputs):
        assert isinstance(message["content"], str)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: type(adapter).__name__)
def test_demos_and_histories_hold_media_too(adapter):
    """A picture in a demo or in an earlier turn is a part of that user turn; replies stay text."""
    image = Image(png())
    signature = Signature("history: History, picture: Image -> caption")
    messages = adapter.format(
        signature,
        [{"picture": image, "caption": "one"}],
        {"history": History(messages=[{"picture": image.url, "caption": "two"}]), "picture": image.url},
    )
    kinds = ["str" if isinstance(message["content"], str) else "parts" for message in messages]
    assert kinds == ["str", "parts", "str", "parts", "str", "parts"]
    assert all(message["content"][1] == image.format()[0] for message in messages[1::2])


def test_the_parts_of_a_prompt():
    """The exact content of a message with each kind of media."""
    image, sound, file = Image("https://example.org/a.png"), Audio(b"ID3"), File(PDF, filename="a.pdf")
    predict = lmnb.Predict("cats: list[Image], sound: Audio, files: dict[str, File] -> answer")
    content = predict.messages(cats=[image, image], sound=sound, files={"main": file})[-1]["content"]
    assert content == [
        {"type": "text", "text": "[[ ## cats ## ]]\n[1] "},
        image.format()[0],
        {"type": "text", "text": "\n[2] "},
        image.format()[0],
        {"type": "text", "text": "\n\n[[ ## sound ## ]]\n"},
        sound.format()[0],
        {"type": "text", "text": '\n\n[[ ## files ## ]]\n{"main": '},
        file.format()[0],
        {"type": "text", "text": "}\n\nReply with `[[ ## answer ## ]]`, then `[[ ## completed ## ]]`."},
    ]
    assert content_text(content).startswith("[[ ## cats ## ]]\n[1] (https://example.org/a.png)\n[2] ")


def test_media_are_found_in_fields_of_any_type():
    """A picture given to a field of another type is a picture, never its data as text."""
    content = lmnb.Predict("question -> answer").messages(question=Image(png()))[-1]["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "text"]
    nested = lmnb.Predict("question: list -> answer").messages(question=["a", {"b": Image(png())}])[-1]["content"]
    assert [part["type"] for part in nested] == ["text", "image_url", "text"]
    assert nested[0]["text"].endswith('["a", {"b": ')


def test_an_input_that_is_no_image_is_refused_before_the_call():
    """Text that is neither URL nor data URI is an error that says how a file is read."""
    predict = lmnb.Predict("picture: Image -> caption", lm=lmnb.FakeLM([]))
    with pytest.raises(lmnb.InputError, match=r"'picture' does not fit its type: .*Image\('cat.png'\)"):
        predict(picture="cat.png")
    assert predict.lm.calls == []


@pytest.mark.parametrize(
    ("reply", "url"),
    [
        ("https://a.org/x.png", "https://a.org/x.png"),
        ("<https://a.org/x.png>", "https://a.org/x.png"),
        ("`https://a.org/x.png`", "https://a.org/x.png"),
        ("![a cat](https://a.org/x.png)", "https://a.org/x.png"),
        ('"https://a.org/x.png"', "https://a.org/x.png"),
    ],
)
def test_addresses_as_models_write_them(reply, url):
    """Brackets, quotes and Markdown around an address are left out."""
    predict = lmnb.Predict(
        "q -> picture: Image", lm=lmnb.FakeLM([f"[[ ## picture ## ]]\n{reply}\n[[ ## completed ## ]]"])
    )
    assert predict(q="q").picture == Image(url)


@pytest.mark.parametrize("reply", ["/etc/passwd", "cat.png", "file:///etc/passwd", "none", ""])
def test_a_model_cannot_name_a_file(reply):
    """A path in a reply is no picture: it is asked again, and nothing is opened."""
    again = "[[ ## picture ## ]]\nhttps://a.org/x.png\n[[ ## completed ## ]]"
    lm = lmnb.FakeLM([f"[[ ## picture ## ]]\n{reply}\n[[ ## completed ## ]]", again])
    assert lmnb.Predict("q -> picture: Image", lm=lm)(q="q").picture == Image("https://a.org/x.png")
    assert "neither a URL nor a data URI" in lm.calls[1]["messages"][-1]["content"]
