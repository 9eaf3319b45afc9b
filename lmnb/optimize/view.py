"""What the faces of a run see: pure functions of its archive, as JSON-able data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmnb.canonical import canonical
from lmnb.data_uri import without_data
from lmnb.evaluate.statistics import paired
from lmnb.example import Example
from lmnb.optimize.archive import Archive, Entry
from lmnb.optimize.candidate import Candidate
from lmnb.optimize.decisions import State
from lmnb.optimize.effects import Result
from lmnb.optimize.groups import group_means
from lmnb.optimize.standings import Standing, Standings, row_dict
from lmnb.optimize.task import Predictor
from lmnb.optimize.trained import SLOT, is_trained, words

SHOWN = 2_000  # characters of one value in a table


def decision_rows(state: State) -> list[dict[str, Any]]:
    """The decisions as the Studio lists them."""
    return [
        {"id": each.id, "time": each.time, "kind": each.kind, "text": each.text, "undone": each.id in state.undone}
        for each in state.decisions
    ]


def demo_name(demo: Example) -> str:
    """What a demo is called in words: by its training example where it has one."""
    return f"demo {demo.provenance.source}" if demo.provenance.source is not None else f"demo {demo.provenance.id[:6]}"


def detail(
    archive: Archive,
    standings: Standings,
    predictors: Sequence[Predictor],
    baseline: Candidate,
    entry: Entry,
    against: Entry | None,
) -> dict[str, Any]:
    """One candidate: its gain over another, its prompt slots with demos, its descriptions of outputs and tools, its ancestors."""
    row = standings.of(entry)
    former = (against.candidate if against else baseline).values
    parts = []
    for predictor in predictors:
        slot = f"{predictor.path}.demos"
        demos = []
        for number, demo in enumerate(entry.candidate.values[slot]):
            decision = archive.state.on_demo(demo, archive.outputs[slot])
            fields = {name: text_of(demo[name]) for name in demo}
            shown = demo.provenance.source if demo.provenance.source is not None else number
            demos.append(
                {
                    "id": demo.provenance.id,
                    "number": shown,
                    "fields": fields,
                    "origin": demo.provenance.origin or "given",
                    "status": None if decision is None else "kept" if decision.kind == "keep-demo" else "rejected",
                    "decision": None if decision is None else decision.id,
                }
            )
        parts.append(
            {
                "path": predictor.path,
                "instructions": entry.candidate.values[f"{predictor.path}.instructions"],
                "before": former[f"{predictor.path}.instructions"],
                "locked": list(archive.state.locks.get(f"{predictor.path}.instructions", ())),
                "pinned": [
                    name for name in ("instructions", "demos") if f"{predictor.path}.{name}" in archive.state.pins
                ],
                "inputs": list(predictor.inputs),
                "outputs": list(predictor.outputs),
                "demos": demos,
            }
        )
    usage = [result.usage for result in entry.results.values() if result.usage.get("calls")]
    calls = sum(used["calls"] for used in usage)
    return {
        "id": row.id,
        "number": row.number,
        "row": row_dict(row),
        "gain": _gain(entry, against) if against else None,
        "expected": row.expected,
        "worst": _worst(archive, entry),
        "leaks": list(row.leaks),
        "tokens": sum(used.get("tokens", 0) for used in usage) / calls
        if calls and any(used.get("tokens") for used in usage)
        else None,
        "predictors": parts,
        "texts": [
            {
                "slot": slot,
                "text": text,
                "before": former.get(slot),
                "locked": list(archive.state.locks.get(slot, ())),
                "pinned": slot in archive.state.pins,
            }
            for slot, text in entry.candidate.values.items()
            if isinstance(text, str) and not slot.endswith(".instructions") and (text or former.get(slot))
        ],
        "weights": {
            slot.removesuffix(SLOT): words(value)
            for slot, value in entry.candidate.values.items()
            if is_trained(slot, value)
        },
        "lineage": [
            {key: getattr(item, key) for key in ("id", "number", "label", "score")}
            for item in _lineage(archive, standings, entry)
        ],
    }


def _gain(entry: Entry, against: Entry) -> dict[str, Any] | None:
    shared = sorted(entry.results.keys() & against.results.keys())
    if not shared or entry is against:
        return None
    change = paired([against.results[i].value for i in shared], [entry.results[i].value for i in shared])
    return {
        "against": against.number,
        "mean": 100 * change.mean,
        "low": 100 * change.low,
        "high": 100 * change.high,
        "fixed": len(change.fixed),
        "broken": len(change.broken),
        "n": len(shared),
    }


def _worst(archive: Archive, entry: Entry) -> dict[str, Any] | None:
    """The group of examples that does worst, where there are groups."""
    found = group_means(archive.groups, {index: result.value for index, result in entry.results.items()})
    if not found:
        return None
    name, (mean, n) = min(found.items(), key=lambda item: item[1][0])
    return {"group": name, "score": 100 * mean, "n": n}


def _lineage(archive: Archive, standings: Standings, entry: Entry) -> list[Standing]:
    """The candidate and its ancestors, oldest first."""
    found: dict[str, Entry] = {}
    waiting = [entry]
    while waiting:
        item = waiting.pop()
        if item.candidate.id not in found:
            found[item.candidate.id] = item
            waiting += [archive.entries[parent] for parent in item.candidate.parents if parent in archive.entries]
    return [standings.of(item) for item in sorted(found.values(), key=lambda item: item.number)]


def examples(
    dataset: Sequence[Example],
    entry: Entry,
    against: Entry | None,
    *,
    offset: int = 0,
    limit: int = 200,
    only: str | None = None,
) -> dict[str, Any]:
    """A page of the candidate's examples; `only` is "fixed", "broken", "same" or "error"."""
    rows, counts = [], {"fixed": 0, "broken": 0, "same": 0}
    for index in sorted(entry.results):
        result, before = entry.results[index], against.results.get(index) if against else None
        change = (
            None
            if before is None
            else "same"
            if result.value == before.value
            else "fixed"
            if result.value > before.value
            else "broken"
        )
        if change:
            counts[change] += 1
        if only is None or only == change or (only == "error" and result.error):
            rows.append((index, result, before, change))
    return {
        "total": len(rows),
        "counts": counts,
        "rows": [_example(dataset[index], index, *rest) for index, *rest in rows[offset : offset + limit]],
    }


def _example(example: Example, index: int, result: Result, before: Result | None, change: str | None) -> dict[str, Any]:
    return {
        "index": index,
        "inputs": _texts(dict(example.inputs().items())),
        "labels": _texts(dict(example.labels().items())),
        "outputs": None if result.outputs is None else _texts(result.outputs),
        "score": result.score,
        "before": None if before is None else before.value,
        "change": change,
        "error": result.error,
        "seconds": result.seconds,
        "has_trace": result.trace is not None,
        "checks": list(result.checks),
    }


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: text_of(value) for name, value in values.items()}


def text_of(value: Any, most: int = SHOWN) -> str:
    """A value as text for a table; long ones are cut."""
    text = without_data(value if isinstance(value, str) else canonical(value))
    return text if len(text) <= most else text[:most] + "…"
