"""Wording: the fixed phrases of prompts, so that a prompt may be in another language than English."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from lmnb.errors import InputError
from lmnb.nearest import did_you_mean
from lmnb.settings import current
from lmnb.types.phrase import names_of, standing

# phrases that stand in signatures, which are English whatever the language of the prompt will be
_INSTRUCTIONS = (
    *("task", "tool_turns", "code_turns", "session_turns", "write_code", "advise"),
    *("judge_overlap", "judge_ideas", "judge_completeness", "judge_groundedness"),
)
_DESCRIPTIONS = (
    *("only_code", "some_calls", "attempt", "compared", "hint", "former_output", "feedback"),
    *("wanted", "steps_done", "advised", "advice", "small_python", "whole_python"),
    *("truth_covered", "response_true", "ideas_covered", "ideas_true", "ideas_compared", "ideas_of_truth"),
    *("claims", "claims_discussed", "claims_supported"),
)


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The phrases that adapters put around a signature's own words, and the sentences of agents and judges, in one language; the defaults are
    English. Marks that replies are read by (headers, tags, keys), `null` and the names of Python's types stay as they are.

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
    # agents: what a turn is; by calls, by code, and by code that looks at long inputs
    tool_turns: str = (
        "You work in turns. In each turn think, then call tools; what they give is added to the trajectory. When you know {outputs}, "
        "call {submit}."
    )
    code_turns: str = (
        "You work in turns. In each turn think, then write code that calls the tools; what it prints, and its last expression, is "
        "added to the trajectory. {inputs} are its variables. When you know {outputs}, write {submit}. The code is Python with "
        "{library}. Variables last from turn to turn."
    )
    session_turns: str = (
        "You are not shown the inputs: they are variables of a Python session, and may be long. You work in turns. In each turn "
        "think, then write code that looks at them: search, cut and print small parts; what the code prints, and its last "
        "expression, is added to the trajectory. Give the parts that must be read to llm_query, with all that a reader needs to "
        "know. When you know {outputs}, write {submit}. The code is Python with {library}. Variables last from turn to turn."
    )
    write_code: str = "Write Python code that computes the answer; {inputs} are its variables. It ends with {submit}. It has {library}."
    only_code: str = "Python code and nothing else"
    small_python: str = (
        "the standard types, math, re, json and datetime, and neither files nor network, inheritance, nor yield"
    )
    whole_python: str = "its whole standard library, and neither network nor files from outside"
    some_calls: str = "one or more calls"
    submit_tool: str = "Hands over the final answer and ends the work."
    query_tool: str = "Asks a language model, which sees the prompt alone, and gives its reply."
    queries_tool: str = "Asks a language model all prompts side by side, and gives its replies in their order."
    # the turns so far; errors of tools and of code are told as they are raised
    no_turns: str = "Nothing yet."
    turn: str = "Turn {number}: {told}"
    left_out: str = "({number} earlier turns are left out)"
    call_gave: str = "{call} gave: {result}"
    call_failed: str = "failed: {error}"
    no_call: str = "No tool was called. Call one."
    code_gave: str = "Output: {result}"
    nothing: str = "nothing"
    code_failed: str = "Error: {error}"
    clipped: str = "… ({number} more characters: print less)"
    known: str = "I know {outputs}."
    characters: str = "{number} characters"
    items: str = "{number} items"
    whole_value: str = "{variable}. It is: {value}"
    long_value: str = "{variable}. It begins: {value}"
    # several tries of one program, and steps that are asked again
    attempt: str = "an attempt, which may be wrong"
    compared: str = "the attempts compared and corrected"
    concluded: str = "{reasoning} So {answers}"
    advise: str = (
        "A program fell short of the wanted reward. Say for each predictor, in one sentence, what it should do otherwise next "
        "time. Leave out a predictor that did well."
    )
    wanted: str = "what the reward is given for"
    steps_done: str = "what the program did"
    advised: str = "the parts that can be told something"
    advice: str = "by name of a predictor: what it should do otherwise"
    reward: str = "{reward}, and at least {threshold} is wanted"
    higher_reward: str = "a higher reward"
    hint: str = "a hint from earlier tries"
    former_output: str = "your earlier {name}, which must be changed"
    feedback: str = "what was wrong; the new outputs must heed it"
    # judges
    judge_overlap: str = (
        "Compare a response with the ground truth: how much of the truth it covers, and how much of it is true.\n"
        "Judge meaning, not wording."
    )
    truth_covered: str = "share of the ground truth that the response covers"
    response_true: str = "share of the response that the ground truth supports"
    judge_ideas: str = (
        "Compare a response with the ground truth, idea by idea: list the key ideas of both, discuss which of them stand\n"
        "in the other text, then judge. Judge meaning, not wording."
    )
    ideas_compared: str = "which ideas the two share, and which one of them lacks"
    ideas_covered: str = "share of the ground truth's ideas that the response covers"
    ideas_true: str = "share of the response's ideas that the ground truth supports"
    judge_completeness: str = (
        "How much of the ground truth does the response cover? List the key ideas of both, discuss them, then judge."
    )
    ideas_of_truth: str = "which ideas of the ground truth the response covers"
    judge_groundedness: str = (
        "How much of the response do the retrieved passages support? List its claims that need a source, discuss them,\n"
        "then judge. What everybody knows needs none."
    )
    claims: str = "claims that the passages have to support"
    claims_discussed: str = "how far the passages support each claim"
    claims_supported: str = "share of the claims that the passages support"

    def __post_init__(self) -> None:
        for phrase in fields(self):
            said = getattr(self, phrase.name)
            if not isinstance(said, str) or not said.strip():
                raise InputError(f"the phrase {phrase.name!r} is a text, not {said!r}. English: {phrase.default!r}")
            if "[[ ##" in said:
                raise InputError(f"the phrase {phrase.name!r} holds '[[ ##', which replies are read by. Leave it out.")
            if names_of(phrase.name, said) != names_of(phrase.name, str(phrase.default)):
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
        """Instructions in which the sentences that lmnb made, each on lines of its own, are in this language."""
        for phrase in _INSTRUCTIONS:
            text = standing(getattr(ENGLISH, phrase)).sub(
                lambda found, phrase=phrase: self._filled(phrase, found), text
            )
        return text

    def description(self, text: str) -> str:
        """The description of a field, in this language where it is one that lmnb made."""
        for phrase in _DESCRIPTIONS:
            found = standing(getattr(ENGLISH, phrase)).fullmatch(text)
            if found is not None:
                return self._filled(phrase, found)
        return text

    def _filled(self, phrase: str, found: re.Match[str]) -> str:
        held = {name: self.description(said) for name, said in found.groupdict().items()}
        return getattr(self, phrase).format(**held)


ENGLISH = Wording()


def current_wording() -> Wording:
    """The wording of the adapter in force."""
    return getattr(current("adapter"), "wording", ENGLISH)


def as_wording(given: Any) -> Wording:
    """A wording, or the one of a language or a file; English for None. InputError for anything else."""
    if given is None:
        return ENGLISH
    if isinstance(given, Wording):
        return given
    if isinstance(given, (str, Path)):
        return Wording.load(given)
    raise InputError(f"a wording is a Wording or the code of a language, not {given!r}. Write wording='de'.")
