"""A real JupyterLab as a person has it before them: notebooks made on the fly, cells run, panels clicked, errors heard."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OPTIONS = [
    "--no-browser",
    "--IdentityProvider.token=",
    "--ServerApp.disable_check_xsrf=True",
    "--LabApp.expose_app_in_browser=True",
    "--JupyterNotebookApp.expose_app_in_browser=True",
    "--LabApp.extension_manager=readonly",
    "--allow-root",  # containers run as root; the server listens on loopback only
]
QUIET = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

SCORED = "sum(c.status == 'scored' for c in run.candidates)"

# What JupyterLab says of itself, in an empty notebook too.
NOISE = ("Canceled future for",)  # a kernel was restarted or shut down before its debugger or a subshell had answered


@contextmanager
def jupyter_lab(folder: Path) -> Iterator[str]:
    """The address of a server on `folder`, with settings of its own beside it."""
    own = folder.parent / "jupyter"
    settings = own / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(QUIET))
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "LMNB_CACHE_DIR": "cache",
    }
    port = free_port()
    command = [sys.executable, "-m", "jupyterlab", *OPTIONS, f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    environment = os.environ | {name: str(own / place) for name, place in places.items()}
    with (own / "server.log").open("w") as log:
        server = subprocess.Popen([*command, f"--ServerApp.root_dir={folder}"], stdout=log, stderr=log, env=environment)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(lambda: answers(f"{address}/api/status") or server.poll() is not None, 60)
            assert server.poll() is None, f"JupyterLab did not start:\n{(own / 'server.log').read_text()}"
            yield address
        finally:
            server.terminate()
            server.wait(20)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def answers(url: str) -> bool:
    try:
        return urllib.request.urlopen(url, timeout=5).status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def wait_for(test: Callable[[], Any], seconds: float) -> Any:
    end = time.monotonic() + seconds
    while not (value := test()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return value


class Desk:
    """JupyterLab in a page. `heard` has what the console said of errors, `requests` every address the page asked for."""

    def __init__(self, page: Any, address: str, folder: Path) -> None:
        self.page, self.address, self.folder = page, address, folder
        self.heard: list[str] = []
        self.requests: list[str] = []
        self._count = 0
        page.set_default_timeout(15_000)
        page.on("console", lambda one: self._hear(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda one: self._hear(str(one)))
        page.on("request", lambda one: self.requests.append(one.url))
        self._fresh()

    def _fresh(self) -> None:
        """JupyterLab with nothing open. A page that was loaded again may bring a closed notebook back to the front, seconds later."""
        self.page.goto(f"{self.address}/lab?reset")
        self._settle()
        self.page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
        self._restored = False

    def _settle(self) -> None:
        self.page.wait_for_function("window.jupyterapp && jupyterapp.restored.then(() => true)", timeout=60_000)

    def reload(self) -> None:
        """Load the page again, as with F5."""
        self.page.reload()
        self._settle()
        self._restored = True

    def back(self) -> None:
        """Come back to JupyterLab from another address."""
        self.page.goto(f"{self.address}/lab")
        self._settle()
        self._restored = True

    def _hear(self, words: str) -> None:
        if not any(noise in words for noise in NOISE):
            self.heard.append(words)

    def strangers(self) -> list[str]:
        """Requests that left the server."""
        return [url for url in self.requests if not url.startswith((self.address, "data:", "blob:"))]

    def make(self) -> Notebook:
        """A new notebook, open and with its kernel ready."""
        if self._restored:
            self._fresh()
        self._count += 1
        name = f"n{self._count}.ipynb"
        spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        empty = {
            "cell_type": "code",
            "id": "first",
            "metadata": {},
            "source": "",
            "outputs": [],
            "execution_count": None,
        }
        made = {"nbformat": 4, "nbformat_minor": 5, "metadata": spec, "cells": [empty]}
        (self.folder / name).write_text(json.dumps(made), encoding="utf-8")
        return self.open(name)

    def open(self, name: str) -> Notebook:
        """Open a notebook of the folder in JupyterLab."""
        self.page.evaluate(
            """async (path) => {
                const panel = await jupyterapp.commands.execute('docmanager:open', { path, factory: 'Notebook' });
                await panel.context.ready;
                await panel.sessionContext.ready;
                await panel.revealed;
                jupyterapp.shell.activateById(panel.id);
            }""",
            name,
        )
        self.page.wait_for_function(
            """(path) => { const one = jupyterapp.shell.currentWidget;
                return one.context?.path === path && one.content.widgets.length > 0
                    && one.sessionContext.session?.kernel?.status === 'idle'; }""",
            arg=name,
            timeout=60_000,
        )
        return Notebook(self, name)

    def theme(self, name: str) -> None:
        """Light or Dark."""
        theme = f"JupyterLab {name}"
        self.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        self.page.wait_for_function("name => document.body.dataset.jpThemeLight === String(name === 'Light')", arg=name)

    def picture(self, place: Any, name: str) -> None:
        """A screenshot into the folder LMNB_SCREENSHOTS, where one is asked for."""
        folder = os.environ.get("LMNB_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            place.screenshot(path=str(Path(folder, f"{name}.png")))


class Notebook:
    """The notebook in front."""

    def __init__(self, desk: Desk, name: str) -> None:
        self.desk, self.page, self.name = desk, desk.page, name
        self.place = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.panel = self.place.locator("[data-lmnb=studio]")
        """The Studio: the live one and a static report wear the same handle."""

    def run(self, code: str, *, wait: bool = True) -> list[dict[str, Any]]:
        """Add a cell at the end, run it, and give its outputs. A cell that fails fails the test."""
        outputs = self.page.evaluate(
            """async ([code, wait]) => {
                const notebook = jupyterapp.shell.currentWidget.content;
                const only = notebook.widgets.length === 1 && !notebook.widgets[0].model.sharedModel.source;
                if (only) notebook.widgets[0].model.sharedModel.setSource(code);
                else notebook.model.sharedModel.insertCell(notebook.widgets.length, { cell_type: 'code', source: code });
                notebook.activeCellIndex = notebook.widgets.length - 1;
                notebook.deselectAll();
                const cell = notebook.activeCell;
                if (cell.model.sharedModel.source !== code) throw new Error('another cell is active');
                const done = jupyterapp.commands.execute('notebook:run-cell');
                if (!wait) return [];
                await done;
                if (code.trim() && cell.model.executionCount === null) throw new Error('the cell was not run');
                return cell.model.outputs.toJSON();
            }""",
            [code, wait],
        )
        assert not [one for one in outputs if one["output_type"] == "error"], outputs
        return outputs

    def type_and_run(self, code: str) -> None:
        """Open a cell below the last one, type into it, press Shift+Enter."""
        self.page.evaluate(
            """async () => {
                const notebook = jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = notebook.widgets.length - 1;
                await jupyterapp.commands.execute('notebook:insert-cell-below');
                await jupyterapp.commands.execute('notebook:enter-edit-mode');
            }"""
        )
        self.page.wait_for_function("document.activeElement?.closest('.cm-editor') != null")
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Shift+Enter")

    def rerun(self, index: int) -> list[dict[str, Any]]:
        """Run cell `index` again."""
        return self.page.evaluate(
            """async (index) => {
                const notebook = jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = index;
                notebook.deselectAll();
                await jupyterapp.commands.execute('notebook:run-cell');
                return notebook.widgets[index].model.outputs.toJSON();
            }""",
            index,
        )

    def ask(self, expression: str) -> Any:
        """The value of an expression in the kernel, asked beside the cells."""
        code = f"import json as _json; print(_json.dumps({expression}))"
        said = self.page.evaluate(
            """async (code) => {
                const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const future = kernel.requestExecute({ code, store_history: false });
                let said = '', problem = '';
                future.onIOPub = (message) => {
                    if (message.header.msg_type === 'stream') said += message.content.text;
                    if (message.header.msg_type === 'error') problem = message.content.traceback.join('\\n');
                };
                await future.done;
                return [said, problem];
            }""",
            code,
        )
        assert not said[1], said[1]
        return json.loads(said[0])

    def until(self, expression: str, seconds: float = 20) -> Any:
        """Wait until an expression in the kernel is true."""
        return wait_for(lambda: self.ask(expression), seconds)

    def state(self, *states: str) -> None:
        """Wait until the Studio shows one of these states."""
        either = ",".join(f"[data-lmnb=studio][data-state={state}]" for state in states)
        self.place.locator(either).first.wait_for()

    def cells(self) -> list[str]:
        """The types of all cells."""
        return self.page.evaluate("jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.type)")

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """What cell `index` has as its outputs."""
        return self.page.evaluate(
            "index => jupyterapp.shell.currentWidget.content.widgets[index].model.outputs.toJSON()", index
        )

    def row(self, candidate: str, status: str | None = None, panel: Any = None) -> Any:
        """A candidate's row, with that status where one is given."""
        wanted = f"[data-status={status}]" if status else ""
        return (panel or self.panel).locator(f"[data-kind=candidate][data-id='{candidate}']{wanted}").first

    def act(self, action: str, ident: str | None = None, within: str = "", panel: Any = None) -> None:
        """Click the control of an action."""
        which = f"{within} [data-action={action}]" + (f"[data-id='{ident}']" if ident is not None else "")
        (panel or self.panel).locator(which).first.click()

    def step(self, times: int = 1) -> None:
        """Click Step and wait for the pause after it."""
        for _ in range(times):
            before = self.ask(SCORED)
            self.act("step")
            self.until(f"run.state == 'paused' and {SCORED} == {before + 1}")
        self.state("paused")

    def choose(self, candidate: str) -> None:
        """Click a candidate's row, and wait until what there is to know of it is shown."""
        self.row(candidate).click()
        self.panel.locator(f"[data-kind=candidate][data-id='{candidate}'][aria-selected=true]").first.wait_for()
        self.panel.locator(".pane[aria-busy=false]").wait_for()

    def tab(self, name: str) -> None:
        """Open a tab of the candidate's pane."""
        self.panel.locator(f"[data-tab={name}]").first.click()

    def save(self) -> str:
        """Save as a person does, and give the file's text."""
        self.page.evaluate("jupyterapp.shell.currentWidget.context.save()")
        return (self.desk.folder / self.name).read_text(encoding="utf-8")

    def close(self) -> None:
        """Save, end the kernel, close; also what else was opened."""
        self.page.evaluate(
            """async (path) => {
                for (const panel of [...jupyterapp.shell.widgets('main')]) {
                    if (panel.context?.path === path) {
                        await panel.context.save();
                        await panel.sessionContext.shutdown();
                    }
                    panel.dispose();
                }
            }""",
            self.name,
        )
