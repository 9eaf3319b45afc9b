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


def lost_words(effect: Effect, result: Any, state: State) -> str | None:
    """What the texts of a proposal lack of what is locked in their slots, in words; None where they lack nothing."""
    if not isinstance(effect, Propose) or not isinstance(result, Result) or result.error is not None:
        return None
    texts = ((slot, (result.outputs or {}).get(name)) for name, slot in effect.writes.items())
    lost = ((slot, span) for slot, text in texts if isinstance(text, str) for span in state.lost_spans(slot, text))
    return next((f"{slot} has lost the locked text {span!r}" for slot, span in lost), None)
