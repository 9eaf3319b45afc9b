"""What an agent did so far, as its next step reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmnb.errors import ContextWindowError
from lmnb.signature import InputField, OutputField
from lmnb.types.wording import current_wording

SHORTENED = 3  # how often the oldest turn is left out where the trajectory is too long for the model


def turn_signature(signature: Any, action: str, field: Any, kind: Any) -> Any:
    """The task of one turn: from the inputs of `signature`, the tools and the trajectory to the next thought and an `action`."""
    for name in signature.output_fields:
        signature = signature.delete(name)
    signature = signature.append("tools", InputField(), list[str]).append("trajectory", InputField(), str)
    return signature.append("next_thought", OutputField(), str).append(action, field, kind)


async def asked(part: Any, inputs: Mapping[str, Any], turns: Sequence[str], *, sync: bool) -> Any:
    """A step that is given `inputs` and the trajectory; where its prompt is too long the oldest turns are left out, a few times."""
    for dropped in range(SHORTENED + 1):
        given = {**inputs, "trajectory": told(turns, dropped)}
        try:
            return part(**given) if sync else await part.acall(**given)
        except ContextWindowError:
            if dropped in (SHORTENED, len(turns)):
                raise
    raise AssertionError


def told(turns: Sequence[str], dropped: int = 0) -> str:
    """The turns after the first `dropped`, numbered.

    >>> print(told(["Look it up.", "Done."], 1))
    (1 earlier turns are left out)
    Turn 2: Done.
    """
    wording = current_wording()
    lines = [wording.left_out.format(number=dropped)] if dropped else []
    lines += [wording.turn.format(number=number, told=turn) for number, turn in enumerate(turns[dropped:], dropped + 1)]
    return "\n".join(lines) or wording.no_turns
