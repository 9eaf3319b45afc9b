"""Journals with fields of another type: reopening names the file, the line and the field, or opens the run."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import worlds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lmnb

Record = dict[str, Any]
REMOVED = object()


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with proposals, and with decisions of many kinds."""
    folder = tmp_path_factory.mktemp("damaged") / "run"
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = worlds.optimizers(worlds.exact)["COPRO"].start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 4), valset=worlds.questions(100, 102), run_dir=folder
        )
        run.wait(30)
        slot = "rewrite.instructions"
        run.reject(1, "bad words")
        run.undo()
        run.redo()
        run.edit(0, slot, "Quickly, name what is asked.")
        run.inject(demo={"question": "q", "query": "y", "answer": "a"})
        run.pin(slot, 0)
        run.unpin(slot)
        run.lock(slot, "Given the fields")
        run.unlock(slot)
        run.keep_demo(run.demos[0])
        run.accept(0)
        run.until("ended", 30)
    return folder


def read(folder: Path) -> list[Record]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()]


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a record."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*place, key)
        yield from places(inner, (*place, key))


def damaged(folder: Path, target: Path, at: int, place: tuple[Any, ...], value: Any) -> Path:
    """A copy of the run in which that field has the value, or is not there."""
    records = read(folder)
    held: Any = records[at]
    for key in place[:-1]:
        held = held[key]
    if value is REMOVED:
        del held[place[-1]]
    else:
        held[place[-1]] = value
    if not target.exists():
        shutil.copytree(folder, target)
    (target / "journal.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return target


def seen(folder: Path) -> None:
    """What a table of runs and the Studio do with a run."""
    run = lmnb.reopen(folder)
    assert repr(run) and run.snapshot() and run.summary() and run.to_html()


@pytest.mark.parametrize(
    ("kind", "place", "value", "told"),
    [
        ("header", ("num_threads",), "4", "num_threads is '4'. It should be a valid integer."),
        ("header", ("num_threads",), 0, "num_threads is 0. It should be greater than or equal to 1."),
        ("header", ("shape",), {}, "shape is {}. It should have at least 1 item"),
        (
            "header",
            ("shape", "rewrite", "outputs"),
            [["query"]],
            "shape.rewrite.outputs[0] is ['query']. It should be a text.",
        ),
        ("header", ("evalset",), "test", "evalset is 'test'. It should be 'train' or 'val'."),
        ("rollout", ("of", "index"), REMOVED, "of.index is missing."),
        ("rollout", ("of", "index"), 99, "of.index is 99, and 'val' has 2 examples."),
        ("rollout", ("res", "score"), "1", "res.score is '1'. It should be a valid number."),
        ("rollout", ("res", "usage"), None, "res.usage is None. It should be a mapping."),
        (
            "candidate",
            ("of", "values", "rewrite.instructions"),
            5,
            "of.values['rewrite.instructions'] is 5. It should be a text.",
        ),
        ("candidate", ("of", "values", "rewrite.demos"), REMOVED, "of.values['rewrite.demos'] is missing."),
        ("candidate", ("of", "values", "rewrite.demos"), [{}], "of.values['rewrite.demos'][0].fields is missing."),
        (
            "candidate",
            ("of", "values", "other.demos"),
            [],
            "of.values['other.demos'] is of no predictor in the header's shape.",
        ),
        ("decision", ("data",), {}, "data.candidate is missing."),
        ("decision", ("id",), [], "id is []. It should be a valid integer."),
        ("end", ("seconds",), None, "seconds is None. It should be a valid number."),
    ],
)
def test_a_damaged_field_is_named_with_its_file_and_line(
    stored: Path, tmp_path: Path, kind: str, place: tuple[Any, ...], value: Any, told: str
) -> None:
    """The first record of the kind, at whatever depth: what stands there, and what should."""
    at = next(number for number, record in enumerate(read(stored)) if record["k"] == kind)
    folder = damaged(stored, tmp_path / "run", at, place, value)
    with pytest.raises(lmnb.JournalError) as caught:
        lmnb.reopen(folder)
    assert str(caught.value).startswith(f"{folder / 'journal.jsonl'}, line {at + 1}: the ")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("data",), {}, "data.which is missing."),
        (("data", "which"), "luck", "data.which is 'luck'. It should be 'calls', 'tokens', 'usd' or 'seconds'."),
        (("data", "limit"), None, "data.limit is None. It should be a valid number."),
    ],
)
def test_a_damaged_stop_by_a_budget_is_named(tmp_path: Path, place: tuple[Any, ...], value: Any, told: str) -> None:
    """What is said of the run, and whether it can be resumed, hangs on which budget it was."""
    run = worlds.search(budget=lmnb.Budget(calls=5), run_dir=tmp_path / "run")
    run.until("ended", 30)
    at = next(number for number, record in enumerate(read(run.path)) if record.get("by") == "budget")
    with pytest.raises(lmnb.JournalError, match=re.escape(told)):
        lmnb.reopen(damaged(run.path, tmp_path / "damaged", at, place, value))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just(REMOVED)),
    lambda inner: (
        st.lists(inner.filter(lambda value: value is not REMOVED), max_size=2)
        | st.dictionaries(
            st.sampled_from(["a", "id", "text"]), inner.filter(lambda value: value is not REMOVED), max_size=2
        )
    ),
    max_leaves=3,
)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_stands_in_a_field_a_run_is_opened_or_an_error_of_ours(
    stored: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any field of any record with any value of JSON, or without it: looking at the run works, or says why it cannot."""
    records = read(stored)
    kinds = {(record["k"], record.get("kind")): at for at, record in reversed([*enumerate(records)])}
    at = data.draw(st.sampled_from(sorted(kinds.values())))
    place = data.draw(st.sampled_from([*places(records[at])]))
    folder = damaged(stored, tmp_path_factory.getbasetemp() / "any", at, place, data.draw(JSON))
    try:
        seen(folder)
    except lmnb.LmnbError as error:
        assert str(error)
