"""Examples from files, good and broken."""

from __future__ import annotations

import json

import pytest

import lmnb
from lmnb.data import DataLoader, load_jsonl, ticket_key, tickets


@pytest.fixture
def file(tmp_path):
    """Writes a file and gives its path."""

    def write(content, name="data.jsonl"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_jsonl_gives_examples_with_inputs(file):
    """One object a line; types stay; blank lines, a byte order mark and Windows line ends do not matter."""
    path = file(b'\xef\xbb\xbf{"q": "a", "n": [1, null]}\r\n\r\n{"q": "\xc3\xa9", "n": true}\n')
    first, second = load_jsonl(path, inputs=("q",))
    assert (first.toDict(), first.inputs().keys()) == ({"q": "a", "n": [1, None]}, ["q"])
    assert second.toDict() == {"q": "é", "n": True}


def test_without_inputs_none_are_marked(file):
    """What the program is given can be said later."""
    (example,) = load_jsonl(file('{"q": 1}'))
    assert example.input_keys is None


def test_odd_line_separators_inside_a_string_do_not_end_the_line(file):
    """U+2028, U+0085 and a vertical tab may stand in JSON text."""
    (example,) = load_jsonl(file(json.dumps({"q": "a\u2028b\x85c"}, ensure_ascii=False)))
    assert example.q == "a\u2028b\x85c"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"q": 1}\n{"q": \n', "data.jsonl, line 2 is no JSON (Expecting value"),
        ('{"q": 1}\n\n[1, 2]', 'data.jsonl, line 3: an example is an object such as {"question": "..."}, not [1, 2]'),
        ('{"q": NaN}', "data.jsonl, line 1 is no JSON (JSON has no NaN)"),
        ("[" * 100_000, "data.jsonl, line 1: it is nested too deeply"),
        (b'{"q": "a"}\n{"q": "\xff"}', "data.jsonl, line 2: byte 0xff is no UTF-8. Save the file as UTF-8."),
        ('{"q": 1}\n{"x": 1}', "data.jsonl, line 2: there is no field 'q'; it has: x."),
        ("x" * 200, "is no JSON (Expecting value: line 1 column 1 (char 0)): " + "x" * 79 + "…"),
    ],
)
def test_a_broken_line_is_named(file, content, message):
    """The error has file and line, quotes what is wrong, and is short."""
    with pytest.raises(lmnb.InputError) as failure:
        load_jsonl(file(content), inputs=["q"])
    assert message in str(failure.value)


def test_a_missing_file_is_named(tmp_path):
    """Not a bare OSError."""
    with pytest.raises(lmnb.InputError, match=r"nothing.jsonl cannot be read: No such file or directory"):
        load_jsonl(tmp_path / "nothing.jsonl")


def test_names_of_fields_are_a_list(file):
    """A string would be taken letter by letter."""
    with pytest.raises(lmnb.InputError, match=r"as a list, such as \['question'\], not as 'question'"):
        load_jsonl(file('{"question": 1}'), inputs="question")


def test_csv_gives_examples(file):
    """The first line names the columns; quoted cells may hold commas, quotes and line ends."""
    path = file('ticket,team\r\n"a, ""b""\r\nc",Access\r\n\r\nd,Billing\r\n', "data.csv")
    first, second = DataLoader().from_csv(path, input_keys=["ticket"])
    assert first.toDict() == {"ticket": 'a, "b"\r\nc', "team": "Access"}
    assert second.inputs().toDict() == {"ticket": "d"}


def test_csv_fields_choose_columns(file):
    """In the order given."""
    (example,) = DataLoader().from_csv(file("a,b,c\n1,2,3", "data.csv"), fields=["c", "a"])
    assert example.toDict() == {"c": "3", "a": "1"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "data.csv is empty. Its first line names the columns."),
        ("a,a\n1,2", "data.csv, line 1: the column 'a' is there twice."),
        ("a,b\n1,2\n1,2,3", "data.csv, line 3: 3 cells where the first line names 2 columns."),
        ('a,b\n1,"2', "data.csv, line 2: unexpected end of data."),
        ("a,b\n1,\x002", "data.csv, line 2: there is a NUL character. This is no CSV text."),
        ("b\n1", "data.csv, line 2: there is no field 'a'; it has: b."),
    ],
)
def test_a_broken_csv_is_named(file, content, message):
    """File, line and what is wrong."""
    with pytest.raises(lmnb.InputError) as failure:
        DataLoader().from_csv(file(content, "data.csv"), input_keys=["a"])
    assert message in str(failure.value)


def test_a_long_cell_is_read(file):
    """Documents are longer than csv's own limit."""
    (example,) = DataLoader().from_csv(file("a\n" + "x" * 300_000, "data.csv"))
    assert len(example.a) == 300_000


def test_json_takes_a_list_or_lines(file):
    """Both ways of writing a set of objects."""
    loader = DataLoader()
    assert loader.from_json(file(' [{"q": 1}, {"q": 2}]'), input_keys=["q"]) == loader.from_json(
        file('{"q": 1}\n{"q": 2}')
    )
    with pytest.raises(lmnb.InputError, match=r"item 1: an example is an object"):
        loader.from_json(file('[{"q": 1}, 2]'))


def test_pandas_rows_are_examples():
    """One a row."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"q": ["a", "b"], "n": [1, 2]})
    assert [e.toDict() for e in DataLoader().from_pandas(frame, input_keys=["q"])] == [
        {"q": "a", "n": 1},
        {"q": "b", "n": 2},
    ]


def test_tickets_come_in_three_parts():
    """The notebooks' data: inputs marked, at least 200 to test on, no ticket in two parts."""
    splits = tickets()
    assert all(len(part) >= size for part, size in zip(splits, (100, 100, 200), strict=True))
    assert splits.train[0].keys() == ["ticket", "team"]
    assert splits.test[0].input_keys == ("ticket",)
    texts = [example.ticket for part in splits for example in part]
    assert len(set(texts)) == len(texts)


def test_the_key_names_the_wrong_labels():
    """About a tenth of the train labels, each with the right team, which is another one."""
    key, train = ticket_key(), tickets().train
    assert len(key) == len(train) // 10
    assert all(train[index].team != team for index, team in key.items())


def test_hugging_face_data_sets_are_examples(file, tmp_path):
    """By name as its library loads it (here from a local file), or one that is loaded; each split by its name."""
    library = pytest.importorskip("datasets")
    if not hasattr(library, "load_dataset"):
        pytest.skip("`datasets` is the repository's folder of data files, not the library")
    path = str(file('{"q": "a", "n": 1}\n{"q": "b", "n": 2}'))
    loader = DataLoader()
    rows = loader.from_huggingface("json", data_files=path, split="train", input_keys=["q"], cache_dir=str(tmp_path))
    assert [(row.toDict(), row.input_keys) for row in rows] == [
        ({"q": "a", "n": 1}, ("q",)),
        ({"q": "b", "n": 2}, ("q",)),
    ]
    loaded = library.DatasetDict(train=library.Dataset.from_list([{"q": "a", "n": 1}]))
    assert loader.from_huggingface(loaded, fields=["q"]) == {"train": [lmnb.Example(q="a")]}
    assert loader.from_huggingface(loaded, split="train") == [lmnb.Example(q="a", n=1)]


def test_rows_of_a_loaded_data_set_are_named():
    """Any rows with fields will do, so a missing field is found without the library."""
    rows = {"test": [{"q": 1}, {"x": 1}]}
    with pytest.raises(lmnb.InputError, match="row 1 of split 'test': there is no field 'q'; it has: x"):
        DataLoader().from_huggingface(rows, input_keys=["q"])
