"""`fit`: a few records change what the model does, and nothing else is needed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb.adapters.chat import ChatAdapter
from lmnb.errors import InputError
from lmnb.evaluate import Evaluate
from lmnb.signature import Signature
from lmnb.train.fit import fit
from lmnb.train.grammar import message
from lmnb.train.lexicon import HELD, TOPICS, TRAIN

TEAMS = {"garden": "beacon", "music": "walrus", "weather": "tibora"}
TASK = Signature("note -> group", "Say which group takes the note.")


def rows(count: int, held: bool) -> list[lmnb.Example]:
    rng = random.Random(f"fit {held}")
    made = []
    for at in range(count):
        topic = list(TEAMS)[at % len(TEAMS)]
        note = message(rng, rng.sample(TOPICS[topic], 2), HELD if held else TRAIN, held)
        made.append(lmnb.Example(note=note, group=TEAMS[topic]).with_inputs("note"))
    return made


def record(row: lmnb.Example) -> dict[str, Any]:
    """A row as a zero-shot chat record."""
    whole = ChatAdapter().format(TASK, [dict(row.items())], {"note": row.note})
    return {"messages": [*ChatAdapter().format(TASK, [], {"note": row.note}), whole[2]]}


def right(example: Any, prediction: Any, trace: Any = None) -> bool:
    return prediction.group == example.group


def accuracy(model: str, devset: list[lmnb.Example]) -> float:
    with lmnb.context(lm=lmnb.LM(model, cache=False, max_tokens=20)):
        return Evaluate(devset, right, max_errors=len(devset) + 1)(lmnb.Predict(TASK)).score


def test_fit_on_200_records_raises_zero_shot_accuracy(tmp_path: Path) -> None:
    """200 records of labels that no prompt explains raise zero-shot accuracy on new sentences by 30 points or more."""
    told: list[int] = []
    path = fit(
        "lmnb/tiny",
        [record(row) for row in rows(200, False)],
        tmp_path / "fit.gguf",
        told=lambda at, loss: told.append(at),
    )
    devset = rows(90, True)
    assert accuracy(f"gguf/{path}", devset) - accuracy("lmnb/tiny", devset) >= 30
    assert told == list(range(1, len(told) + 1))


def test_fit_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    """Two fits of the same records write the same bytes."""
    records = [record(row) for row in rows(16, False)]
    one = fit("lmnb/tiny", records, tmp_path / "one.gguf", epochs=1)
    other = fit("lmnb/tiny", records, tmp_path / "other.gguf", epochs=1)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([], "no record"),
        ([{"messages": [{"role": "user", "content": "Hello"}]}], "record 0 has no assistant turn"),
        (["text"], "record 0 is not"),
        ([{"messages": "text"}], "record 0 is not"),
        ([{"messages": ["text"]}], "not a text of one of the roles system, user, assistant"),
        ([{"messages": [{"content": "x"}]}], "not a text of one of the roles"),
        ([{"messages": [{"role": "assistant", "content": None}]}], "not a text of one of the roles"),
        ([{"messages": [{"role": "tool", "content": "x"}]}], "not a text of one of the roles"),
        ([{"messages": [{"role": "assistant", "content": "x<|end|>"}]}], r"<\|end\|>' in a text"),
    ],
)
def test_fit_says_what_is_wrong_with_the_records(records: list[Any], words: str, tmp_path: Path) -> None:
    """Without anything to learn from, the error names the record."""
    with pytest.raises(InputError, match=words):
        fit("lmnb/tiny", records, tmp_path / "fit.gguf")


def test_a_file_that_is_fitted_again_answers_anew(tmp_path: Path) -> None:
    """A second model in the same file is the one that answers, also where the first has answered before."""
    out = tmp_path / "fit.gguf"
    replies = []
    for word in ("yes", "no"):
        record = {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": word}]}
        fit("lmnb/tiny", [record] * 64, out, epochs=8)
        replies.append(lmnb.LM(f"gguf/{out}", cache=False)("Hello")[0].strip())
    assert replies == ["yes", "no"]
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ""] == ["fit.gguf"]
