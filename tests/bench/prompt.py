"""What each line of the default prompt is for: the table of a model's scores without it.

    python tests/bench/prompt.py
    python tests/bench/prompt.py --model openai/gpt-4o-mini -n 100

One line at a time is taken away from what `ChatAdapter` writes, and the same held-out episodes are asked again. "right" is
how many answers were right, "parsed" how many replies could be read at once, both in per cent. What a line is for in a
model that follows instructions stands in `LINES`; the embedded model was trained on this prompt with a share of it said
otherwise, so a line that it can do without says more about it than a line that it needs.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import lmnb
from lmnb.adapters.base import Message
from lmnb.adapters.chat import ChatAdapter
from lmnb.train.scoring import Answering, episodes, right, stumbled
from lmnb.train.table import ROWS

ASKED = (
    "routing, 3 labels, 8 demos",
    "routing, good instruction, 0 demos",
    "arithmetic, 1 step, reasoning",
    "extraction, 1 hop",
    "formatting, 4 demos",
)


def _system(pattern: str) -> Callable[[list[Message]], list[Message]]:
    def cut(messages: list[Message]) -> list[Message]:
        first = messages[0]
        return [{**first, "content": re.sub(pattern, "", first["content"], count=1, flags=re.DOTALL)}, *messages[1:]]

    return cut


def _asking(messages: list[Message]) -> list[Message]:
    return [*messages[:-1], {**messages[-1], "content": messages[-1]["content"].partition("\n\nReply with")[0]}]


def _whole(messages: list[Message]) -> list[Message]:
    return messages


_shape = _system(r"\s*Write each.*\Z")


# name -> how it is taken away, and what it is for
LINES: dict[str, tuple[Callable[[list[Message]], list[Message]], str]] = {
    "the whole prompt": (_whole, ""),
    "no instruction": (_system(r"\A.*?\n\n(?=Input fields)"), "the task; the only line that an optimizer rewrites"),
    "no input fields": (
        _system(r"Input fields:.*?\n\n(?=Output fields)"),
        "what the values of a turn are, before the first is read; descriptions and types stand here",
    ),
    "no output fields": (
        _system(r"Output fields:.*?\n\n(?=Write each)"),
        "which values are asked for, of which type and within which bounds",
    ),
    "no form": (
        _shape,
        "the layout as an example to copy: what a zero-shot reply is shaped by, before there are demos",
    ),
    "no last line": (
        _asking,
        "the layout once more beside the question: after many demos or a long context the system message is far away",
    ),
    "neither form nor last line": (
        lambda messages: _asking(_shape(messages)),
        "the two say the same, so that each stands in for the other: this is what demos alone teach of the layout",
    ),
}


class Without(ChatAdapter):
    """The default prompt without one of its lines."""

    def __init__(self, cut: Callable[[list[Message]], list[Message]]) -> None:
        self.cut = cut

    def format(self, signature: Any, demos: Sequence[Mapping[str, Any]], inputs: Mapping[str, Any]) -> list[Message]:
        return self.cut(super().format(signature, demos, inputs))


class Asking(Answering):
    """An episode asked through an adapter."""

    def __init__(self, adapter: ChatAdapter) -> None:
        super().__init__()
        self.adapter = adapter

    def forward(self, episode: Any) -> Any:
        call = lmnb.Predict(episode.signature)
        call.demos = [lmnb.Example(**demo) for demo in episode.demos]
        with lmnb.context(adapter=self.adapter):
            return call(**episode.inputs)


def measure(model: str, count: int) -> list[tuple[str, list[tuple[float, float]]]]:
    """Of each line the scores and parse shares by row."""
    lm = lmnb.LM(model, cache=False)
    rows = [episodes(row, count) for name in ASKED for row in ROWS if row.name == name]
    found = []
    for name, (cut, _) in LINES.items():
        scores = []
        for chosen in rows:
            devset = [lmnb.Example(episode=episode).with_inputs("episode") for episode in chosen]
            with lmnb.context(lm=lm):
                report = lmnb.Evaluate(devset, right, num_threads=2, max_errors=count + 1)(Asking(Without(cut)))
            scores.append((report.score, 100 * (1 - sum(map(stumbled, report)) / count)))
        found.append((name, scores))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="lmnb/tiny", help="as in lmnb.LM(...) (default: lmnb/tiny)")
    parser.add_argument("-n", type=int, default=200, help="episodes a cell (default: 200)")
    args = parser.parse_args()
    print(f"{args.model}, n = {args.n} a cell, right / parsed at once, %\n")
    print(f"| | {' | '.join(ASKED)} |\n|---|{'---|' * len(ASKED)}")
    for name, scores in measure(args.model, args.n):
        print(f"| {name} | {' | '.join(f'{score:.0f} / {parsed:.0f}' for score, parsed in scores)} |")
    print("\n" + "\n".join(f"- {name}: {use}." for name, (_, use) in LINES.items() if use))
    return 0


if __name__ == "__main__":
    sys.exit(main())
