"""`python tests/browser/matrix.py [FOLDER] [PYTEST OPTIONS]`: test_fronts.py in every front end on every kernel.

It makes an environment in FOLDER with pip, where there is none yet (default: `fronts` in the temporary folder), and
passes other options on to pytest, such as `-k nbclassic`. It needs Chromium, as all browser tests do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FRONTS = ("jupyterlab>=4.2,<5", "notebook>=7.2,<8", "nbclassic>=1.1", "marimo>=0.20", "papermill>=2.6")
KERNELS = ("6.31.*", "7.3.*", "7.4.*")


def main(folder: Path, *options: str) -> int:
    """Make what is missing, and run the tests there."""
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    subprocess.run([*pip, "-e", f"{ROOT}[lab]", "playwright", "pytest", "nbval", *FRONTS], check=True)
    kernels = {version: folder / f"ipykernel-{version.removesuffix('.*')}" for version in KERNELS}
    for version, place in kernels.items():
        if not place.exists():
            subprocess.run([*pip, "--target", str(place), f"ipykernel=={version}"], check=True)
    environment = os.environ | {"LMNB_KERNELS": os.pathsep.join(map(str, kernels.values()))}
    tests = [str(ROOT / "tests" / "browser" / f"test_{name}.py") for name in ("fronts", "headless")]
    command = [str(python), "-m", "pytest", "-v", "-p", "no:cacheprovider", *tests, *options]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    given = sys.argv[1:]
    place = given.pop(0) if given and not given[0].startswith("-") else Path(tempfile.gettempdir(), "fronts")
    sys.exit(main(Path(place).absolute(), *given))
