"""Code: source text in one language as a field's value."""

from __future__ import annotations

import re
from functools import lru_cache
from types import new_class
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, GetJsonSchemaHandler, field_validator, model_validator
from pydantic_core import CoreSchema

from lmnb.errors import SignatureError
from lmnb.types.base import Type

_OPENED = re.compile(r"^[ \t]*(`{3,})[ \t]*[\w+#.-]*[ \t]*\n", re.MULTILINE)
_LANGUAGE = re.compile(r"[A-Za-z][\w+#.-]{0,40}")


class Code(Type):
    """Source text without the fence that models put around it; `Code["python"]` says the language, and
    `Code` alone is Python. In a prompt it stands in a fence.

    >>> import lmnb
    >>> lmnb.Code["sql"]("SELECT 1").format()
    '```sql\\nSELECT 1\\n```'
    >>> double = lmnb.Predict("task -> code: Code['python']", lm=lmnb.FakeLM([{"code": "def double(x): return 2 * x"}]))
    >>> double(task="a function that doubles").code.code
    'def double(x): return 2 * x'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    language: ClassVar[str] = "python"
    code: str

    def __init__(self, code: Any = None, /, **fields: Any) -> None:
        super().__init__(**fields if code is None else {"code": code, **fields})

    def __class_getitem__(cls, language: Any) -> type[Code]:
        if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
            raise SignatureError(f"Code is in a language by its name, not {language!r}. Write Code['python'].")
        return _of_language(language.lower())

    def format(self) -> str:
        longest = max(map(len, re.findall(r"`{3,}", self.code)), default=2)
        fence = "`" * (longest + 1)
        return f"{fence}{self.language}\n{self.code}\n{fence}"

    @classmethod
    def description(cls) -> str:
        return f"{cls.language} code"

    @classmethod
    def parse_lm_response(cls, response: str) -> Self | None:
        """The one fenced block of a reply, or the whole reply where it has none."""
        block = fenced(response)
        if block is None:
            return cls.model_validate(response.strip("\n"))
        _, code, after = block
        more = fenced(after)
        if more is not None and more[1] != code:
            raise ValueError("it holds several blocks of code; write one")
        return cls.model_validate(code)

    def _as_json(self, fields: Any) -> Any:
        return self.code

    @model_validator(mode="before")
    @classmethod
    def _read_value(cls, data: Any) -> Any:
        return {"code": data} if isinstance(data, str) else data

    @field_validator("code")
    @classmethod
    def _without_fence(cls, code: str) -> str:
        """A text that is one fenced block is what the block holds."""
        while (block := fenced(code)) is not None and not (block[0] + block[2]).strip():
            code = block[1]
        return code

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "description": cls.description()}

    def __str__(self) -> str:
        return self.code


def fenced(text: str) -> tuple[str, str, str] | None:
    """What stands before the first fence of a text, between it and the closing one, and after that; None without a fence.
    A block that is not closed goes to the end.

    >>> fenced("So:\\n```python\\nx = 1\\n```\\nDone.")
    ('So:\\n', 'x = 1', '\\nDone.')
    """
    opened = _OPENED.search(text)
    if opened is None:
        return None
    closed = re.compile(rf"\n?^[ \t]*`{{{len(opened[1])},}}[ \t]*$", re.MULTILINE).search(text, opened.end() - 1)
    end, after = (closed.start(), text[closed.end() :]) if closed else (len(text), "")
    return text[: opened.start()], text[opened.end() : end], after


@lru_cache(maxsize=256)
def _of_language(language: str) -> type[Code]:
    if language == Code.language:
        return Code
    made = new_class(f"Code[{language!r}]", (Code,), exec_body=lambda body: body.update(__module__=__name__))
    made.language = language
    return made
