"""One JupyterLab and one browser for all tests of this folder; a notebook and a kernel for each."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from desk import CHROMIUM, Desk, Notebook, jupyter_lab
from fronts import write_kernel_specs


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Any]:
    if os.environ.get("LMNB_REQUIRE_BROWSER") != "1":
        for package in ("jupyterlab", "anywidget", "playwright"):
            pytest.importorskip(package, reason="the browser tests need the extra `dev`")
    with import_module("playwright.sync_api").sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=chromium, args=CHROMIUM)
        yield one
        one.close()


@pytest.fixture(scope="package")
def desk(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """JupyterLab in a page."""
    folder = tmp_path_factory.mktemp("lab") / "work"
    folder.mkdir()
    here = Path(__file__).parent
    for module in (here / "bench.py", here.parent / "payloads.py"):
        shutil.copy(module, folder)
    write_kernel_specs(folder.parent / "jupyter" / "data")
    with jupyter_lab(folder) as address:
        page = browser.new_page(viewport={"width": 1400, "height": 1300})
        yield Desk(page, address, folder)
        page.close()


@pytest.fixture
def notebook(desk: Desk) -> Iterator[Callable[..., Notebook]]:
    """`notebook(*cells)` opens a new notebook and runs its cells. What the console says of errors fails the test."""
    opened: list[Notebook] = []
    desk.heard.clear()

    def make(*cells: str) -> Notebook:
        opened.append(desk.make())
        for cell in cells:
            opened[-1].run(cell)
        return opened[-1]

    yield make
    for one in opened:
        one.close()
    assert desk.heard == []
