"""Media in state files of DSPy: a value stands as the content parts of its message, a JSON text between two marks."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from pydantic import PydanticUserError, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from lmnb.types.base import holds_type
from lmnb.types.checked import adapter_for
from lmnb.types.parts import Content, Placed

START, END = "<<CUSTOM-TYPE-START-IDENTIFIER>>", "<<CUSTOM-TYPE-END-IDENTIFIER>>"


class _Marked(Placed):
    """Writes media between the marks."""

    def put(self, content: Content) -> str:
        if isinstance(content, str):
            return content
        self.parts += content
        return f"{START}{json.dumps(content, ensure_ascii=False)}{END}"


def written(kind: Any, value: Any) -> Any:
    """The JSON of a value of the type `kind` with its media as DSPy writes them; None where it holds none.

    >>> from lmnb.types.image import Image
    >>> written(Image, Image("https://example.org/a.png"))[len(START) : -len(END)]
    '[{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]'
    """
    if kind is not None and holds_type(kind):
        with suppress(ValidationError, PydanticUserError):  # a demo may have a picture as its data URI
            value = adapter_for(kind).validate_python(value)
    marked = _Marked()
    try:
        made = to_jsonable_python(value, fallback=str, inf_nan_mode="constants", bytes_mode="base64", context=marked)
    except (PydanticSerializationError, ValueError):
        return None
    return made if marked.parts else None


def read(value: Any) -> Any:
    """JSON of a file with each marked text as our types read it: an address, a data URI, a dict of a file. What is not of the form
    stays as it is.

    >>> read({"seen": [f'{START}[{{"type": "image_url", "image_url": {{"url": "https://example.org/a.png"}}}}]{END}']})
    {'seen': ['https://example.org/a.png']}
    """
    if isinstance(value, dict):
        return {key: read(item) for key, item in value.items()}
    if isinstance(value, list):
        return [read(item) for item in value]
    if not isinstance(value, str) or not (value.startswith(START) and value.endswith(END)):
        return value
    inner = value[len(START) : -len(END)]
    parts = _parts(inner) or _parts(f'"{inner}"')  # inside another value it is written as a JSON text once more
    if not parts or not all(isinstance(part, dict) for part in parts):
        return value
    if all(isinstance(part.get("text"), str) for part in parts):
        return "".join(part["text"] for part in parts)
    found = _held(parts[0]) if len(parts) == 1 else None
    return value if found is None else found


def _parts(text: str) -> list[Any] | None:
    try:
        found = json.loads(text)
        found = json.loads(found) if isinstance(found, str) else found
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _held(part: dict[str, Any]) -> Any:
    """What one content part holds; None for a part of another form."""
    kind = part.get("type")
    inner = part.get(kind) if isinstance(kind, str) else None
    if kind == "tool_calls" and isinstance(inner, list):
        return inner
    if not isinstance(inner, dict):
        return None
    if kind == "image_url" and isinstance(inner.get("url"), str):
        return inner["url"]
    if kind == "input_audio" and isinstance(inner.get("data"), str):
        return f"data:audio/{inner.get('format')};base64,{inner['data']}"
    if kind == "file":
        names = {"file_data": "url", "filename": "filename", "file_id": "file_id"}
        found = {ours: inner[theirs] for theirs, ours in names.items() if isinstance(inner.get(theirs), str)}
        if found.get("file_id", "").startswith(("https://", "http://", "gs://")):  # an address stands there too
            found["url"] = found.pop("file_id")
        return found
    return None
