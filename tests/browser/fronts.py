"""Front ends for notebooks, each as a person has it: a notebook opened, run, saved, closed and opened again in a browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from desk import NOISE, answers, free_port, wait_for

KERNELS = [Path(path) for path in os.environ.get("LMNB_KERNELS", "").split(os.pathsep) if path]
"""Folders with an ipykernel of their own each, as `pip install --target` makes them; `matrix.py` does."""


def write_kernel_specs(data: Path) -> None:
    """Make the kernels of LMNB_KERNELS known to a Jupyter server with that data folder, each by its folder's name."""
    for folder in KERNELS:
        spec = data / "kernels" / folder.name
        spec.mkdir(parents=True)
        path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        words = {"argv": argv, "display_name": folder.name, "language": "python", "env": {"PYTHONPATH": path}}
        (spec / "kernel.json").write_text(json.dumps(words))


class Front(ABC):
    """A front end in a page of its own, for which there is no network but its server: what it asks for elsewhere is
    refused, and kept in `refused`. `heard` has what the console said of errors.
    """

    noise: tuple[str, ...] = NOISE

    def __init__(self, browser: Any, address: str, folder: Path, kernel: str) -> None:
        self.address, self.folder, self.kernel = address, folder, kernel
        self.heard: list[str] = []
        self.refused: list[str] = []
        self.context = browser.new_context(viewport={"width": 1400, "height": 1300})
        self.context.route("**/*", self._let)
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("console", lambda one: self._hear(one.text) if one.type == "error" else None)
        self.page.on("pageerror", lambda one: self._hear(str(one)))

    def _let(self, route: Any) -> None:
        url = route.request.url
        if url.startswith((self.address, "data:", "blob:")):
            route.continue_()
        else:
            self.refused.append(url)
            route.abort()

    def _hear(self, words: str) -> None:
        if not any(noise in words for noise in self.noise):
            self.heard.append(words)

    def picture(self, name: str) -> None:
        """A screenshot into the folder LMNB_SCREENSHOTS, where one is asked for."""
        if "LMNB_SCREENSHOTS" in os.environ:
            self.page.screenshot(path=str(Path(os.environ["LMNB_SCREENSHOTS"], f"{name}.png")))

    @abstractmethod
    def make(self, name: str, *cells: str) -> None:
        """Write a notebook file, and open it with its kernel ready."""

    @abstractmethod
    def run_all(self) -> None:
        """Run all cells, as by the menu."""

    @abstractmethod
    def run_first(self) -> None:
        """Run the first cell."""

    @abstractmethod
    def save(self) -> list[str]:
        """Save, and give what the file keeps of each HTML output."""

    @abstractmethod
    def reopen(self) -> None:
        """End the kernel, leave, and open the saved notebook again."""


class _Jupyter(Front):
    """What front ends of a Jupyter server share."""

    where: str  # the path before a notebook's name
    options = ""
    ready: str  # is true once the kernel waits for work
    run: str
    run_one: str
    store: str

    def make(self, name: str, *cells: str) -> None:
        self.name = f"{name}.ipynb"
        code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        made = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": {"name": self.kernel, "display_name": self.kernel, "language": "python"}},
            "cells": [code | {"id": f"cell-{n}", "source": cell} for n, cell in enumerate(cells)],
        }
        (self.folder / self.name).write_text(json.dumps(made), encoding="utf-8")
        self._open()

    def _open(self) -> None:
        self.page.goto(f"{self.address}/{self.where}/{self.name}{self.options}")
        self.page.wait_for_function(self.ready, timeout=60_000)

    def run_all(self) -> None:
        self.page.evaluate(self.run)

    def run_first(self) -> None:
        self.page.evaluate(self.run_one)

    def save(self) -> list[str]:
        file = self.folder / self.name
        before = file.stat().st_mtime_ns
        self.page.evaluate(self.store)
        wait_for(lambda: file.stat().st_mtime_ns != before, 20)
        notebook = json.loads(wait_for(lambda: file.read_text(encoding="utf-8"), 5))
        assert "widgets" not in notebook["metadata"]
        outputs = [output.get("data", {}) for cell in notebook["cells"] for output in cell["outputs"]]
        assert all(set(data) <= {"text/html", "text/plain"} for data in outputs)
        return ["".join(data["text/html"]) for data in outputs if "text/html" in data]

    def reopen(self) -> None:
        self.page.goto("about:blank")
        for session in json.loads(urlopen(f"{self.address}/api/sessions").read()):
            if session["path"].endswith(self.name):
                urlopen(Request(f"{self.address}/api/sessions/{session['id']}", method="DELETE"))
        self._open()


class Lab(_Jupyter):
    """JupyterLab 4."""

    package = "jupyterlab"
    where = "lab/tree"
    options = "?reset"  # what was open before stays closed
    ready = (
        "window.jupyterapp && jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        " && jupyterapp.shell.currentWidget.content.widgets.length > 0"
    )
    run = "jupyterapp.commands.execute('notebook:run-all-cells'), null"
    run_one = (
        "jupyterapp.shell.currentWidget.content.activeCellIndex = 0,"
        " jupyterapp.commands.execute('notebook:run-cell'), null"
    )
    store = "jupyterapp.shell.currentWidget.context.save()"

    def _open(self) -> None:
        super()._open()
        self.page.evaluate("jupyterapp.shell.collapseLeft()")


class Notebook7(Lab):
    """Notebook 7: JupyterLab's parts, one document a page."""

    package = "notebook"
    where = "notebooks"
    options = ""
    # it says these of itself when it starts
    noise = (*NOISE, "(reading 'schema')", "Command 'filebrowser:open-path' not registered")

    def _open(self) -> None:
        _Jupyter._open(self)


class NbClassic(_Jupyter):
    """The classic notebook."""

    package = "nbclassic"
    where = "nbclassic/notebooks"
    ready = "window.Jupyter?.notebook?.kernel?.is_connected() && !Jupyter.notebook.kernel_busy"
    run = "Jupyter.notebook.execute_all_cells()"
    run_one = "Jupyter.notebook.execute_cells([0])"
    store = "Jupyter.notebook.save_notebook().then(() => null)"


class Marimo(Front):
    """marimo: its file holds code only; what the cells showed is in a session file, and shown again from there."""

    package = "marimo"

    def make(self, name: str, *cells: str) -> None:
        self.name = f"{name}.py"
        bodies = ["".join(f"    {line}\n" for line in cell.splitlines()) for cell in cells]
        functions = "".join(f"\n\n@app.cell\ndef _():\n{body}    return\n" for body in bodies)
        text = f'import marimo\n\n__generated_with = "0.20.0"\napp = marimo.App(width="medium")\n{functions}'
        (self.folder / self.name).write_text(text, encoding="utf-8")
        self._open()

    def _open(self) -> None:
        with self.page.expect_response("**/api/kernel/instantiate"):
            self.page.goto(f"{self.address}/?file={self.name}")

    def run_all(self) -> None:
        with self.page.expect_request("**/api/kernel/run"):
            self.page.get_by_test_id("run-button").last.click()

    def run_first(self) -> None:
        button = self.page.locator(".marimo-cell").first.get_by_test_id("run-button").first
        with self.page.expect_request("**/api/kernel/run"):
            button.evaluate("button => button.click()")  # the page's head may lie over it

    def save(self) -> list[str]:
        def kept() -> list[str]:
            cells = json.loads(file.read_text(encoding="utf-8"))["cells"] if file.exists() else []
            data = [output.get("data", {}) for cell in cells for output in cell["outputs"]]
            return ["".join(one["text/html"]) for one in data if one.get("text/html")]

        file = self.folder / "__marimo__" / "session" / f"{self.name}.json"
        wait_for(lambda: any("in progress" not in html for html in kept()), 20)  # it is written every few seconds
        return kept()

    def reopen(self) -> None:
        self.page.goto("about:blank")
        for session in self._ask("running_notebooks", {})["files"]:
            self._ask("shutdown_session", {"sessionId": session["sessionId"]})
        self._open()

    def _ask(self, what: str, body: dict[str, str]) -> Any:
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.address}/api/home/{what}", json.dumps(body).encode(), headers, method="POST")
        return json.loads(urlopen(request).read())


FRONTS: dict[str, type[Lab | Notebook7 | NbClassic | Marimo]] = {
    "lab": Lab,
    "notebook": Notebook7,
    "nbclassic": NbClassic,
    "marimo": Marimo,
}


@contextmanager
def marimo_server(folder: Path) -> Iterator[str]:
    """The address of a marimo server on `folder`, with settings of its own beside it."""
    own = folder.parent / "marimo"
    own.mkdir()
    places = {name: str(own) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
    port = free_port()
    options = ["--headless", "--no-token", "--no-skew-protection", "--skip-update-check", "--port", str(port)]
    command = [sys.executable, "-m", "marimo", "--log-level", "WARN", "edit", str(folder), *options]
    with (own / "server.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | places, cwd=folder)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(lambda: answers(f"{address}/health") or server.poll() is not None, 60)
            assert server.poll() is None, f"marimo did not start:\n{(own / 'server.log').read_text()}"
            yield address
        finally:
            server.terminate()
            server.wait(20)
