"""Media in state files of DSPy: values between its marks come over and go back, and nothing else is taken for one."""

import json
from base64 import b64encode

import pydantic
import pytest
from media import PDF, png

import lmnb
from lmnb import Audio, Example, File, Image, Predict
from lmnb.data_uri import write_uri
from lmnb.modules import dspy_media
from lmnb.modules.dspy_media import END, START

PICTURE = write_uri(png(), "image/png")
WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0"


class Seen(pydantic.BaseModel):
    """A picture and what is in it."""

    picture: Image
    what: str


def marked(*parts):
    return f"{START}{json.dumps(parts, ensure_ascii=False)}{END}"


def image(url=PICTURE):
    return marked({"type": "image_url", "image_url": {"url": url}})


def parts(value):
    """JSON of a file with what stands between marks read as JSON: the order of keys there says nothing."""
    if isinstance(value, dict):
        return {name: parts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [parts(item) for item in value]
    return json.loads(value[len(START) : -len(END)]) if value.startswith(START) else value


MEDIA = {
    "picture": image(),
    "sound": marked({"type": "input_audio", "input_audio": {"data": b64encode(WAV).decode(), "format": "wav"}}),
    "report": marked({"type": "file", "file": {"file_data": write_uri(PDF, "application/pdf"), "filename": "r.pdf"}}),
    "album": [image(), image("https://example.org/a.png")],
    "seen": {"picture": image(), "what": "grey"},
    "answer": "yes",
}


def saved(path, demo):
    """A state file of a predictor with the fields of `demo`."""
    fields = [{"prefix": f"{name.capitalize()}:", "description": f"${{{name}}}"} for name in demo]
    signature = {"instructions": "Look.", "fields": fields}
    state = {"traces": [], "train": [], "demos": [demo], "signature": signature, "lm": None}
    path.write_text(json.dumps({**state, "metadata": {"dependency_versions": {"dspy": "3.4.1"}}}))
    return path


def demo_of(path):
    return json.loads(path.read_text())["demos"][0]


def test_media_of_demos_come_over_and_go_back(tmp_path):
    """A picture, a sound and a file are values of their types, also in lists and models, and are written as they came."""
    predict = Predict("picture: Image, sound: Audio, report: File, album: list[Image], seen: Seen -> answer")
    predict.load(saved(tmp_path / "p.json", MEDIA))
    (demo,) = predict.demos
    assert demo.picture == Image(PICTURE) and demo.report == File(PDF, filename="r.pdf")
    assert isinstance(demo.sound, Audio) and demo.sound.data == WAV and demo.sound.media_type == "audio/wav"
    assert demo.album == [Image(PICTURE), Image("https://example.org/a.png")]
    assert demo.seen == Seen(picture=Image(PICTURE), what="grey")
    shown = predict.messages(**dict(demo.without("answer").items()))[1]["content"]
    kinds = ["image_url", "input_audio", "file", "image_url", "image_url", "image_url"]
    assert [part["type"] for part in shown if part["type"] != "text"] == kinds
    predict.provenance = {}
    predict.save(tmp_path / "again.json", format="dspy")
    assert parts(demo_of(tmp_path / "again.json")) == parts(MEDIA)


def test_every_form_of_a_medium_is_written(tmp_path):
    """A data URI where the field is a picture, a file that the provider has, one by its address, and a field that nobody declared."""
    predict = Predict("a: Image, b: File, c: File -> answer")
    files = [File.from_file_id("file-1"), File("https://example.org/r.pdf")]
    predict.demos = [Example(a=PICTURE, b=files[0], c=files[1], answer="x", note=Image(PICTURE))]
    predict.save(tmp_path / "p.json", format="dspy")
    stored = demo_of(tmp_path / "p.json")
    assert stored["a"] == stored["note"] == image() and stored["answer"] == "x"
    fresh = lmnb.load(tmp_path / "p.json", program=predict)
    assert (fresh.demos[0].a, fresh.demos[0].b, fresh.demos[0].c) == (Image(PICTURE), *files)


HOSTILE = [
    f"{START}not json{END}",
    f"{START}{'[' * 5000}{END}",
    f"{START}[]{END}",
    f"{START}[3]{END}",
    marked({"type": "image_url", "image_url": {"url": "/etc/passwd"}}),
    marked({"type": "image_url", "image_url": 3}),
    marked({"type": 3}, {"type": "image_url"}),
    marked({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "x;y"}}),
    f"before {image()}",
    START,
]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_medium_stays_a_text(tmp_path, value):
    """Broken or foreign marks, and paths of this machine, are kept as they stand: nothing is read, nothing is lost."""
    predict = Predict("picture: Image -> answer")
    predict.load(saved(tmp_path / "p.json", {"picture": value, "answer": "x"}))
    assert predict.demos[0].picture == value
    predict.provenance = {}
    predict.save(tmp_path / "again.json", format="dspy")
    assert demo_of(tmp_path / "again.json")["picture"] == value


def test_other_forms_of_marked_values_are_read():
    """Parts that were written as a JSON text once more, inside of another value; texts, and calls of tools."""
    inner = json.dumps(json.dumps([{"type": "image_url", "image_url": {"url": PICTURE}}]))[1:-1]
    assert dspy_media.read([f"{START}{inner}{END}"]) == [PICTURE]
    assert dspy_media.read(marked({"type": "text", "text": "a"}, {"type": "text", "text": "b"})) == "ab"
    assert dspy_media.read(marked({"type": "tool_calls", "tool_calls": [{"x": 1}]})) == [{"x": 1}]
