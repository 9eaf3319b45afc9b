"""What the tests of training share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lmnb


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test begins with an empty cache in a folder of its own."""
    monkeypatch.setenv("LMNB_CACHE_DIR", str(tmp_path / "cache"))
    lmnb.configure_cache()
    yield
    lmnb.configure_cache()


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """A small tokenizer, trained for the tests."""
    from lmnb.train.tokenizer import make

    return make(episodes=400, size=2000)


@pytest.fixture(scope="session")
def shipped() -> Any:
    """The embedded model's weights, read back from its file."""
    from lmnb.lm.local import weights
    from lmnb.train.export import load

    return load(weights("lmnb/tiny"))
