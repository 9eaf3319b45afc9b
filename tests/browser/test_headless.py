"""A notebook run from its first cell to its last without a front end: by nbconvert and by papermill."""

from __future__ import annotations

import json
import shutil
from importlib import import_module
from pathlib import Path

import pytest

CELLS = (
    "from bench import *\nrun = start()\nrun",
    "program = run.wait()\nrun.best.number",
    "other = start(candidates=400)\nother",
)


def by_nbconvert(path):
    """As `jupyter nbconvert --execute --inplace` does."""
    nbformat = pytest.importorskip("nbformat", reason="nbconvert is not installed; it comes with the extra `dev`")
    preprocessors = pytest.importorskip("nbconvert.preprocessors", reason="it comes with the extra `dev`")
    notebook = nbformat.read(path, as_version=4)
    executor = preprocessors.ExecutePreprocessor(timeout=120, kernel_name="python3")
    executor.preprocess(notebook, {"metadata": {"path": str(path.parent)}})
    nbformat.write(notebook, path)


def by_papermill(path):
    """As the command `papermill` does."""
    pytest.importorskip("papermill", reason="papermill is not installed; it comes with the extra `dev`")
    papermill = import_module("papermill")
    papermill.execute_notebook(path, path, cwd=path.parent, kernel_name="python3", progress_bar=False)


@pytest.mark.parametrize("executed", [by_nbconvert, by_papermill])
def test_run_all_leaves_a_report_of_each_run(executed, tmp_path, monkeypatch):
    """That of a run that was waited for is of its end; a run that died with the kernel has one of the moment it was shown."""
    pytest.importorskip("ipykernel", reason="a kernel comes with the extra `lab`")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    shutil.copy(Path(__file__).with_name("bench.py"), tmp_path)
    code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [code | {"id": f"cell-{n}", "source": cell} for n, cell in enumerate(CELLS)]
    path = tmp_path / "n.ipynb"
    path.write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": cells}),
        encoding="utf-8",
    )
    executed(path)

    text = path.read_text(encoding="utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["id"].startswith("cell-")]
    (waited,), (best,), (died,) = (cell["outputs"] for cell in cells)
    waited, died = ("".join(output["data"]["text/html"]) for output in (waited, died))
    assert 'data-state="finished"' in waited and "in progress" not in waited
    assert f"Candidate {''.join(best['data']['text/plain'])}" in waited
    assert "The run was in progress when this report was made" in died
    assert "<script" not in text and "widget-view" not in text and "widgets" not in json.loads(text)["metadata"]
