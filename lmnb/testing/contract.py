"""The contract of optimizers as a whole: to subclass in a test file, or to check in a notebook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from lmnb.html import el, heading, root, table_of
from lmnb.optimize.optimizer import Optimizer
from lmnb.testing.deciding import Deciding
from lmnb.testing.limits import Limits
from lmnb.testing.repeating import Repeating


class OptimizerContract(Repeating, Deciding, Limits):
    """What every optimizer must hold, a test a promise. In a test file write a subclass that makes yours; pytest finds its tests:

        class TestMine(lmnb.testing.OptimizerContract):
            def make(self, metric):
                return Mine(metric=metric, rounds=2)

    The class of the optimizer must stand at a module's top level, so that a stored run finds it again. `draws = False` says that
    nothing is drawn at random, `gives_demos = False` that demos are left as they are; `longer(metric)` may give the same optimizer with
    a longer search. The world of the tests can be another one too: methods `program()`, `trainset()` and `valset()` (6 examples or more
    each), static methods `metric` and `reply`, `slot`, a text of that program, and `budget`.
    """


@dataclass(frozen=True)
class Promise:
    """One promise in words, and why it is broken; None where it holds. `seconds` are what it took."""

    name: str
    text: str
    broken: str | None
    seconds: float


class ContractReport(tuple[Promise, ...]):
    """The promises in order; shows itself as a table."""

    @property
    def broken(self) -> list[Promise]:
        """Those that do not hold."""
        return [promise for promise in self if promise.broken is not None]

    def __repr__(self) -> str:
        rows = [f"{'kept  ' if promise.broken is None else 'BROKEN'}  {promise.text}" for promise in self]
        return "\n".join([*rows, f"{len(self) - len(self.broken)} of {len(self)} promises are kept"])

    def _repr_html_(self) -> str:
        rows = [
            el(
                "tr",
                None,
                el("td", {"class": "lm-tight"}, "✓ kept" if each.broken is None else "✗ broken"),
                el("td", None, each.text, el("div", {"class": "lm-warn"}, each.broken) if each.broken else None),
            )
            for each in self
        ]
        said = f"{len(self) - len(self.broken)} of {len(self)} promises are kept"
        return root("report", el("div", {"class": "lm-pane"}, heading(said), table_of(("", "promise"), rows)))


class BrokenPromises(AssertionError):
    """An optimizer does not hold the contract; `report` says which promises, and why."""

    def __init__(self, report: ContractReport) -> None:
        self.report = report
        said = "\n".join(f"- {promise.text}\n  {promise.broken}" for promise in report.broken)
        super().__init__(f"{len(report.broken)} of {len(report)} promises are broken:\n{said}")


def check_optimizer(make: Callable[[Callable[..., Any]], Optimizer], **world: Any) -> ContractReport:
    """Try every promise of `OptimizerContract` on the optimizers that `make(metric)` gives; the report of what was tried. `world` is what
    is other than in `OptimizerContract`: functions without `self`, and plain values.

    Raises BrokenPromises, which names each promise that does not hold and says why.

    >>> import lmnb
    >>> report = lmnb.testing.check_optimizer(lambda metric: lmnb.LabeledFewShot(k=2, metric=metric))
    >>> print(report[0].text)
    Two runs with one seed give the same candidates and result, whatever the number of threads and Python's own random numbers.
    >>> report.broken
    []
    """
    given = {name: staticmethod(value) if callable(value) else value for name, value in {"make": make, **world}.items()}
    kind = type("Checked", (OptimizerContract,), given)
    report = ContractReport(_tried(kind(), name) for name in promises())
    if report.broken:
        raise BrokenPromises(report)
    return report


def promises() -> list[str]:
    """The names of the contract's tests, in order.

    >>> promises()[0]
    'test_a_seeded_run_repeats_exactly'
    """
    kinds = [kind for kind in OptimizerContract.__mro__ if kind is not OptimizerContract]
    return [name for kind in kinds for name in vars(kind) if name.startswith("test_")]


def _tried(trial: OptimizerContract, name: str) -> Promise:
    test, began = getattr(trial, name), perf_counter()
    broken = None
    trial.setup_method()
    try:
        test()
    except AssertionError as error:
        broken = str(error)
    except Exception as error:  # noqa: BLE001 - whatever an optimizer raises is a promise that it breaks
        broken = f"{type(error).__name__}: {error}"
    finally:
        trial.teardown_method()
    return Promise(name, test.__doc__, broken, perf_counter() - began)
