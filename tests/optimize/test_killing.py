"""Kill and resume: a sample of `python tests/killing.py`, whose full form runs 50 kills for each optimizer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import worlds


@pytest.mark.skipif(sys.platform == "win32", reason="kills and forks as POSIX systems do")
@pytest.mark.parametrize("name", list(worlds.optimizers(worlds.exact)))
def test_killed_at_random_moments_a_run_ends_as_if_nothing_had_been(name, request):
    """After kill -9 and resume the run has the same candidates, scores, decisions and result, and no recorded reply was bought again."""
    kills = 50 if request.config.getoption("--full") else 2
    script = Path(__file__).parents[1] / "killing.py"
    done = subprocess.run(
        [sys.executable, script, "--optimizer", name, "--kills", str(kills)],
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["kills"] >= kills
    wrong = ("wrong outcomes", "replies bought twice", "replies not journaled", "not asked")
    assert [report[name] for name in wrong] == [0, 0, 0, 0], report
    assert report["asked again"] <= 8 * report["kills"], "more than was in flight"
