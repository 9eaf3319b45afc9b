"""How the parts of a data set differ: fields, groups, words and lengths that are distributed differently, by plain statistics."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from statistics import NormalDist, fmean
from typing import Any

from lmnb.canonical import canonical, jsonable
from lmnb.counts import counted
from lmnb.errors import InputError
from lmnb.example import Example
from lmnb.html import el, heading, root, shorten, table_of
from lmnb.optional import frame

CATEGORIES = 20  # a field with up to so many different values is compared value by value
RARE = 4  # a word or value in fewer examples proves nothing either way
SHOWN = 30
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Difference:
    """One property of the examples in two parts `a` and `b`. `kind` is "value", "word" or "group", whose `share_a` and `share_b` are shares of the
    examples, or "length" (in characters) or "number", where they are means. `p` is that of a two-sided test, `q` the same after Benjamini and
    Hochberg's correction for how much was tested.
    """

    field: str
    kind: str
    name: str
    a: str
    b: str
    share_a: float
    share_b: float
    p: float
    q: float = 1.0

    def __str__(self) -> str:
        what = {"length": f"the length of {self.field}", "number": self.field}.get(
            self.kind, f"{self.field}: {self.kind} {self.name!r}"
        )
        before, after = (
            f"{x:.1f}" if self.kind in ("length", "number") else f"{100 * x:.0f} %"
            for x in (self.share_a, self.share_b)
        )
        return f"{what} {before} of {self.a}, {after} of {self.b} (q {self.q:.2g})"


@dataclass(frozen=True)
class Shift:
    """What differs between the parts: `differences` with q at most `level`, the surest first, of all that were `tested`. `repeated` counts, for
    each two parts, the examples of the second that ask what one of the first asks; `sizes` are the parts' examples.
    """

    differences: tuple[Difference, ...]
    tested: tuple[Difference, ...]
    repeated: Mapping[tuple[str, str], int]
    sizes: Mapping[str, int]
    level: float

    def to_pandas(self) -> Any:
        """Everything that was tested, one row a property."""
        return frame("Shift.to_pandas()", map(asdict, self.tested), Difference.__dataclass_fields__)

    def words(self) -> list[str]:
        """What to know, in sentences."""
        said = [
            f"{counted(many, 'example')} of {b} stand in {a} too: what is scored on them was seen"
            for (a, b), many in self.repeated.items()
            if many
        ]
        if not self.differences:
            said.append(
                f"no shift shown: of {len(self.tested):,} properties tested none differs more than chance allows"
            )
        return said

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {size}" for name, size in self.sizes.items())
        rows = [str(each) for each in self.differences[:SHOWN]]
        rest = len(self.differences) - len(rows)
        return "\n".join([f"Shift({sizes})", *self.words(), *rows, *[f"{rest} more: .differences"] * bool(rest)])

    def _repr_html_(self) -> str:
        rows = [
            el(
                "tr",
                None,
                el("td", {"class": "lm-tight"}, shorten(each.field, 80)),
                el("td", {"class": "lm-tight lm-muted"}, each.kind),
                el("td", None, shorten(each.name, 200)),
                *(el("td", None, text) for text in _amounts(each)),
                el("td", {"class": "lm-tight"}, f"{each.q:.2g}"),
            )
            for each in self.differences[:SHOWN]
        ]
        rest = len(self.differences) - len(rows)
        sizes = ", ".join(f"{name} {size:,}" for name, size in self.sizes.items())
        return root(
            "report",
            el(
                "div",
                {"class": "lm-pane"},
                heading(f"Shift between {sizes} examples", level=4),
                *(el("div", None, line) for line in self.words()),
                table_of(["field", "", "", "share or mean", "", "q"], rows, "lm-table lm-num") if rows else None,
                el("div", {"class": "lm-muted"}, f"{rest:,} more: .differences") if rest else None,
            ),
        )


def _amounts(each: Difference) -> list[str]:
    plain = each.kind in ("length", "number")
    pairs = ((each.a, each.share_a), (each.b, each.share_b))
    return [f"{name} {value:,.1f}" if plain else f"{name} {100 * value:.0f} %" for name, value in pairs]


def shift(
    train: Sequence[Example],
    val: Sequence[Example],
    heldout: Sequence[Example] = (),
    *,
    group: str | Callable[[Example], object] | None = None,
    level: float = 0.05,
) -> Shift:
    """Which fields, groups, words and lengths are distributed differently between the parts of a data set, so that a score on one may not
    hold on the other; and how many examples stand in two of them.

    Values, words and groups are compared by Fisher's exact test on how many examples have them, lengths and numbers by Mann and Whitney's
    rank test; all p values together are corrected by Benjamini and Hochberg (1995), so that of the differences shown at most a share of
    `level` is expected to be chance. A number that is NaN counts as missing. Little data shows little: no difference shown is not no
    difference.

    >>> import lmnb
    >>> train = [lmnb.Example(ticket=f"printer jams, case {n}", team="otter").with_inputs("ticket") for n in range(20)]
    >>> val = [lmnb.Example(ticket=f"I was charged twice, case {n}", team="heron").with_inputs("ticket") for n in range(20, 40)]
    >>> found = lmnb.data.shift(train, val)
    >>> sorted({each.kind for each in found.differences}), found.differences[0].q < 0.001
    (['length', 'value', 'word'], True)
    """
    parts = {"train": list(train), "val": list(val), "heldout": list(heldout)}
    parts = {name: rows for name, rows in parts.items() if rows or name != "heldout"}
    for name, rows in parts.items():
        if not rows:
            raise InputError(f"{name} is empty, so there is nothing to compare. Give at least one example.")
        for at, row in enumerate(rows):
            if not isinstance(row, Example):
                raise InputError(
                    f"{name}[{at}] is {row!r}, not an Example. Write lmnb.Example(row) for each row of fields."
                )
    pairs = list(combinations(parts, 2))
    found = [each for a, b in pairs for each in _differences(a, parts[a], b, parts[b], group)]
    tested = _corrected(found)
    return Shift(
        tuple(each for each in tested if each.q <= level),
        tuple(tested),
        {(a, b): _repeated(parts[a], parts[b]) for a, b in pairs},
        {name: len(rows) for name, rows in parts.items()},
        level,
    )


def _differences(
    a: str, first: Sequence[Example], b: str, second: Sequence[Example], group: str | Callable[[Example], object] | None
) -> Iterator[Difference]:
    def shares(field: str, kind: str, before: Sequence[set[str]], after: Sequence[set[str]]) -> Iterator[Difference]:
        counts = [Counter(name for names in rows for name in names) for rows in (before, after)]
        for name in sorted(counts[0].keys() | counts[1].keys()):
            x, y = counts[0][name], counts[1][name]
            if x + y >= RARE:
                p = fisher(x, len(before), y, len(after))
                yield Difference(field, kind, name, a, b, x / len(before), y / len(after), p)

    def ranks(field: str, kind: str, before: Sequence[float], after: Sequence[float]) -> Iterator[Difference]:
        if before and after:
            yield Difference(field, kind, "", a, b, fmean(before), fmean(after), mann_whitney(before, after))

    if group is not None:
        yield from shares(
            "group", "group", *([{_group_of(example, group)} for example in rows] for rows in (first, second))
        )
    for field in dict.fromkeys(name for example in (*first, *second) for name in example):
        both = [
            [example[field] for example in rows if field in example and not _missing(example[field])]
            for rows in (first, second)
        ]
        values = [*both[0], *both[1]]
        if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
            yield from ranks(field, "number", *([float(value) for value in rows] for rows in both))
        texts = [[value if isinstance(value, str) else canonical(jsonable(value)) for value in rows] for rows in both]
        different = {text for rows in texts for text in rows}
        if len(different) <= min(CATEGORIES, len(values) / 2):
            yield from shares(field, "value", *([{text} for text in rows] for rows in texts))
        elif all(isinstance(value, str) for value in values):
            yield from shares(
                field, "word", *([set(_WORD.findall(text.casefold())) for text in rows] for rows in texts)
            )
            yield from ranks(field, "length", *([float(len(text)) for text in rows] for rows in texts))


def _missing(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _group_of(example: Example, group: str | Callable[[Example], object]) -> str:
    if callable(group):
        return str(group(example))
    if group not in example:
        raise InputError(
            f"{example!r} has no field {group!r} to be grouped by. Give one that all have, or a function of an example."
        )
    return str(example[group])


def _corrected(found: Sequence[Difference]) -> list[Difference]:
    """The surest first, with q values (Benjamini and Hochberg 1995)."""
    order = sorted(found, key=lambda each: (each.p, -abs(each.share_a - each.share_b), each.field, each.name))
    least, made = 1.0, []
    for rank in range(len(order), 0, -1):
        least = min(least, order[rank - 1].p * len(order) / rank)
        made.append(replace(order[rank - 1], q=least))
    return made[::-1]


def fisher(x: int, m: int, y: int, n: int) -> float:
    """The two-sided p of Fisher's exact test: `x` of `m` examples have a property, and `y` of `n` others.

    >>> round(fisher(1, 10, 9, 10), 5), round(fisher(5, 10, 5, 10), 5)
    (0.00109, 1.0)
    """
    total = x + y

    def log(k: int) -> float:
        return _log_choose(m, k) + _log_choose(n, total - k)

    seen = log(x) + 1e-7
    among = [log(k) for k in range(max(0, total - n), min(m, total) + 1)]
    whole = _log_choose(m + n, total)
    return min(1.0, math.fsum(math.exp(each - whole) for each in among if each <= seen))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def mann_whitney(before: Sequence[float], after: Sequence[float]) -> float:
    """The two-sided p of Mann and Whitney's rank test, by the normal approximation with ties (1947).

    >>> round(mann_whitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 4), mann_whitney([1, 1], [1, 1])
    (0.0122, 1.0)
    """
    n, m = len(before), len(after)
    counts = Counter([*before, *after])
    rank, place, ties = dict[float, float](), 0, 0
    for value in sorted(counts):
        rank[value] = place + (counts[value] + 1) / 2
        place += counts[value]
        ties += counts[value] ** 3 - counts[value]
    u = math.fsum(rank[value] for value in before) - n * (n + 1) / 2
    spread = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    if spread <= 0:
        return 1.0
    z = max(0.0, abs(u - n * m / 2) - 0.5) / math.sqrt(spread)
    return min(1.0, 2 * NormalDist().cdf(-z))


def _repeated(first: Sequence[Example], second: Sequence[Example]) -> int:
    known = {_asked(example) for example in first}
    return sum(_asked(example) in known for example in second)


def _asked(example: Example) -> str:
    fields = example.inputs() if example.input_keys else example
    return canonical(jsonable(dict(fields.items())))
