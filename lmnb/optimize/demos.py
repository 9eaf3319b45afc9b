"""The demos that a run's candidates hold: all of them, the one that a person means, and who holds it."""

from __future__ import annotations

from typing import Any

from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.optimize.archive import Archive, Entry
from lmnb.optimize.header import Header
from lmnb.optimize.injection import fields_of
from lmnb.optimize.view import demo_name


def held_demos(archive: Archive) -> list[Example]:
    """Every different demo that some candidate holds, in order of first use."""
    held = (demo for entry in archive.entries.values() for _, demo in entry.candidate.demos())
    return list({demo.provenance.id: demo for demo in held}.values())


def named_demo(name: Any, archive: Archive, header: Header) -> Example:
    """The demo of that id; an Example stands for itself, so a demo can be ruled out before any candidate holds it."""
    held = {demo.provenance.id: demo for demo in held_demos(archive)}
    if isinstance(name, Example):
        if name.provenance.id in held:  # that very one, and not what another predictor has of it
            return held[name.provenance.id]
        forms = (predictor.labelled(name) for predictor in header.predictors)
        fitting = [form for form in forms if form is not None]
        if not fitting:
            raise InputError(
                f"{dict(name.items())!r} fits no predictor. Their fields are {fields_of(header.predictors)}."
            )
        ids = {form.provenance.id for form in fitting}
        for key, demo in held.items():
            if key in ids:
                return demo
        train = header.splits["train"]
        source = next((i for i, example in enumerate(train) if example == name), name.provenance.source)
        return fitting[0].with_origin(name.provenance.origin, source=source)
    for key, demo in held.items():
        if key == name:
            return demo
    for decision in archive.state.decisions:
        if decision.data.get("demo", {}).get("id") == name:
            return archive.state.demo_of(decision)
    raise InputError(f"this run has no demo {name!r}; run.demos lists them, and an Example stands for itself")


def best_holder(demo: Example, archive: Archive) -> Entry:
    """The best feasible candidate that holds the demo."""
    holders = [
        entry
        for entry in archive.feasible()
        if any(held.provenance.id == demo.provenance.id for _, held in entry.candidate.demos())
    ]
    if not holders:
        raise InputError(
            f"no feasible candidate holds {demo_name(demo)}; say which one to change: edit_demo(..., candidate=...)"
        )
    return max(holders, key=lambda entry: (entry.total, -entry.number))
