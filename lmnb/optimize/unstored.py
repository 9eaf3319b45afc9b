"""What a run cannot do that keeps nothing on disk, and what there is instead."""

from __future__ import annotations

from lmnb.errors import RunError


def unstored(what: str) -> RunError:
    """The error where a run that was started with `run_dir=None` would `what`.

    >>> str(unstored("be resumed"))[:80]
    'this run was started with run_dir=None: nothing of it is stored, so it cannot be'
    """
    return RunError(
        f"this run was started with run_dir=None: nothing of it is stored, so it cannot {what}. run.result() is the best that it has found; "
        "start anew without run_dir=None, with decisions=run.decisions to keep what was decided."
    )
