"""The one builder behind every Markdown form: whatever was not written here stands in code, where nothing is interpreted.

Text of a model or a data set could otherwise hold links, images, raw HTML or formulas, which pages that render Markdown
follow, load or run. Control and bidirectional characters are shown as visible marks.
"""

from __future__ import annotations

import re

from lmnb.html import visible

_TICKS = re.compile("`+")


def span(value: object) -> str:
    """A text inside a line, as code; line breaks are marked.

    >>> span("a `b`"), span("two\\nlines")
    ('`` a `b` ``', '`two⏎lines`')
    """
    text = visible(value).replace("\n", "⏎").replace("\t", " ")
    if not text.strip():
        return "–"
    ticks = "`" * (_longest(text) + 1)
    padding = " " if len(ticks) > 1 else ""
    return f"{ticks}{padding}{text}{padding}{ticks}"


def block(value: object) -> str:
    """A text of several lines, as a fenced block that nothing in it closes.

    >>> print(block("```\\n<b>"))
    ````text
    ```
    <b>
    ````
    """
    text = visible(value)
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}text\n{text}\n{fence}"


def document(*parts: str | None) -> str:
    """Paragraphs, headings and blocks as one text; None is left out."""
    return "\n\n".join(part for part in parts if part) + "\n"


def _longest(text: str) -> int:
    return max(map(len, _TICKS.findall(text)), default=0)
