"""Training needs libraries that not everybody has. Without them the files that import them are left out;
`tests/train/test_installed.py` says which library is missing.
"""

from importlib.util import find_spec
from pathlib import Path

MISSING = [library for library in ("torch", "tokenizers", "gguf", "numpy") if find_spec(library) is None]
HERE = Path(__file__).parent
NEEDING = {
    HERE / "lmnb" / "train": "command descent export fit loop model muon probe sequences start tokenizer",
    HERE
    / "tests"
    / "train": "test_command test_export test_fit test_local_trainer test_loop test_model test_tokenizer",
}


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    needing = NEEDING.get(collection_path.parent, "").split()
    return True if MISSING and collection_path.stem in needing else None
