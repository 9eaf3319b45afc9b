"""Programs with typed values: saved, exported, traced, cached, tuned, and asked of models that read text only."""

from __future__ import annotations

import importlib.util
import io
import json

import pytest
from media import PDF, png

import lmnb
from lmnb import Audio, Code, File, History, Image, Predict
from lmnb.trace import Trace

IMAGE = Image(png(40, 40))
TYPED = "history: History, picture: Image, sound: Audio, files: list[File] -> query: Code['sql'], why: Reasoning"
DEMO = lmnb.Example(
    history=History(messages=[{"picture": IMAGE.url, "query": "SELECT 0", "why": "none"}]),
    picture=IMAGE,
    sound=Audio(b"ID3" + bytes(30)),
    files=[File(PDF, filename="a.pdf"), File.from_file_id("file-1")],
    query=Code["sql"]("SELECT 1"),
    why=lmnb.Reasoning("so"),
).with_inputs("history", "picture", "sound", "files")


def program():
    made = Predict(TYPED)
    made.demos = [DEMO]
    return made


def test_a_program_with_media_is_saved_and_loaded(tmp_path):
    """Demos come back as the values that they were, from the file alone, and give the same prompt."""
    path = tmp_path / "program.json"
    program().save(path)
    loaded = lmnb.load(path)
    assert dict(loaded.demos[0].items()) == dict(DEMO.items())
    assert {name: type(value) for name, value in loaded.demos[0].items()} == {
        name: type(value) for name, value in DEMO.items()
    }
    inputs = dict(DEMO.inputs().items())
    assert loaded.messages(**inputs) == program().messages(**inputs)
    stored = json.loads(path.read_text())["predictors"]["self"]
    assert stored["demos"][0]["fields"]["picture"] == IMAGE.url
    assert "untyped" not in stored["demos"][0]


def test_a_loaded_demo_that_is_no_image_is_refused(tmp_path):
    """A file that names a path where a picture belongs is not loaded, and the path is not read."""
    path = tmp_path / "program.json"
    program().save(path)
    path.write_text(path.read_text().replace(json.dumps(IMAGE.url), '"/etc/passwd"'))
    with pytest.raises(lmnb.SaveError, match=r"demos\[0\].fields.picture is '/etc/passwd'"):
        lmnb.load(path)


def test_a_program_with_media_is_exported_as_python(tmp_path):
    """The module imports what its annotations name, and gives the same prompt."""
    path = tmp_path / "exported_media.py"
    program().export(path, format="python")
    spec = importlib.util.spec_from_file_location("exported_media", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    inputs = dict(DEMO.inputs().items())
    assert module.program.messages(**inputs) == program().messages(**inputs)
    assert [field.type for field in module.program.signature.fields.values()] == [
        field.type for field in program().signature.fields.values()
    ]


def test_a_trace_shows_pictures_small_and_no_data():
    """The static form has the picture as an element and its data nowhere as text; stored and read back nothing is lost."""
    lm = lmnb.FakeLM([{"caption": "grey"}] * 2)
    caption = Predict("picture: Image, note -> caption", lm=lm)
    trace = caption(picture=IMAGE, note=IMAGE.url).trace
    data = IMAGE.url.partition(",")[2]
    html = trace._repr_html_()
    assert html.count("<img ") == 1
    assert html.count(data) == 1
    assert f'src="{IMAGE.url}"' in html
    stored = json.loads(json.dumps(trace.to_dict()))
    again = Trace.from_dict(stored)
    assert again.steps()[0].inputs == {"picture": IMAGE.url, "note": IMAGE.url}
    assert again.root.children[0].data["messages"] == trace.root.children[0].data["messages"]
    assert data not in json.dumps(trace.to_dict(media=False))
    assert "data:image/png;base64,…" in json.dumps(trace.to_dict(media=False), ensure_ascii=False)


def test_a_card_names_media():
    """The card of a program shows its demos without their data."""
    shown = program()._repr_html_()
    assert "data:image/png;base64,… (" in shown
    assert IMAGE.url not in shown


def test_a_trace_loads_no_address():
    """A picture by its URL is named in the trace and not shown: opening a notebook asks no server."""
    predict = Predict("picture: Image -> caption", lm=lmnb.FakeLM([{"caption": "x"}]))
    html = predict(picture=Image("https://example.org/a.png")).trace._repr_html_()
    assert "<img" not in html
    assert "https://example.org/a.png" in html


@pytest.mark.parametrize(
    "uri",
    [
        'data:image/png;base64,AAAA" onerror="x',
        "data:image/svg+xml;base64,AAAA",
        "data:text/html;base64,AAAA",
        "javascript:x",
        "data:image/png;base64,AA AA",
    ],
)
def test_what_is_no_raster_picture_is_never_an_element(uri):
    """Messages are anybody's data: only plain base64 of a raster type becomes a picture."""
    lm = lmnb.FakeLM(["x"])
    lm(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": uri}}]}])
    assert "<img" not in lm.history._repr_html_()


def test_the_printed_history_names_media():
    """inspect_history prints kind and size, not megabytes."""
    predict = Predict("picture: Image -> caption", lm=lmnb.FakeLM([{"caption": "x"}]))
    predict(picture=IMAGE)
    out = io.StringIO()
    predict.inspect_history(file=out)
    assert f"(image/png, {len(IMAGE.data)} B)" in out.getvalue()
    assert "base64" not in out.getvalue()
    assert repr(predict.history) == "CallHistory(1 LM call)"


def test_the_cache_tells_pictures_apart():
    """The same picture from another source is a hit, another picture is not."""
    lm = lmnb.FakeLM(lambda messages: {"caption": str(len(lm.calls))}, cache=True, model="captions")
    caption = Predict("picture: Image -> caption", lm=lm)
    first = caption(picture=IMAGE).caption
    assert caption(picture=IMAGE.url).caption == caption(picture=IMAGE.data).caption == first
    assert caption(picture=Image(png(40, 40, grey=5))).caption != first
    assert len(lm.calls) == 2


def test_optimizers_take_media():
    """Demos with pictures are chosen, journaled and replayed to the same prompt."""
    train = [
        lmnb.Example(picture=Image(png(2, 2, grey)), shade=str(grey)).with_inputs("picture")
        for grey in range(0, 80, 10)
    ]

    def shade(messages):
        pixel = next(part for part in messages[-1]["content"] if part["type"] == "image_url")
        return {"shade": next(row.shade for row in train if row.picture.url == pixel["image_url"]["url"])}

    with lmnb.context(lm=lmnb.FakeLM(shade)):
        optimizer = lmnb.BootstrapFewShot(metric=lambda example, made, trace=None: example.shade == made.shade)
        tuned = optimizer.compile(Predict("picture: Image -> shade"), trainset=train)
    assert len(tuned.demos) >= 4
    demos = tuned.messages(picture=IMAGE)[1:-1:2]
    assert all([part["type"] for part in turn["content"]] == ["text", "image_url"] for turn in demos)
    tuned.lm = lmnb.FakeLM(shade)
    report = lmnb.Evaluate(devset=train, metric=lambda example, made, trace=None: True)(tuned)
    assert "base64,…" in report._repr_html_()
    assert train[0].picture.url not in report._repr_html_()


def test_a_model_of_texts_says_so():
    """The embedded model and completion models refuse media with an error that names them."""
    for lm in (lmnb.LM("lmnb/tiny"), lmnb.LM("openai/x", model_type="text", api_key="k", num_retries=0)):
        with pytest.raises(
            lmnb.InvalidRequestError, match=r"reads text only, and the prompt holds \(image/png, \d+ B\)"
        ):
            Predict("picture: Image -> caption", lm=lm)(picture=IMAGE)


def test_fakes_read_the_texts_of_parts():
    """DummyLM finds its answer in a prompt with pictures, and a demo with the same picture is followed."""
    by_text = lmnb.DummyLM({"cat": {"caption": "a cat"}})
    assert Predict("picture: Image, hint -> caption", lm=by_text)(picture=IMAGE, hint="a cat?").caption == "a cat"
    following = lmnb.DummyLM([{"caption": "other"}], follow_examples=True)
    predict = Predict("picture: Image -> caption", lm=following)
    predict.demos = [lmnb.Example(picture=IMAGE, caption="grey"), lmnb.Example(picture=Image(png()), caption="dot")]
    assert predict(picture=IMAGE).caption == "grey"
    assert predict(picture=Image(png(3, 3))).caption == "other"
