"""What is skipped where a package is missing: the tests that need it, each by itself, with the reason."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

WITHOUT = "import sys; sys.modules['anywidget'] = None; import pytest; sys.exit(pytest.main(sys.argv[1:]))"


def test_without_anywidget_only_tests_of_widgets_are_skipped(root: Path) -> None:
    """The wire needs no widget, so its tests run; a test of a widget says which extra it needs."""
    files = [f"tests/widgets/test_{name}.py" for name in ("wire", "show", "studio")]
    environment = {name: value for name, value in os.environ.items() if name != "LMNB_REQUIRE_BROWSER"}
    options = ["-o", "addopts=", "--doctest-modules", "--import-mode=importlib", "-p", "no:cacheprovider", "-rA"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *options, *files, "tests/widgets/conftest.py", "tests/widgets/browser_side.py"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(re.findall(r"^PASSED tests/widgets/(\w+)\.py", done.stdout, re.MULTILINE)) == {"test_wire"}
    skipped = re.findall(r"^SKIPPED \[(\d+)\] (\S+): (.*)$", done.stdout, re.MULTILINE)
    assert {reason for _, _, reason in skipped} == {"the widgets need the extra `lab`"}
    assert sum(int(count) for count, _, _ in skipped) > 40
