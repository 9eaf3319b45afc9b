"""The command line: what it prints, where it leaves things, and one clear message when something is wrong."""

from __future__ import annotations

import importlib
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb import cli, commands, demo
from lmnb.data import tickets

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run_cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs the command line in this process; gives exit status, stdout and stderr."""

    def call(*argv: str) -> tuple[int, str, str]:
        try:
            status = cli.main(argv)
        except SystemExit as ended:
            status = int(ended.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def stored(routing_lm: Any) -> Any:
    """A small finished run of the demo's program on a fake LM."""
    lmnb.configure(lm=routing_lm)
    data = tickets()
    run = demo.optimizer(2).start(demo.TicketRouter(), trainset=data.train[:20], valset=data.val[:10])
    run.wait()
    return run


def test_version_and_help(run_cli: Cli) -> None:
    """`--version` gives the package's version, `--help` names every command."""
    assert run_cli("--version") == (0, f"lmnb {lmnb.__version__}\n", "")
    status, out, _ = run_cli("--help")
    assert status == 0
    assert all(re.search(rf"^    {name}\b", out, re.M) for name in ("lab", "demo", "runs", "resume", "replay"))


def test_no_command_and_bad_numbers_say_what_to_write(run_cli: Cli) -> None:
    """A missing command and a budget of zero are usage errors with exit status 2."""
    status, _, err = run_cli()
    assert status == 2
    assert "required: COMMAND" in err
    status, _, err = run_cli("demo", "--budget", "0")
    assert status == 2
    assert "'0' is not a whole number above 0" in err


def test_demo_compiles_and_says_where(run_cli: Cli, routing_lm: Any) -> None:
    """`demo` prints zero-shot and compiled scores, one line a candidate, and the places of run and program."""
    lmnb.configure(lm=routing_lm)
    status, out, err = run_cli("demo", "--candidates", "2", "--seed", "3")
    assert (status, err) == (0, "")
    assert "300 held-out tickets" in out
    assert re.search(r"^zero-shot +0\.0 %$", out, re.M)
    assert re.search(r"^compiled +[1-9]\d\.\d %   \+\d+\.\d points, 95 % interval \+", out, re.M)
    assert len(re.findall(r"^candidate +\d+ ", out, re.M)) == 5
    program = Path(re.findall(r"^program +(\S+)$", out, re.M)[0])
    again = demo.TicketRouter()
    again.load(program)
    assert again.route.demos


def test_demo_keeps_within_its_budget(run_cli: Cli, routing_lm: Any) -> None:
    """With `--budget` the search makes no more calls than that, says so, and still gives the best so far."""
    lmnb.configure(lm=routing_lm)
    status, out, _ = run_cli("demo", "--budget", "250")
    assert status == 0
    assert re.search(r"^stopped · 250 of 250 calls · .* · the budget of 250 calls is spent$", out, re.M)
    assert re.search(r"^compiled ", out, re.M)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a pseudo-terminal")
def test_live_display_on_a_terminal(tmp_path: Path) -> None:
    """On a terminal the candidates are a table that is redrawn, ending with the state."""
    code = (
        "import sys, lmnb\nfrom lmnb import cli\n"
        "lm = lmnb.FakeLM(lambda messages, **options: {'team': 'otter'})\n"
        "lmnb.configure(lm=lm)\nsys.exit(cli.main(['demo', '--candidates', '1']))"
    )
    outside, inside = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "110"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=inside, stderr=inside, cwd=tmp_path, env=environment
    )
    os.close(inside)
    output = b""
    while chunk := _read(outside):
        output += chunk
    assert process.wait(timeout=60) == 0, output.decode()
    text = re.sub(rb"\x1b\[[\d;?]*[A-Za-z]", b"", output).decode()
    assert "zero-shot" in text
    assert "finished" in text
    assert b"\x1b[" in output


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so when the other end is closed
        return b""


def test_runs_lists_what_is_stored(run_cli: Cli, stored: Any) -> None:
    """`runs` shows each stored run with its state; without any it says how to make one."""
    status, out, err = run_cli("runs")
    assert (status, err) == (0, "")
    assert stored.name in out
    assert "finished" in out
    Path("empty").mkdir()
    assert run_cli("runs", "empty") == (
        0,
        f"there are no runs in {Path('empty').resolve()}; lmnb demo makes one, lmnb runs DIR looks elsewhere\n",
        "",
    )


def test_replay_makes_no_call(run_cli: Cli, stored: Any, routing_lm: Any) -> None:
    """`replay` gives the same program from the journal, with no call of an LM."""
    before = len(routing_lm.calls)
    lmnb.configure(lm=None)
    status, out, err = run_cli("replay", stored.path.name)
    assert (status, err) == (0, "")
    assert f"replayed   {len(stored.candidates)} candidates, 0 decisions, 0 LM calls" in out
    assert f"#{stored.best.number} {stored.best.label}" in out
    assert len(routing_lm.calls) == before


def test_replay_needs_no_code_of_the_program(run_cli: Cli, routing_lm: Any) -> None:
    """The class of a run may be gone, as one of a closed notebook is: the journal is enough."""

    class Gone(lmnb.Module):
        def __init__(self) -> None:
            self.route = lmnb.Predict("ticket -> team")

        def forward(self, ticket: str) -> Any:
            return self.route(ticket=ticket)

    lmnb.configure(lm=routing_lm)
    data = tickets()
    run = demo.optimizer(2).start(Gone(), trainset=data.train[:20], valset=data.val[:10])
    run.wait(30)
    lmnb.configure(lm=None)
    status, out, err = run_cli("replay", run.path.name)
    assert (status, err) == (0, "")
    assert f"the same   {run.best.score:5.1f} %   #{run.best.number} {run.best.label}" in out


def test_replay_names_what_diverged(run_cli: Cli, stored: Any) -> None:
    """A journal that was made by another search is an error that says so, not another program."""
    journal = stored.path / "journal.jsonl"
    text = journal.read_text(encoding="utf-8")
    journal.write_text(text.replace('"max_labeled_demos":8', '"max_labeled_demos":3'), encoding="utf-8")
    assert journal.read_text(encoding="utf-8") != text
    status, _, err = run_cli("replay", str(stored.path))
    assert status == 2
    assert "asks for something else than the run's journal holds" in err
    assert "Traceback" not in err


def test_resume_goes_on_where_a_run_stopped(run_cli: Cli, routing_lm: Any) -> None:
    """A stopped run is found by its name, its code by import path, and it ends like one that was never stopped."""
    lmnb.configure(lm=routing_lm)
    data = tickets()
    rows = {"trainset": data.train[:20], "valset": data.val[:10]}
    run = demo.optimizer(3).start(demo.TicketRouter(), paused=True, **rows)
    run.step()
    run.until("paused", 30)
    run.stop()
    run.wait(30)
    known = len(run.candidates)
    status, out, err = run_cli("resume", run.path.name)
    assert (status, err) == (0, "")
    assert re.search(r"^finished · ", out, re.M)
    assert re.search(r"^best +[1-9]\d", out, re.M)
    whole = demo.optimizer(3).start(demo.TicketRouter(), **rows)
    whole.wait(30)
    ended = lmnb.reopen(run.path)
    assert known < len(ended.candidates)
    assert [(row.id, row.score) for row in ended.candidates] == [(row.id, row.score) for row in whole.candidates]


def test_resume_finds_the_modules_of_the_folder(
    run_cli: Cli, routing_lm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program and the metric of somebody's own script stand in the folder where the command is given."""
    code = """
import lmnb

class Mine(lmnb.Module):
    def __init__(self):
        self.answer = lmnb.Predict("ticket -> team")

    def forward(self, ticket):
        return self.answer(ticket=ticket)

def right(example, made, trace=None):
    return example.team == made.team
"""
    (tmp_path / "mine_alone.py").write_text(code, encoding="utf-8")
    lmnb.configure(lm=routing_lm)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    mine = importlib.import_module("mine_alone")
    data = tickets()
    run = lmnb.LabeledFewShot(2, mine.right).start(
        mine.Mine(), trainset=data.train[:9], valset=data.val[:4], run_dir=tmp_path / "runs" / "own", paused=True
    )
    run.stop()
    run.wait(30)
    monkeypatch.setattr(sys, "path", sys.path[1:])
    monkeypatch.delitem(sys.modules, "mine_alone")
    monkeypatch.chdir(tmp_path / "runs")
    elsewhere = run_cli("resume", str(run.path))
    assert elsewhere[0] == 2 and "mine_alone:Mine is not importable" in elsewhere[2]
    monkeypatch.chdir(tmp_path)
    status, out, err = run_cli("resume", str(run.path))
    assert (status, err) == (0, "") and re.search(r"^finished · ", out, re.M)


def test_unknown_run_is_named_with_those_there_are(run_cli: Cli, stored: Any, tmp_path: Path) -> None:
    """A wrong name gives one line naming the stored runs, a folder without a journal says what it lacks."""
    status, out, err = run_cli("resume", "nope")
    assert (status, out) == (2, "")
    assert err.startswith("lmnb: there is no run 'nope'. In ")
    assert stored.path.name in err
    assert err.count("\n") == 1
    Path("plain").mkdir()
    assert run_cli("replay", "plain") == (2, "", "lmnb: 'plain' is no run: it has no journal.jsonl\n")
    assert run_cli("runs", "nowhere") == (2, "", "lmnb: there is no folder 'nowhere'\n")


def test_lab_without_jupyterlab_names_the_extra(run_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where JupyterLab is not installed, `lab` says what to install."""
    monkeypatch.setitem(sys.modules, "jupyterlab", None)
    status, _, err = run_cli("lab")
    assert status == 2
    assert "lmnb lab needs 'jupyterlab', which is not installed. Run: pip install 'lmnb[lab]'" in err


def test_lab_opens_the_checkouts_notebook(root: Path) -> None:
    """In a checkout `lab` starts JupyterLab, with this interpreter, on the first notebook itself."""
    notebook = commands.notebook_here()
    assert notebook == root / "notebooks" / "01_first_compile.ipynb"
    line = commands.lab_line(notebook, browser=False, port=9999)
    assert line[:4] == [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebook.parent}"]
    assert {"--LabApp.default_url=/lab/tree/01_first_compile.ipynb", "--no-browser", "--port=9999"} <= set(line)


def test_lab_elsewhere_copies_the_notebook_with_its_picture(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where lmnb was installed from a wheel, the notebook and what it shows go into the working folder, and stay as they are there."""
    installed = tmp_path / "site" / "lmnb" / "data"
    (installed / "images").mkdir(parents=True)
    for name in (commands.NOTEBOOK, commands.PICTURE):
        (installed / name).write_bytes((root / "notebooks" / name).read_bytes())
    monkeypatch.setattr("lmnb.data.packaged.HERE", installed)
    monkeypatch.chdir(tmp_path)
    assert commands.notebook_here() == tmp_path / commands.NOTEBOOK
    assert (tmp_path / commands.PICTURE).read_bytes() == (installed / commands.PICTURE).read_bytes()
    (tmp_path / commands.NOTEBOOK).write_text("mine", encoding="utf-8")
    assert commands.notebook_here().read_text(encoding="utf-8") == "mine"


def test_an_interrupted_demo_keeps_its_run_and_reports_no_score(tmp_path: Path) -> None:
    """Ctrl-C stops the search, says how to go on, and ends the command without a result that nobody waited for."""
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from lmnb.cli import main; sys.exit(main(['demo', '--candidates', '400']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("candidate  2"):
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopping; go on later with: lmnb resume " in err and err.endswith("lmnb: interrupted\n")
    assert "compiled" not in out
    (stored,) = lmnb.runs(tmp_path / "runs")
    assert stored["state"] == "stopped" and stored["best"] is not None
