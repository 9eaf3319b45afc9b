"""What every test shares: own folders and settings, fake LMs, options and markers for long and browser tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Hashable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sampling import sample

import lmnb

ROOT = Path(__file__).resolve().parent.parent
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full", action="store_true", help="also run the long form of the tests that have one, and whole matrices"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Nothing of a test run, doctests included, touches the user's cache and settings or leaves runs in the working folder."""
    folder = tempfile.mkdtemp(prefix="lmnb-tests-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ["LMNB_CACHE_DIR"] = str(Path(folder, "cache"))
    os.environ["LMNB_CONFIG_DIR"] = str(Path(folder, "config"))
    lmnb.configure(run_dir=str(Path(folder, "runs")))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    for item in items:
        if item.get_closest_marker("full"):
            item.add_marker(pytest.mark.skip(reason="the long form; run it with --full"))
    if config.option.keyword or any("::" in arg for arg in config.args):
        return  # what is asked for by name is run
    matrices: dict[tuple[Any, ...], list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("sampled"):
            cls = getattr(item, "cls", None)
            matrices.setdefault((item.path, cls or getattr(item, "originalname", item.name)), []).append(item)
    left_out: set[pytest.Item] = set()
    for cells in matrices.values():
        given = cells[0].get_closest_marker("sampled").args
        if isinstance(given[0], float):
            kept = sample([_values(item) for item in cells], given[0])
        else:
            kept = {at for at, item in enumerate(cells) if any(each in given for each in item.callspec.params.values())}
        left_out.update(item for at, item in enumerate(cells) if at not in kept)
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]


def _values(item: Any) -> frozenset[Hashable]:
    """Which test it is, and which value each parameter has."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    named = ((name, getattr(value, "__qualname__", None) or repr(value)) for name, value in params.items())
    return frozenset({("test", item.originalname), *named})


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and find_chromium() is None:
        message = f"no Chromium found (looked for {', '.join(_BROWSERS)}; LMNB_CHROMIUM names another)"
        if os.environ.get("LMNB_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{message}, and LMNB_REQUIRE_BROWSER=1 forbids to skip", pytrace=False)
        pytest.skip(message)


def find_chromium() -> str | None:
    """The path of a browser that playwright can drive."""
    names = [os.environ["LMNB_CHROMIUM"]] if "LMNB_CHROMIUM" in os.environ else _BROWSERS
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path; for tests with the marker ``browser``."""
    path = find_chromium()
    assert path is not None
    return path


@pytest.fixture
def root() -> Path:
    """The folder of the checkout."""
    return ROOT


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cache, settings, a run folder and a working folder for each test alone, and the default settings before and after it."""
    monkeypatch.setenv("LMNB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("LMNB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    before = {name: lmnb.settings.current(name) for name in lmnb.settings._DEFAULTS}
    lmnb.configure(run_dir=str(tmp_path / "runs"))
    yield
    lmnb.configure(**before)


@pytest.fixture
def fake_lm() -> Callable[..., Any]:
    """``fake_lm(answers | handler)`` makes a FakeLM and sets it as the LM of this test."""

    def make(answers: Any = None, **options: Any) -> Any:
        lm = lmnb.FakeLM(answers, **options)
        lmnb.configure(lm=lm)
        return lm

    return make


@pytest.fixture
def routing_lm() -> Any:
    """A FakeLM with the embedded model's behaviour in the small: the team of the demo that shares most words."""

    def answer(messages: list[dict[str, str]], **_: Any) -> dict[str, str]:
        words = set(messages[-1]["content"].split())
        best, overlap = "unknown", 0
        for user, reply in pairwise(messages):
            if user["role"] == "user" and reply["role"] == "assistant":
                shared = len(words & set(user["content"].split()))
                if shared > overlap:
                    best, overlap = reply["content"].split("]]")[1].split("[[")[0].strip(), shared
        return {"team": best}

    return lmnb.FakeLM(answer)
