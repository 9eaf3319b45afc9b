"""The bundle in a real browser, with a model that stands for the kernel."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_run import FakeRun, FakeTrace, name, pictured, row
from lmnb_widgets import editor_parts, run_traces, span_pane, wire
from lmnb_widgets.examples import example_page
from lmnb_widgets.frame import framed
from lmnb_widgets.pane import pane
from lmnb_widgets.parts import act, el
from lmnb_widgets.pending import waiting

import lmnb

pytestmark = pytest.mark.browser

SITE = "http://panel.test/"
PAYLOADS = [
    "<script>fired.push(1)</script>",
    "</script><script>fired.push(2)</script>",
    "<img src=x onerror=fired.push(3)>",
    '"><svg onload=fired.push(4)>',
    "</style><script>fired.push(5)</script>",
    "</textarea><img src=x onerror=fired.push(6)>",
    "<iframe srcdoc='<script>parent.fired.push(7)</script>'>",
    "<math><mtext><img src=x onerror=fired.push(8)></mtext></math>",
    "javascript:fired.push(9)",
    "' autofocus onfocus='fired.push(10)",
    "$$\\href{javascript:fired.push(11)}{x}$$ ![x](x)",
    "<meta http-equiv=refresh content='0;url=javascript:fired.push(12)'>",
    "\u001b]8;;javascript:fired.push(13)\u0007x\u202e\u2066\u0000",
]


@pytest.fixture(scope="module")
def launched() -> Iterator[Callable[[str], Any]]:
    api = pytest.importorskip("playwright.sync_api", reason="the panel's tests need playwright")
    with api.sync_playwright() as driver:
        opened: list[Any] = []

        def launch(path: str) -> Any:
            if not opened:
                options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
                opened.append(driver.chromium.launch(executable_path=path, args=options))
            return opened[0]

        yield launch
        for browser in opened:
            browser.close()


def answers(run: FakeRun) -> dict[str, Any]:
    """What the kernel would say to every question; to some, Python itself says it."""
    said: dict[str, Any] = {"pane": lambda args: pane(run, args)}
    for what, answer in run_traces.QUESTIONS.items():
        said[what] = lambda args, answer=answer: answer(run, args)
    said["example-rows"] = lambda a: example_page(run, a["candidate"], a["against"], a["only"], a["offset"])
    said |= asked(run)
    return said


def asked(run: Any) -> dict[str, Any]:
    """What there is to know of each thing that waits."""
    return {f"pending {one['id']}": waiting(run, one["id"]) for one in run.snapshot()["pending"]}


def looked(run: FakeRun) -> dict[str, Any]:
    """The traits of a Studio of that run; `raw` is the run's own snapshot, for `tell`."""
    return {"view": "studio", "raw": run.snapshot(), "snapshot": framed(run.snapshot())}


def looked_at(trace: Any, *filters: str) -> dict[str, Any]:
    """What the kernel would say of a trace, of each of its spans, and to filters."""
    asked = span_pane.looked_at(lambda _, a: trace)
    said = {f"span {one['id']}": asked["span"](None, {"span": one["id"]}) for one in trace.to_dict()["spans"]}
    said |= {f"trace {words}": asked["trace"](None, {"filter": words}) for words in filters}
    return said | {"trace": asked["trace"](None, {})}


@pytest.fixture
def open_panel(launched: Any, chromium: str, root: Path) -> Iterator[Callable[..., Any]]:
    """`open_panel(traits, answers)` draws a panel; what the page logs or asks for fails the test."""
    browser, pages, wrong = launched(chromium), [], []
    bundle = root / "widgets" / "lmnb_widgets" / "static" / "lmnb.js"

    def make(
        traits: Any, said: Any, *, width: int = 1060, draw: str = "render", clock: bool = False, **options: Any
    ) -> Any:
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        if clock:
            page.clock.install()
        pages.append(page)
        page.on("console", lambda one: wrong.append(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda one: wrong.append(str(one)))
        files = {
            SITE: (Path(__file__).parent / "panel.html", "text/html"),
            f"{SITE}lmnb.js": (bundle, "text/javascript"),
        }

        def serve(route: Any) -> None:
            path, kind = files.get(route.request.url, (None, None))
            if path is None:
                wrong.append(f"asked for {route.request.url}")
                route.abort()
            else:
                route.fulfill(body=path.read_text(encoding="utf-8"), content_type=f"{kind}; charset=utf-8")

        page.route("**/*", serve)
        live = {what: one for what, one in said.items() if callable(one)}
        said = {what: one for what, one in said.items() if what not in live}
        page.expose_function("ask", lambda what, args: live[what](args))
        page.goto(SITE)
        page.evaluate(
            """async (given) => {
                const { traits, said, draw, asked } = JSON.parse(given);
                window.asked = asked;
                window.model = makeModel(traits, said);
                const { default: widget } = await import("/lmnb.js");
                if (draw === "render") window.close = widget.render({ model, el: document.getElementById("place") });
                else window.close = widget.initialize({ model });
            }""",
            json.dumps(
                {"traits": traits, "said": said, "draw": draw, "asked": list(live)}
            ),  # as one text: quick, however long
        )
        return page

    yield make
    for page in pages:
        assert page.evaluate("fired") == []
        page.close()
    assert wrong == []


@pytest.fixture
def studio(open_panel: Any) -> Callable[..., Any]:
    """`studio(run)` draws the Studio of a run and waits until it is there."""

    def make(run: FakeRun | None = None, *, said: dict[str, Any] | None = None, deaf: int = 0, **options: Any) -> Any:
        run = run or FakeRun()
        page = open_panel(looked(run) | {"deaf": deaf}, said or answers(run), **options)
        page.wait_for_selector("[data-lmnb=studio]")
        if run.rows and not deaf:
            page.wait_for_selector(".pane[aria-busy=false]")
        return page

    return make


def sent(page: Any, kind: str = "command") -> list[dict[str, Any]]:
    found = page.evaluate("kind => model.sent.filter((one) => one.type === kind)", kind)
    return [{key: value for key, value in one.items() if key not in ("type", "id")} for one in found]


def tell(page: Any, seq: int, since: int, **changes: Any) -> None:
    """A delta of the run: these changes, and what a panel is told of them."""
    run = page.evaluate("changes => (model.traits.raw = { ...model.traits.raw, ...changes })", changes)
    told = {key: value for key, value in framed(run).items() if key in changes or key not in run}
    if "pending" in changes:
        page.evaluate("told => Object.assign(model.answers, told)", asked(SimpleNamespace(snapshot=lambda: run)))
    page.evaluate("message => model.tell(message)", {"type": "delta", "seq": seq, "from": since, "changes": told})


def test_the_studio_shows_state_scores_and_the_best_candidate(studio: Any) -> None:
    """The first look: nothing has to be clicked."""
    page = studio()
    assert page.get_attribute("[data-lmnb=studio]", "data-state") == "running"
    assert page.get_attribute("[data-lmnb=studio]", "data-lm-suppress-shortcuts") == "true"
    assert page.inner_text("header .state") == "Running"
    assert page.inner_text(".pane h3") == "Candidate 12"
    assert page.inner_text("[data-kind=candidate][aria-selected=true] .value") == "84.0"
    assert "dropped: holds demo 31" in page.inner_text(f"[data-id='{name(10)}']")
    assert "#12 · 84.0% ± 7.2" in page.text_content(".curve svg")
    assert page.inner_text(".diff del") == "Route the ticket to a team."


def test_a_form_that_a_key_opens_is_about_the_candidate_that_was_chosen_last(studio: Any) -> None:
    """Also where the kernel has not told of it yet, and the pane still is of the one before."""
    page = studio()
    page.click(".pane h3")
    page.evaluate("model.deaf = 1")  # the question about the next candidate is lost
    page.keyboard.press("ArrowDown")
    page.wait_for_selector(f"[data-id='{name(9)}'][aria-selected=true]")
    page.keyboard.press("i")
    page.wait_for_selector("text=Add to #9")
    page.fill("textarea[data-field]", "Name the team.")
    page.click(".form [data-action=inject]")
    assert sent(page)[0]["args"]["parent"] == name(9)


def test_a_candidate_that_came_meanwhile_can_be_chosen_to_compare_with(studio: Any) -> None:
    """The kernel is asked again when somebody turns to the list, not with every candidate."""
    run = FakeRun()
    page = studio(run)
    run.rows.append(row(len(run.rows), 50.0))
    before = len(sent(page, "get"))
    tell(page, 2, 1, candidates=[run.rows[-1]])
    page.wait_for_selector(f"[data-kind=candidate][data-id='{run.rows[-1]['id']}']")
    assert len(sent(page, "get")) == before
    page.focus(".facts select")
    page.wait_for_selector(f".facts option[value='{run.rows[-1]['id']}']", state="attached")


def test_every_button_says_its_command(studio: Any) -> None:
    """Clicks become commands with their arguments, in order."""
    page = studio()
    for action in ("pause", "step", "stop", "accept"):
        page.click(f"[data-action={action}]")
    page.click("[data-action=keep-demo]")
    page.click("[data-action=reject-demo]")
    page.click("[data-confirm]")
    page.wait_for_selector("[data-confirm]", state="detached")
    page.click("[data-action=edit-demo]")
    page.fill("[data-field=team]", "Access")
    page.click(".form [data-action=edit-demo]")
    page.click("text=Export…")
    page.select_option(".export [data-field=format]", "python")
    page.click(".export [data-action=export]")
    page.wait_for_function("model.sent.filter((one) => one.type === 'command').length === 8")
    assert sent(page) == [
        {"action": "pause", "args": {}},
        {"action": "step", "args": {}},
        {"action": "stop", "args": {}},
        {"action": "accept", "args": {"candidate": name(12)}},
        {"action": "keep-demo", "args": {"demo": "demo00000017"}},
        {"action": "reject-demo", "args": {"demo": "demo00000017"}},
        {"action": "edit-demo", "args": {"demo": "demo00000017", "fields": {"team": "Access"}, "candidate": name(12)}},
        {"action": "export", "args": {"format": "python", "path": "ticket_router"}},
    ]


def test_the_keys_do_what_the_buttons_do(studio: Any) -> None:
    """Accept, reject with a reason by number, pause, step, undo; and no key while somebody types."""
    run = FakeRun()
    run.decided = [{"id": 1, "time": "10:42", "kind": "accept", "text": "accepted #9", "undone": False}]
    page = studio(run)
    page.click(".pane h3")
    for key in ("a", "p", "s", "Backspace", "ArrowDown", "x", "1"):
        page.keyboard.press(key)
        page.wait_for_timeout(40)
    assert sent(page) == [
        {"action": "accept", "args": {"candidate": name(12)}},
        {"action": "pause", "args": {}},
        {"action": "step", "args": {}},
        {"action": "undo", "args": {}},
        {"action": "reject", "args": {"candidate": name(9), "reason": "wrong label"}},
    ]
    page.click("[data-tab=traces]")
    page.wait_for_selector("[data-kind=span]")
    page.fill("input[type=search]", "")
    page.keyboard.type("aps")
    assert len(sent(page)) == 5
    assert page.input_value("input[type=search]") == "aps"


def test_what_somebody_writes_survives_whatever_arrives(studio: Any) -> None:
    """A draft belongs to the person: no delta, new best or look at another candidate loses it."""
    run = FakeRun()
    page = studio(run)
    field = "textarea[data-field='route.predict.instructions']"
    page.click("[data-action=edit]")
    page.fill(field, "my own words")
    better = row(15, 99.0)
    run.rows.append(better)
    tell(
        page,
        2,
        1,
        candidates=[better],
        best=better["id"],
        decisions=[{"id": 1, "time": "1", "kind": "accept", "text": "x", "undone": False}],
    )
    page.wait_for_selector(f"[data-id='{better['id']}']")
    page.wait_for_timeout(100)
    assert page.inner_text(".pane h3") == "Candidate 12"
    assert page.input_value(field) == "my own words"
    assert page.evaluate("document.activeElement.dataset.field") == "route.predict.instructions"
    page.click(f"[data-kind=candidate][data-id='{name(9)}']")
    page.click(f"[data-kind=candidate][data-id='{name(12)}']")
    page.wait_for_selector("h3:text('Candidate 12')")
    page.click("[data-action=edit]")
    assert page.input_value(field) == "my own words"
    page.press(field, "Control+Enter")
    page.wait_for_selector(field, state="detached")
    slot = {"candidate": name(12), "slot": {"route.predict.instructions": "my own words"}}
    assert sent(page) == [{"action": "edit", "args": slot}]


def test_the_best_is_followed_until_somebody_chooses(studio: Any) -> None:
    """The panel moves on with the run, but never away from what a person looks at."""
    page = studio()
    tell(page, 2, 1, best=name(9))
    page.wait_for_function("document.querySelector('.pane h3').textContent === 'Candidate 9'")
    page.click(f"[data-kind=candidate][data-id='{name(7)}']")
    tell(page, 3, 2, best=name(12))
    page.wait_for_timeout(60)
    assert page.inner_text(".pane h3") == "Candidate 7"


def test_a_missing_message_is_noticed_and_asked_for_again(studio: Any) -> None:
    """A gap in the numbers: the panel keeps what it has and asks for the whole."""
    page = studio()
    page.evaluate(
        "paused => { model.traits.snapshot = {...paused, seq: 9} }", framed(FakeRun(state="paused").snapshot())
    )
    tell(page, 9, 7, elapsed=99)
    page.wait_for_selector("[data-lmnb=studio][data-state=paused]")
    assert len(sent(page, "resend")) == 1
    assert page.inner_text("[data-action=resume]").startswith("Resume")


def test_an_error_is_shown_in_the_panel_and_the_button_is_free_again(studio: Any) -> None:
    """No alert: the words stand beside what caused them."""
    page = studio()
    page.evaluate("model.problem = 'RunError: the run has ended; reopen it'")
    page.click("[data-action=accept]")
    page.wait_for_selector(".notice.bad")
    assert "RunError: the run has ended; reopen it" in page.inner_text(".notice.bad")
    assert page.is_enabled("[data-action=accept]")


def test_a_command_in_flight_keeps_its_button_busy(studio: Any) -> None:
    """A second click is not a second command."""
    page = studio()
    page.evaluate("model.hold = true")
    page.click("[data-action=accept]")
    assert page.get_attribute("[data-action=accept]", "aria-busy") == "true"
    page.click("[data-action=accept]", force=True)
    page.evaluate("model.waiting.forEach((one) => model.reply(one))")
    page.wait_for_selector("[data-action=accept]:not([aria-busy])")
    assert page.evaluate("new Set(model.sent.filter((one) => one.type === 'command').map((one) => one.id)).size") == 1


def test_messages_that_are_lost_at_the_start_are_said_again(studio: Any) -> None:
    """After a page load the kernel does not hear at once: the panel greets it again and asks again, with the same ids."""
    page = studio(deaf=2, clock=True)
    page.wait_for_function("model.sent.length >= 2")
    page.clock.run_for(2_500)
    page.wait_for_selector(".pane[aria-busy=false]")
    ids = page.evaluate("model.sent.map((one) => `${one.type} ${one.id}`)")
    assert ids[:2] == ids[2:4]
    assert [one.split()[0] for one in ids[:2]] == ["hello", "get"]


def test_edit_is_not_lost_while_the_candidate_is_on_its_way(studio: Any) -> None:
    """The key is about the candidate that was chosen, and its form opens as soon as that is there; a click is about what one sees."""
    page = studio(clock=True)
    page.evaluate("model.deaf = 2")
    page.click(f"[data-kind=candidate][data-id='{name(9)}']")
    page.keyboard.press("e")
    assert page.locator(".pane textarea").count() == 0
    page.clock.run_for(2_500)
    page.wait_for_selector(".pane textarea")
    assert page.inner_text(".pane h3") == "Candidate 9"
    page.evaluate("model.deaf = 1")
    page.click(f"[data-kind=candidate][data-id='{name(7)}']")
    page.click(".actions [data-action=edit]")
    page.wait_for_selector(f".pane form [data-action=edit][data-id='{name(9)}']")
    page.wait_for_selector(f".cand.sel[data-id='{name(9)}']")


def test_a_kernel_that_never_answers_is_reported(studio: Any) -> None:
    """Some repeats of one request, then words in the panel and a free button."""
    page = studio(clock=True)
    page.evaluate("model.deaf = 1e9")
    page.click("[data-action=accept]")
    page.clock.run_for(61_000)
    page.wait_for_selector(".notice.bad")
    assert "the kernel does not answer" in page.inner_text(".notice.bad")
    assert page.is_enabled("[data-action=accept]")
    assert sent(page) == [{"action": "accept", "args": {"candidate": name(12)}}] * 5
    assert page.evaluate("new Set(model.sent.filter((one) => one.type === 'command').map((one) => one.id)).size") == 1


@pytest.mark.parametrize("distance", [1, 2, 4])
def test_the_words_beside_your_edit_leave_the_bests_free(studio: Any, distance: int) -> None:
    """The best at the right edge, whose words run to the left, and an edit close before it with nearly its score."""
    rows = [row(n, 40.0 + n) for n in range(20)]
    rows[19 - distance] |= {"human": True, "origin": "human", "score": 58.9}
    page = studio(FakeRun([*rows], state="finished"))
    best, edit = (page.locator(f"svg text.{look}").bounding_box() for look in ("best", "edit-mark"))
    apart = best["x"] >= edit["x"] + edit["width"] or edit["x"] >= best["x"] + best["width"]
    assert apart or best["y"] >= edit["y"] + edit["height"] or edit["y"] >= best["y"] + best["height"]


def test_kept_demos_and_dropped_candidates_are_undone_by_their_own_decision(studio: Any) -> None:
    """Undo beside a thing takes back the decision about that thing."""
    run = FakeRun()
    run.change_row(7, status="dropped", reason="rejected")
    done = [
        ("reject-demo", {"demo": {"id": "demo00000031"}}),
        ("keep-demo", {"demo": {"id": "demo00000022"}}),
        ("reject", {"candidate": name(7)}),
        ("reject", {"candidate": name(6)}),
    ]
    run.decided = [
        {"id": n, "time": "1", "kind": kind, "text": kind, "undone": False, "data": about}
        for n, (kind, about) in enumerate(done)
    ]
    page = studio(run)
    page.click("[data-kind=demo] [data-action=undo]")
    for number in (10, 7):
        page.click(f"[data-kind=candidate][data-id='{name(number)}']")
        page.click(f".notice [data-action=undo][data-id='{name(number)}']")
    assert sent(page) == [{"action": "undo", "args": {"decision": n}} for n in (1, 0, 2)]


def test_a_click_on_an_example_opens_its_trace(studio: Any) -> None:
    """From the matrix to the reason; and what is good there is kept as a demo."""
    page = studio()
    page.click("[data-tab=examples]")
    page.click("[data-kind=example][data-id='3']")
    page.wait_for_selector("[data-kind=span]")
    asked = {"candidate": name(12), "example": 3, "live": True, "parent": name(12)}
    page.wait_for_selector(".span-pane")
    questions = [one["args"] for one in sent(page, "get") if one["what"] in ("trace", "span")]
    assert questions == [asked | {"filter": ""}, asked | {"span": 1}]
    page.click("[data-action=keep-as-demo]")
    assert sent(page)[0]["action"] == "keep-as-demo" and sent(page)[0]["args"]["span"] == 1


def test_ten_thousand_candidates_stay_few_elements(studio: Any) -> None:
    """The list holds the rows in sight, also after deltas; how fast they are drawn is printed by `tests/bench/studio.py`."""
    run = FakeRun([row(number, 40 + number % 50) for number in range(10_000)])
    page = studio(run)
    assert page.locator("[data-kind=candidate]").count() < 40
    page.evaluate(
        """() => {
            const rows = model.traits.snapshot.candidates;
            for (let n = 1; n <= 10; n++) {
                model.tell({ type: "delta", from: n, seq: n + 1, changes: { candidates: [{ ...rows[n], score: 99 }] } });
            }
        }"""
    )
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-kind=candidate]')].some((row) => row.innerText.includes('99.0'))"
    )
    assert page.locator("[data-kind=candidate]").count() < 40


def test_a_run_with_more_rows_than_a_snapshot_holds_is_completed_by_pages(open_panel: Any) -> None:
    """The panel asks for what is missing."""
    run = FakeRun([row(number, 50.0) for number in range(1_500)])
    snapshot = run.snapshot()
    said = {
        "candidates": {"total": 1_500, "rows": snapshot["candidates"][1_000:]},
        "pane": lambda args: pane(run, args),
    }
    page = open_panel(
        {
            "view": "studio",
            "snapshot": snapshot | {"candidates": snapshot["candidates"][:1_000], "candidates_total": 1_500},
        },
        said,
    )
    page.wait_for_selector("[aria-setsize='1500']")
    assert [one["args"] for one in sent(page, "get") if one["what"] == "candidates"] == [
        {"offset": 1000, "limit": 1000}
    ]


@pytest.mark.parametrize("state", ["paused", "stopping", "stopped", "finished", "failed"])
def test_each_state_offers_what_can_be_done(studio: Any, state: str) -> None:
    """Nothing that the run would refuse."""
    page = studio(FakeRun(state=state))
    offered = {
        "paused": {"resume", "step", "stop", "cancel", "raise-budget"},
        "stopping": {"pause", "step", "cancel", "raise-budget"},
        "stopped": {"resume", "raise-budget"},
        "finished": set(),
        "failed": {"resume", "raise-budget"},
    }
    offered = {one: {*actions, "export"} for one, actions in offered.items()}
    found = page.eval_on_selector_all("header [data-action]", "all => all.map((one) => one.dataset.action)")
    assert set(found) == offered[state]
    if state == "stopping":
        assert page.is_disabled("[data-action=pause]")


PENDING = [
    {"kind": "proposal", "id": "p1", "label": "a proposal for route", "slot": "route", "values": {"rule": "Be short."}},
    {"kind": "demo", "id": "d1", "label": "demo 7 for route", "slot": "route", "values": {"ticket": "No", "team": "A"}},
]


def test_what_waits_is_answered_one_at_a_time_by_mouse_and_by_keyboard(studio: Any) -> None:
    """The keys are about what waits, not about the chosen candidate; the seconds that are left are told, or that they are held."""
    run = FakeRun(state="waiting")
    run.pending, run.review = PENDING, {"timeout": 60.0, "left": 42.0}
    page = studio(run)
    queue = page.locator("[data-kind=pending]")
    assert "Proposal 1 of 2 waits for your answer" in queue.inner_text()
    assert "goes on by itself in 42 s" in queue.inner_text()
    page.locator("header .what").click()
    page.keyboard.press(" ")
    page.wait_for_selector("[data-kind=pending][data-id=d1]")
    page.keyboard.press("e")
    page.locator(".queue [data-field=team]").fill("B")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("[data-kind=pending][data-id=p1]")
    assert "1 of 1" in queue.inner_text(), "what was answered is not asked about again"
    queue.locator("[data-action=reject]").click()
    page.keyboard.press("2")
    queue.wait_for(state="detached")
    tell(page, 2, 1, pending=[PENDING[0] | {"id": "p2"}, PENDING[0] | {"id": "p3"}])
    queue.locator("[data-action=skip]").click()
    page.wait_for_selector("[data-kind=pending][data-id=p3]")
    page.keyboard.press("a")
    page.wait_for_function("model.sent.filter((one) => one.type === 'command').length === 3")
    assert sent(page) == [
        {"action": "edit-demo", "args": {"demo": "d1", "fields": {"team": "B"}}},
        {"action": "reject", "args": {"candidate": "p1", "reason": "wrong answer"}},
        {"action": "accept", "args": {"candidate": "p3"}},
    ]
    tell(page, 3, 2, review={"timeout": 60.0, "left": None}, held=True)
    page.wait_for_function("document.querySelector('.queue').innerText.includes('the countdown is held')")
    tell(page, 4, 3, pending=[], state="running")
    queue.wait_for(state="detached")


def test_slots_are_pinned_and_spans_locked(studio: Any) -> None:
    """Words that are selected in the prompt are locked at once, without those that are struck out; else they are typed."""
    page = studio()
    slot = "route.predict.instructions"
    lock = page.locator(f"[data-action=lock][data-id='{slot}']")
    page.locator(".words ins").first.dblclick(position={"x": 10, "y": 8})
    words = page.evaluate("String(getSelection()).trim()")
    lock.click()
    page.wait_for_function("model.sent.some((one) => one.action === 'lock')")
    page.evaluate("getSelection().removeAllRanges()")
    page.wait_for_selector("[data-action=lock]:not([aria-busy])")
    lock.click()
    page.locator(".pane form [data-field=text]").fill("the one team")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".pane form", state="detached")
    page.click(f"[data-action=pin][data-id='{slot}']")
    page.click("[data-action=pin][data-id='route.predict.demos']")
    page.wait_for_function("model.sent.filter((one) => one.type === 'command').length === 4")
    assert words and sent(page) == [
        {"action": "lock", "args": {"slot": slot, "text": words}},
        {"action": "lock", "args": {"slot": slot, "text": "the one team"}},
        {"action": "pin", "args": {"slot": slot, "candidate": name(12)}},
        {"action": "pin", "args": {"slot": "route.predict.demos", "candidate": name(12)}},
    ]


def test_what_is_pinned_and_locked_is_shown_and_given_free(studio: Any) -> None:
    """Each span has its own button."""
    run = FakeRun()
    run.fixed = {"locked": ["one team", "today"], "pinned": ["instructions"]}
    page = studio(run)
    page.click("[data-kind=lock][data-id=today] [data-action=unlock]")
    page.click("[data-action=unpin]")
    page.wait_for_function("model.sent.filter((one) => one.type === 'command').length === 2")
    slot = "route.predict.instructions"
    assert sent(page) == [
        {"action": "unlock", "args": {"slot": slot, "text": "today"}},
        {"action": "unpin", "args": {"slot": slot}},
    ]


def test_the_budget_is_raised_and_a_branch_begun(studio: Any) -> None:
    """A click on a limit opens the form; only what was changed is sent; a branch begins with the limits that it is given."""
    page = studio()
    page.locator("header [data-action=raise-budget]").first.click()
    page.locator(".export [data-field=usd]").fill("3.5")
    page.click(".export button[type=submit]")
    page.wait_for_selector(".export", state="detached")
    page.keyboard.press("b")
    page.locator(".pane form select").select_option(name(12))
    page.locator(".pane [data-field=calls]").fill("500")
    page.locator(".pane form [type=checkbox]").check()
    page.click(".pane form [data-action=branch]")
    page.wait_for_function("model.sent.filter((one) => one.type === 'command').length === 2")
    assert sent(page) == [
        {"action": "raise-budget", "args": {"usd": 3.5}},
        {"action": "branch", "args": {"at": name(12), "budget": {"calls": 500}, "paused": True}},
    ]


def test_a_budget_that_nobody_changed_says_what_is_missing(studio: Any) -> None:
    """Enter asks the run, which says so beside the form; the words go with the first letter, and with the form."""
    page = studio()
    page.locator("header [data-action=raise-budget]").first.click()
    page.wait_for_selector(".export [data-field=calls]:focus")
    page.evaluate("model.problem = 'InputError: name the limit to raise'")
    page.keyboard.press("Enter")
    page.get_by_text("name the limit to raise").wait_for()
    page.keyboard.type("1")
    page.get_by_text("name the limit to raise").wait_for(state="detached")
    page.keyboard.press("Enter")
    page.get_by_text("name the limit to raise").wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("name the limit to raise").wait_for(state="detached")
    assert [one["args"] for one in sent(page)] == [{}, {"calls": 30001}]


def test_a_candidate_is_shown_against_any_other(studio: Any) -> None:
    """Prompt, gain and examples are asked for anew; whoever is chosen stays with the next candidate."""
    page = studio()
    page.get_by_label("against").select_option(name(9))
    page.wait_for_function(
        "id => model.sent.some((one) => one.what === 'pane' && one.args.against === id)", arg=name(9)
    )
    page.locator(".diff-head", has_text="#9").first.wait_for()
    page.click("[data-tab=examples]")
    page.wait_for_function(
        "id => model.sent.some((one) => one.what === 'example-rows' && one.args.against === id)", arg=name(9)
    )
    page.click(f"[data-kind=candidate][data-id='{name(7)}']")
    page.wait_for_function(
        "id => model.sent.some((one) => one.what === 'pane' && one.args.candidate === id && one.args.against)",
        arg=name(7),
    )


def test_all_candidates_are_a_tree_and_by_the_heads_a_table(studio: Any) -> None:
    """Each below its parent; a click on a head sorts; Enter on a row chooses it."""
    page = studio()
    page.click("[data-tab=lineage]")
    rows = page.locator(".kin [data-kind=candidate]")
    rows.first.wait_for()
    ids = "all => all.map((one) => one.dataset.id)"
    assert rows.evaluate_all(ids)[:2] == [name(0), name(1)]
    drawn = rows.evaluate_all(ids)
    assert drawn.index(name(12)) == drawn.index(name(9)) + 1 == drawn.index(name(7)) + 2
    page.click("[data-sort=score]")
    page.click("[data-sort=score]")
    assert rows.first.get_attribute("data-id") == name(12)
    page.get_by_role("button", name="This one and its ancestors").click()
    assert rows.count() == 4
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_function("id => document.activeElement.dataset.id === id", arg=name(9))
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.pane h3').innerText === 'Candidate 9'")


def test_the_prompt_says_who_wrote_each_sentence(studio: Any) -> None:
    """Asked for only when it is wanted."""
    page = studio()
    assert not [one for one in sent(page, "get") if one["args"].get("where")]
    page.get_by_role("button", name="Where from").click()
    page.wait_for_selector("[data-kind=origin]")
    assert "as the program was given" in page.inner_text("[data-kind=origin] >> nth=1")


def test_a_run_to_look_at_has_no_controls(studio: Any) -> None:
    """Reopened without its code: everything can be seen, nothing changed; its program can be saved."""
    page = studio(FakeRun(state="finished", live=False))
    assert "view only" in page.inner_text("header")
    found = page.locator("[data-action]:not(footer *)").evaluate_all("all => all.map((one) => one.dataset.action)")
    assert found == ["export"]


def test_a_run_without_candidates_says_what_happens(studio: Any) -> None:
    """The first seconds of every run."""
    page = studio(FakeRun([]))
    assert "The first candidate is being made." in page.inner_text("[data-lmnb=studio]")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_theme_is_the_notebooks_else_the_systems(studio: Any, scheme: str) -> None:
    """JupyterLab's word counts more."""
    page = studio(color_scheme=scheme)
    assert page.get_attribute("[data-lmnb=studio]", "data-theme") == scheme
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    page.wait_for_selector("[data-lmnb=studio][data-theme=dark]")
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    page.wait_for_selector("[data-lmnb=studio][data-theme=light]")


@pytest.mark.parametrize("width", [420, 600, 800, 1060])
def test_nothing_is_wider_than_the_panel(studio: Any, width: int) -> None:
    """Narrow cells stack the columns; no tab pushes the panel out."""
    page = studio(width=width)
    for tab in ("prompt", "demos", "examples", "traces", "lineage"):
        page.click(f"[data-tab={tab}]")
        page.wait_for_timeout(60)
        over = page.evaluate(
            "() => [...document.querySelectorAll('.frame, .frame .cols, .pane, .pane .body')]"
            ".filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.className)"
        )
        assert over == [], tab
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def poisoned(value: Any, text: str, key: str = "") -> Any:
    """The value with `text` for every text that is not a name the protocol relies on, and for the names of fields."""
    if isinstance(value, dict):
        free = key in {"fields", "inputs", "outputs", "labels"}
        return {text if free else name_: poisoned(inner, text, name_) for name_, inner in value.items()}
    if isinstance(value, list):
        return [poisoned(one, text, key) for one in value]
    fixed = {"id", "slot", "status", "kind", "change", "cache", "origin", "parents", "path"}
    return text if isinstance(value, str) and key not in fixed else value


class Poisoned(FakeRun):
    """What it tells of a candidate is hostile."""

    def detail(self, candidate: str, against: str | None = None) -> dict[str, Any]:
        return poisoned(super().detail(candidate, against), " ".join(PAYLOADS))

    def examples(self, *args: Any, **options: Any) -> dict[str, Any]:
        return poisoned(super().examples(*args, **options), " ".join(PAYLOADS))

    def provenance(self, candidate: str) -> Any:
        told = poisoned(super().provenance(candidate).to_dicts(), " ".join(PAYLOADS))
        return SimpleNamespace(to_dicts=lambda: told)


def test_hostile_texts_stay_texts(studio: Any) -> None:
    """Every place that shows a text of a model, a data set or a person, with every payload."""
    text = " ".join(PAYLOADS)
    labels: list[dict[str, Any]] = [{"origin": "baseline"}, {"status": "dropped", "reason": text}, {"human": True}]
    run = Poisoned([row(n, 41.0, **({"label": text} | more)) for n, more in enumerate(labels)])
    run.decided = [{"id": 1, "time": text, "kind": "accept", "text": text, "undone": False}]
    trace = looked_at(FakeTrace(data=poisoned(pictured("TicketRouter"), text)))
    page = studio(run, said=poisoned(answers(run), text) | trace)
    tell(page, 2, 1, error=text, optimizer=text, program=text, progress={"label": text, "done": 1, "total": 2})
    waits = {"kind": text, "id": text, "label": text, "slot": text, "values": {text: text}}
    tell(page, 3, 2, pending=[waits, waits | {"id": "2"}], state="waiting")
    page.wait_for_selector(".queue dd")
    page.get_by_role("button", name="Where from").click()
    page.wait_for_selector("[data-kind=origin]")
    for tab in ("prompt", "demos", "examples", "lineage", "traces"):
        page.click(f"[data-tab={tab}]")
        page.wait_for_timeout(80)
    for tab in ("messages", "response", "request"):
        page.click(f"[data-tab={tab}]")
    page.click("text=Decisions")
    page.evaluate("text => { model.problem = text }", text)
    page.click("[data-action=pause]")
    page.wait_for_selector(".notice.bad")
    shown = page.inner_text("[data-lmnb=studio]")
    assert "<script>fired.push(1)</script>" in shown
    assert "⟨U+202E⟩" in shown
    assert not {"\u202e", "\u2066", "\u001b"} & set(shown)
    made = "script, img, iframe, a, math, meta, svg svg"
    assert page.locator(", ".join(f"[data-lmnb] {tag}" for tag in made.split(", "))).count() == 0


def test_the_trace_viewer_shows_the_tree_and_the_chosen_span(open_panel: Any) -> None:
    """The design's picture."""
    heads = [
        {
            "id": 0,
            "name": "MultiHop",
            "label": "",
            "took": "1.80 s",
            "tokens": 1,
            "time": None,
            "status": "ok",
            "preview": "",
        }
    ]
    page = open_panel({"view": "traces", "traces": heads}, looked_at(FakeTrace(), "did not parse"))
    page.wait_for_selector("[data-lmnb=traces] .span-pane")
    assert (
        page.inner_text(".trace-head .muted") == "1.84 s · 4 LM calls, 1 repaired · 1 cached · 2,911 tokens · $0.0021"
    )
    assert "LM · did not parse" in page.inner_text("[data-kind=span][data-status=unparsed]")
    assert page.locator("[data-action=keep-as-demo]").count() == 0
    page.click("[data-kind=span][data-id='6']")
    page.get_by_role("heading", name="hops[1].query → openai/gpt-5-mini").wait_for()
    page.click("[data-tab=messages]")
    assert page.locator(".span-pane dd").count() == 6
    page.click("[data-kind=span][data-id='4'] .fold")
    assert page.locator("[data-kind=span]").count() == 8
    page.fill("input[type=search]", "did not parse")
    page.wait_for_function("() => document.querySelectorAll('[data-kind=span]').length === 3")


def test_a_history_is_a_list_with_the_newest_first(open_panel: Any) -> None:
    """One click a call; each is fetched when it is looked at."""
    head = {
        "name": "m",
        "label": "LM",
        "took": "1.00 s",
        "tokens": 10,
        "time": "10:00:00",
        "status": "ok",
        "preview": "p",
    }
    data = pictured("a call")
    data["spans"] = [data["spans"][6] | {"id": 0, "parent": None, "depth": 0}]
    heads = [head | {"id": n, "preview": f"call {n}"} for n in range(30)]
    page = open_panel({"view": "traces", "traces": heads}, looked_at(FakeTrace(data=data)))
    page.wait_for_selector(".span-pane")
    assert page.inner_text("[data-kind=trace][aria-selected=true] .how >> nth=0") == "call 29"
    page.click("[data-kind=trace][data-id='27']")
    page.wait_for_timeout(50)
    assert [one["args"] for one in sent(page, "get") if one["what"] == "trace"] == [
        {"index": 29, "filter": ""},
        {"index": 27, "filter": ""},
    ]


def test_a_model_with_a_place_draws_itself_over_the_static_form(open_panel: Any) -> None:
    """Also when the output appears later, is drawn anew, and goes; and the static form comes back at the end."""
    run = FakeRun(state="finished")
    page = open_panel({"view": "studio", "snapshot": run.snapshot(), "mount": "abc"}, answers(run), draw="initialize")
    place = "document.getElementById('place')"
    for _ in range(2):
        page.evaluate(
            f"""() => {{
                const output = document.createElement("div"), still = document.createElement("p");
                output.className = "lmnb-mount-abc";
                still.textContent = "the report";
                output.append(still);
                {place}.replaceChildren(output);
            }}"""
        )
        page.wait_for_selector("[data-lmnb=studio] .pane[aria-busy=false]")
        assert page.is_hidden("text=the report")
        page.click("[data-tab=lineage]")
    assert page.get_attribute("[data-tab=lineage]", "aria-selected") == "true"
    page.evaluate("close()")
    assert page.locator("[data-lmnb]").count() == 0
    assert page.is_visible("text=the report")


PLACE = """() => {
    const output = document.createElement("div");
    output.className = "lmnb-mount-abc";
    output.textContent = "as it was when it was shown";
    document.getElementById("place").replaceChildren(output);
}"""
SHOWN = {"output_type": "display_data", "metadata": {}, "data": {"text/html": '<div class="lmnb-mount-abc">then</div>'}}
OTHER = {"output_type": "stream", "name": "stdout", "text": "lmnb-mount-abc"}
REPORT = {"text/html": "the report", "text/plain": "Run(finished)"}
END = "report => { model.traits.report = report; model.emit('change:report'); }"


@pytest.fixture
def mounted(open_panel: Any) -> Callable[..., Any]:
    """`mounted(**traits)` draws the Studio of a run in progress into its place."""

    def make(**traits: Any) -> Any:
        run = FakeRun()
        page = open_panel(
            {"view": "studio", "snapshot": run.snapshot(), "mount": "abc", "report": {}, **traits},
            answers(run),
            draw="initialize",
        )
        page.evaluate(PLACE)
        page.wait_for_selector("[data-lmnb=studio] .pane[aria-busy=false]")
        return page

    return make


def test_the_report_is_put_into_a_notebook_that_did_not_get_it(mounted: Any) -> None:
    """JupyterLab forgot the display id: the output that still is the panel's place becomes the report, and no other."""
    page = mounted(outputs=[OTHER, SHOWN])
    page.evaluate(END, REPORT)
    assert page.evaluate("model.traits.outputs") == [OTHER, SHOWN | {"data": REPORT}]
    assert sent(page, "gone") == [{}]


def test_a_report_that_was_waiting_is_put_into_the_notebook_that_is_opened(open_panel: Any) -> None:
    """The run ended while no page was there."""
    traits = {"view": "studio", "snapshot": FakeRun(state="finished").snapshot(), "mount": "abc"}
    page = open_panel(traits | {"report": REPORT, "outputs": [SHOWN]}, {}, draw="initialize")
    assert page.evaluate("model.traits.outputs") == [SHOWN | {"data": REPORT}]
    assert sent(page, "gone") == [{}]


def test_a_report_that_stays_a_place_keeps_its_panel(mounted: Any) -> None:
    """A panel over a run that had ended already: the notebook follows its decisions, the panel stays."""
    report = REPORT | {"text/html": '<div class="lmnb-mount-abc">decided</div>'}
    page = mounted(outputs=[SHOWN])
    page.evaluate(END, report)
    assert page.evaluate("model.traits.outputs") == [SHOWN | {"data": report}]
    assert sent(page, "gone") == []


def test_where_no_notebook_is_known_a_panel_stays_over_the_old_report(mounted: Any) -> None:
    """Else the reader would look at a run in progress that has ended; a report that did arrive ends the panel."""
    page = mounted()
    page.evaluate(END, REPORT)
    assert sent(page, "gone") == []
    assert page.is_visible("[data-lmnb=studio]")
    page.evaluate("document.getElementById('place').textContent = 'the report'")
    page.wait_for_function("model.sent.some((one) => one.type === 'bye')")
    page.evaluate(END, REPORT)
    assert sent(page, "gone") == [{}]


def test_another_notebook_of_the_same_kernel_ends_no_panel(open_panel: Any) -> None:
    """It does not hold the output, so it cannot bring it to its report: the panel stays where its place is."""
    traits = {"view": "studio", "snapshot": FakeRun().snapshot(), "mount": "abc", "report": {}, "outputs": [OTHER]}
    page = open_panel(traits, {}, draw="initialize")
    page.evaluate(END, REPORT)
    assert sent(page, "gone") == []
    page.evaluate(PLACE)
    page.wait_for_selector("[data-lmnb=studio]")
    page.evaluate(END, REPORT)
    page.evaluate(END, REPORT | {"text/html": '<div class="lmnb-mount-abc">decided</div>'})
    assert sent(page, "gone") == []
    assert page.is_visible("[data-lmnb=studio]")


def test_a_report_that_came_before_its_panel_ends_it(open_panel: Any) -> None:
    """A run so quick that the output was its report before the model appeared: the kernel keeps nothing open for it."""
    arrived = SHOWN | {"data": REPORT}
    traits = {"view": "studio", "snapshot": FakeRun(state="finished").snapshot(), "mount": "abc"}
    page = open_panel(traits | {"report": REPORT, "outputs": [arrived]}, {}, draw="initialize")
    assert sent(page, "gone") == [{}]


def test_a_report_for_a_dead_kernel_breaks_nothing(mounted: Any) -> None:
    """The notebook gets it, and nobody is told."""
    page = mounted(outputs=[SHOWN])
    page.evaluate("void (model.send = () => { throw new Error('Kernel is dead') })")
    page.evaluate(END, REPORT)
    assert page.evaluate("model.traits.outputs") == [SHOWN | {"data": REPORT}]


def test_a_report_below_its_panel_is_not_in_the_page(mounted: Any) -> None:
    """Both wear the same handles: scripts and tests find the live one only."""
    page = mounted()
    assert "as it was" not in page.text_content("#place")
    assert page.locator("[data-lmnb=studio]").count() == 1


def test_a_view_taken_away_says_good_bye(studio: Any) -> None:
    """So that the kernel stops sending."""
    page = studio()
    page.evaluate("close()")
    assert [one["type"] for one in json.loads(page.evaluate("JSON.stringify(model.sent)"))][-1] == "bye"
    assert page.locator("[data-lmnb]").count() == 0


def test_a_form_saves_what_stands_in_it_as_given(open_panel: Any) -> None:
    """A name of a file is sent also where nobody changed it; of the fields only those that were; a text that came cut stays as it is."""
    program = lmnb.Predict("ticket -> team", lm=lmnb.FakeLM([{"team": "A"}]))
    program.demos = [lmnb.Example(ticket=(text := "Guess. " * 60_000), team="A")]
    edited = lmnb.edit(program, {"ticket": text})
    edited.set("self.instructions", text)
    asked = {"inputs": {}, "edits": {}}
    said = {"editor": wire.fit(editor_parts.seen(edited)), "prompts": wire.fit(editor_parts.prompts(edited, asked))}
    page = open_panel({"view": "editor", "changed": 0}, said)
    page.click("header [data-action=export]")
    page.click(".form [data-action=export]")
    page.click("[data-kind=demo] [data-action=edit-demo]")
    page.locator("[data-kind=demo] [data-field=team]").fill("B")
    page.click(".form [data-action=edit-demo]")
    page.click("form [data-action=rerun]")
    assert [one["args"] for one in sent(page)] == [
        {"path": "Predict.json"},
        {"path": "self", "at": 0, "fields": {"team": "B"}},
        {"inputs": {}},
    ]
    assert page.locator("textarea[readonly]").count() == 2


@pytest.fixture
def editor(open_panel: Any) -> Any:
    """An editor with an edit and a run, so that all its buttons can be pressed."""
    program = lmnb.Predict("ticket -> team", lm=lmnb.FakeLM([{"team": "A"}]))
    edited = lmnb.edit(program, {"ticket": "No"})
    edited.set("self.instructions", "Guess.")
    asked = {"inputs": {}, "edits": {}}
    said = {"editor": editor_parts.seen(edited), "prompts": editor_parts.prompts(edited, asked)}
    return open_panel({"view": "editor", "changed": 0}, said)


AT_THE_VERY_MOMENT = """selector => {
    document.querySelector("[data-lmnb]").focus();
    document.querySelector(selector).click();
}"""


@pytest.mark.parametrize(
    ("selector", "action"),
    [
        ("form [data-action=rerun]", "rerun"),
        ("header [data-action=accept]", "accept"),
        ("header [data-action=undo]", "undo"),
    ],
)
def test_a_click_comes_after_the_text_that_it_leaves(editor: Any, selector: str, action: str) -> None:
    """The browser may carry the click out before what waits for its turn; the text is saved first, once, and else nothing is done."""
    page = editor
    page.locator("[data-slot='self.instructions']").fill("Name the team.")
    page.evaluate("model.problem = 'no such text'")
    page.evaluate(AT_THE_VERY_MOMENT, selector)
    page.wait_for_selector(".notice:has-text('no such text')")
    page.wait_for_function("document.querySelector('[aria-busy=true]') === null")
    assert [one["action"] for one in sent(page)] == ["edit"]
    page.evaluate("model.problem = null; model.hold = true; model.sent.length = 0")
    page.locator("[data-slot='self.instructions']").fill("Name one team.")
    page.evaluate(AT_THE_VERY_MOMENT, selector)
    page.wait_for_function("model.waiting.length")
    page.wait_for_timeout(50)
    assert [one["action"] for one in sent(page)] == ["edit"]
    page.evaluate("model.hold = false; model.waiting.forEach((one) => model.reply(one))")
    page.wait_for_function("model.sent.filter((one) => one.type === 'command').length > 1")
    page.wait_for_function("document.querySelector('[aria-busy=true]') === null")
    first, last, *more = sent(page)
    assert first == {"action": "edit", "args": {"slot": "self.instructions", "text": "Name one team."}}
    assert (last["action"], more) == (action, [])


@pytest.mark.parametrize("view", ["studio", "traces"])
def test_a_list_has_the_focus_its_name_and_what_is_chosen_in_it(open_panel: Any, view: str) -> None:
    """What has the focus is the list itself, once in the order of Tab, and names a row of its own, not that of another panel."""
    run = FakeRun()
    heads = [
        {"id": n, "name": "Predict", "label": "LM", "took": "1.00 s", "tokens": 2, "status": "ok"} for n in range(3)
    ]
    traits = {"view": view, "snapshot": run.snapshot(), "traces": heads}
    page = open_panel(traits, answers(run) if view == "studio" else looked_at(FakeTrace("TicketRouter")), width=1060)
    page.evaluate("""async () => {
        const { default: widget } = await import("/lmnb.js");
        widget.render({ model, el: document.body.appendChild(document.createElement("div")) });
    }""")
    lists = page.locator(":is([role=listbox], [role=tree])[aria-label][aria-activedescendant]")
    every = 2 if view == "studio" else 4  # of calls, and of the spans of one
    page.wait_for_function(f"() => document.querySelectorAll('[aria-activedescendant]').length === {every}")
    for one in lists.all():
        one.focus()
        assert one.evaluate(
            "list => list === document.activeElement && list.parentElement.closest('[tabindex=\"0\"]') === null"
        )
        assert one.evaluate(
            "list => list.contains(document.getElementById(list.getAttribute('aria-activedescendant')))"
        )
    page.keyboard.press("ArrowDown")
    assert (
        page.locator(":focus").evaluate(
            "list => document.getElementById(list.getAttribute('aria-activedescendant')).ariaSelected"
        )
        == "true"
    )


def test_a_review_never_shows_the_trace_of_another_item(open_panel: Any) -> None:
    """Nor while the kernel is busy with the next one."""
    trace = act("trace", "Trace", id="a", opens=True)
    item = el("section", el("h3", "Item 1"), trace, data_kind="example", data_id="a")
    snapshot = {"changes": 0, "state": "waiting", "id": "a", "reasons": [], "keys": {}, "help": [], "item": item}
    said = {"snapshot": snapshot, **looked_at(FakeTrace("TicketRouter"))}
    page = open_panel({"view": "review", "changes": 0}, said)
    page.get_by_role("button", name="Trace").click()
    page.wait_for_selector(".trace")
    page.evaluate("""() => {
        delete model.answers.trace;
        const next = JSON.stringify(model.answers.snapshot).replaceAll('"a"', '"b"').replace("Item 1", "Item 2");
        model.answers.snapshot = { ...JSON.parse(next), changes: 1 };
        model.traits.changes = 1;
        model.emit("change:changes");
    }""")
    page.get_by_text("Item 2").wait_for()
    page.wait_for_selector(".trace", state="detached")
    page.get_by_role("button", name="Trace").click()
    page.get_by_text("no trace").wait_for()
    assert page.locator(".trace").count() == 0
