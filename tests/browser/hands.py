"""Two ways to use a Studio: the mouse, and the keyboard alone."""

from __future__ import annotations

from typing import Any

SHORTCUTS = {"step": "s", "resume": "p", "pause": "p", "accept": "a", "branch": "b", "redo": "r", "undo": "Backspace"}
OPENS = {"reject": "x", "edit": "e"}  # of the chosen candidate, or of what waits

# which way Tab goes from where the focus is to an element: 1, -1, or 0 where it is there
WAY = """(there) => {
    const here = document.activeElement;
    return here === there ? 0 : here.compareDocumentPosition(there) & Node.DOCUMENT_POSITION_PRECEDING ? -1 : 1;
}"""


class Hands:
    """What a person does with a panel, in words of its public handles."""

    def __init__(self, notebook: Any) -> None:
        self.one, self.page = notebook, notebook.page
        self.panel = notebook.page.locator(".lmv.studio").first

    def there(self, selector: str) -> Any:
        """The element, when it is there and can be used."""
        found = self.panel.locator(f"{selector}:not([disabled])").first
        found.wait_for()
        return found

    def gone(self, selector: str) -> None:
        self.panel.locator(selector).first.wait_for(state="detached")

    def press(self, action: str, ident: str = "", within: str = "") -> None:
        """The control of an action."""
        raise NotImplementedError

    def click(self, selector: str) -> None:
        """Any other control."""
        raise NotImplementedError

    def fill(self, selector: str, text: str) -> None:
        """Write into a field."""
        raise NotImplementedError

    def tick(self, selector: str) -> None:
        """Turn a check box over."""
        raise NotImplementedError

    def save(self, action: str) -> None:
        """Send the form of an action, and wait until it is gone."""
        raise NotImplementedError

    def reason(self, number: int) -> None:
        """Give one of the reasons that a reject offers."""
        raise NotImplementedError

    def option(self, label: str, value: str) -> None:
        """Choose in a list of options."""
        raise NotImplementedError

    def choose(self, candidate: str) -> None:
        """Choose a candidate, and wait until it is shown."""
        raise NotImplementedError

    def tab(self, name: str) -> None:
        """Open a tab of the candidate."""
        raise NotImplementedError

    def lock(self, slot: str, words: str) -> None:
        """Lock words of a text."""
        raise NotImplementedError

    def _shown(self, candidate: str) -> None:
        self.there(f".cand[data-id='{candidate}'][aria-selected=true]")
        self.there(".pane[aria-busy=false]")


def _named(action: str, ident: str, within: str) -> str:
    return f"{within} [data-action={action}]" + (f"[data-id='{ident}']" if ident else "")


class Mouse(Hands):
    """Points and clicks."""

    def press(self, action: str, ident: str = "", within: str = "") -> None:
        self.click(_named(action, ident, within))

    def click(self, selector: str) -> None:
        self.there(selector).click()

    def fill(self, selector: str, text: str) -> None:
        self.there(selector).fill(text)

    def tick(self, selector: str) -> None:
        self.click(selector)

    def save(self, action: str) -> None:
        self.click(f"form [data-action={action}]")
        self.gone(f"form [data-action={action}]")

    def reason(self, number: int) -> None:
        self.click(f"form.reason .chip:nth-of-type({number})")
        self.gone("form.reason")

    def option(self, label: str, value: str) -> None:
        self.panel.get_by_label(label).first.select_option(value)

    def choose(self, candidate: str) -> None:
        self.click(f".cand[data-id='{candidate}']")
        self._shown(candidate)

    def tab(self, name: str) -> None:
        self.click(f"[data-tab={name}]")

    def lock(self, slot: str, words: str) -> None:
        text = self.there(f".slot-head:has([data-action=lock][data-id='{slot}']) + .words .diff")
        text.evaluate(SELECT, words)
        self.press("lock", slot)


# drags the pointer over words of a text, as far as a page can tell
SELECT = """(place, words) => {
    const texts = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node; node = texts.nextNode()) {
        const at = node.data.indexOf(words);
        if (at < 0 || node.parentElement.closest('del')) continue;
        getSelection().setBaseAndExtent(node, at, node, at + words.length);
        return;
    }
    throw new Error('the text has no such words');
}"""


class Keyboard(Hands):
    """Touches no mouse: keys of the panel where it has one, else Tab to a control and Enter."""

    def press(self, action: str, ident: str = "", within: str = "") -> None:
        own = within or not ident
        key = SHORTCUTS.get(action) or OPENS.get(action) if own else None
        if key is None:
            self.click(_named(action, ident, within))
            return
        self.there(_named(action, ident, within))
        if not self.page.evaluate("document.activeElement?.closest('.lmv.studio') != null"):
            self.reach("header button")
        self.page.keyboard.press(key)

    def reach(self, selector: str) -> Any:
        """Tab, forwards or back, until the focus is there."""
        for _ in range(250):
            goal = self.there(selector)
            way = goal.evaluate(WAY)
            if way == 0:
                return goal
            self.page.keyboard.press("Tab" if way > 0 else "Shift+Tab")
        raise AssertionError(f"Tab does not come to {selector}")

    def click(self, selector: str) -> None:
        self.reach(selector)
        self.page.keyboard.press("Enter")

    def fill(self, selector: str, text: str) -> None:
        self.reach(selector)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)

    def tick(self, selector: str) -> None:
        self.reach(selector)
        self.page.keyboard.press("Space")

    def save(self, action: str) -> None:
        self.there(f"form [data-action={action}]")
        self.page.keyboard.press("Control+Enter")
        self.gone(f"form [data-action={action}]")

    def reason(self, number: int) -> None:
        self.there("form.reason")
        self.page.keyboard.press(str(number))
        self.gone("form.reason")

    def option(self, label: str, value: str) -> None:
        chooser = self.reach(f"label:has-text('{label}') select")
        words = chooser.evaluate("(one, value) => [...one.options].find((each) => each.value === value).text", value)
        self.page.keyboard.type(words)  # a closed list goes to what begins so
        assert chooser.input_value() == value

    def choose(self, candidate: str) -> None:
        self.leave()
        rows = "all => all.map((one) => [one.dataset.id, one.getAttribute('aria-selected') === 'true'])"
        found = self.panel.locator(".list-body .cand").evaluate_all(rows)
        ids, chosen = [one for one, _ in found], next(one for one, selected in found if selected)
        steps = ids.index(candidate) - ids.index(chosen)
        for _ in range(abs(steps)):
            self.page.keyboard.press("ArrowDown" if steps > 0 else "ArrowUp")
        self._shown(candidate)

    def tab(self, name: str) -> None:
        self.leave()
        for _ in range(6):
            if self.panel.locator(f"[data-tab={name}][aria-selected=true]").count():
                return
            self.page.keyboard.press("ArrowRight")
        raise AssertionError(f"the arrows do not come to {name}")

    def lock(self, slot: str, words: str) -> None:
        self.press("lock", slot)
        self.fill("form [data-field=text]", words)
        self.save("lock")

    def leave(self) -> None:
        """From a field or a table to where the keys of the panel are heard."""
        self.reach("header button")
