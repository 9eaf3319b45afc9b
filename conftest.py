"""Training needs libraries that not everybody has. Without them its files cannot be imported, so they and their tests are
left out; `tests/train/test_installed.py` says which library is missing.
"""

from importlib.util import find_spec
from pathlib import Path

MISSING = [library for library in ("torch", "tokenizers", "gguf", "numpy") if find_spec(library) is None]
TRAIN = (Path(__file__).parent / "lmnb" / "train", Path(__file__).parent / "tests" / "train")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    left_out = MISSING and any(folder in collection_path.parents for folder in TRAIN)
    return True if left_out and collection_path.name != "test_installed.py" else None
