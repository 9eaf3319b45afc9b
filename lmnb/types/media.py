"""Media: what Image, Audio and File share. Bytes come from a path, a URL, a data URI, bytes or an open file."""

from __future__ import annotations

import mimetypes
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, GetJsonSchemaHandler, ValidationError, field_validator, model_validator
from pydantic_core import CoreSchema

from lmnb.data_uri import found_type, read_uri, size_text, write_uri
from lmnb.errors import InputError
from lmnb.types.base import Type
from lmnb.types.checked import problems

_REMOTE = ("https://", "http://", "gs://")
_SECONDS = 30.0
_WRAPPED = re.compile(r"<(\S+)>|`(\S+)`|\"(\S+)\"|'(\S+)'|!?\[[^\]\n]{0,200}\]\((\S+)\)")  # as models write addresses
_TYPES = mimetypes.MimeTypes()  # the table of Python, not of the machine
for _suffix, _name in (
    ("docx", "wordprocessingml.document"),
    ("xlsx", "spreadsheetml.sheet"),
    ("pptx", "presentationml.presentation"),
):
    _TYPES.add_type(f"application/vnd.openxmlformats-officedocument.{_name}", f".{_suffix}")


class Media(Type):
    """Bytes of one kind, held as one URL: a data URI, or the address where a provider fetches them.

    Written in Python, a str that is no URL is a path. A value that is read (a reply, a file, a dict) is a URL or a data
    URI and never a path, and nothing is downloaded for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str]
    max_bytes: ClassVar[int]
    is_sent_by_url: ClassVar[bool] = True
    url: str

    def __init__(self, source: Any = None, /, *, download: bool = False, verify: bool = True, **fields: Any) -> None:
        """`source`: a URL, a path, a data URI, bytes or an open file. With `download` a URL is fetched now; with
        `verify=False` its certificate is not checked. InputError says what is wrong with the source.
        """
        name = type(self).__name__
        if source is not None:
            fields = {**self._from_source(source, download=download, verify=verify), **fields}
        elif download or not verify:
            raise InputError(f"what is downloaded stands first: write {name}('https://…', download=True).")
        elif not fields:
            raise InputError(f"{name}() has no source. Write {name}(path), {name}('https://…') or {name}(bytes).")
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise InputError(f"this is no {self.kind}: {problems(error)}") from None

    # -- reading -----------------------------------------------------------------------------------------------------

    @property
    def media_type(self) -> str | None:
        """Such as `image/png`; None for a URL that was not downloaded."""
        return self.url[5 : self.url.index(";")] if self.url.startswith("data:") else None

    @property
    def data(self) -> bytes:
        """The bytes. InputError for a URL that was not downloaded."""
        if self.media_type is None:
            name = type(self).__name__
            how = f" Write {name}({self.url!r}, download=True)." if self.url else ""
            raise InputError(f"the bytes of {self!r} are not here.{how}")
        return read_uri(self.url)[0]

    def _as_json(self, fields: Any) -> Any:
        return self.url

    @classmethod
    def description(cls) -> str:
        return cls.kind

    @classmethod
    def parse_lm_response(cls, response: str) -> Self | None:
        text = response.strip()
        wrapped = _WRAPPED.fullmatch(text)
        return cls.model_validate(next(filter(None, wrapped.groups()), "") if wrapped else text)

    def _shown(self) -> str:
        if self.media_type is None:
            return repr(self.url if len(self.url) <= 80 else self.url[:79] + "…")
        return f"{self.media_type}, {size_text(_length(self.url))}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._shown()})"

    def __str__(self) -> str:
        return repr(self)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "description": f"URL of the {cls.kind}"}

    # -- from what it is made ----------------------------------------------------------------------------------------

    @classmethod
    def from_url(cls, url: str, *, download: bool = False, verify: bool = True) -> Self:
        """From an address, which is passed on; with `download` its content is fetched now."""
        if not _is_remote(url):
            raise InputError(f"{str(url)[:80]!r} is no URL. Write {cls.__name__}.from_url('https://…').")
        return cls(url, download=download, verify=verify)

    @classmethod
    def from_path(cls, path: str | os.PathLike[str]) -> Self:
        """From a file."""
        return cls(Path(path))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """From bytes in any format that is known here."""
        return cls(bytes(data))

    @classmethod
    def _from_source(cls, source: Any, *, download: bool, verify: bool) -> dict[str, Any]:
        """The fields of a value made of `source`."""
        if isinstance(source, Media):
            return {"url": source.url}
        if isinstance(source, str) and source[:5].lower() == "data:":
            return {"url": source}
        if _is_remote(source):
            if not download:
                return {"url": source}
            return {"url": cls._uri(*_downloaded(source, cls, verify=verify), where=repr(source))}
        if isinstance(source, (str, os.PathLike)):
            path = Path(source)
            return {"url": cls._uri(_read(path, cls), _guessed(path.name), where=repr(str(path)))}
        if isinstance(source, (bytes, bytearray, memoryview)):
            return {"url": cls._uri(bytes(source), None, where="what was given")}
        if callable(getattr(source, "read", None)):
            data = source.read(cls.max_bytes + 1)
            if isinstance(data, bytes):
                name = getattr(source, "name", "")
                return {"url": cls._uri(data, _guessed(name if isinstance(name, str) else ""), where="the open file")}
        raise InputError(
            f"{_article(cls.kind)} is not made of a {type(source).__name__}. Give a path, a URL, a data URI, bytes or a "
            "file opened with 'rb'."
        )

    @model_validator(mode="before")
    @classmethod
    def _read_value(cls, data: Any) -> Any:
        """A value that stands for this type: its dump, or what only Python code can have."""
        if isinstance(data, str):
            return {"url": data}
        return data if isinstance(data, Mapping) else cls._from_source(data, download=False, verify=True)

    @field_validator("url")
    @classmethod
    def _canonical(cls, url: str) -> str:
        """The one form of a URL. ValueError for what is none."""
        name = cls.__name__
        if url[:5].lower() == "data:":
            if len(url) * 3 // 4 > cls.max_bytes + 1000:
                raise _too_large(cls, "the data URI", len(url) * 3 // 4)
            return cls._uri(*read_uri(url), where="the data URI")
        if not _is_remote(url):
            raise ValueError(
                f"{url[:80]!r} is neither a URL nor a data URI. A file is read where Python says so: {name}({url[:80]!r})."
            )
        if not cls.is_sent_by_url:
            raise ValueError(
                f"{_article(cls.kind)} is sent as bytes, not by its URL. Write {name}({url[:80]!r}, download=True)."
            )
        return url

    @classmethod
    def _uri(cls, data: bytes, said: str | None, *, where: str) -> str:
        """The data URI of `data`; `said` is the type that its name or server gives."""
        if len(data) > cls.max_bytes:
            raise _too_large(cls, where, len(data))
        if not data:
            raise InputError(f"{where} is empty, so it is no {cls.kind}.")
        return write_uri(data, cls._type_of(data, said, where))

    @classmethod
    def _type_of(cls, data: bytes, said: str | None, where: str) -> str:
        """The media type, by the bytes alone: a name proves nothing. InputError for another kind."""
        found = found_type(data)
        if found is not None and found.startswith(f"{cls.kind}/"):
            return found
        what = f"It is {found}" if found else f"It begins with {data[:16]!r}"
        hint = f" Write File({where}) for it." if found and not where.startswith(("the ", "what ")) else ""
        raise InputError(f"{where} is no {cls.kind} in a format that models take. {what}.{hint}")


def _is_remote(source: Any) -> bool:
    if not isinstance(source, str) or not source.lower().startswith(_REMOTE):
        return False
    if len(source) > 8_000 or not source.isprintable() or any(map(str.isspace, source)):
        raise InputError(f"{source[:80]!r} is no URL: it is too long, or holds spaces or control characters.")
    return True


def _guessed(name: str) -> str | None:
    return _TYPES.guess_type(name, strict=False)[0]


def suffix_of(media_type: str | None) -> str:
    """The usual end of the name of such a file, such as `.pdf`."""
    return (_TYPES.guess_extension(media_type, strict=False) if media_type else None) or ""


def _length(uri: str) -> int:
    """How many bytes a data URI of ours holds."""
    body = uri[uri.index(",") + 1 :]
    return len(body) // 4 * 3 - body.count("=", -2)


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'ai' else 'a'} {kind}"


def _too_large(cls: type[Media], where: str, count: int) -> InputError:
    return InputError(
        f"{where} has {size_text(count)}, and {_article(cls.kind)} may have {size_text(cls.max_bytes)}. Make it smaller, "
        f"or raise lmnb.{cls.__name__}.max_bytes."
    )


def _read(path: Path, cls: type[Media]) -> bytes:
    try:
        size = path.stat().st_size
        if size > cls.max_bytes:
            raise _too_large(cls, repr(str(path)), size)
        if not path.is_file():  # a pipe or a device would not end
            raise InputError(f"{str(path)!r} is no file.")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        what = "there is no such file" if isinstance(error, FileNotFoundError) else getattr(error, "strerror", error)
        raise InputError(
            f"{str(path)[:200]!r} cannot be read: {what}. {_article(cls.kind).capitalize()} is made of a path, a URL "
            "('https://…'), a data URI or bytes."
        ) from None


def _downloaded(url: str, cls: type[Media], *, verify: bool) -> tuple[bytes, str | None]:
    """Bytes and type from a server. InputError where it does not give them."""
    import httpx

    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=_SECONDS, verify=verify) as answer:
            if answer.status_code >= 400:
                raise InputError(f"{url[:200]!r} cannot be downloaded: the server answered {answer.status_code}.")
            data = bytearray()
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > cls.max_bytes:
                    raise _too_large(cls, repr(url), len(data))
            said = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            return bytes(data), said or _guessed(url.partition("?")[0])
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise InputError(f"{url[:200]!r} cannot be downloaded: {error or type(error).__name__}.") from None
