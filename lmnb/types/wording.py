"""Wording: the fixed phrases of prompts, so that a prompt may be in another language than English."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields, replace
from importlib import resources
from pathlib import Path
from string import Formatter
from typing import Any

from lmnb.errors import InputError
from lmnb.nearest import did_you_mean

_NAME = r"`\w+`"
_TASK = re.compile(
    rf"Given the fields ((?:{_NAME}(?:, {_NAME})*)?), produce the fields ((?:{_NAME}(?:, {_NAME})*)?)\.(?=\n|\Z)"
)


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The phrases that adapters put around a signature's own words, in one language; the defaults are English. Marks that replies
    are read by (headers, tags, keys), `null` and the names of Python's types stay as they are.

    `Wording.load("de")` is German and `Wording.load("zh")` Chinese; adapters take the code alone. For another language write a
    JSON file with all keys of `dataclasses.asdict(Wording())`, and load it by its path; `dataclasses.replace` changes a phrase.
    Names in braces are filled in and must be those of the English phrase. InputError says which phrase is wrong.

    >>> import lmnb
    >>> with lmnb.context(adapter=lmnb.ChatAdapter(wording="de")):
    ...     print(lmnb.Predict("frage -> antwort").messages(frage="2 + 2?")[-1]["content"])
    [[ ## frage ## ]]
    2 + 2?
    <BLANKLINE>
    Antworte mit `[[ ## antwort ## ]]`, dann `[[ ## completed ## ]]`.
    """

    language: str = "en"
    # what a signature without instructions asks for, and the headings of the system message
    task: str = "Given the fields {inputs}, produce the fields {outputs}."
    input_fields: str = "Input fields:"
    output_fields: str = "Output fields:"
    # types, where a word of Python does not do
    one_of: str = "one of: {options}"
    either: str = "or"
    any_type: str = "any"
    date_form: str = "date as YYYY-MM-DD"
    datetime_form: str = "datetime as YYYY-MM-DDTHH:MM:SS"
    time_form: str = "time as HH:MM:SS"
    multiple_of: str = "a multiple of {bound}"
    min_length: str = "length >= {bound}"
    max_length: str = "length <= {bound}"
    pattern: str = "matching {bound}"
    json_schema: str = "JSON schema: {schema}"
    # the form of a reply: in the system message, at the end of the request, in an error, and where nothing of it is found
    chat_form: str = "Write each output field under its own header, in this order and nothing else:"
    chat_request: str = "Reply with {fields}, then {end}."
    chat_expected: str = "{fields} on lines of their own, each followed by its value"
    no_headers: str = "The reply has no headers."
    xml_form: str = "Write each output field between its own tags, in this order and nothing else:"
    xml_request: str = "Reply with {fields}, each closed by its end tag."
    xml_expected: str = "{fields}, each followed by its value and its end tag"
    no_tags: str = "The reply has no tags."
    json_form: str = "Write one JSON object with these keys and nothing else:"
    json_request: str = "Reply with a JSON object with the keys {keys}."
    json_expected: str = "one JSON object with the keys {keys}"
    no_object: str = "The reply holds no JSON object."
    # a free answer, and the reading of it
    free_form: str = "Your answer has to say:"
    extract: str = (
        "Copy the output fields from the text of somebody who was asked for them. Add nothing that it does not say."
    )
    # native calls of tools
    call_tools: str = "Call the tools as functions, beside the text of your reply."
    remark: str = "what there is to say beside the calls; may be empty"
    example_result: str = "(an example)"
    lost_result: str = "(not kept)"
    wrong_arguments: str = (
        "The arguments of the call of {name} are {value}: {reason}. Call it with arguments that are one JSON object."
    )
    # what is wrong with a reply; reasons that a type gives are English
    unread: str = "That reply could not be read: {error}"
    expected: str = "Expected {form}."
    empty_reply: str = "The reply is empty."
    field: str = "Field"
    key: str = "Key"
    missing: str = "{what} {name} ({kind}) is missing."
    wrong: str = "{what} {name} is {value}, but should be {kind}."
    empty_value: str = "empty"
    twice: str = "{what} {name} stands twice, with different values."
    unasked: str = "The reply has {names}, which nobody asked for."
    unclear: str = "The reply is unclear: {reason}."
    cut_off: str = "The reply was cut off at the LM's limit of tokens before it ended. Write less, or raise max_tokens."
    opened_twice: str = "{what} {name} is opened twice."
    closed_twice: str = "{what} {name} is closed twice."
    closed_first: str = "{what} {name} is closed before it is opened."
    not_closed: str = "{what} {name} is not closed: its end tag {tag} is missing."

    def __post_init__(self) -> None:
        for phrase in fields(self):
            said = getattr(self, phrase.name)
            if not isinstance(said, str) or not said.strip():
                raise InputError(f"the phrase {phrase.name!r} is a text, not {said!r}. English: {phrase.default!r}")
            if "[[ ##" in said:
                raise InputError(f"the phrase {phrase.name!r} holds '[[ ##', which replies are read by. Leave it out.")
            if _names(phrase.name, said) != _names(phrase.name, str(phrase.default)):
                raise InputError(
                    f"the phrase {phrase.name!r} is {said!r}, and has to hold the names of the English one, which is "
                    f"{phrase.default!r}."
                )

    def __hash__(self) -> int:
        return hash((self.language, self.chat_request, self.unread))  # asked for with every call

    @classmethod
    def load(cls, source: str | Path) -> Wording:
        """The wording of a language that lmnb has, by its code, or of a JSON file, by its path ("wordings/fr.json")."""
        if source == cls.language:
            return cls()
        shipped = resources.files("lmnb.types") / "wordings"
        codes = sorted(path.name.removesuffix(".json") for path in shipped.iterdir() if path.name.endswith(".json"))
        if source in codes:
            return cls.from_json((shipped / f"{source}.json").read_text(encoding="utf-8"), str(source))
        if Path(source).suffix != ".json":
            raise InputError(
                f"lmnb has no wording {str(source)!r}. It has: {', '.join([cls.language, *codes])}; a file of your own is loaded by "
                "its path, which ends in .json."
            )
        try:
            text = Path(source).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise InputError(f"the wording {str(source)!r} cannot be read: {error}") from None
        return cls.from_json(text, str(source))

    @classmethod
    def from_json(cls, text: str, name: str = "wording") -> Wording:
        """The wording in a JSON text, which has every key; `name` stands in errors."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"the wording {name!r} is not JSON: {error}") from None
        if not isinstance(found, dict):
            raise InputError(f"the wording {name!r} is {type(found).__name__}, not an object of phrases.")
        known = asdict(cls())
        unknown = [key for key in found if key not in known]
        if unknown:
            hint = did_you_mean(unknown[0], known)
            raise InputError(f"the wording {name!r} has a phrase {unknown[0]!r}, which there is not. {hint}".rstrip())
        for key in known:
            if key not in found:
                raise InputError(f"the wording {name!r} has no phrase {key!r}. English: {known[key]!r}")
        return replace(cls(), **found)

    def instructions(self, text: str) -> str:
        """Instructions whose first sentence, where lmnb made it of the field names, is in this language."""
        found = _TASK.match(text)
        return self.task.format(inputs=found[1], outputs=found[2]) + text[found.end() :] if found else text


def _names(phrase: str, said: str) -> set[str]:
    try:
        parts = list(Formatter().parse(said))
    except ValueError as error:
        raise InputError(f"the phrase {phrase!r} is {said!r}: {error}") from None
    names = {name for _, name, _, _ in parts if name is not None}
    if any(form or conversion for _, _, form, conversion in parts) or not all(map(str.isidentifier, names)):
        raise InputError(f"the phrase {phrase!r} is {said!r}; in its braces stands a name and nothing else.")
    return names


ENGLISH = Wording()


def as_wording(given: Any) -> Wording:
    """A wording, or the one of a language or a file; English for None. InputError for anything else."""
    if given is None:
        return ENGLISH
    if isinstance(given, Wording):
        return given
    if isinstance(given, (str, Path)):
        return Wording.load(given)
    raise InputError(f"a wording is a Wording or the code of a language, not {given!r}. Write wording='de'.")
