"""What a person may decide about a run: each function checks it, says it in words and records it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmnb.errors import InputError, JournalError
from lmnb.example import Example
from lmnb.optimize.candidate import Candidate, demo_to_dict
from lmnb.optimize.decisions import Decision, State
from lmnb.optimize.view import demo_name

if TYPE_CHECKING:
    from lmnb.optimize.run import Run


def accept(run: Run, name: Any) -> None:
    def action() -> None:
        entry = run._entry(name)
        reason = run._archive.dropped(entry.candidate)
        if reason is not None and entry.candidate.id not in run._archive.state.rejected:
            raise InputError(
                f"candidate {entry.number} cannot be accepted: {reason}. Undo the decision that dropped it first."
            )
        run._decide("accept", {"candidate": entry.candidate.id}, f"accepted #{entry.number}")

    run.command(action)


def reject(run: Run, name: Any, reason: str | None) -> None:
    def action() -> None:
        entry = run._entry(name)
        run._decide(
            "reject", {"candidate": entry.candidate.id, "reason": reason}, f"rejected #{entry.number}{_quoted(reason)}"
        )

    run.command(action)


def edit(run: Run, name: Any, slot: str, text: str) -> Candidate:
    def action() -> Candidate:
        entry = run._entry(name)
        _check_slot(run, slot)
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"{text!r} is no instruction; write some text")
        child = entry.candidate.put(slot, text.strip(), origin="human", label=f"your edit of #{entry.number}")
        return _make(
            run,
            "edit",
            child,
            {"slot": slot, "text": text.strip(), "parent": entry.candidate.id},
            f"edited {_short(slot)} of #{entry.number}",
        )

    return run.command(action)


def inject(
    run: Run, instructions: str | Mapping[str, str] | None, demo: Any, values: Mapping[str, Any] | None
) -> Candidate:
    given = [value for value in (instructions, demo, values) if value is not None]
    if len(given) != 1:
        raise InputError("inject one thing: instructions=..., demo=... or candidate=...")

    def action() -> Candidate:
        base = run._archive.best() or run.header.baseline
        if instructions is not None:
            child, what = _with_instructions(run, base, instructions), "an instruction"
        elif demo is not None:
            child, what = _with_demo(run, base, demo), "a demo"
        else:
            child, what = _with_values(run, base, values or {}), "a candidate"
        content = (
            {"instructions": instructions}
            if instructions is not None
            else {"demo_fields": dict(_fields(demo))}
            if demo is not None
            else {}
        )
        return _make(run, "inject", child, content, f"injected {what}")

    return run.command(action)


def keep_demo(run: Run, name: Any) -> None:
    def action() -> None:
        demo = _demo(run, name)
        run._decide("keep-demo", {"demo": _content(demo), "name": demo_name(demo)}, f"kept {demo_name(demo)}")

    run.command(action)


def reject_demo(run: Run, name: Any, reason: str | None) -> None:
    def action() -> None:
        demo = _demo(run, name)
        data = {"demo": _content(demo), "name": demo_name(demo), "reason": reason}
        trial = run._archive.state.with_decision(Decision(-1, "reject-demo", data, ""))
        outputs = run._archive.outputs
        hit = [
            entry
            for entry in run._archive.entries.values()
            if run._archive.dropped(entry.candidate) is None
            and any(trial.refuses_demo(held, outputs[slot]) is not None for slot, held in entry.candidate.demos())
        ]
        dropped = f", {len(hit)} candidate{'s' * (len(hit) != 1)} dropped" if hit else ""
        run._decide("reject-demo", data, f"rejected {demo_name(demo)}{_quoted(reason)}{dropped}")

    run.command(action)


def edit_demo(run: Run, name: Any, fields: Mapping[str, Any], candidate: Any) -> Candidate:
    def action() -> Candidate:
        demo = _demo(run, name)
        unknown = set(fields) - set(demo.keys())
        if unknown:
            raise InputError(
                f"{demo_name(demo)} has no field {sorted(unknown)[0]!r}; its fields are {', '.join(demo.keys())}"
            )
        changed = demo.copy(**fields).with_origin("human", source=demo.provenance.source)
        entry = run._entry(candidate) if candidate is not None else _holder(run, demo)
        child = entry.candidate
        for slot in {slot for slot, held in child.demos() if held.provenance.id == demo.provenance.id}:
            child = child.put(
                slot,
                tuple(changed if held.provenance.id == demo.provenance.id else held for held in child.values[slot]),
            )
        child = child.child_of(
            entry.candidate, origin="human", label=f"your edit of {demo_name(demo)} in #{entry.number}"
        )
        content = {"demo": _content(demo), "fields": dict(fields), "parent": entry.candidate.id}
        return _make(run, "edit-demo", child, content, f"edited {demo_name(demo)} of #{entry.number}")

    return run.command(action)


def pin(run: Run, slot: str, name: Any) -> None:
    def action() -> None:
        entry = run._entry(name)
        if slot not in entry.candidate.values:
            raise InputError(f"there is no slot {slot!r}; the slots are {', '.join(entry.candidate.values)}")
        data = {"slot": slot, "content": entry.candidate.content(slot), "holder": entry.candidate.to_dict()}
        run._decide("pin", data, f"pinned {_short(slot)} of #{entry.number}")

    run.command(action)


def unpin(run: Run, slot: str) -> None:
    def action() -> None:
        if slot not in run._archive.state.pins:
            raise InputError(f"{slot!r} is not pinned")
        run._decide("unpin", {"slot": slot}, f"unpinned {_short(slot)}")

    run.command(action)


def undo(run: Run, name: Any) -> None:
    def action() -> None:
        state = run._archive.state
        key = getattr(name, "id", name)
        standing = [
            d
            for d in state.standing
            if d.by == "person" and d.kind not in ("stop", "cancel") and (key is None or d.id == key)
        ]
        if not standing:
            raise InputError(
                "there is no decision to undo" if key is None else f"there is no standing decision {name!r} to undo"
            )
        run._decide("undo", {"decision": standing[-1].id}, f"undid “{standing[-1].text}”")

    run.command(action)


def redo(run: Run) -> None:
    def action() -> None:
        state = run._archive.state
        by_id = {d.id: d for d in state.decisions}
        undone = [
            by_id[d.data["decision"]]
            for d in state.decisions
            if d.kind == "undo" and d.data["decision"] in state.undone
        ]
        undone = [d for d in undone if d.kind not in ("stop", "cancel")]
        if not undone:
            raise InputError("there is nothing to redo")
        run._decide("redo", {"decision": undone[-1].id}, f"redid “{undone[-1].text}”")

    run.command(action)


def carry(run: Run, decisions: Iterable[Decision]) -> None:
    """Put another run's standing decisions in force here; what is bound to a candidate of that run is bound to the same content here."""
    for decision in State(tuple(decisions)).standing:
        data = dict(decision.data)
        if decision.kind in ("stop", "cancel", "unpin"):
            continue
        if decision.kind == "edit":
            base = run.header.baseline
            if data["slot"] not in base.values:
                continue
            data["made"] = base.put(
                data["slot"], data["text"], origin="human", label="your edit, carried over"
            ).to_dict()
        elif "made" in data and set(data["made"]["values"]) != set(run.header.baseline.values):
            continue
        run._decide(decision.kind, data, f"{decision.text} (carried over)")


def shown(state: State) -> list[dict[str, Any]]:
    """Decisions as the Studio lists them."""
    return [
        {"id": d.id, "time": d.time, "kind": d.kind, "text": d.text, "undone": d.id in state.undone}
        for d in state.decisions
    ]


def write_decisions(path: Path, decisions: Iterable[Decision]) -> None:
    path.write_text("".join(json.dumps(d.to_dict(), ensure_ascii=False) + "\n" for d in decisions), encoding="utf-8")


def read_decisions(path: str | Path) -> list[Decision]:
    """Decisions from a run's `decisions.jsonl`, for `start(..., decisions=...)`."""
    found = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        try:
            found.append(Decision.from_dict(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise JournalError(f"{path}, line {number} is not a decision: {error}") from error
    return found


def _make(run: Run, kind: str, child: Candidate, content: dict[str, Any], text: str) -> Candidate:
    known = run._archive.entries.get(child.id)
    if known is not None:
        raise InputError(f"candidate {known.number} is that already; change something else")
    reason = run._archive.dropped(child)
    if reason is not None:
        raise InputError(
            f"the new candidate would be dropped at once: {reason}. Undo that decision first, or change more."
        )
    number = len(run._archive.entries)
    run._decide(kind, {**content, "made": child.to_dict()}, f"{text} → #{number}")
    return child


def _with_instructions(run: Run, base: Candidate, instructions: str | Mapping[str, str]) -> Candidate:
    slots = [f"{predictor.path}.instructions" for predictor in run.header.predictors]
    if isinstance(instructions, str):
        if len(slots) != 1:
            raise InputError(
                f"this program has {len(slots)} predictors; say which: inject(instructions={{{slots[0]!r}: ...}})"
            )
        instructions = {slots[0]: instructions}
    child = base
    for slot, text in instructions.items():
        _check_slot(run, slot)
        child = child.put(slot, text.strip())
    return child.child_of(base, origin="human", label="your instruction")


def _with_demo(run: Run, base: Candidate, demo: Any) -> Candidate:
    given = Example(_fields(demo)).with_origin("human", source=_source(demo))
    child = base
    for predictor in run.header.predictors:
        fitting = predictor.labelled(given)
        if fitting is not None:
            slot = f"{predictor.path}.demos"
            child = child.put(slot, (*child.values[slot], fitting.with_origin("human", source=given.provenance.source)))
    if child is base:
        fields = "; ".join(f"{p.path}: {', '.join((*p.inputs, *p.outputs))}" for p in run.header.predictors)
        raise InputError(f"the demo {_fields(demo)!r} fits no predictor. Their fields are {fields}.")
    return child.child_of(base, origin="human", label="your demo")


def _with_values(run: Run, base: Candidate, values: Mapping[str, Any]) -> Candidate:
    child = base
    for slot, value in values.items():
        if slot not in base.values:
            raise InputError(f"there is no slot {slot!r}; the slots are {', '.join(base.values)}")
        if slot.endswith(".demos"):
            value = tuple(
                Example(_fields(demo)).with_origin(_origin(demo) or "human", source=_source(demo)) for demo in value
            )
        child = child.put(slot, value)
    return child.child_of(base, origin="human", label="your candidate")


def _origin(demo: Any) -> str | None:
    return demo.provenance.origin if isinstance(demo, Example) else None


def _source(demo: Any) -> int | None:
    return demo.provenance.source if isinstance(demo, Example) else None


def _fields(demo: Any) -> dict[str, Any]:
    if not isinstance(demo, (Example, Mapping)):
        raise InputError(f"{demo!r} is no demo; give an Example or a dict of its fields")
    return dict(demo.items())


def _demo(run: Run, name: Any) -> Example:
    """The demo of that id; an Example stands for itself, so a demo can be ruled out before any candidate holds it."""
    if isinstance(name, Example):
        fitting = [form for predictor in run.header.predictors if (form := predictor.labelled(name)) is not None] or [
            name
        ]
        ids = {form.provenance.id for form in fitting}
        held = next((demo for demo in run.demos if demo.provenance.id in ids), None)
        if held is not None:
            return held
        train = run.header.splits["train"]
        source = next((i for i, example in enumerate(train) if example == name), name.provenance.source)
        return fitting[0].with_origin(name.provenance.origin, source=source)
    for demo in run.demos:
        if demo.provenance.id == name:
            return demo
    for decision in run._archive.state.decisions:
        if decision.data.get("demo", {}).get("id") == name:
            return run._archive.state.demo_of(decision)
    raise InputError(f"this run has no demo {name!r}; run.demos lists them, and an Example stands for itself")


def _content(demo: Example) -> dict[str, Any]:
    return {"id": demo.provenance.id, **demo_to_dict(demo)}


def _holder(run: Run, demo: Example) -> Any:
    """The best feasible candidate that holds the demo."""
    holders = [
        entry
        for entry in run._archive.entries.values()
        if run._archive.dropped(entry.candidate) is None
        and any(held.provenance.id == demo.provenance.id for _, held in entry.candidate.demos())
    ]
    if not holders:
        raise InputError(
            f"no feasible candidate holds {demo_name(demo)}; say which one to change: edit_demo(..., candidate=...)"
        )
    return max(holders, key=lambda entry: (entry.total, -entry.number))


def _check_slot(run: Run, slot: str) -> None:
    slots = [f"{predictor.path}.instructions" for predictor in run.header.predictors]
    if slot not in slots:
        raise InputError(f"there is no instruction slot {slot!r}; this program has {', '.join(slots)}")


def _short(slot: str) -> str:
    return slot.removeprefix("self.")


def _quoted(reason: str | None) -> str:
    if reason is not None and not isinstance(reason, str):
        raise InputError(f"the reason {reason!r} is no text")
    return f" “{reason}”" if reason else ""
