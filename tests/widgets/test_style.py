"""The panels' style: no rule without a use, one width with the static forms, and texts that keep their room."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from test_axe import of
from test_panel import launched, open_panel  # noqa: F401 - fixtures

import lmnb
from lmnb import html

ORIGIN = "bootstrapped from example 123 by a model of a long name"
SPARE = """() => [...document.querySelectorAll("[type=search]")].map((field) => {
    const words = Object.assign(document.createElement("span"), { textContent: field.placeholder });
    field.parentElement.append(words);
    const { paddingLeft, paddingRight } = getComputedStyle(field);
    const spare = field.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight) - words.getBoundingClientRect().width;
    words.remove();
    return spare;
})"""


def sheets(root: Path) -> str:
    found = (root / "widgets" / "src").rglob("*.css")
    return "\n".join(re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL) for path in found)


def program() -> lmnb.Predict:
    one = lmnb.Predict("ticket -> team", lm=lmnb.FakeLM(lambda messages, **options: {"team": "otter"}))
    one.demos = [lmnb.Example(ticket="A parcel came without its label", team="otter").with_origin(ORIGIN)]
    return one


def test_every_class_of_the_style_is_given_by_a_view(root: Path) -> None:
    """A rule whose class no view writes any more goes with it."""
    named = set(re.findall(r"\.([a-z][\w-]*)(?=[^{}]*\{)", sheets(root)))
    assert len(named) > 50
    views = [*(root / "widgets" / "src").rglob("*.ts*"), *(root / "widgets" / "lmnb_widgets").glob("*.py")]
    written = " ".join(
        text for path in views for text in re.findall(r'"[^"\n]*"|`[^`]*`', path.read_text(encoding="utf-8"))
    )
    assert named - set(re.findall(r"[\w-]+", written)) == set()


def test_panels_and_static_forms_are_as_wide_as_each_other(root: Path) -> None:
    """A report that takes the panel's place does not jump."""
    live = re.search(r"\.frame \{[^}]*max-width: (\d+)px", sheets(root))
    static = re.search(r"max-width:(\d+)px", html._BASE)
    assert live and static and live[1] == static[1]


@pytest.mark.browser
def test_a_long_origin_leaves_a_demo_its_width(open_panel: Any) -> None:  # noqa: F811
    """In the editor the fields keep most of the column, beside the origin or under it."""
    about = lmnb.edit(program(), {"ticket": "a ticket"})
    sample = of("editor", about, ".one-demo", editor={}, prompts={"inputs": {"ticket": "a ticket"}, "edits": {}})
    page = open_panel(sample.traits, sample.said)
    page.wait_for_selector(sample.ready)
    for width in (1060, 600):
        page.set_viewport_size({"width": width, "height": 900})
        shares = "one => one.querySelector('dl').clientWidth / one.clientWidth"
        assert page.locator(".one-demo").first.evaluate(shares) > 0.5


@pytest.mark.browser
def test_what_a_filter_is_for_can_be_read(open_panel: Any) -> None:  # noqa: F811
    """Its placeholder fits, that of a list of calls and that of the call beside it."""
    called = [program()(ticket=f"ticket {n}").trace for n in range(2)]
    sample = of("traces", called, ".inside .span-pane", trace={"index": 1}, span={"index": 1, "span": 0})
    page = open_panel(sample.traits, sample.said)
    page.wait_for_selector(sample.ready)
    for width in (1060, 530):
        page.set_viewport_size({"width": width, "height": 900})
        spare = page.evaluate(SPARE)
        assert len(spare) == 2 and min(spare) >= 0
