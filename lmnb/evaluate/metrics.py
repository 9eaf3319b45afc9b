"""Metrics that compare an answer with the label, and how any metric is called.

A metric is `metric(example, prediction, trace=None)` and gives a number, a bool or a `Score`. `trace` is None in
Evaluate and the `Trace` while demonstrations are gathered. A metric of two parameters is called without it; one of
five, `metric(gold, pred, trace, pred_name, pred_trace)`, is called as GEPA's are: where an optimizer works on one
predictor, with its name and its last call in the trace, else with None for both.
"""

from __future__ import annotations

import inspect
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from lmnb.errors import InputError

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_STRICT = {"yes", "no", "noanswer"}
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_text(text: Any) -> str:
    """Text as answers are compared (SQuAD, Rajpurkar et al. 2016): no case, punctuation, articles or extra spaces.

    >>> import lmnb
    >>> lmnb.evaluate.normalize_text("The  Eiffel Tower!")
    'eiffel tower'
    """
    text = unicodedata.normalize("NFD", str(text)).lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split())


def EM(prediction: Any, answers: Iterable[Any]) -> bool:
    """Whether the normalized prediction equals one of `answers`.

    >>> import lmnb
    >>> lmnb.evaluate.EM("the cat", ["A cat.", "dog"])
    True
    """
    wanted = normalize_text(prediction)
    return any(wanted == normalize_text(answer) for answer in answers)


def F1(prediction: Any, answers: Iterable[Any]) -> float:
    """The best overlap of words with one of `answers`: the harmonic mean of precision and recall of normalized tokens.

    >>> import lmnb
    >>> round(lmnb.evaluate.F1("the big cat", ["a cat"]), 2)
    0.67
    """
    return max((_overlap(normalize_text(prediction).split(), normalize_text(a).split()) for a in answers), default=0.0)


def HotPotF1(prediction: Any, answers: Iterable[Any]) -> float:
    """`F1` as HotPotQA scores (Yang et al. 2018): against "yes", "no" and "noanswer" only the very same answer counts.

    >>> import lmnb
    >>> lmnb.evaluate.HotPotF1("no, they are not", ["no"]), lmnb.evaluate.F1("no, they are not", ["no"])
    (0.0, 0.4)
    """
    found = normalize_text(prediction)
    wanted = [normalize_text(answer) for answer in answers]
    return max((float(found == a) if {found, a} & _STRICT else F1(found, [a]) for a in wanted), default=0.0)


def _overlap(found: list[str], wanted: list[str]) -> float:
    same = (Counter(found) & Counter(wanted)).total()
    if not same:
        return float(found == wanted)
    return 2 * same / (len(found) + len(wanted))


def answer_exact_match(example: Any, pred: Any, trace: Any = None, frac: float = 1.0) -> bool:
    """Whether `pred.answer` matches `example.answer` (one answer, or a list of good ones); `frac` below 1 asks for F1.

    >>> import lmnb
    >>> lmnb.evaluate.answer_exact_match(lmnb.Example(answer=["Paris", "Paris, France"]), lmnb.Prediction(answer="paris"))
    True
    """
    return _matches("answer", example, pred, frac)


def answer_hotpot_f1(example: Any, pred: Any, trace: Any = None) -> float:
    """`HotPotF1` of `pred.answer` against `example.answer` (one answer, or a list of good ones).

    >>> import lmnb
    >>> lmnb.evaluate.answer_hotpot_f1(lmnb.Example(answer="the Eiffel Tower"), lmnb.Prediction(answer="Eiffel"))
    0.6666666666666666
    """
    return HotPotF1(field_of(pred, "answer", "prediction"), _listed(field_of(example, "answer", "example")))


def answer_passage_match(example: Any, pred: Any, trace: Any = None) -> bool:
    """Whether a passage of `pred.context` holds `example.answer` (or one of a list) as whole words: how DPR tells a
    passage with the answer (Karpukhin et al. 2020). Both are normalized as by `normalize_text`.

    >>> import lmnb
    >>> pred = lmnb.Prediction(context=["It stands in Paris, France.", "It is made of iron."])
    >>> lmnb.evaluate.answer_passage_match(lmnb.Example(answer="paris"), pred), lmnb.evaluate.answer_passage_match(lmnb.Example(answer="par"), pred)
    (True, False)
    """
    passages = [_words(passage) for passage in _listed(field_of(pred, "context", "prediction"))]
    answers = [_words(answer) for answer in _listed(field_of(example, "answer", "example"))]
    return any(answer.strip() and answer in passage for answer in answers for passage in passages)


def _words(text: Any) -> str:
    """The words of a text with a space around each; marks belong to their letters, any other sign is a word."""
    signs = (c if c.isalnum() or unicodedata.category(c)[0] == "M" else f" {c} " for c in normalize_text(text))
    return f" {' '.join(''.join(signs).split())} "


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def exact_match(*fields: str, frac: float = 1.0) -> Callable[..., bool]:
    """A metric: every one of `fields` of the prediction matches that of the example (see `answer_exact_match`).

    >>> import lmnb
    >>> same_team = lmnb.evaluate.exact_match("team")
    >>> same_team(lmnb.Example(ticket="no mail", team="Access"), lmnb.Prediction(team="access"))
    True
    """
    if not fields or not all(isinstance(field, str) for field in fields):
        raise InputError(f"exact_match needs names of fields, not {fields!r}. Write it as exact_match('team').")

    def metric(example: Any, pred: Any, trace: Any = None) -> bool:
        return all(_matches(field, example, pred, frac) for field in fields)

    metric.__name__ = f"exact_match({', '.join(map(repr, fields))})"
    return metric


def _matches(field: str, example: Any, pred: Any, frac: float) -> bool:
    found, wanted = field_of(pred, field, "prediction"), field_of(example, field, "example")
    if not isinstance(found, str) and not isinstance(wanted, (str, list, tuple)):
        return found == wanted
    answers = _listed(wanted)
    if isinstance(found, (list, tuple)):
        return [normalize_text(item) for item in found] == [normalize_text(answer) for answer in answers]
    return EM(found, answers) if frac >= 1.0 else F1(found, answers) >= frac


def field_of(record: Any, field: str, what: str) -> Any:
    """A field of the example or the prediction (`what`); InputError where it is not there."""
    if field not in record:
        raise InputError(f"the {what} has no field {field!r}; it has: {', '.join(record.keys()) or 'none'}.")
    value = record[field]
    return value.value if isinstance(value, Enum) else value


def call_of(metric: Callable[..., Any]) -> Call:
    """`metric` as a function of (example, prediction, trace), whichever of the three forms it has; else InputError."""
    known = _calls.get(id(metric))
    if known is None or known[0] is not metric:
        if len(_calls) >= _KEPT:
            _calls.clear()
        known = _calls[id(metric)] = metric, _called(metric)
    return known[1]


Call = Callable[[Any, Any, Any], Any]
_KEPT = 64
_calls: dict[int, tuple[Callable[..., Any], Call]] = {}  # looking at a signature takes as long as a small metric


def takes_predictor(metric: Callable[..., Any]) -> bool:
    """Whether a metric has the five parameters by which it can be asked to speak of one predictor.

    >>> takes_predictor(lambda gold, pred, trace, pred_name, pred_trace: 1.0), takes_predictor(answer_exact_match)
    (True, False)
    """
    try:
        return _takes_five(list(inspect.signature(getattr(metric, "forward", metric)).parameters.values()))
    except (TypeError, ValueError):  # a builtin without a signature
        return False


def _takes_five(parameters: list[inspect.Parameter]) -> bool:
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in places if p.default is p.empty]
    return len(places) >= 5 and len(needed) <= 5 and (len(needed) > 3 or places[3].name == "pred_name")


def _called(metric: Callable[..., Any]) -> Call:
    if not callable(metric):
        raise InputError(
            f"a metric is a function, not {metric!r}. Write it as def metric(example, prediction, trace=None)."
        )
    named = getattr(metric, "forward", metric)
    try:
        parameters = list(inspect.signature(named).parameters.values())
    except (TypeError, ValueError):  # a builtin without a signature
        return lambda example, prediction, trace: metric(example, prediction)
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return metric
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in places if p.default is p.empty]
    if _takes_five(parameters):
        return lambda example, prediction, trace: metric(example, prediction, trace, None, None)
    if len(places) < 2 or len(needed) > 3:
        name = getattr(metric, "__name__", type(metric).__name__)
        raise InputError(
            f"the metric {name}({', '.join(p.name for p in parameters)}) cannot be called. "
            "Write it as def metric(example, prediction, trace=None)."
        )
    if len(places) == 2:
        return lambda example, prediction, trace: metric(example, prediction)
    return metric
