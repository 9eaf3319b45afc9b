"""What a reply holds under its marks, before any value is read: the same for headers and for tags."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Sections:
    """The text of each field that was found, which phrase of a wording says why a text may not be used, and the names that nobody
    asked for.
    """

    texts: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def put(self, name: str, text: str) -> None:
        """A field's text; the same text again changes nothing, another one makes the field wrong."""
        if self.texts.setdefault(name, text).strip() != text.strip():
            self.wrong.setdefault(name, "twice")


def at_line_start(text: str, at: int) -> bool:
    """Whether nothing but space stands before a place in its line."""
    near = max(0, at - 200)  # no one indents further, and lines may be endless
    line = text.rfind("\n", near, at)
    return (line >= 0 or near == 0) and not text[line + 1 : at].strip()
