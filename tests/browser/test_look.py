"""How it looks: light and dark, live and static. With LMNB_SCREENSHOTS=folder the pictures are kept."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

# the least contrast of what is read: text against the next background behind it
CONTRAST = """(selector) => {
    const paper = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (...layers) => {
        paper.clearRect(0, 0, 1, 1);
        for (const colour of layers) {
            paper.fillStyle = colour;
            paper.fillRect(0, 0, 1, 1);
        }
        return [...paper.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b]
        .map((x) => x / 255).map((x) => (x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4))
        .reduce((sum, x, n) => sum + x * [0.2126, 0.7152, 0.0722][n], 0);
    const behind = (one) => {
        for (; one; one = one.parentElement) {
            const colour = getComputedStyle(one).backgroundColor;
            if (rgba(colour)[3] === 255) return colour;
        }
        return 'white';
    };
    return [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility()).map((one) => {
        const ground = behind(one);
        const [a, b] = [light(rgba(ground, getComputedStyle(one).color)), light(rgba(ground))];
        return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), one.className || one.localName];
    }).sort((a, b) => a[0] - b[0]);
}"""
READ = ", ".join(
    f"{{0}} {part}" for part in ("h3", "button", ".title span", ".diff", "td", ".facts", "header .what", "dd")
)


STATIC = ", ".join(f".lmnb {part}" for part in ("td", "strong", "pre", ".lm-muted", ".lm-good", ".lm-bad", ".lm-warn"))


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_the_studio_is_legible_in_both_themes(notebook, desk, theme):
    """It follows JupyterLab's theme, live and as the report; what is read has contrast."""
    one = notebook("from bench import *\nrun = start(paused=True)\nrun")
    one.state("paused")
    desk.theme(theme)
    try:
        one.step(4)
        demo = one.panel.locator("[data-kind=demo]").first.get_attribute("data-id")
        one.act("keep-demo", demo)
        one.panel.locator("[data-kind=demo].kept").wait_for()
        assert one.panel.get_attribute("data-theme") == theme.lower()
        assert one.page.evaluate(CONTRAST, READ.format(".lmv.studio"))[0][0] >= 4.5
        desk.picture(one.panel, f"studio-live-{theme.lower()}")
        one.act("resume")
        one.state("finished")
        one.place.locator(".lmv").wait_for(state="detached")
        assert one.page.evaluate(CONTRAST, STATIC)[0][0] >= 4.5
        desk.picture(one.panel, f"studio-static-{theme.lower()}")
    finally:
        desk.theme("Light")


@pytest.mark.parametrize("width", [1400, 760])
def test_nothing_is_cut_off(notebook, desk, width):
    """In a wide and in a narrow cell every button of the panel lies inside of it, and it does not scroll sideways."""
    one = notebook("from bench import *\nrun = start(paused=True)\nrun")
    one.state("paused")
    one.step(2)
    desk.page.set_viewport_size({"width": width, "height": 1300})
    try:
        one.page.wait_for_function("width => document.documentElement.clientWidth <= width", arg=width)
        box = one.panel.bounding_box()
        for button in one.panel.locator("button:visible").all():
            place = button.bounding_box()
            assert place["x"] >= box["x"] - 1 and place["x"] + place["width"] <= box["x"] + box["width"] + 1
        assert one.panel.evaluate("one => one.scrollWidth <= one.clientWidth + 1")
        desk.picture(one.panel, f"studio-{width}")
    finally:
        desk.page.set_viewport_size({"width": 1400, "height": 1300})
