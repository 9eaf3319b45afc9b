"""What goes over the wire between a run and its panels: deltas, and a size that a browser and a kernel both bear."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

ROWS = 1_000
"""So many candidates travel with a snapshot; the panel asks for the others by the page. Of decisions it gets so many."""

LIMIT = 900_000
_CUTS = (50_000, 10_000, 2_000, 400, 80, 20)
_CUT = re.compile(r"… \([\d,]+ more characters\)\Z")


def bounded(snapshot: Mapping[str, Any]) -> Mapping[str, Any]:
    """The snapshot with its last decisions, and how many there are: a review function makes thousands."""
    made = snapshot["decisions"]
    return snapshot if len(made) <= ROWS else {**snapshot, "decisions": made[-ROWS:], "decisions_total": len(made)}


def head(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """The snapshot with its first rows, and how many there are."""
    rows = snapshot["candidates"]
    return {**snapshot, "candidates": rows[:ROWS], "candidates_total": len(rows)}


def delta(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any] | None:
    """The message that makes `new` of `old`: top-level values that differ and candidates that differ, all absolute.
    None where too much differs.
    """
    rows, before = new["candidates"], old["candidates"]
    if len(rows) < len(before) or new["run"] != old["run"]:
        return None
    changes = {key: value for key, value in new.items() if key not in {"seq", "candidates"} and old.get(key) != value}
    # most rows are the same objects: only the others are looked into
    changed = [new for new, old in zip(rows, before, strict=False) if new is not old and new != old] + rows[
        len(before) :
    ]
    if len(changed) > ROWS:
        return None
    if changed:
        changes["candidates"] = changed
    if len(rows) != len(before):
        changes["candidates_total"] = len(rows)
    return {"type": "delta", "seq": new["seq"], "from": old["seq"], "changes": changes}


def fit(value: Any, limit: int = LIMIT) -> Any:
    """`value` as JSON-able data of at most about `limit` bytes: long texts are cut, and say so. What JSON does not have
    becomes its text, and halves of characters, which a model's reply may hold and no message can, question marks.
    """
    strange: list[Any] = []
    said = json.dumps(value, default=lambda one: strange.append(one) or str(one), ensure_ascii=False)
    try:
        raw = said.encode()
    except UnicodeEncodeError as halves:
        strange.append(halves)
        raw = said.encode("utf-8", "replace")
    value, size = json.loads(raw) if strange else value, len(raw)
    if size <= limit:
        return value
    for length in _CUTS:
        shorter = _cut(value, length)
        size = _size(shorter)
        if size <= limit:
            return shorter
    raise ValueError(f"this has {size:,} bytes even when every text is cut; a message holds {limit:,}")


def refuse_cut(args: Any) -> None:
    """ValueError where a text comes back that `fit` cut: what is done with it would lose the rest."""
    if isinstance(args, str) and _CUT.search(args):
        raise ValueError("a text is shown cut here, since it is too long for a panel; change it in a cell instead")
    for one in args.values() if isinstance(args, Mapping) else args if isinstance(args, list) else ():
        refuse_cut(one)


def _size(value: Any) -> int:
    return len(json.dumps(value, default=str, ensure_ascii=False).encode())


def _cut(value: Any, size: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= size * 1.1 else f"{value[:size]}… ({len(value) - size:,} more characters)"
    if isinstance(value, Mapping):
        return {str(key): _cut(one, size) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(one, size) for one in value]
    return value
