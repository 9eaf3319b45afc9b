"""Whether training can be tested here at all."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


@pytest.mark.parametrize("library", ["torch", "tokenizers", "gguf", "numpy"])
def test_the_libraries_of_training_are_installed(library: str) -> None:
    """Without one of them this folder's tests are left out, and these skips say why."""
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed: pip install 'lmnb[train]'")
