"""Every view, in every tab and with every form open, held to the rules of axe-core: names, roles, contrast, order."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_run import FakeRun, name, row
from lmnb_widgets.frame import framed
from test_panel import PENDING, answers, asked, launched, open_panel  # noqa: F401 - fixtures

import lmnb
from lmnb.evaluate import exact_match

pytestmark = pytest.mark.browser

DEVSET = [lmnb.Example(ticket=f"ticket {n}", team=("otter", "falcon")[n % 2]).with_inputs("ticket") for n in range(6)]
LOOKS: dict[str, tuple[dict[str, Any], int]] = {  # the media that the page pretends, and its width
    "dark": ({"color_scheme": "dark"}, 1060),
    "forced colours": ({"color_scheme": "light", "forced_colors": "active"}, 1060),
    "narrow": ({"forced_colors": "none"}, 600),
    "at 200 % zoom": ({}, 530),
    "light": ({}, 1060),
}
LOOK = """async () => {
    const { passes, violations } = await axe.run("#place");
    const words = (rule, node) => `${rule.impact} ${rule.id}: ${node.html}: ${node.failureSummary}`;
    return [passes.length, violations.flatMap((rule) => rule.nodes.map((node) => words(rule, node)))];
}"""


@dataclass(frozen=True)
class Sample:
    """What a view is shown with: traits, what the kernel would answer, when it is whole, and what to click before each look."""

    traits: dict[str, Any]
    said: dict[str, Any]
    ready: str
    clicks: Sequence[Sequence[str]] = ()


def a_run(
    run: FakeRun, clicks: Sequence[Sequence[str]] = (), ready: str = ".pane[aria-busy=false]", **changes: Any
) -> Sample:
    snapshot = run.snapshot() | changes
    said = answers(run) | asked(SimpleNamespace(snapshot=lambda: snapshot))
    return Sample({"view": "studio", "snapshot": framed(snapshot)}, said, ready, clicks)


def studio() -> Sample:
    """A run at work: its tabs, its forms."""
    tabs = [[f"[data-tab={tab}]"] for tab in ("demos", "examples", "traces", "lineage")]
    first = ["[data-tab=prompt]", "[data-action=reject]", "text=Export…", "[aria-label=Keys]"]
    return a_run(FakeRun(), [*tabs, first, ["[data-action=edit]", "[data-action=edit-demo]"], ["text=+ Add"]])


def of(view: str, about: Any, ready: str, clicks: Sequence[Sequence[str]] = (), **questions: dict[str, Any]) -> Sample:
    """What the Python half of a view sends and answers."""
    widget = getattr(import_module(f"lmnb_widgets.{view}"), f"{view.capitalize()}Widget")(about)
    traits = {key: value for key, value in widget.get_state().items() if not key.startswith("_") and key != "layout"}
    said = {what: widget.questions[what](widget._about, args) for what, args in questions.items()}
    widget.close()
    return Sample(traits, said, ready, clicks)


def program() -> lmnb.Predict:
    return lmnb.Predict("ticket -> team", lm=lmnb.FakeLM(lambda messages, **options: {"team": "otter"}))


def evaluated() -> lmnb.Report:
    return lmnb.Evaluate(DEVSET, exact_match("team"), num_threads=1)(program())


def traces() -> Sample:
    """Three calls, the last of them looked at."""
    called = [program()(ticket=f"ticket {n}").trace for n in range(3)]
    tabs = [[f"[data-tab={tab}]"] for tab in ("messages", "response", "request")]
    forms = [[f"[data-action={act}]"] for act in ("rerun", "export")]
    asked = {"trace": {"index": 2}, "span": {"index": 2, "span": 0}}
    return of("traces", called, ".span-pane", [*tabs, *forms], **asked)


def report() -> Sample:
    """Rows, then one that is open."""
    asked = {"row": {"row": 1}, "trace": {"row": 1}, "span": {"row": 1, "span": 0}}
    return of("report", evaluated(), "[data-kind=example]", [["[data-kind=example]"]], rows={}, **asked)


def review() -> Sample:
    """The first of three outputs, and why it would be rejected."""
    queue = lmnb.review(list(evaluated())[:3])
    return of("review", queue, "[data-action=reject]", [["[data-action=reject]"]], snapshot={})


def runs() -> Sample:
    """A stored run, chosen."""
    lmnb.LabeledFewShot(k=2, metric=exact_match("team")).compile(program(), trainset=DEVSET, valset=DEVSET)
    stored = lmnb.runs(lmnb.settings.current("run_dir"))
    return of(
        "runs", stored, "[data-kind=run]", [["[data-kind=run]"]], rows={}, row={"row": next(iter(stored))["name"]}
    )


def editor() -> Sample:
    """Texts, demos and the prompt."""
    asked = {"inputs": {"ticket": "a ticket"}, "edits": {}}
    return of(
        "editor", lmnb.edit(program(), {"ticket": "a ticket"}), ".m", [["[data-action=edit]"]], editor={}, prompts=asked
    )


SAMPLES: dict[str, Callable[[], Sample]] = {
    "studio": studio,
    "traces": traces,
    "report": report,
    "review": review,
    "runs": runs,
    "editor": editor,
}
INDEX = Path(__file__).parents[2] / "widgets" / "src" / "index.tsx"
VIEWS = re.findall(r"^  (\w+): \[", INDEX.read_text(encoding="utf-8"), re.MULTILINE)
WAITING = [
    [".queue [data-action=reject]", ".title [data-action=branch]", "[data-action=lock]"],
    [".queue [data-action=edit]", "header [data-action=raise-budget]", "text=Where from"],
]
STATES: dict[str, Callable[[], Sample]] = {
    "a run without a candidate": lambda: a_run(FakeRun([]), ready=".pane.empty"),
    "a run that failed": lambda: a_run(FakeRun([row(0, 41.0)], state="failed"), error="LMError: no model answers"),
    "a finished run": lambda: a_run(FakeRun(state="finished")),
    "a run that is only looked at": lambda: a_run(FakeRun(state="paused", live=False)),
    "a dropped candidate": lambda: a_run(FakeRun(), [[f"[data-id='{name(10)}']"]]),
    "a run that waits": lambda: a_run(FakeRun(state="waiting"), WAITING, pending=PENDING),
    "no call": lambda: Sample({"view": "traces", "traces": []}, {}, ".empty"),
    "an answer that does not come": lambda: Sample(
        {"view": "studio", "snapshot": framed(FakeRun().snapshot())}, {}, ".notice.bad"
    ),
}


@pytest.fixture
def violations(open_panel: Any, root: Path) -> Callable[..., list[str]]:  # noqa: F811
    """`violations(sample, looks)`: what axe finds in the view, in each look and after clicks."""
    axe = root / "widgets" / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.is_file():
        pytest.skip("widgets/node_modules has no axe-core: run `npm ci` in widgets/")
    source = axe.read_text(encoding="utf-8")

    def find(sample: Sample, looks: dict[str, tuple[dict[str, Any], int]]) -> list[str]:
        page = open_panel(sample.traits, sample.said)
        page.wait_for_selector(sample.ready)
        page.evaluate(f"() => {{ {source} }}")
        found: list[str] = []

        def check(when: Any) -> None:
            passed, wrong = page.evaluate(LOOK)
            assert passed > 10  # rules that had something to say
            found.extend(f"{when}: {one}" for one in wrong)

        for look, (media, width) in looks.items():
            page.emulate_media(**media)
            page.set_viewport_size({"width": width, "height": 900})
            check(look)
        for clicks in sample.clicks:
            for click in clicks:
                page.locator(click).first.click()
            check(clicks)
        return found

    return find


def test_every_registered_view_has_a_sample() -> None:
    """Who adds a view adds what it is shown with here."""
    assert {"studio", "traces"} <= set(VIEWS) <= set(SAMPLES)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_has_no_violation(violations: Any, view: str) -> None:
    """The first sight in every look, then its tabs and forms."""
    assert violations(SAMPLES[view](), LOOKS) == []


@pytest.mark.parametrize("state", STATES)
def test_no_state_has_a_violation(violations: Any, state: str) -> None:
    """Empty, failed, finished, lost."""
    assert violations(STATES[state](), {"light": LOOKS["light"]}) == []
