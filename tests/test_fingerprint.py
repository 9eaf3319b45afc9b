"""The hash of code: the same in every process, another one for other code or other values that it was made with."""

from __future__ import annotations

import functools
import importlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb.evaluate import exact_match
from lmnb.fingerprint import fingerprint

MODULE = """
import dataclasses, datetime, enum, functools, re
import lmnb


class Kind(enum.Enum):
    word = 1


@dataclasses.dataclass
class Near:
    limit: float
    words: frozenset = frozenset({"a", "b", "c"})

    def __call__(self, example, prediction):
        return len(prediction.answer) > self.limit


def shorter(example, prediction, limit=5):
    return len(prediction.answer) < limit


def make(threshold, *, rest=("x", 1.5, None), **more):
    def metric(example, prediction, trace=None, *, scale=(threshold,)):
        return again() and len(prediction.answer) > scale[0] and bool(rest or more)

    def again():
        return metric is not None

    return metric


everything = {
    "plain": make(1), "things": make(
        Kind.word, rest=[object(), {"b", "a"}, re.compile("x"), b"x", datetime.date(2026, 1, 2), Near(2), int, len, lmnb],
        lm=lmnb.FakeLM([]), other=shorter,
    ), "partial": functools.partial(shorter, limit=3), "record": Near(1), "method": Near(1).__call__,
    "cached": functools.cache(make(4)), "program": lmnb.ChainOfThought("question -> answer"), "lambda": lambda a, b: 1,
}
"""


def near(threshold: Any, **more: Any) -> Any:
    def metric(example: Any, prediction: Any, trace: Any = None) -> bool:
        return len(prediction.answer) > threshold and not more

    return metric


def with_default(limit: Any) -> Any:
    def metric(example: Any, prediction: Any, trace: Any = None, least: Any = limit, *, most: Any = 9) -> bool:
        return least < len(prediction.answer) < most

    return metric


def hash_of(thing: Any) -> str:
    return fingerprint(thing)["hash"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (near(1), near(2)),
        (near("1"), near(1)),
        (near([1, 2]), near([2, 1])),
        (near({"a": 1}), near({"a": 2})),
        (near(len), near(sum)),
        (near(near(1)), near(near(2))),
        (near(1), near(1, strict=True)),
        (with_default(1), with_default(2)),
        (functools.partial(near(1), trace=1), functools.partial(near(1), trace=2)),
        (functools.partial(near(1), 1), functools.partial(near(2), 1)),
        (functools.partial(near), near),
        (functools.cache(near(1)), functools.cache(near(2))),
        (exact_match("team"), exact_match("answer")),
        (exact_match("team"), exact_match("team", frac=0.5)),
    ],
)
def test_other_values_are_another_hash(one: Any, other: Any) -> None:
    """Thresholds, defaults and bound arguments decide what a metric says."""
    assert hash_of(one) != hash_of(other)
    assert hash_of(one) == hash_of(one)


@pytest.mark.parametrize(
    "make",
    [
        lambda: near(1),
        lambda: near({"b": 1, "a": [2, {3}]}),
        lambda: near(object()),
        lambda: near(lmnb.FakeLM([])),
        lambda: near(near(1), again=near(2)),
        lambda: functools.partial(near(1), trace=object()),
        lambda: functools.cache(near(1)),
        lambda: exact_match("team"),
    ],
)
def test_the_same_made_again_is_the_same_hash(make: Any) -> None:
    """No address and no identity is part of it; an object is its class."""
    assert make() is not make()
    assert fingerprint(make()) == fingerprint(make())


def test_keyword_defaults_count() -> None:
    """They belong to the function object, not to its source."""
    one, other = with_default(1), with_default(1)
    assert hash_of(one) == hash_of(other)
    other.__kwdefaults__ = {"most": 10}
    assert hash_of(one) != hash_of(other)


def test_a_program_is_its_class() -> None:
    """Instructions, demos and arguments are saved beside the hash of the code, not in it."""

    @dataclass
    class Router(lmnb.Module):
        size: int

        def forward(self, ticket: str) -> Any:
            return lmnb.Prediction(team=ticket)

    one, other = lmnb.Predict("question -> answer"), lmnb.Predict("ticket -> team", temperature=0.5)
    other.demos = [lmnb.Example(ticket="t", team="u")]
    assert fingerprint(one) == fingerprint(other) == fingerprint(lmnb.Predict)
    assert fingerprint(Router(1)) == fingerprint(Router(2))


def test_a_helper_made_by_a_factory_counts(tmp_path: Path) -> None:
    """A function that the code names is what it was made with, too."""
    source = (
        "def make(limit):\n    def near(text):\n        return len(text) > limit\n    return near\n\n\n"
        "near = make({limit})\n\n\ndef metric(example, prediction):\n    return near(prediction.answer)\n"
    )
    found = []
    for limit in (1, 2, 1):
        name = f"their_metric_{len(found)}"
        path = tmp_path / f"{name}.py"
        path.write_text(source.format(limit=limit))
        found.append(run("print(fingerprint(metric)['hash'])", path, "metric"))
    assert found[0] == found[2] != found[1]


def test_a_fresh_process_gives_the_same_hashes(tmp_path: Path) -> None:
    """Whatever the seed of its string hashes and the order in which things came to be."""
    path = tmp_path / "theirs.py"
    path.write_text(MODULE)
    code = "print({name: fingerprint(thing) for name, thing in everything.items()})"
    one, other = (run(code, path, "everything", seed=seed) for seed in ("1", "2"))
    assert one == other
    assert one.count("'of': 'source'") == 8


def run(code: str, path: Path, name: str, seed: str = "0") -> str:
    """What `code` prints in a fresh interpreter, where `name` is imported from the module at `path`."""
    folder = path.parent / path.stem
    folder.mkdir(exist_ok=True)
    (folder / "their_code.py").write_text(path.read_text())
    paths = os.pathsep.join([str(folder), str(Path(lmnb.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-c", f"from lmnb.fingerprint import fingerprint\nfrom their_code import {name}\n{code}"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": seed},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_file_that_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources are read once, and anew when their file is another one: an edited helper is another hash, put back the former one."""
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "edited_metric.py"
    hashes = []
    for number, bonus in enumerate((1, 20, 1)):
        file.write_text(f"def helper():\n    return {bonus}\n\n\ndef metric(e, p):\n    return helper()\n")
        os.utime(file, (number, number))  # a second apart, as edits are
        module = importlib.reload(importlib.import_module("edited_metric"))
        hashes += [fingerprint(module.metric)["hash"], fingerprint(module.metric)["hash"]]
    assert hashes[0] == hashes[1] == hashes[4] == hashes[5] != hashes[2] == hashes[3]
