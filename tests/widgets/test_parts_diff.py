"""The kit's parts that hold what two texts differ in."""

from __future__ import annotations

from typing import Any

import pytest
from parts_said import parts, texts


@pytest.mark.parametrize(
    ("before", "after", "gone", "came"),
    [
        ("Choose the team.", "Choose the one.", ["team"], ["one"]),
        ("Answer in one short word now.", "Answer in two long words now.", ["one short word"], ["two long words"]),
        ("Choose the team.", "Say what is wrong with it, and why.", ["Choose the team."], None),
        ("Choose the team.", "Choose the team.", [], []),
        ("", "Choose.", [], ["Choose."]),
        ("a " * 50_000, "b " * 50_000, ["a " * 50_000], None),
    ],
)
def test_a_diff_marks_the_words_that_differ(
    widgets: None, before: str, after: str, gone: list[str], came: list[str] | None
) -> None:
    """A phrase is one change, texts with little in common are replaced whole, as very long ones are; both can be read back."""
    from lmnb_widgets.parts import diff

    shown = diff(before, after)
    marked: dict[str, list[Any]] = {look: [one[2] for one in parts(shown, look)] for look in ("del", "ins")}
    assert marked == {"del": gone, "ins": [after] if came is None else came}
    kept = [text for part in shown[2:] if not (isinstance(part, list) and part[0] == "del") for text in texts(part)]
    assert "".join(kept).strip("\n") == after
