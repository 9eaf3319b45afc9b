"""GSM8K and HotPotQA in the formats they are published in: from their files, or from rows that another library read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

from lmnb.data.loader import DataLoader, FilePath
from lmnb.errors import InputError
from lmnb.example import Example

Source = FilePath | Iterable[Mapping[str, Any]]
_ANNOTATION = re.compile(r"<<[^<>\n]*>>")
_RESULT = re.compile(r"\n?^####[ \t]*([^\n]*)\s*\Z", re.MULTILINE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def load_gsm8k(source: Source, *, inputs: Sequence[str] = ("question",)) -> list[Example]:
    """Grade-school mathematics (Cobbe et al. 2021): `question`, `reasoning` without the calculator's annotations, and
    `answer`, a number.

    `source` is a published file (JSON lines) or rows, such as a split that Hugging Face's library loaded. A row whose
    answer does not end in a line `#### 42` is an InputError.

    >>> import lmnb
    >>> row = {"question": "2 bags of 3 apples?", "answer": "There are 2*3=<<2*3=6>>6 apples.\\n#### 6"}
    >>> lmnb.load_gsm8k([row])
    [Example({'question': '2 bags of 3 apples?', 'reasoning': 'There are 2*3=6 apples.', 'answer': 6}) (input_keys={'question'})]
    """
    return [_gsm8k(place, row).with_inputs(*_names(inputs)) for place, row in _rows(source)]


def _gsm8k(place: str, row: Mapping[str, Any]) -> Example:
    solution = _text(place, row, "answer")
    result = _RESULT.search(solution)
    number = result[1].strip().replace(",", "").removeprefix("$") if result else ""
    if result is None or not _NUMBER.fullmatch(number):
        raise InputError(
            f"{place}: an answer of GSM8K ends in a line such as '#### 42', this one in {solution[-60:]!r}."
        )
    return Example(
        question=_text(place, row, "question"),
        reasoning=_ANNOTATION.sub("", solution[: result.start()]).strip(),
        answer=float(number) if "." in number else int(number),
    )


def load_hotpotqa(source: Source, *, level: str | None = None, inputs: Sequence[str] = ("question",)) -> list[Example]:
    """Questions whose answer takes two articles (Yang et al. 2018): `question`, `answer`, `context` (passages as
    `title | text`), `titles` and `facts` (the supporting articles and sentences), `type`, `level` and `hotpot_id`.

    `source` is a published file (one JSON list) or rows; rows in the columns of Hugging Face's library are read too.
    `level` keeps the "easy", "medium" or "hard" ones. Test files have no answers, so these examples have no labels.
    A supporting sentence that the context does not hold, which the published data has, is left out of `facts`.

    >>> import lmnb
    >>> row = {"_id": "1", "question": "Where is A's river?", "answer": "in B", "type": "bridge", "level": "easy",
    ...        "context": [["A", ["A is a town.", " It lies on C."]], ["C", ["C flows in B."]]],
    ...        "supporting_facts": [["A", 1], ["C", 0]]}
    >>> (example,) = lmnb.load_hotpotqa([row], inputs=["context", "question"])
    >>> example.context, example.facts
    (['A | A is a town. It lies on C.', 'C | C flows in B.'], ['It lies on C.', 'C flows in B.'])
    """
    found = (_hotpotqa(place, row).with_inputs(*_names(inputs)) for place, row in _rows(source))
    return [example for example in found if level is None or example.get("level") == level]


def _hotpotqa(place: str, row: Mapping[str, Any]) -> Example:
    articles = dict(_pairs(place, row, "context", "title", "sentences"))
    if not all(isinstance(sentences, (list, tuple)) for sentences in articles.values()):
        raise InputError(f"{place}: the context of HotPotQA is a list of [title, [sentence, ...]].")
    fields: dict[str, Any] = {
        "question": _text(place, row, "question"),
        "context": [f"{title} | {''.join(sentences).strip()}" for title, sentences in articles.items()],
    }
    if "supporting_facts" in row:
        facts = _pairs(place, row, "supporting_facts", "title", "sent_id")
        fields["titles"] = list(dict.fromkeys(title for title, _ in facts))
        fields["facts"] = [articles[title][at].strip() for title, at in facts if 0 <= at < len(articles.get(title, ()))]
    fields |= {name: row[name] for name in ("answer", "type", "level") if row.get(name) is not None}
    known = row.get("_id", row.get("id"))
    return Example(fields | ({"hotpot_id": known} if known is not None else {}))


def _pairs(place: str, row: Mapping[str, Any], name: str, first: str, second: str) -> list[tuple[Any, Any]]:
    """A list of pairs, which Hugging Face's library keeps as two columns."""
    held = row.get(name)
    try:
        if isinstance(held, Mapping):
            return list(zip(held[first], held[second], strict=True))
        return [(one, other) for one, other in held or ()]
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{place}: {name!r} of HotPotQA is a list of [{first}, {second}], not {held!r:.80}.") from None


def _rows(source: Source) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row with the words that name it in an error."""
    if isinstance(source, (str, PathLike)):
        for at, example in enumerate(DataLoader().from_json(source), 1):
            yield f"{source}, row {at}", example.toDict()
        return
    for at, row in enumerate(source, 1):
        if not isinstance(row, Mapping):
            raise InputError(f"row {at}: an example is an object with named fields, not {row!r:.80}.")
        yield f"row {at}", row


def _text(place: str, row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        raise InputError(f"{place}: there is no text {name!r}; it has: {', '.join(map(str, row)) or 'none'}.")
    return value


def _names(inputs: Sequence[str]) -> Sequence[str]:
    if isinstance(inputs, str):
        raise InputError(f"names of fields are given as a list, such as [{inputs!r}], not as {inputs!r}.")
    return inputs
