"""The escaping builder: whatever the text, only whitelisted elements and attributes come out."""

from __future__ import annotations

import ast
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmnb.html import Html, duration, el, heading, join, money, page, picture, root, sheet, shorten, text, visible

HOSTILE = [
    "<script>parent.fired = 1</script>",
    "</style><script>fired = 1</script>",
    "</title><script>fired = 1</script>",
    '"><img src=x onerror=fired=1>',
    "' onmouseover='fired=1",
    "<svg onload=fired=1>",
    "<math><mtext></mtext><mglyph><style><!--</style><img src onerror=fired=1>",
    "javascript:fired=1",
    "data:text/html,<script>fired=1</script>",
    "<iframe srcdoc='<script>fired=1</script>'>",
    "<meta http-equiv=refresh content='0;url=//evil'>",
    "$$\\href{javascript:fired=1}{x}$$",
    "![x](javascript:fired=1)",
    "<!--",
    "-->",
    "]]>",
    "&lt;script&gt;",
    "\x00<script>",
    "\x1b[31mred",
    "\u202egnp.exe",
    "\ud800",
]


class Seen(HTMLParser):
    """Collects the tags, attributes and text that a parser finds."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.others: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def handle_comment(self, data):
        self.others.append(data)

    def unknown_decl(self, data):
        self.others.append(data)

    def handle_pi(self, data):
        self.others.append(data)


def as_shown(value: str) -> str:
    return visible(value)


@given(st.text() | st.sampled_from(HOSTILE), st.text() | st.sampled_from(HOSTILE))
def test_no_text_makes_an_element_or_an_attribute(content, attribute):
    """Any text as content and as attribute value comes back from a parser as that text, with no other element."""
    seen = Seen(el("div", {"title": attribute, "data-id": attribute}, el("b", None, content), content))
    assert [tag for tag, _ in seen.tags] == ["div", "b"]
    assert set(seen.tags[0][1]) == {"title", "data-id"}
    assert seen.tags[0][1]["title"] == as_shown(attribute)
    assert "".join(seen.texts) == as_shown(content) * 2
    assert not seen.others


@given(st.text())
def test_marks_leave_nothing_unseen(content):
    """No control character but tab and newline, and no bidirectional or invisible one, is left in a shown text."""
    shown = visible(content)
    assert not [c for c in shown if (ord(c) < 32 and c not in "\t\n") or 0x7F <= ord(c) < 0xA0]
    assert not set(shown) & set("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u2028")
    shown.encode("utf-8")


def test_marks_name_the_character():
    """Control characters become their pictures, others their code point; a Windows line end is just a line end."""
    assert visible("a\x1b[0m\x00\x7f") == "a␛[0m␀␡"
    assert visible("\u202eabc\x85\ud800") == "⟨U+202E⟩abc⟨U+0085⟩⟨U+D800⟩"
    assert visible("one\r\ntwo\rthree\tfour\n") == "one\ntwo␍three\tfour\n"
    assert visible("naïve 日本語 👩\u200d💻 ❤\ufe0f") == "naïve 日本語 👩\u200d💻 ❤\ufe0f"


@pytest.mark.parametrize("tag", ["script", "style", "iframe", "img", "object", "form", "input", "b onclick=x", "B", ""])
def test_a_tag_off_the_list_is_refused(tag):
    """Only elements of the whitelist can be made, so a caller's mistake is an error and not a hole."""
    with pytest.raises(ValueError, match="no element"):
        el(tag)


@pytest.mark.parametrize(
    "name", ["onclick", "onload", "src", "srcdoc", "id", "name", "data-commandlinker-command", "xlink:href", "x y", ""]
)
def test_an_attribute_off_the_list_is_refused(name):
    """Event handlers, sources, ids and JupyterLab's command links cannot be written."""
    with pytest.raises(ValueError, match="no attribute"):
        el("div", {name: "x"})


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:x",
        " https://a",
        "data:text/html,x",
        "//evil",
        "vbscript:x",
        "https://a b",
        "\x01https://a",
    ],
)
def test_a_link_leads_to_http_only(link):
    """Every other scheme is refused, however it is written."""
    with pytest.raises(ValueError, match="a link leads to"):
        el("a", {"href": link}, "x")


def test_good_links_stay():
    """http, https and places in the page are links."""
    assert el("a", {"href": "https://example.org/?a=1&b=2"}, "x") == '<a href="https://example.org/?a=1&amp;b=2">x</a>'
    assert el("a", {"href": "#top"}, "x") == '<a href="#top">x</a>'


@pytest.mark.parametrize(
    "style", ["background:url(//evil)", "width:expression(x)", "a{}", "x:'y'", "x:\\75rl(a)", "@import 'x'"]
)
def test_a_style_holds_plain_values(style):
    """What can load or run from a style attribute is refused."""
    with pytest.raises(ValueError, match="plain values"):
        el("div", {"style": style})


@pytest.mark.parametrize("css", ["</style>", "@import 'x'", "a{b:url(x)}", "a{b:\\75rl(x)}"])
def test_a_sheet_loads_nothing(css):
    """A style sheet cannot be closed early and cannot load."""
    with pytest.raises(ValueError, match="style sheet"):
        sheet(css)


def test_markup_is_not_escaped_twice_and_plain_str_always():
    """Only what the builder made is taken as markup; joining it with `+` gives plain text again."""
    inner = el("b", None, "1 < 2")
    assert el("p", None, inner) == "<p><b>1 &lt; 2</b></p>"
    assert el("p", None, str(inner)) == "<p>&lt;b&gt;1 &amp;lt; 2&lt;/b&gt;</p>"
    assert el("p", None, inner + "<i>") == "<p>&lt;b&gt;1 &amp;lt; 2&lt;/b&gt;&lt;i&gt;</p>"
    assert join(["a<", None, Html("<br>")], " ") == "a&lt; <br>"


def test_attributes_of_true_false_and_none():
    """True is written bare, False and None not at all, 0 as a value."""
    assert el("details", {"open": True, "title": None, "class": False}, "x") == "<details open>x</details>"
    assert el("rect", {"x": 0}) == '<rect x="0"></rect>'
    assert el("br") == "<br>"


def test_the_root_keeps_formulas_out():
    """JupyterLab and nbconvert typeset dollars in any output unless these classes say no."""
    (tag, attributes) = Seen(root("report", "$$x$$")).tags[0]
    assert tag == "div"
    assert {"lmnb", "mathjax_ignore", "tex2jax_ignore"} <= set((attributes["class"] or "").split())


def test_a_page_is_whole_and_forbids_loading():
    """A standalone document has a title that is escaped, a charset, and a policy that loads and runs nothing."""
    whole = page("</title><script>", el("p", None, "x"))
    assert whole.startswith("<!doctype html>")
    tags = [tag for tag, _ in Seen(whole).tags]
    assert tags == ["html", "head", "meta", "meta", "meta", "title", "style", "body", "p"]
    assert "default-src 'none'" in whole


def test_headings_stay_out_of_the_table_of_contents():
    """JupyterLab lists every h1 to h6 of an output, so headings here are none."""
    assert heading("Rows") == ('<div class="lm-h lm-h3" role="heading" aria-level="3"><strong>Rows</strong></div>')


def test_a_long_text_says_what_is_missing():
    """A cut text tells how much was cut."""
    assert shorten("x" * 12, 10) == 'xxxxxxxxxx<span class="lm-muted"> … 2 more characters</span>'
    assert shorten("<b>", 10) == "&lt;b&gt;"


def test_text_takes_any_value():
    """Numbers and None are shown as Python shows them."""
    assert text(1.5) == "1.5"
    assert text(None) == "None"


def test_amounts_read_well():
    """Durations and money are written with the digits that matter."""
    assert [duration(s) for s in (None, 0, 0.0004, 0.0995, 59.9, 3600)] == [
        "–",
        "0 ms",
        "0.4 ms",
        "0.10 s",
        "59.9 s",
        "1 h 0 m",
    ]
    assert [money(x) for x in (None, 0, 0.00042, 0.1)] == ["–", "$0.00", "$0.0004", "$0.10"]


def test_the_builder_is_the_only_maker_of_markup(root: Path):
    """No other file calls text markup: `Html(...)` is written in html.py alone."""
    makers = []
    for path in sorted([*(root / "lmnb").rglob("*.py"), *(root / "widgets" / "lmnb_widgets").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Html":
                makers.append(path.name)
    assert set(makers) == {"html.py"}


def test_a_picture_brings_its_bytes():
    """A raster picture is an element by its own bytes; addresses, drawings and anything else are refused."""
    uri = "data:image/png;base64,iVBORw0KGgo="
    (tag, attributes) = Seen(picture(uri, '1 < 2"', height=120)).tags[0]
    assert (tag, attributes["src"], attributes["alt"]) == ("img", uri, '1 < 2"')
    for wrong in ("https://a.org/x.png", "data:image/svg+xml;base64,AAAA", f'{uri}" onerror="x', f"{uri}\n", "data:,x"):
        with pytest.raises(ValueError, match="a picture is a data URI"):
            picture(wrong, "x", height=120)
