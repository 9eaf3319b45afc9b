"""Hostile text in a real JupyterLab: live, in the report, in the notebook opened again and in exported pages, nothing fires."""

from __future__ import annotations

import html

import payloads
import pytest
from desk import Desk

pytestmark = pytest.mark.browser

FIRE = """window.__fire = (n) => {
    window.__record(n);
    const code = "__import__('pathlib').Path('FIRED').touch()";
    try { top.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code }); } catch (error) {}
};"""

# what the outputs hold that could run, load or follow, or that hides
AUDIT = """(places) => {
    const found = [];
    const elements = 'script,iframe,frame,object,embed,img,image,link,meta,base,video,audio,source,math,animate,'
        + 'foreignObject,marquee,noscript,mjx-container';
    const unseen = /[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff]/;
    for (const place of document.querySelectorAll(places)) {
        for (const one of place.querySelectorAll(elements)) found.push(one.outerHTML.slice(0, 200));
        for (const one of [place, ...place.querySelectorAll('*')]) {
            for (const { name, value } of one.attributes) {
                if (name.startsWith('on') || /^\\s*(javascript|data|vbscript):/i.test(value) && name !== 'title' && name !== 'value')
                    found.push(`<${one.localName} ${name}=${value.slice(0, 80)}>`);
                if (/^(href|src|action|formaction|xlink:href)$/.test(name) && !/^(https?:|#)/.test(value)) found.push(`${name}=${value}`);
                if (name === 'style' && value.includes('fire')) found.push(value);
                if (unseen.test(value)) found.push(`hidden in ${name}`);
            }
            if (one.localName === 'style' && one.textContent.includes('fire')) found.push('a style sheet');
        }
        const hidden = unseen.exec(place.textContent);
        if (hidden) found.push(`hidden: ${place.textContent.slice(hidden.index - 30, hidden.index + 10)}`);
    }
    return found;
}"""
OUTPUTS = ".lmv, .lmnb"


class Watched:
    """A page of its own that records each call of `__fire`, each dialog and each request."""

    def __init__(self, browser):
        self.context = browser.new_context(viewport={"width": 1400, "height": 1300})
        self.fired, self.asked = [], []
        self.context.expose_binding("__record", lambda source, number: self.fired.append(number))
        self.context.add_init_script(FIRE)
        self.context.on("request", lambda one: self.asked.append(one.url))
        self.context.on("dialog", lambda one: (self.fired.append(one.message), one.dismiss()))
        self.context.route("http://fired.test/**", lambda route: route.abort())
        self.page = self.context.new_page()

    def strangers(self, *known):
        return [
            url
            for url in self.asked
            if not url.startswith((*known, "blob:", "data:image", "data:font", "data:application/font"))
        ]


@pytest.fixture
def watched(browser):
    """`watched()` opens a page that listens."""
    opened = []

    def make():
        opened.append(Watched(browser))
        return opened[-1]

    yield make
    for one in opened:
        one.context.close()


def test_the_sentinel_hears(watched):
    """The control: written as HTML without care, many of the payloads do fire, and others reach for the network."""
    one = watched()
    frames = "".join(f'<iframe srcdoc="{html.escape(text)}"></iframe>' for text in payloads.PAYLOADS)
    one.page.set_content(frames)
    one.page.wait_for_load_state()
    one.page.wait_for_timeout(500)  # a late event handler is no failure here, only a lower count
    assert len(set(one.fired)) >= 25, sorted(set(one.fired))
    assert len({url for url in one.asked if "fired.test" in url}) >= 4


def test_nothing_fires_in_jupyterlab(watched, desk):
    """The Studio with every tab opened, the trace viewer, history, cards, figures; then the report; then the saved notebook."""
    one = watched()
    lab = Desk(one.page, desk.address, desk.folder)
    notebook = lab.make()
    notebook.run("from payloads import *\nrun = hostile_run(paused=True)\nrun")
    notebook.state("paused")
    notebook.step(3)
    look_at_everything(notebook)
    notebook.run("decide(run)")
    notebook.panel.get_by_role("button", name="Decisions").click()
    notebook.panel.locator("[data-kind=decision]").nth(50).wait_for()
    lab.picture(notebook.panel, "payloads-live")
    quiet(one, desk)

    for cell in (
        "run.trace(1, 3)",
        "lmnb.history(20)",
        "with lmnb.context(lm=lmnb.FakeLM(reply)):\n"
        "    report = lmnb.Evaluate(examples(), judge, num_threads=1, max_errors=10**6)(Hostile())\nreport",
        "editor = lmnb.edit(Hostile(), {'number': PAYLOADS[2], 'text': PAYLOADS[3]})\n"
        "editor.set('ask.instructions', PAYLOADS[4])\neditor.try_on()\neditor",
        "lmnb.inspect_history(30)",
        "signature_of(PAYLOADS[6])",
        "run.candidate(1), run.candidates[1], run.decisions[3]",
        "run.result()",
        "run.plot_scores()",
        "run.plot_flips()",
        "run.plot_pareto()",
        "run.plot_budget()",
        "run.plot_lineage()",
        "run.to_pandas()",
    ):
        notebook.run(cell)
    look_at_lists(notebook)
    notebook.place.locator(".lmv.traces [data-kind=trace]").first.click()
    notebook.place.locator(".lmv.traces [data-tab=response]").first.click()
    notebook.place.locator(".lmv.traces [data-action=rerun]").last.click()
    notebook.place.locator(".lmv.editor [data-kind=prompt]").nth(20).wait_for()
    notebook.run("run.stop()")
    notebook.state("stopped")
    quiet(one, desk)
    lab.picture(notebook.page, "payloads-stopped")
    (desk.folder / "report.html").write_text(notebook.ask("run.to_html()"), encoding="utf-8")
    notebook.save()
    notebook.close()

    again = lab.open(notebook.name)
    again.panel.wait_for()
    assert again.page.locator(".lmv").count() == 0
    for summary in again.place.locator("summary").all()[:60]:
        summary.evaluate("one => (one.parentElement.open = true)")
    assert all(f"__fire({number})" in again.panel.first.text_content() for number in range(60))
    quiet(one, desk)
    again.close()
    assert lab.heard == []
    assert not list(desk.folder.rglob(payloads.FIRED))
    pages(watched, desk, notebook.name)

    control = lab.make()  # what is no output of ours does fire in this very page, and reaches the kernel
    control.run("from payloads import *\nfrom IPython.display import HTML\nHTML(PAYLOADS[20])")
    control.until("__import__('pathlib').Path(FIRED).exists()")
    assert one.fired == [20]
    control.close()
    (desk.folder / payloads.FIRED).unlink()


EVERYTHING = """from lmnb.evaluate import Report, Row
fields = {f"{n} {text}": text for n, text in enumerate(PAYLOADS)}
everything = lmnb.Example(fields).with_inputs(*list(fields)[:20])
said = lmnb.Prediction(fields)
rows = [Row(0, everything, prediction=said, score=0.0, feedback=PAYLOADS[14]), Row(1, everything, error=PAYLOADS[4])]
reports = [Report(tuple(rows), total=2, program=PAYLOADS[n], metric=PAYLOADS[n + 1]) for n in (0, 6)]
"""


def look_at_lists(notebook):
    """Panels of a comparison, of reviews and of runs, with every payload as a field's name and value, in one row each."""
    place, page = notebook.place, notebook.page
    last = f"__fire({len(payloads.PAYLOADS) - 6})"
    notebook.run(EVERYTHING + "reports[1].compare(reports[0])")
    report = place.locator(".lmv.report").last
    for number in range(2):
        report.locator(f"[data-kind=example][data-id='{number}']").click()
        report.locator("h3", has_text=f"Row {number}").wait_for()
        report.locator(".one dd", has_text=last).first.wait_for()
    notebook.run("lmnb.review([everything, (said, said)], name=PAYLOADS[3], reasons=PAYLOADS[:9])")
    review = place.locator(".lmv.review").last
    review.locator(".answers").wait_for()
    for key, part in (
        ("x", ".form.reason"),
        ("Escape", ".answers"),
        ("e", "textarea[data-field]"),
        ("Escape", ".answers"),
    ):
        review.focus()
        page.keyboard.press(key)
        review.locator(part).first.wait_for()
        assert page.evaluate(AUDIT, OUTPUTS) == []
    review.focus()
    page.keyboard.press("1")
    review.locator(".sides h4").first.wait_for()
    page.keyboard.press("ArrowLeft")
    review.locator(".tag", has_text="rejected").wait_for()
    notebook.run("lmnb.runs()")
    runs = place.locator(".lmv.runs")
    runs.locator("[data-kind=run]").first.click()
    runs.locator("[data-action=open]").wait_for()
    assert page.evaluate(AUDIT, OUTPUTS) == []


def look_at_everything(notebook):
    """Every tab, form and trace of the candidate that holds all payloads as demos."""
    notebook.choose(notebook.ask("run.candidates[1].id"))
    panel, page = notebook.panel, notebook.page
    for name in ("demos", "examples", "lineage", "prompt"):
        notebook.tab(name)
        panel.locator(f"[data-tab={name}][aria-selected=true]").first.wait_for()
    panel.locator("[data-kind=demo] td.wide").first.click()
    notebook.act("edit-demo")
    panel.locator("textarea[data-field]").first.wait_for()
    notebook.act("edit", within=".actions")
    panel.locator(".pane .edit textarea").nth(len(payloads.PAYLOADS)).wait_for()
    page.keyboard.press("Escape")
    panel.locator(".pane .edit textarea").first.wait_for(state="detached")
    notebook.tab("examples")
    panel.locator("[data-kind=example]").first.hover()
    panel.locator(".examples .virtual").first.evaluate("one => (one.scrollTop = one.scrollHeight)")
    panel.locator(f"[data-kind=example][data-id='{len(payloads.PAYLOADS) - 1}']").wait_for()
    notebook.tab("traces")
    chooser = panel.locator("select[aria-label=Example]")
    for number in range(0, len(payloads.PAYLOADS), 2):
        chooser.select_option(str(number))
        panel.locator("dd", has_text=f"example number {number}").first.wait_for()
        if number % 6 == 0:
            panel.locator("[data-tab=messages]").click()
            panel.locator("[data-tab=response]").click()
    assert page.evaluate(AUDIT, OUTPUTS) == []
    notebook.act("reject", within=".actions")
    panel.get_by_label("Why? (optional)").fill(payloads.PAYLOADS[14])
    panel.locator("[data-confirm=true]").click()
    panel.locator("[data-status=dropped]").first.wait_for()
    notebook.act("undo", within="footer")


def quiet(one, desk):
    """Nothing fired, nobody was asked but the server, and no element could do either."""
    assert one.page.evaluate(AUDIT, OUTPUTS) == []
    assert one.fired == []
    assert one.strangers(desk.address) == []


def pages(watched, desk, name):
    """The exported report and the whole notebook as HTML, opened as files."""
    nbconvert = pytest.importorskip("nbconvert")
    exporter = nbconvert.HTMLExporter(mathjax_url="", require_js_url="", jquery_url="")
    body, _ = exporter.from_filename(str(desk.folder / name))
    (desk.folder / "notebook.html").write_text(body, encoding="utf-8")
    for file in ("report.html", "notebook.html"):
        one = watched()
        one.page.goto((desk.folder / file).as_uri())
        one.page.locator(".lmnb").first.wait_for()
        for summary in one.page.locator("summary").all()[:60]:
            summary.evaluate("node => (node.parentElement.open = true)")
        assert one.page.evaluate(AUDIT, OUTPUTS) == []
        assert one.fired == []
        assert [url for url in one.strangers("file:") if "fired.test" in url or file == "report.html"] == []
