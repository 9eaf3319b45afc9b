"""What every widget answers and carries out, shown on one of a few lines."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from browser_side import BrowserSide, until


class Books(dict[str, str]):
    """Who has which book."""

    def lend(self, book: str, to: str) -> dict[str, str]:
        self[book] = to
        return {"book": book, "by": threading.current_thread().name}


@pytest.fixture
def shelf(widgets: None) -> Iterator[Any]:
    """A widget with one question and one command, and a browser that looks at it."""
    base = import_module("lmnb_widgets.widget").Widget
    body = {
        "questions": {"reader": lambda books, a: books[a["book"]]},
        "commands": {"lend": lambda books, a: books.lend(a["book"], a["to"])},
    }
    one = type("Shelf", (BrowserSide, base), body)(Books(dune="Ada"))
    yield one
    one.close()


def test_a_question_is_answered_from_the_table(shelf: Any) -> None:
    """The function gets the thing that the widget is about, and the arguments."""
    assert shelf.reply("get", "reader", book="dune") == {"type": "got", "id": 1, "error": None, "value": "Ada"}


def test_an_unknown_question_is_answered_with_those_that_there_are(shelf: Any) -> None:
    """The words say what could be asked."""
    assert shelf.reply("get", "reder")["error"] == "ValueError: no such request: 'reder'; there are reader"


def test_a_command_is_carried_out_in_a_thread_of_the_widget_once(shelf: Any) -> None:
    """The kernel's own thread is free; said again, the command is answered and not repeated."""
    done = shelf.reply("command", "lend", book="dune", to="Bob")
    assert (done["ok"], done["result"]["book"]) == (True, "dune")
    assert done["result"]["by"] != threading.current_thread().name
    shelf._about["dune"] = "Cleo"
    shelf.say(type="command", id=1, action="lend", args={"book": "dune", "to": "Bob"})
    assert shelf.of("done") == [done, done]
    assert shelf._about["dune"] == "Cleo"


def test_a_widget_has_no_thread_before_its_first_command_and_none_when_it_is_closed(shelf: Any) -> None:
    """A notebook may show a hundred of them."""
    before = threading.active_count()
    shelf.reply("get", "reader", book="dune")
    assert threading.active_count() == before
    shelf.reply("command", "lend", book="dune", to="Bob")
    shelf.say(type="gone")
    until(lambda: threading.active_count() <= before)


def test_a_text_that_was_cut_on_its_way_is_not_taken_for_the_whole(shelf: Any) -> None:
    """Carried out, the command would lose what the panel never saw."""
    shelf._about["dune"] = "Ada " * 400_000
    cut = shelf.reply("get", "reader", 1, book="dune")["value"]
    assert cut.endswith(" more characters)")
    assert "is shown cut" in shelf.reply("command", "lend", 2, book="it", to=cut)["error"]
    assert "it" not in shelf._about
