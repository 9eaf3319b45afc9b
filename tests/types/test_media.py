"""Image, Audio and File: from which sources, in which form, and what is refused."""

from __future__ import annotations

import io
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pydantic
import pytest
from media import GIF, PDF, png

import lmnb
from lmnb import Audio, File, Image, InputError
from lmnb.canonical import canonical, content_hash
from lmnb.data_uri import found_type, read_uri, shortened, without_data, write_uri

PNG = png()
URL = "https://example.org/cat.png"


@pytest.fixture
def server():
    """A web server with a picture, a page, a redirect to the picture, and something large; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/cat.png")
                self.end_headers()
                return
            found = {"/cat.png": PNG, "/page.png": b"<html>no</html>", "/large.png": PNG + bytes(300_000)}
            self.send_response(200 if self.path in found else 404)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(found.get(self.path, b"gone"))

        def log_message(self, *args):
            pass

    running = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


class Drawing:
    """Stands for an image of Pillow, which is not needed to take one."""

    mode = "RGB"

    def save(self, buffer, format):
        assert format == "PNG"
        buffer.write(PNG)


Drawing.__module__ = "PIL.Image"


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview, io.BytesIO, lambda data: write_uri(data, "image/png")])
def test_an_image_is_the_same_whatever_it_came_from(tmp_path, make):
    """Bytes, an open file, a data URI, a path and Pillow give one and the same value."""
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    image = Image(make(PNG))
    assert image == Image(path) == Image(str(path)) == Image.from_path(path) == Image.from_file(str(path))
    assert image == Image(Drawing()) == Image.from_PIL(Drawing()) == Image.from_bytes(PNG)
    assert hash(image) == hash(Image(path))
    assert (image.media_type, image.data) == ("image/png", PNG)


def test_a_url_is_passed_on_and_not_fetched():
    """Without download=True no one asks the server, and the bytes are not there."""
    image = Image(URL)
    assert image == Image.from_url(URL) == Image(url=URL)
    assert (image.url, image.media_type, repr(image)) == (URL, None, f"Image({URL!r})")
    with pytest.raises(InputError, match=r"are not here. Write Image\('https://example.org/cat.png', download=True\)"):
        image.data


def test_a_url_is_fetched_when_asked(server):
    """download=True follows redirects and gives the value that the bytes give."""
    assert Image(f"{server}/moved", download=True) == Image(PNG)
    assert Image.from_url(f"{server}/cat.png", download=True) == Image(PNG)


def test_what_a_server_gives_is_checked(server, monkeypatch):
    """An error page, a page under an image's name, a refused connection and too many bytes are clear errors."""
    with pytest.raises(InputError, match="the server answered 404"):
        Image(f"{server}/none", download=True)
    with pytest.raises(InputError, match=r"is no image in a format that models take\. It begins with b'<html>no"):
        Image(f"{server}/page.png", download=True)
    with pytest.raises(InputError, match="cannot be downloaded"):
        Image("http://127.0.0.1:9/cat.png", download=True)
    monkeypatch.setattr(Image, "max_bytes", 1000)
    with pytest.raises(InputError, match=r"an image may have 1.0 kB. Make it smaller, or raise lmnb.Image.max_bytes"):
        Image(f"{server}/large.png", download=True)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("cat.png", r"'cat.png' cannot be read: there is no such file. An image is made of a path, a URL"),
        (b"", "what was given is empty, so it is no image"),
        (b"hello", "is no image in a format that models take. It begins with b'hello'"),
        (PDF, "It is application/pdf"),
        (b"<svg xmlns='x'/>", "It begins with"),
        ("data:image/png;base64,!!!", "holds broken base64"),
        ("data:image/png;base64,aGVsbG8=", "the data URI is no image"),
        ("data:image/png", "is no data URI"),
        ("http://a b.c", "is no URL"),
        ("https://a\n.c", "is no URL"),
        ("x\0y", "cannot be read"),
        ("x" * 5000, "cannot be read"),
        (12, "an image is not made of a int"),
        (["a"], "an image is not made of a list"),
        ("/dev/zero", "is no file"),
    ],
)
def test_what_is_no_image_is_refused(source, message):
    """Each wrong source has an error that says what is wrong, and is not long."""
    with pytest.raises(InputError, match=message) as raised:
        Image(source)
    assert len(str(raised.value)) < 700


def test_a_name_proves_nothing(tmp_path):
    """The bytes decide what a file is, and a PDF is pointed to File."""
    path = tmp_path / "cat.png"
    path.write_bytes(PDF)
    with pytest.raises(InputError, match=r"It is application/pdf. Write File\('.*cat.png'\) for it"):
        Image(path)
    path.write_bytes(GIF)
    assert Image(path).media_type == "image/gif"


def test_a_source_that_is_too_large_is_refused(tmp_path, monkeypatch):
    """Files, bytes, open files and data URIs are held to the limit of their type."""
    monkeypatch.setattr(Image, "max_bytes", 2000)
    large = PNG + bytes(4000)
    path = tmp_path / "large.png"
    path.write_bytes(large)
    for source in (large, path, io.BytesIO(large), write_uri(large, "image/png")):
        with pytest.raises(InputError, match=r"an image may have 2.0 kB"):
            Image(source)
    assert Image(PNG + bytes(100)).data == PNG + bytes(100)


@pytest.mark.parametrize("kind", [Image, File])
def test_a_value_that_is_read_never_opens_a_path(tmp_path, kind):
    """Text of a model or a file may name a path or ask for a download; neither happens."""
    path = tmp_path / "secret.png"
    path.write_bytes(PNG)
    adapter = pydantic.TypeAdapter(kind)
    for read in (str(path), {"url": str(path)}, {"source": str(path)}, {"url": URL, "download": True}):
        with pytest.raises(pydantic.ValidationError):
            adapter.validate_python(read)
        with pytest.raises(pydantic.ValidationError):
            adapter.validate_json(json.dumps(read))
    with pytest.raises(pydantic.ValidationError, match=r"A file is read where Python says so: "):
        adapter.validate_python(str(path))


def test_what_only_python_has_is_taken_as_a_value(tmp_path):
    """A field may be given bytes or a Path object, which no text can be."""
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    adapter = pydantic.TypeAdapter(Image)
    assert adapter.validate_python(path) == adapter.validate_python(PNG) == Image(PNG)


def test_a_value_has_one_form():
    """Spelling, parameters and percent-encoding of a data URI do not make another value, nor another cache key."""
    plain = Image(PNG)
    spelled = plain.url.replace("data:image/png;", "DATA:Image/PNG;name=a.png;")
    assert Image(spelled) == Image(plain.url.replace("/", "%2F").replace("image%2F", "image/", 1)) == plain
    assert Image(plain.url[:60] + "\n " + plain.url[60:]) == plain
    assert content_hash({"image": plain}) == content_hash({"image": Image(spelled)})
    assert content_hash({"image": plain}) != content_hash({"image": Image(png(grey=3))})
    assert canonical(plain) == json.dumps(plain.url)
    assert Image.model_validate_json(canonical(plain)) == plain


def test_a_value_shows_itself_short():
    """Neither repr nor str holds the data, in records too; a notebook shows the picture, and never loads an address."""
    image = Image(PNG + bytes(5000))
    for shown in (repr(image), str(image), repr(lmnb.Example(image=image)), repr([image]), repr(File(PDF * 100))):
        assert len(shown) < 120
        assert "base64" not in shown
    assert image._repr_html_().count("<img src=") == 1
    assert "<img" not in Image(URL)._repr_html_()
    assert "<img" not in Image(b"BM" + bytes(40))._repr_html_()


def test_values_are_frozen():
    """A value is not changed in place, and has no fields of one's own."""
    with pytest.raises(pydantic.ValidationError):
        Image(URL).url = "https://example.org/dog.png"
    with pytest.raises(InputError, match="colour"):
        Image(PNG, colour="red")
    with pytest.raises(InputError, match="has no source"):
        Image()
    with pytest.raises(InputError, match="stands first"):
        Image(url=URL, download=True)


def test_the_parts_of_messages():
    """Each type stands in a message as the part that providers take."""
    image, sound, file = Image(PNG), Audio(b"ID3" + bytes(20)), File(PDF, filename="a.pdf")
    assert image.format() == [{"type": "image_url", "image_url": {"url": write_uri(PNG, "image/png")}}]
    data = write_uri(b"ID3" + bytes(20), "audio/mpeg").partition(",")[2]
    assert sound.format() == [{"type": "input_audio", "input_audio": {"data": data, "format": "mp3"}}]
    inner = {"filename": "a.pdf", "file_data": write_uri(PDF, "application/pdf")}
    assert file.format() == [{"type": "file", "file": inner}]
    assert File(PDF).format()[0]["file"]["filename"] == "file.pdf"
    assert File("https://example.org/a.pdf").format() == [
        {"type": "file", "file": {"file_id": "https://example.org/a.pdf"}}
    ]


def test_audio_of_an_array():
    """Floats and 16-bit integers, mono and stereo, become WAV; other arrays are refused."""
    numpy = pytest.importorskip("numpy")
    mono = Audio.from_array([0.0, 1.0, -1.0, 2.0], 8000)
    assert mono.media_type == "audio/wav"
    assert numpy.frombuffer(mono.data[44:], "<i2").tolist() == [0, 32767, -32767, 32767]
    stereo = Audio.from_array(numpy.array([[1, -1], [2, -2]], dtype="int16"), 8000)
    assert numpy.frombuffer(stereo.data[44:], "<i2").tolist() == [1, -1, 2, -2]
    for array, message in [
        ([], "shape"),
        (numpy.zeros((2, 2, 2)), "shape"),
        ([float("nan")], "NaN"),
        (numpy.zeros(3, "int32"), "int32"),
        (["a"], "floats"),
    ]:
        with pytest.raises(InputError, match=message):
            Audio.from_array(array, 8000)
    with pytest.raises(InputError, match="sampling_rate"):
        Audio.from_array([0.0], 0)
    with pytest.raises(InputError, match="written as 'wav'"):
        Audio.from_array([0.0], 8000, format="mp3")


def test_audio_is_sent_as_bytes(server):
    """A URL of a sound says that it has to be downloaded, and is."""
    with pytest.raises(InputError, match=r"Write Audio\('https://a.org/x.mp3', download=True\)"):
        Audio("https://a.org/x.mp3")
    with pytest.raises(InputError, match="is no audio"):
        Audio.from_url(f"{server}/cat.png")


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (PDF, "x.txt", "application/pdf"),
        (b"a,b\n1,2\n", "rows.csv", "text/csv"),
        (b"hello", "unknown", "text/plain"),
        (b"hello", "fake.pdf", "text/plain"),
        (b"PK\x03\x04...", "x.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (b"\x00\x01\x02", "x", "application/octet-stream"),
    ],
)
def test_the_type_of_a_file(tmp_path, data, name, expected):
    """By its bytes where they tell, else by its name."""
    path = tmp_path / name
    path.write_bytes(data)
    file = File(path)
    assert (file.media_type, file.filename, file.data) == (expected, name, data)
    assert File.model_validate(file.model_dump(mode="json")) == file


def test_a_file_has_one_source():
    """Bytes, an address or an id of the provider: one of them."""
    assert File.from_file_id("file-1") == File(file_id="file-1")
    assert repr(File.from_file_id("file-1", "a.pdf")) == "File('a.pdf', file_id='file-1')"
    with pytest.raises(InputError, match="a source or a file_id"):
        File(PDF, file_id="file-1")
    with pytest.raises(InputError, match="a source or a file_id"):
        File(filename="a.pdf")
    with pytest.raises(InputError, match="are not here"):
        File.from_file_id("file-1").data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"\0\0\0\x1cftypavif", "image/avif"),
        (b"\0\0\0\x1cftypM4A ", "audio/mp4"),
        (b"\0\0\0\x1cftypisom", None),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"\xff\xf1\x50\x80\0\0\0", "audio/aac"),
        (b"BMW is a car, and not a picture", None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_types_are_found_by_bytes(data, expected):
    """Formats with a magic number are known, and nothing is guessed."""
    assert found_type(data) == expected


def test_texts_that_people_read_hold_no_data():
    """Long data is cut to its type and size wherever it stands; short and broken data, and other text, stay."""
    uri = write_uri(bytes(3000), "image/png")
    assert without_data(f"a {uri} b {uri}") == "a data:image/png;base64,… (3.0 kB) b data:image/png;base64,… (3.0 kB)"
    assert without_data("data:,a;base64,x") == "data:,a;base64,x"
    sound = {"type": "input_audio", "input_audio": {"data": "A" * 4000, "format": "wav"}}
    assert shortened([{"content": [sound, uri]}, 1, None]) == [
        {
            "content": [
                {"type": "input_audio", "input_audio": {"data": "… (3.0 kB)", "format": "wav"}},
                "data:image/png;base64,… (3.0 kB)",
            ]
        },
        1,
        None,
    ]
    assert read_uri(uri) == (bytes(3000), "image/png")


def test_types_are_named_in_signatures():
    """A string signature knows the types without an import, and a saved type is read back."""
    from lmnb.signature import type_code, type_from_code

    signature = lmnb.Signature(
        "cats: list[Image], sound: Audio, file: File | None -> code: Code['sql'], why: Reasoning"
    )
    assert signature.fields["cats"].type == list[Image]
    for field in signature.fields.values():
        assert type_from_code(type_code(field.type)) == field.type


def test_a_name_of_a_type_is_the_callers_first():
    """A class of one's own with the name of a type wins where the signature stands; one further out does not."""

    class File:
        pass

    assert lmnb.Signature("file: File -> answer").fields["file"].type is File

    def further_in():
        return lmnb.Signature("code: Code -> answer").fields["code"].type

    Code = type("Code", (), {})  # noqa: F841 - the name is what matters
    assert further_in() is lmnb.Code
