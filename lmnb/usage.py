"""What LM calls used, summed by model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lmnb.callbacks import BaseCallback, current_call, listen
from lmnb.spans import Span

Usage = dict[str, dict[str, Any]]
_COUNTS = ("calls", "cache_hits", "prompt_tokens", "completion_tokens", "total_tokens", "cache_hit_tokens")


class UsageTracker(BaseCallback):
    """Sums the usage of every LM call that it is told of; safe for many threads."""

    def __init__(self) -> None:
        self._total: Usage = {}
        self._lock = threading.Lock()

    def on_lm_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        with self._lock:
            add(self._total, current_call())

    def get_total_tokens(self) -> Usage:
        """The usage so far, by model (see `track_usage`)."""
        with self._lock:
            return {model: dict(counts) for model, counts in self._total.items()}

    def __repr__(self) -> str:
        return f"UsageTracker({self.get_total_tokens()})"


@contextmanager
def track_usage() -> Iterator[UsageTracker]:
    """Sums the usage of all LM calls of a block, in every thread and coroutine that lmnb starts there.

    By model: `calls`, of which lmnb's cache answered `cache_hits`; `prompt_tokens`, `completion_tokens` and `total_tokens` are
    those of calls that were bought, `cache_hit_tokens` those of the hits. `cached_tokens` are those of the prompt that
    the provider had cached; what else it counts is summed under its name too. Calls that failed or were refused are not among them.

    >>> import lmnb
    >>> lm = lmnb.FakeLM(lambda messages: "four", cache=True)
    >>> with lmnb.track_usage() as usage:
    ...     _ = lm("How much is 2 + 2?"), lm("How much is 2 + 2?")
    >>> usage.get_total_tokens()["fake"]["calls"], usage.get_total_tokens()["fake"]["cache_hits"]
    (2, 1)
    """
    tracker = UsageTracker()
    with listen(tracker):
        yield tracker


def add(total: Usage, call: Span) -> None:
    """Add the usage of one LM call; one that was not answered has none."""
    if call.kind != "lm" or "cache" not in call.data:
        return
    counts = total.setdefault(call.name, dict.fromkeys(_COUNTS, 0))
    usage = call.data.get("usage") or {}
    tokens = (usage.get("prompt_tokens") or 0) + (usage.get("completion_tokens") or 0)
    counts["calls"] += 1
    if call.data["cache"] == "hit":
        counts["cache_hits"] += 1
        counts["cache_hit_tokens"] += tokens
        return
    for name, count in {**usage, "total_tokens": tokens}.items():
        if isinstance(count, (int, float)):
            counts[name] = counts.get(name, 0) + count


def used_below(root: Span) -> Usage:
    """The usage of a program's call by its spans; what a metric asked is not the program's."""
    total: Usage = {}
    waiting = [root]
    while waiting:
        call = waiting.pop()
        add(total, call)
        waiting += [child for child in reversed(call.children) if child.kind != "metric"]
    return total
