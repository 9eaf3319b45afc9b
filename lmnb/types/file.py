"""File: a document as a field's value."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from lmnb.data_uri import found_type
from lmnb.types.media import Media, suffix_of
from lmnb.types.parts import Content

_TYPE = re.compile(r"[\w.+-]{1,80}/[\w.+-]{1,80}", re.ASCII)
_TOLD_BY_BYTES = re.compile(r"image/|audio/|video/|application/pdf")


class File(Media):
    """A document, such as a PDF, with the name that the model is told; or, by `from_file_id`, one that the provider
    already has. A URL is passed on; `download=True` fetches it now.

    >>> import lmnb
    >>> lmnb.File(b"%PDF-1.7 ...", filename="report.pdf")
    File('report.pdf', application/pdf, 12 B)
    >>> lmnb.File.from_file_id("file-abc123").format()
    [{'type': 'file', 'file': {'file_id': 'file-abc123'}}]
    """

    kind: ClassVar[str] = "file"
    max_bytes: ClassVar[int] = 32_000_000
    url: str = ""
    filename: str | None = None
    file_id: str | None = None
    __init__ = Media.__init__  # type checkers would take the fields for its arguments

    def format(self) -> Content:
        if self.media_type is None:  # an id, or an address: litellm takes either under this name
            return [{"type": "file", "file": {"file_id": self.file_id or self.url}}]
        name = self.filename or f"file{suffix_of(self.media_type)}"
        return [{"type": "file", "file": {"filename": name, "file_data": self.url}}]

    def _as_json(self, fields: Any) -> Any:
        return {name: value for name, value in fields.items() if value is not None and (value or name != "url")}

    @classmethod
    def parse_lm_response(cls, response: str) -> Self | None:
        if "{" in response and not response.lstrip().startswith("http"):
            return None
        return super().parse_lm_response(response)

    @classmethod
    def from_bytes(cls, data: bytes, filename: str | None = None) -> Self:
        """From bytes, with the name that the model is told."""
        return cls(bytes(data), filename=filename)

    @classmethod
    def from_file_id(cls, file_id: str, filename: str | None = None) -> Self:
        """A file that was uploaded to the provider, by its id there."""
        return cls(file_id=file_id, filename=filename)

    @classmethod
    def _from_source(cls, source: Any, *, download: bool, verify: bool) -> dict[str, Any]:
        made = super()._from_source(source, download=download, verify=verify)
        is_text = isinstance(source, str) and ("://" in source or made["url"] == source)
        named = isinstance(source, (str, os.PathLike)) and not is_text
        return {"filename": Path(source).name, **made} if named else made

    @classmethod
    def _type_of(cls, data: bytes, said: str | None, where: str) -> str:
        found = found_type(data) or ("text/plain" if _is_text(data) else None)
        if found not in (None, "text/plain", "application/zip"):
            return found
        believed = said and _TYPE.fullmatch(said) and not _TOLD_BY_BYTES.match(said)
        return said if said and believed else found or "application/octet-stream"

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if bool(self.url) == bool(self.file_id):
            raise ValueError(
                "a file has a source or a file_id. Write File(path), File(bytes) or File.from_file_id('…')."
            )
        return self

    def _shown(self) -> str:
        name = [repr(self.filename[:80])] if self.filename else []
        return ", ".join([*name, f"file_id={self.file_id[:80]!r}" if self.file_id else super()._shown()])

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        names = ("url", "filename", "file_id")
        return {"type": "object", "properties": {name: {"type": "string"} for name in names}}


def _is_text(data: bytes) -> bool:
    try:
        return "\x00" not in data.decode("utf-8")
    except UnicodeDecodeError:
        return False
