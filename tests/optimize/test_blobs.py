"""Big values of a run in one file that is only appended to."""

from __future__ import annotations

import json

import pytest

import lmnb
from lmnb.optimize.blobs import Blobs

VALUES = [{"b": 1, "a": ["é", None]}, "lone \ud83d half", [], {"text": "x" * 5_000}]


def lines(folder):
    return (folder / "blobs.jsonl").read_bytes().splitlines()


def test_values_come_back_as_they_were_in_another_process_too(tmp_path):
    """A value has its keys in their order, its text whole, under a name that any reader finds; every line is JSON."""
    blobs = Blobs(tmp_path)
    names = [blobs.put(value) for value in VALUES]
    assert [json.dumps(Blobs(tmp_path).get(name)) for name in names] == [json.dumps(value) for value in VALUES]
    assert [json.loads(line)[0] for line in lines(tmp_path)] == names
    assert blobs.get(names[-1]) == VALUES[-1]


def test_a_value_is_stored_once(tmp_path):
    """What is there already is not appended again, by this writer or by a later one."""
    first = Blobs(tmp_path)
    assert first.put({"a": 1}) == first.put({"a": 1}) == Blobs(tmp_path).put({"a": 1}) != first.put({"a": 2})
    assert len(lines(tmp_path)) == 2


def test_a_torn_last_line_costs_that_value_alone(tmp_path):
    """What a power cut left of a line is no value; those before it and those put later are whole."""
    names = [Blobs(tmp_path).put(value) for value in ("one", "two")]
    file = tmp_path / "blobs.jsonl"
    file.write_bytes(file.read_bytes()[:-4])
    later = Blobs(tmp_path)
    with pytest.raises(lmnb.JournalError, match=r"cannot be read: no whole line of its blobs\.jsonl holds it"):
        later.get(names[1])
    assert [later.put("three"), later.put("two")][1] == names[1]
    assert [Blobs(tmp_path).get(name) for name in names] == ["one", "two"] and later.get(names[1]) == "two"


def test_a_reader_sees_what_is_put_after_it_looked(tmp_path):
    """Who looks at a run that is at work in another process finds its new values."""
    writer, reader = Blobs(tmp_path), Blobs(tmp_path)
    assert reader.get(writer.put("early")) == "early"
    assert reader.get(writer.put("late")) == "late"
    writer.close()
    assert reader.get(writer.put("after it was closed")) == "after it was closed"


def test_folders_of_before_are_read(tmp_path):
    """A run that was stored with a file for each value is still a run."""
    (tmp_path / "blobs" / "ab").mkdir(parents=True)
    (tmp_path / "blobs" / "ab" / "abcd.json").write_text('{"old": true}')
    assert Blobs(tmp_path).get("abcd") == {"old": True}
    with pytest.raises(lmnb.JournalError, match="the stored value abce"):
        Blobs(tmp_path).get("abce")
