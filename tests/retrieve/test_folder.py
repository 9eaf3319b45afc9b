"""Index folders: what is saved is what is loaded, and a damaged, mistaken or hostile folder is refused with its reason."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import searchers

import lmnb

np = pytest.importorskip("numpy")
pytest.importorskip("bm25s")

KINDS: dict[str, tuple[Callable[[], Any], Callable[..., Any]]] = {
    "bm25": (lambda: lmnb.BM25(searchers.CORPUS, k=2), lmnb.BM25.load),
    "embeddings": (
        lambda: lmnb.Embeddings(searchers.CORPUS, searchers.embed, k=2),
        lambda path, **options: lmnb.Embeddings.load(path, searchers.embed, **options),
    ),
}


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def saved(kind: str, tmp_path: Path) -> Path:
    """The folder of a saved index."""
    KINDS[kind][0]().save(tmp_path / "index")
    return tmp_path / "index"


def refused(path: Path, kind: str) -> str:
    with pytest.raises(lmnb.SaveError) as failure:
        KINDS[kind][1](path)
    assert str(path) in str(failure.value)
    return str(failure.value)


def seal(path: Path, **changes: Any) -> None:
    """Make the head fit the files again, as somebody would who wants a changed folder to be loaded."""
    head = json.loads((path / "index.json").read_text("utf-8"))
    head["files"] = {name: hashlib.sha256((path / name).read_bytes()).hexdigest() for name in head["files"]}
    (path / "index.json").write_text(json.dumps({**head, **changes}), "utf-8")


def test_a_loaded_index_finds_the_same(kind: str, saved: Path) -> None:
    """Passages, scores, metadata and k come back; another k may be given."""
    made, load = KINDS[kind][0](), KINDS[kind][1]
    loaded = load(saved)
    for query in ("a town on the Rhine", "湖", "quiet mill"):
        assert loaded(query) == made(query)
    assert loaded.k == 2 and len(load(saved, k=1)("town on the")) == 1
    assert loaded("Basel", k=1)[0].metadata == {"canton": "BS"}


def test_the_same_index_is_the_same_files(kind: str, saved: Path, tmp_path: Path) -> None:
    """Saving twice, over the old folder or beside it, writes the same bytes, and none of them is a pickle."""
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    KINDS[kind][0]().save(saved)
    KINDS[kind][0]().save(tmp_path / "other")
    for folder in (saved, tmp_path / "other"):
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert {Path(name).suffix for name in before} == {".json", ".jsonl", ".npy"}


def test_odd_texts_survive(tmp_path: Path) -> None:
    """Line ends of every kind, null bytes and half surrogates are saved and loaded."""
    corpus = ["one\r\ntwo\u2028three\x00\x0b", "half \ud800", {"id": "\ud83d", "text": "", "deep": {"x": [1, None]}}]
    lmnb.BM25(corpus).save(tmp_path)
    loaded = lmnb.BM25.load(tmp_path)
    assert [passage.text for passage in loaded.corpus] == [corpus[0], corpus[1], ""]
    assert loaded.corpus[2].metadata == {"deep": {"x": [1, None]}}


@pytest.mark.parametrize("name", ["index.json", "passages.jsonl"])
def test_a_missing_file_is_named(kind: str, saved: Path, name: str) -> None:
    """So is a folder that is none."""
    (saved / name).unlink()
    assert name in refused(saved, kind)
    assert "there is no file 'index.json'" in refused(saved / "nowhere", kind)


def test_damage_is_found_by_the_checksum(kind: str, saved: Path) -> None:
    """One changed byte in any file is an error that names the file."""
    for path in saved.iterdir():
        if path.name == "index.json":
            continue
        whole = path.read_bytes()
        path.write_bytes(whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:])
        assert f"its file {path.name!r} was changed or is damaged" in refused(saved, kind)
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "index.json is not JSON"),
        ("[]", "is not of an index that lmnb saved"),
        ('{"lmnb": "program"}', "is not of an index that lmnb saved"),
        ('{"lmnb": "index", "format": 9}', "it has the format 9, and this lmnb reads 1"),
        ('{"lmnb": "index", "format": 1, "format": 2}', "it has the format 2"),
        ('{"lmnb": "index", "format": 1, "kind": []}', "it is of the kind []"),
        ("[" * 100_000, "nested too deeply"),
        ("\x00" * 2_000_000, "index.json is too long"),
    ],
)
def test_a_strange_head_is_refused(kind: str, saved: Path, text: str, said: str) -> None:
    """Whatever the head holds, the error says what is wrong with it."""
    (saved / "index.json").write_text(text, "utf-8")
    assert said in refused(saved, kind)


def test_another_kind_names_its_loader(kind: str, saved: Path) -> None:
    """An index of words is not loaded as one of vectors, nor the other way round."""
    other = next(name for name in KINDS if name != kind)
    assert f"Write {'BM25' if kind == 'bm25' else 'Embeddings'}.load(...)" in refused(saved, other)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('"text"', "line 1 of passages.jsonl is no passage"),
        ('{"id": 3, "text": "a", "metadata": {}}', "line 1 of passages.jsonl is no passage"),
        ('{"id": "x", "text": 3, "metadata": {}}', "the text of entry 0 of the corpus is 3"),
        ('{"id": "x", "text": "a", "metadata": {}, "more": 1}', "line 1 of passages.jsonl is no passage"),
        ("nan?", "line 1 of passages.jsonl is not JSON"),
        ('{"id": "x", "text": "a", "metadata": {}}', "it has 1 passages, and index.json says 5"),
    ],
)
def test_hostile_passages_are_refused(kind: str, saved: Path, line: str, said: str) -> None:
    """Also where the checksums were made to fit."""
    (saved / "passages.jsonl").write_text(line + "\n", "utf-8")
    seal(saved)
    assert said in refused(saved, kind)


def huge(path: Path) -> None:
    """A head that claims a terabyte of numbers, and none of them."""
    form = {"descr": "<f4", "fortran_order": False, "shape": (2**38,)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, form)


@pytest.mark.parametrize(
    "write",
    [
        huge,
        lambda path: path.write_bytes(b"\x80\x04."),
        lambda path: path.write_bytes(b""),
        lambda path: np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True),
        lambda path: np.save(path, np.array(["text"])),
        lambda path: np.save(path, np.zeros((2, 2, 2))),
        lambda path: np.save(path, np.array(1.0)),
    ],
    ids=["huge", "pickle", "empty", "objects", "texts", "cube", "scalar"],
)
def test_what_is_no_array_of_numbers_is_refused(kind: str, saved: Path, write: Any) -> None:
    """Nothing is unpickled, and no memory is taken for numbers that are not there."""
    name = "data.npy" if kind == "bm25" else "vectors.npy"
    write(saved / name)
    seal(saved)
    assert f"{name} is not an array of" in refused(saved, kind)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("indices", lambda array: array + 5, "it points outside its 5 passages"),
        ("indices", lambda array: array - 1, "it points outside its 5 passages"),
        ("indices", lambda array: array[1:], "its numbers do not fit"),
        ("indptr", lambda array: array[::-1].copy(), "its words do not divide its numbers"),
        ("indptr", lambda array: array[1:], "its numbers do not fit"),
        ("data", lambda array: array * np.float32("nan"), "a weight that is not positive"),
        ("data", lambda array: -array, "a weight that is not positive"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(tmp_path: Path, name: str, change: Any, said: str) -> None:
    """A search never reads outside the arrays of a loaded index of words."""
    lmnb.BM25(searchers.CORPUS).save(tmp_path)
    np.save(tmp_path / f"{name}.npy", change(np.load(tmp_path / f"{name}.npy")))
    seal(tmp_path)
    assert said in refused(tmp_path, "bm25")


def test_vectors_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """As many vectors as passages, of numbers, and of the same model."""
    lmnb.Embeddings(searchers.CORPUS, searchers.embed).save(tmp_path)
    vectors = np.load(tmp_path / "vectors.npy")
    for change, said in ((vectors[1:], "5 passages and vectors of the shape (4, 32)"), (vectors * np.nan, "no number")):
        np.save(tmp_path / "vectors.npy", change)
        seal(tmp_path)
        assert said in refused(tmp_path, "embeddings")
    np.save(tmp_path / "vectors.npy", vectors)
    seal(tmp_path, model="openai/one")
    with pytest.raises(lmnb.SaveError) as failure:
        lmnb.Embeddings.load(tmp_path, "lmnb/tiny")
    assert "its vectors are of 'openai/one', and this embedder is 'lmnb/tiny'" in str(failure.value)


@pytest.mark.parametrize(
    "changes", [{"k": "many"}, {"k": -1}, {"k1": "x", "normalize": 1}, {"b": 7, "normalize": None}]
)
def test_wrong_options_in_the_head_are_refused(kind: str, saved: Path, changes: dict[str, Any]) -> None:
    """k, k1, b and normalize are checked as if they were given by hand."""
    seal(saved, **changes)
    refused(saved, kind)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this platform has no named pipes")
def test_a_pipe_is_no_index_file(kind: str, saved: Path) -> None:
    """A file that would never end is not opened."""
    (saved / "passages.jsonl").unlink()
    os.mkfifo(saved / "passages.jsonl")
    assert "its file 'passages.jsonl' is missing" in refused(saved, kind)


def test_a_place_that_cannot_be_written_is_named(kind: str, tmp_path: Path) -> None:
    """Saving where a file is says so."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(lmnb.SaveError) as failure:
        KINDS[kind][0]().save(tmp_path / "file")
    assert f"the index {str(tmp_path / 'file')!r} cannot be written" in str(failure.value)
