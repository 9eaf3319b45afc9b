"""The front end's sources: no sink that could run a text, no address, and a bundle that is what they say."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SINKS = {
    "sets HTML": r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|dangerouslySet|ContextualFragment|DOMParser|srcdoc",
    "writes the document": r"document\s*\.\s*write",
    "runs text": r"\beval\s*\(|new\s+Function|\bimport\s*\(|setTimeout\(\s*[\"'`]|javascript:",
    "loads things": r"<(script|iframe|object|embed|img|link|a)\b|href|\bsrc=|createElement\((?!\"(div|style)\")",
    "asks the network": r"\bfetch\s*\(\s*[\"'`h]|XMLHttpRequest|WebSocket|sendBeacon|EventSource",
    "interrupts": r"\b(alert|confirm|prompt)\s*\(",
}


ACTIONS = ["pause", "step", "resume", "stop", "cancel", "accept", "reject", "edit", "inject", "export"]
ACTIONS += ["keep-demo", "reject-demo", "edit-demo", "undo", "redo", "keep-as-demo"]


def sources(root: Path) -> list[Path]:
    found = sorted((root / "widgets" / "src").rglob("*.ts*"))
    assert len(found) > 20
    return found


@pytest.mark.parametrize("what", SINKS)
def test_no_source_has_a_sink(root: Path, what: str) -> None:
    """The panel renders text only."""
    for path in sources(root):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not re.search(SINKS[what], line), f"{path.name}:{number} {what}: {line.strip()}"


def test_the_style_loads_nothing_and_stays_inside(root: Path) -> None:
    """Every rule stands in a block of the root's class, which the static forms do not have, and none asks for a file."""
    sheets = sorted((root / "widgets" / "src").rglob("*.css"))
    assert sheets
    for path in sheets:
        css = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"url\(|@import|:root|:host|[^{};\s,]\s*&", css), path.name
        depth, begun = 0, 0
        for at, letter in enumerate(css):
            if letter == "{" and depth == 0:
                opening = css[begun:at].strip()
                assert re.fullmatch(r"\.lmv(\[data-theme=\"dark\"\])?|@keyframes lmnb-\w+", opening), (
                    f"{path.name}: {opening}"
                )
            depth += (letter == "{") - (letter == "}")
            begun = at + 1 if letter == "}" and depth == 0 else begun
        assert (depth, css[begun:].strip()) == (0, ""), path.name


def test_the_lock_file_holds_no_address(root: Path) -> None:
    """Whoever installs chooses where from."""
    lock = (root / "widgets" / "package-lock.json").read_text(encoding="utf-8")
    assert not re.search(r"resolved|integrity|https?:", lock)


def test_every_action_of_the_design_has_a_handle(root: Path) -> None:
    """Tests and users' own scripts lean on them: in the browser's half, or among the parts that the other half says."""
    parts = sorted((root / "widgets" / "lmnb_widgets").glob("*.py"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in (*sources(root), *parts))
    for action in ACTIONS:
        assert re.search(rf'(action(=|: ){{?|\b(act|form|reason)\(\s*)"{action}"', text), action
    for kind in ["candidate", "demo", "example", "span", "decision"]:
        assert f'kind="{kind}"' in text, kind


def npm(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed; an install of lmnb does not need them")
    if not (root / "widgets" / "node_modules" / "esbuild").is_dir():
        pytest.skip("widgets/node_modules is missing: run `npm ci` in widgets/")
    return subprocess.run([*command], cwd=root / "widgets", capture_output=True, text=True, timeout=300, check=False)


def test_the_front_end_passes_its_own_tests(root: Path) -> None:
    """`npm test`: state, diff, curve, tree, text."""
    done = npm(root, "npm", "test")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_the_types_hold(root: Path) -> None:
    """`npm run check`."""
    done = npm(root, "npm", "run", "check")
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_committed_bundle_is_built_from_the_sources(root: Path, tmp_path: Path) -> None:
    """A rebuild gives the same bytes."""
    bundle = root / "widgets" / "lmnb_widgets" / "static" / "lmnb.js"
    built = tmp_path / "lmnb.js"
    done = npm(root, "node", "build.mjs", "--out", str(built))
    assert done.returncode == 0, done.stderr[-2000:]
    assert built.read_bytes() == bundle.read_bytes(), "run `npm run build` in widgets/ and commit the bundle"
