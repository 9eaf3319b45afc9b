"""Deltas and sizes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_run import FakeRun, row
from lmnb_widgets import wire


def test_a_run_that_lost_rows_needs_the_whole() -> None:
    """Rows never vanish; where they do, it is another run."""
    old, new = FakeRun().snapshot(), FakeRun().snapshot()
    new["candidates"] = new["candidates"][:3]
    assert wire.delta(old, new) is None


def test_more_than_a_thousand_new_rows_need_the_whole() -> None:
    """The pages bring the others."""
    old, new = FakeRun([]).snapshot(), FakeRun([row(n, 1.0) for n in range(1_500)]).snapshot()
    assert wire.delta(old, new) is None
    assert len(wire.head(new)["candidates"]) == 1_000


def test_new_rows_say_how_many_there_are() -> None:
    """The panel knows whether it has them all."""
    run = FakeRun()
    old = run.snapshot()
    run.change(rows=[*run.rows, row(15, None)])
    delta = wire.delta(old, run.snapshot())
    assert delta is not None
    assert delta["changes"]["candidates_total"] == 16
    assert [one["number"] for one in delta["changes"]["candidates"]] == [15]


def test_what_fits_is_left_alone() -> None:
    """The same object, not a copy."""
    value = {"a": ["b"]}
    assert wire.fit(value) is value


def test_long_texts_are_cut_evenly_until_the_message_fits() -> None:
    """Many texts are cut shorter than one."""
    value = wire.fit({str(n): "x" * 10_000 for n in range(1_000)})
    assert len(json.dumps(value)) <= wire.LIMIT
    assert value["0"] == value["999"] == "x" * 400 + "… (9,600 more characters)"


def test_what_cannot_fit_is_an_error_with_the_figures() -> None:
    """Numbers cannot be cut."""
    with pytest.raises(ValueError, match=r"this has [\d,]+ bytes even when every text is cut; a message holds 900,000"):
        wire.fit(list(range(300_000)))


def test_halves_of_characters_become_question_marks() -> None:
    """A model may write half of an emoji, which no message to a browser can hold; the rest of the text stands."""
    value = {"a \ud83d": ["x \ude00 y", 1], "b": "ü 😀"}
    assert wire.fit(value) == {"a ?": ["x ? y", 1], "b": "ü 😀"}
    assert wire.fit("\ud83d") == "?"
    json.dumps(wire.fit(value), ensure_ascii=False).encode()


def test_what_json_does_not_have_becomes_its_text() -> None:
    """Else the message would fail where it is sent, and with it the thread that sends."""
    kept = {"values": [{"at": Path("a", "b")}], "n": 1}
    assert wire.fit(kept) == {"values": [{"at": str(Path("a", "b"))}], "n": 1}
