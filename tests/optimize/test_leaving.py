"""A process that ends while its run works: the run stays as it is stored, and goes on elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import worlds

import lmnb

SCRIPT = """
import sys, time, lmnb, worlds
def slow(messages, **options):
    time.sleep(0.005)
    return worlds.reply(messages, **options)
with lmnb.context(lm=lmnb.FakeLM(slow)):
    run = worlds.optimizers(worlds.exact)["BootstrapFewShotWithRandomSearch"].start(
        worlds.TwoCalls(), trainset=worlds.questions(0, 12), valset=worlds.questions(100, 140), run_dir=sys.argv[1], num_threads=2
    )
run.until("candidate", 30)
"""


def test_a_script_that_ends_leaves_its_run_to_be_resumed_not_failed(tmp_path: Path) -> None:
    """Python takes no new work as it leaves, which is no failure of the run."""
    folder = tmp_path / "run"
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(folder)], env=env, capture_output=True, text=True)
    assert done.returncode == 0 and "Error" not in done.stderr, done.stderr
    assert '"state":"failed"' not in (folder / "journal.jsonl").read_text()
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = lmnb.reopen(folder, program=worlds.TwoCalls(), metric=worlds.exact)
        assert run.state == "paused"
        run.resume()
        run.wait(60)
    assert run.state == "finished"
