"""Suspect labels of an evaluation: rows where it may be the label that is wrong, for a person to look at; nothing is dropped.

Programs that are right elsewhere and agree with each other against a label speak against the label (in the spirit of confident
learning: Northcutt et al. 2021, arXiv 1911.00068), and so do the same inputs with another label in another row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lmnb.adapters.values import plain
from lmnb.alike import alike
from lmnb.canonical import canonical, content_hash

RIGHT = 0.5  # from here on a score counts as right, and a program right on so many rows as good


def compared(label: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs that the label speaks of; all where it names none of them."""
    return {name: value for name, value in outputs.items() if name in label} or dict(outputs)


def normal(answer: Mapping[str, Any]) -> str:
    """An answer as it is compared with others: case and spaces do not count."""
    return canonical({name: " ".join(plain(value).casefold().split()) for name, value in answer.items()})


def suspect_rows(reports: Sequence[Any]) -> dict[int, str]:
    """Row numbers of the first report with why their label is suspect; the others were made from the same examples."""
    return dict(sorted((_agreed_against(reports) | _contradicting(reports[0])).items()))


def _contradicting(report: Any) -> dict[int, str]:
    """Rows whose inputs stand in another row too, with another label."""
    same_hash: dict[str, list[Any]] = {}
    for row in report.rows:
        if row.example.input_keys is not None and len(row.example.labels()):
            same_hash.setdefault(content_hash(dict(row.example.inputs().items())), []).append(row)
    found = {}
    for rows in same_hash.values():
        labels = [normal(dict(row.example.labels().items())) for row in rows] if len(rows) > 1 else []
        for row, label in zip(rows, labels, strict=False):
            others = (each for each, said in zip(rows, labels, strict=True) if said != label)
            # the hash of a long array is that of its shortened text
            other = next((each for each in others if alike(each.example.inputs(), row.example.inputs())), None)
            if other is not None:
                found[row.index] = f"row {other.index} has the same inputs and another label"
    return found


def _agreed_against(reports: Sequence[Any]) -> dict[int, str]:
    """Rows that two or more good programs answer alike, and wrong."""
    good = [
        {row.index: row for row in report.rows} for report in reports if report.rows and report.score >= 100 * RIGHT
    ]
    if len(good) < 2:
        return {}
    found = {}
    for index in set.intersection(*(set(rows) for rows in good)):
        rows = [each[index] for each in good]
        if any(row.score is None or row.score >= RIGHT or row.prediction is None for row in rows):
            continue
        marked = rows[0].example.input_keys is not None
        label = dict(rows[0].example.labels().items()) if marked else {}
        said = {normal(compared(label, _fields(row.prediction))) for row in rows}
        if len(said) == 1:
            found[index] = f"{len(rows)} programs give the same answer, and the metric calls it wrong"
    return found


def _fields(prediction: Any) -> dict[str, Any]:
    return dict(prediction.items()) if hasattr(prediction, "items") else {"prediction": prediction}
