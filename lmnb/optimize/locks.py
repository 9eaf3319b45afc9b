"""Proposals and what the person locked: who is told of it, and which have lost it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lmnb.optimize.decisions import State
from lmnb.optimize.effects import Effect, Propose, Result


def with_locks(effect: Effect, state: State) -> Effect:
    """A proposal with what is locked in the slots that it writes; any other effect as it is."""
    if not isinstance(effect, Propose):
        return effect
    spans = (span for slot in dict.fromkeys(effect.writes.values()) for span in state.locks.get(slot, ()))
    return replace(effect, keep=tuple(dict.fromkeys(spans)))


def has_lost(effect: Effect, result: Any, state: State) -> bool:
    """Whether the texts of a proposal lack what is locked in their slots."""
    if not isinstance(effect, Propose) or not isinstance(result, Result) or result.error is not None:
        return False
    texts = ((slot, (result.outputs or {}).get(name)) for name, slot in effect.writes.items())
    return any(isinstance(text, str) and bool(state.lost_spans(slot, text)) for slot, text in texts)
