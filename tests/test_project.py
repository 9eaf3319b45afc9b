"""The frame: layers, light import, what the wheel holds, and what no file may name."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import lmnb

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {
    "IPython",
    "anywidget",
    "bm25s",
    "faiss",
    "httpx",
    "ipywidgets",
    "jsonschema",
    "litellm",
    "mcp",
    "optuna",
    "pandas",
    "plotly",
    "pydantic_monty",
    "sqlalchemy",
    "xllamacpp",
}
TEXT = {".py", ".md", ".toml", ".json", ".jsonl", ".ipynb", ".ts", ".tsx", ".js", ".mjs", ".yml", ".css", ".html", ""}


def python(code: str) -> str:
    """What a fresh interpreter prints for the code, run outside the checkout."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def files() -> list[Path]:
    """Every file of the project: those under version control and those that will be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout, so what belongs to the project is not known")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def sources() -> list[Path]:
    """The Python files of both packages."""
    return sorted([*(ROOT / "lmnb").rglob("*.py"), *(ROOT / "widgets" / "lmnb_widgets").rglob("*.py")])


def imported(nodes: Iterator[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." if node.level else str(node.module)


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported (the bodies of `if TYPE_CHECKING` do not)."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from outside_functions(child)


def test_import_of_lmnb_is_light() -> None:
    """A fresh `import lmnb` loads none of the heavy libraries, and neither does the command line's `--help`."""
    loaded = python(f"import sys, lmnb; print(sorted({HEAVY!r} & set(sys.modules)))")
    assert loaded == "[]"
    loaded = python(f"import sys, lmnb.cli; lmnb.cli.parser(); print(sorted({HEAVY!r} & set(sys.modules)))")
    assert loaded == "[]"


def test_every_public_name_resolves() -> None:
    """Each name of `lmnb.__all__` is there, so the table of lazy names holds no stale entry."""
    code = (
        "import lmnb\nmissing = []\nfor name in lmnb.__all__:\n    try: getattr(lmnb, name)\n"
        "    except (ImportError, AttributeError) as error: missing.append(f'{name}: {error}')\nprint(missing)"
    )
    assert python(code) == "[]"


def test_core_imports_heavy_libraries_inside_functions_only() -> None:
    """No module of the core imports a heavy library when it is itself imported."""
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "lmnb").rglob("*.py")
        for name in imported(outside_functions(ast.parse(path.read_text(encoding="utf-8"))))
        if name.split(".")[0] in HEAVY
    ]
    assert found == []


def test_own_modules_are_imported_at_the_top() -> None:
    """No function imports a module of lmnb: it would hide a cycle. Commands may, to start quickly."""
    found = []
    for path in sources():
        if path == ROOT / "lmnb" / "commands.py":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        at_top = list(imported(outside_functions(tree)))
        for name in imported(iter(ast.walk(tree))):
            if name.split(".")[0] in {"lmnb", "lmnb_widgets", ""} and name in at_top:
                at_top.remove(name)
            elif name.split(".")[0] in {"lmnb", "lmnb_widgets", ""} and not _for_types_only(tree, name):
                found.append(f"{path.relative_to(ROOT)}: {name}")
    assert found == []


def _for_types_only(tree: ast.Module, name: str) -> bool:
    return any(
        isinstance(node, ast.If)
        and "TYPE_CHECKING" in ast.unparse(node.test)
        and name in set(imported(iter(ast.walk(node))))
        for node in tree.body
    )


def test_layers_hold() -> None:
    """Imports go down only, every module has a layer, widgets use public names; the contracts are in pyproject.toml."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_folders_at_the_top_are_those_of_the_plan() -> None:
    """Nothing grows beside the five folders; `datasets` and `widgets` are no packages (they would shadow others)."""
    folders = {path.relative_to(ROOT).parts[0] for path in files() if path.parent != ROOT}
    assert folders <= {"lmnb", "notebooks", "widgets", "tests", "datasets", ".github", ".ci"}
    assert not (ROOT / "datasets" / "__init__.py").exists()
    assert not (ROOT / "widgets" / "__init__.py").exists()
    assert list((ROOT / "datasets").rglob("*.py")) == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel as hatchling builds it from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_wheel_holds_both_packages_and_what_they_need(wheel: zipfile.ZipFile) -> None:
    """Code, type marker, tickets, first notebook, wordings, weights and the built bundle are in the wheel."""
    names = set(wheel.namelist())
    wanted = {
        "lmnb/__init__.py",
        "lmnb/py.typed",
        "lmnb/data/people.jsonl",
        "lmnb/data/people-questions.jsonl",
        "lmnb/data/tickets.jsonl",
        "lmnb/data/01_first_compile.ipynb",
        "lmnb/data/images/studio-light.png",
        "lmnb/types/wordings/de.json",
        "lmnb_widgets/__init__.py",
        "lmnb_widgets/static/lmnb.js",
    }
    assert wanted - names == set()
    assert [name for name in names if name.startswith("lmnb/") and name.endswith(".gguf")], "the weights are missing"


def test_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    """No tests, sources of the front end, caches or secrets travel with the wheel, and it stays small."""
    names = wheel.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"lmnb", "lmnb_widgets"}
    assert [
        name for name in names if re.search(r"(^|/)(tests?|node_modules|__pycache__|runs)/|\.(ts|tsx|pyc|map)$", name)
    ] == []
    assert sum(info.compress_size for info in wheel.infolist()) < 8_000_000


def test_wheel_says_how_it_is_used(wheel: zipfile.ZipFile) -> None:
    """The command, the views' entry points and the licence are in the metadata."""
    info = next(name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name)
    entries = wheel.read(f"{info}/entry_points.txt").decode()
    assert "lmnb = lmnb.cli:main" in entries
    assert "[lmnb.views]" in entries
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "License-Expression: MIT" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert f"{info}/licenses/LICENSE" in wheel.namelist()


def test_no_file_names_a_registry_or_this_machine() -> None:
    """What is committed works elsewhere: it holds no address of a package registry and no path of this machine."""
    hosts = ["pypi." + "org", "python" + "hosted.org", "registry." + "npmjs", "npmjs." + "org"]
    places = [str(ROOT), str(Path.home())]
    forbidden = [*hosts, *(place for place in places if len(Path(place).parts) > 1 and place != "/usr")]
    pattern = re.compile("|".join(re.escape(word) + (r"(?![\w-])" if word in places else "") for word in forbidden))
    found = []
    for path in files():
        if path.suffix in TEXT and (match := pattern.search(path.read_text(encoding="utf-8", errors="replace"))):
            found.append(f"{path.relative_to(ROOT)}: {match.group()}")
    assert found == []


def test_lock_file_holds_no_download_address() -> None:
    """`package-lock.json` pins versions and leaves where they come from to the installation; no Python lock is kept."""
    path = ROOT / "widgets" / "package-lock.json"
    packages = json.loads(path.read_text(encoding="utf-8"))["packages"]
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if name and "version" not in entry] == []
    assert not any(path.name in {"uv.lock", "poetry.lock", "Pipfile.lock"} for path in files())


def test_guides_show_every_widget() -> None:
    """Each picture that the README and the notebooks show is there, and both show a picture of every widget."""
    readme, *notebooks = [ROOT / "README.md", *sorted((ROOT / "notebooks").glob("*.ipynb"))]
    shown: dict[Path, set[Path]] = {}
    for guide in (readme, *notebooks):
        links = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", guide.read_text(encoding="utf-8"))
        shown[guide] = {(guide.parent / link).resolve() for link in links}
    assert [str(picture) for pictures in shown.values() for picture in pictures if not picture.is_file()] == []
    views = {"studio", "traces", "report", "review", "editor", "runs"}
    for group in ([readme], notebooks):
        names = {picture.name.partition("-")[0] for guide in group for picture in shown[guide]}
        assert views <= names


def test_readme_has_the_commands_that_the_gate_runs() -> None:
    """The shell block after `<!-- test command -->` is what a reader types and what `.ci/run` executes."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"^<!-- test command -->\n+```\w*\n(.+?)^```$", text, re.M | re.S)
    assert block is not None, "README.md has no shell block after <!-- test command -->"
    assert "pytest" in block.group(1)


def test_extras_are_complete() -> None:
    """Each extra that an error message names exists."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named_by = isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("MissingExtra", "need"))
            if named_by and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
                named.add(node.args[1].value)
    assert {"pandas", "plots", "lab"} <= named <= set(extras)


def test_every_test_says_what_it_holds() -> None:
    """Each test function has a docstring of one sentence."""
    found = []
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_test = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
            if is_test and not ast.get_docstring(node):
                found.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert found == []


def test_the_stub_names_what_the_package_gives():
    """Editors see the same public names that the lazy package resolves."""
    tree = ast.parse((ROOT / "lmnb" / "__init__.pyi").read_text(encoding="utf-8"))
    named = {alias.asname for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    submodules = set("data evaluate export optimize retrieve settings streaming teleprompt testing".split())
    assert named - submodules == set(lmnb._HOME)
    for name in lmnb._HOME:
        assert getattr(lmnb, name) is not None


def test_pictures_of_notebooks_are_those_of_the_project() -> None:
    """A notebook shows copies beside it, for JupyterLab serves no hidden folder: each is the same file, and those that texts name are there."""
    copies = sorted((ROOT / "notebooks" / "images").iterdir())
    assert [
        one.name for one in copies if one.read_bytes() != (ROOT / ".github" / "images" / one.name).read_bytes()
    ] == []
    for text in [ROOT / "README.md", *(ROOT / "notebooks").glob("*.ipynb")]:
        named = re.findall(r"\]\(((?:\.github/)?images/[^)]+)\)", text.read_text(encoding="utf-8"))
        assert [name for name in named if not (text.parent / name).is_file()] == []
