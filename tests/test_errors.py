"""Errors as values: they cross the border of a process whole."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from typing import Any

import pytest

from lmnb import errors

MADE_OF: dict[type, Callable[[Any], Any]] = {
    errors.ParseError: lambda kind: kind("m", reply="r", adapter_name="a", parsed_result={"b": 1}),
    errors.MissingExtra: lambda kind: kind("numpy", "data", "a table"),
    errors.CheckFailed: lambda kind: kind("m", check="c", at="a.b", attempts=2),
    errors.ToolError: lambda kind: kind("m", tool="t"),
    errors.InterpreterError: lambda kind: kind("m", kind="K", line=3, missing="x", printed="p"),
    errors.BudgetExceeded: lambda kind: kind("calls", 2, 1),
    errors.TimedOut: lambda kind: kind("m", seconds=1.5),
    errors.LMError: lambda kind: kind("m", model="x"),
    errors.Diverged: lambda kind: kind("m", position=(1, 2)),
    errors.SystematicFailure: lambda kind: kind("m", cause="c"),
    errors.LmnbError: lambda kind: kind("m"),
}


def kinds(of: type = errors.LmnbError) -> Iterator[type]:
    yield of
    for kind in of.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from kinds(kind)


def made(kind: Any) -> Any:
    """An error of that kind, with all that it can carry."""
    error = next(make for of, make in MADE_OF.items() if issubclass(kind, of))(kind)
    error.add_note("a note")
    return error


def through_a_pipe(error: Any) -> Any:
    """As a pool of processes gives an error back."""
    here, there = Pipe()
    with here, there:
        there.send(error)
        return here.recv()


@pytest.mark.parametrize("carried", [through_a_pipe, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("kind", sorted(set(kinds()), key=lambda kind: kind.__name__))
def test_an_error_is_carried_whole(kind: Any, carried: Callable[[Any], Any]) -> None:
    """Its kind, its words, what it carries and its notes."""
    error = made(kind)
    again = carried(error)
    assert type(again) is kind and str(again) == str(error) != "" and again.args == error.args
    assert vars(again) == vars(error) and again.__notes__ == ["a note"]
