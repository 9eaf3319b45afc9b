"""Every view, in every tab and with every form open, held to the rules of axe-core: names, roles, contrast, order."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from fake_run import FakeRun, FakeTrace, name, row
from test_panel import answers, launched, open_panel  # noqa: F401 - fixtures

import lmnb
from lmnb.testing import TwoCalls, reply

pytestmark = pytest.mark.browser

LOOKS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "narrow": {"width": 600},
    "at 200 % zoom": {"width": 530, "device_scale_factor": 2},
    "forced colours": {"forced_colors": "active"},
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
    return Sample({"view": "studio", "snapshot": run.snapshot() | changes}, answers(run), ready, clicks)


def studio() -> Sample:
    """A run at work: its tabs, its forms."""
    tabs = [[f"[data-tab={tab}]"] for tab in ("demos", "examples", "traces", "lineage")]
    first = ["[data-tab=prompt]", "[data-action=reject]", "text=Export…", "[aria-label=Keys]"]
    return a_run(FakeRun(), [*tabs, first, ["[data-action=edit]", "[data-action=edit-demo]"], ["text=+ Add"]])


def traces() -> Sample:
    """Three calls, the last of which went wrong."""
    head = {
        "name": "Router",
        "label": "module",
        "seconds": 1.2,
        "tokens": 320,
        "time": "10:11:12",
        "preview": "a ticket",
    }
    heads = [head | {"id": n, "status": status} for n, status in enumerate(("ok", "ok", "error"))]
    tabs = [[f"[data-tab={tab}]"] for tab in ("messages", "response", "request")]
    forms = [["[data-action=rerun]"], ["[data-action=edit-demo]"], ["[data-action=export]"]]
    said = {"trace": FakeTrace().to_dict() | {"live": True}, "heads": {"heads": heads, "first": 0}}
    return Sample({"view": "traces", "traces": heads, "live": True}, said, ".span-pane", [*tabs, *forms])


def editor() -> Sample:
    """A program of two predictors that is edited, with a trial before and after."""
    made = lmnb.edit(TwoCalls(), {"question": "2 + 2?"})
    slot = next(iter(made.slots()))
    with lmnb.context(lm=lmnb.FakeLM(reply)):
        made.try_on()
        made.set(slot, "Think in steps.")
        made.put_demo(slot.rpartition(".")[0], {"question": "1 + 1?"})
        made.try_on()
        prompts = {path: {**vars(one), "before": one.tokens - 1} for path, one in made.prompts().items()}
    clicks = [["[data-action=edit-demo]"], ["[aria-label=Keys]", "[data-action=export]"]]
    said = {"editor": made.to_dict() | {"run": "a run"}, "prompts": prompts}
    return Sample({"view": "editor", "changed": 1}, said, "[data-kind=prompt]", clicks)


def report() -> Sample:
    """Graded rows, one of them failed, beside another report; an open row with its trace."""
    reading = import_module("lmnb_widgets.report").Reading(graded(0.3), graded(0.1))
    known = {
        "rows": reading.rows({"against": reading.against}),
        "row": reading.row({"row": 1, "against": reading.against}),
    }
    traits = {"view": "report", "head": reading.head()}
    return Sample(traits, known, "[data-kind=example]", [["[data-kind=example]"], ["[aria-label=Keys]"]])


def graded(step: float) -> lmnb.Report:
    """Scores from 0 to 1 and a failure, of a program with a trace."""

    def metric(example: Any, prediction: Any, trace: Any = None) -> Any:
        if example.n == 3:
            raise KeyError("team")
        return lmnb.Score(example.n * step % 1, feedback="the tone")

    devset = [lmnb.Example(ticket=f"ticket {n}", n=n, team="A").with_inputs("ticket") for n in range(6)]
    program = lmnb.Predict("ticket -> team", lm=lmnb.FakeLM(lambda messages, **options: {"team": "A"}))
    return lmnb.Evaluate(devset, metric, num_threads=1)(program)


def review(*items: Any, clicks: Sequence[Sequence[str]] = (), done: int = 0) -> Sample:
    queue = lmnb.review(items)
    for _ in range(done):
        queue.answer("keep")
    known = {"snapshot": import_module("lmnb_widgets.review").seen(queue), "trace": FakeTrace().to_dict()}
    return Sample({"view": "review", "changes": queue.changes}, known, "header .state", clicks)


def an_output() -> Sample:
    """An output with its trace; the forms and the sheet of keys."""
    forms = [["[data-action=reject]"], ["[data-action=edit]"], ["text=Trace"], ["[aria-label=Keys]"]]
    return review(*graded(0.3).rows[:2], clicks=forms)


def runs() -> Sample:
    """Two stored runs as the kernel tells them, one of them chosen."""
    rows = [dict.fromkeys(type(lmnb.runs("nowhere")).columns) | {"name": name, "state": "finished"} for name in "ab"]
    whole = {
        "optimizer": "GEPA",
        "program": "Router",
        "candidates": 12,
        "best": 81.5,
        "usd": 0.02,
        "created": "2026-01-02T10:11:12",
    }
    shelf = import_module("lmnb_widgets.runs").Shelf([row | whole for row in rows])
    known = {"rows": shelf.rows({}), "row": shelf.row({"row": "a"})}
    return Sample({"view": "runs", "head": shelf.head()}, known, "[data-kind=run]", [["[data-kind=run]"]])


SAMPLES: dict[str, Callable[[], Sample]] = {
    "studio": studio,
    "traces": traces,
    "editor": editor,
    "report": report,
    "review": an_output,
    "runs": runs,
}
STATES: dict[str, Callable[[], Sample]] = {
    "a run without a candidate": lambda: a_run(FakeRun([]), ready=".pane.empty"),
    "a run that failed": lambda: a_run(FakeRun([row(0, 41.0)], state="failed"), error="LMError: no model answers"),
    "a finished run": lambda: a_run(FakeRun(state="finished")),
    "a run that is only looked at": lambda: a_run(FakeRun(state="paused", live=False)),
    "a dropped candidate": lambda: a_run(FakeRun(), [[f"[data-id='{name(10)}']"]]),
    "a pair": lambda: review(({"team": "A"}, {"team": "B"})),
    "a demo that was kept": lambda: review(lmnb.Example(q="1", a="1"), lmnb.Example(q="2", a="2"), done=1),
    "a finished review": lambda: review(lmnb.Example(q="1", a="1"), done=1),
    "no call": lambda: Sample({"view": "traces", "traces": []}, {}, ".empty"),
    "an answer that does not come": lambda: Sample(
        {"view": "studio", "snapshot": FakeRun().snapshot()}, {}, ".notice.bad"
    ),
}


@pytest.fixture
def violations(open_panel: Any, root: Path) -> Callable[..., list[str]]:  # noqa: F811
    """`violations(sample)`: what axe finds in the view, at first and after each click."""
    axe = root / "widgets" / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.is_file():
        pytest.skip("widgets/node_modules has no axe-core: run `npm ci` in widgets/")
    source = axe.read_text(encoding="utf-8")

    def find(sample: Sample, **options: Any) -> list[str]:
        page = open_panel(sample.traits, sample.said, **options)
        page.wait_for_selector(sample.ready)
        page.evaluate(f"() => {{ {source} }}")
        found: list[str] = []
        for clicks in ((), *sample.clicks):
            for click in clicks:
                page.locator(click).first.click()
            passed, wrong = page.evaluate(LOOK)
            assert passed > 10  # rules that had something to say
            found += [f"after {clicks}: {one}" for one in wrong]
        return found

    return find


def test_every_registered_view_has_a_sample(root: Path) -> None:
    """Who adds a view adds what it is shown with here."""
    index = (root / "widgets" / "src" / "index.tsx").read_text(encoding="utf-8")
    registry = re.search(r"const VIEWS[^{]*\{(.*?)\n\};", index, re.DOTALL)
    assert registry is not None
    assert set(re.findall(r"^  (\w+):", registry[1], re.MULTILINE)) == set(SAMPLES)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("view", SAMPLES)
def test_a_view_has_no_violation(violations: Any, view: str, look: str) -> None:
    """Tabs and forms in the first look, the first sight in the others."""
    sample = SAMPLES[view]()
    if look != "light":
        sample = Sample(sample.traits, sample.said, sample.ready)
    assert violations(sample, **LOOKS[look]) == []


@pytest.mark.parametrize("state", STATES)
def test_no_state_has_a_violation(violations: Any, state: str) -> None:
    """Empty, failed, finished, lost."""
    assert violations(STATES[state]()) == []
