"""Markdown forms: whatever a model or a data set says stands in code, and no page that renders it sees more in it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payloads import PAYLOADS, Hostile, examples

import lmnb
from lmnb.html import visible
from lmnb.markdown import block, document, span

mistune = pytest.importorskip("mistune")
TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from("`\n\\|<>*_# \t"))


class Page(HTMLParser):
    """The elements of a rendered page, and the texts of its code."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements: set[str] = set()
        self.codes: list[str] = []
        self._inside = False
        self.feed(mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "url"])(text))
        self.close()

    def handle_starttag(self, tag, attrs):
        assert not attrs or (tag in ("code", "ol") and attrs[0][0] in ("class", "start")), (tag, attrs)
        self.elements.add(tag)
        if tag == "code":
            self._inside = True
            self.codes.append("")

    def handle_endtag(self, tag):
        self._inside = self._inside and tag != "code"

    def handle_data(self, data):
        if self._inside:
            self.codes[-1] += data


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_payload_is_shown_as_code(text):
    """In a line and in a block, a hostile text is nothing but code."""
    page = Page(document(f"before {span(text)} after", block(text)))
    assert page.elements <= {"p", "code", "pre"}
    assert page.codes[-1] == visible(text) + "\n"


@given(TEXTS)
def test_a_block_holds_its_text_and_nothing_ends_it(text):
    """Whatever stands in a block, the next paragraph is outside of it."""
    page = Page(document(block(text), "after"))
    assert page.elements == {"pre", "code", "p"}
    assert len(page.codes) == 1


@given(TEXTS)
def test_a_span_holds_its_text_and_nothing_ends_it(text):
    """Whatever stands in a span, the words around it are outside of it."""
    page = Page(f"- before {span(text)} after {span('x')}")
    assert page.elements == {"ul", "li", "code"}
    assert page.codes[-1] == "x"


def test_cards_and_prompts_of_a_hostile_program():
    """Every text of a program full of payloads is code on its card and in its exported prompts."""
    program = Hostile()
    program.ask.demos = examples()
    program.ask.lm = lmnb.FakeLM([], model=PAYLOADS[1])
    program.provenance = {text: text for text in PAYLOADS}
    for text in (program.card(), program.export_prompts()):
        assert Page(text).elements <= {"h1", "h2", "h3", "p", "ul", "ol", "li", "pre", "code", "strong"}
