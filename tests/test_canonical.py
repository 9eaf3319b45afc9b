import json
from typing import Any

from pydantic import BaseModel

from lmnb.canonical import canonical, jsonable


class Held(BaseModel):
    value: Any


class Own:
    def __str__(self) -> str:
        return "own"


def test_a_model_that_holds_any_object_has_a_json_form() -> None:
    """An object of one's own inside a pydantic model, such as what a tool gave, is its text and no error."""
    assert jsonable(Held(value=[Own()])) == {"value": [{"__text__": "own"}]}
    assert json.loads(canonical({"held": Held(value=Own())})) == {"held": {"value": {"__text__": "own"}}}
