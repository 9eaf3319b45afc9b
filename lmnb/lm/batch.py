"""`Batched`: many prompts to one LM side by side, in order, on one event loop."""

from __future__ import annotations

import asyncio
import traceback
import warnings
from collections.abc import Iterable
from typing import Any

from lmnb.errors import BudgetExceeded, Cancelled, InputError
from lmnb.leash import Leash
from lmnb.loops import run_to_end
from lmnb.settings import chosen, context, current

Asked = str | list[dict[str, Any]]


class Batched:
    """`batch` and `abatch` for what has an `acall`."""

    acall: Any

    def batch(
        self,
        prompts: Iterable[Asked],
        num_threads: int | None = None,
        max_errors: int | None = None,
        return_failed_examples: bool = False,
        provide_traceback: bool | None = None,
        **options: Any,
    ) -> Any:
        """The texts for many prompts (texts or lists of messages), in order, `num_threads` calls side by side (default: the
        setting); `options` go with every call.

        None where a call failed, with a warning (`provide_traceback`, default: the setting, adds the stack). When `max_errors` (default: the setting)
        have failed, the rest is called off and the first error raised; a spent budget ends it at once. With
        `return_failed_examples` the result is `(texts, failed prompts, their errors)`.

        >>> import lmnb
        >>> lmnb.FakeLM(lambda messages: messages[-1]["content"].upper()).batch(["a", "b", "c"], num_threads=2)
        [['A'], ['B'], ['C']]
        """
        leash = Leash(current("budget"))
        given = (prompts, num_threads, max_errors, return_failed_examples, provide_traceback)
        try:
            with context(budget=leash):
                return run_to_end(lambda: self.abatch(*given, **options))
        except BaseException:
            leash.cut = True  # in a notebook the loop is that of another thread, which an interrupt does not reach
            raise

    async def abatch(
        self,
        prompts: Iterable[Asked],
        num_threads: int | None = None,
        max_errors: int | None = None,
        return_failed_examples: bool = False,
        provide_traceback: bool | None = None,
        **options: Any,
    ) -> Any:
        """`batch` for asynchronous code."""
        listed = _listed(prompts)
        width = num_threads or current("num_threads")
        if isinstance(width, bool) or not isinstance(width, int) or width < 1:
            raise InputError(f"num_threads is {width!r}: write a whole number from 1.")
        limit = current("max_errors") if max_errors is None else max_errors
        texts: list[Any] = [None] * len(listed)
        errors: dict[int, Exception] = {}
        waiting = iter(enumerate(listed))

        async def lane() -> None:
            for at, asked in waiting:  # each lane takes the next one
                try:
                    texts[at] = await self.acall(**asked, **options)
                except (BudgetExceeded, Cancelled):
                    raise
                except Exception as error:  # noqa: BLE001  the boundary: what a call raises is its outcome
                    errors[at] = error
                    first = next(iter(errors.values()))
                    if limit and len(errors) >= limit:
                        first.add_note(f"{len(errors)} of {len(listed)} calls failed: max_errors={limit}")
                        raise first from None
                await asyncio.sleep(0)  # an LM that answers at once would keep the loop for itself

        await _together([asyncio.ensure_future(lane()) for _ in range(min(width, len(listed)))])
        failed = sorted(errors.items())
        if return_failed_examples:
            return texts, [next(iter(listed[at].values())) for at, _ in failed], [error for _, error in failed]
        if failed:
            at, error = failed[0]
            told = f"{type(error).__name__}: {error}"
            if chosen("provide_traceback", provide_traceback):
                told = "".join(traceback.format_exception(error)).rstrip()
            warnings.warn(f"{len(failed)} of {len(listed)} calls failed, the first at {at}: {told}", stacklevel=2)
        return texts


async def _together(lanes: list[asyncio.Future[None]]) -> None:
    """Wait for all; where one fails or the caller is cancelled, the others are called off before it is told."""
    try:
        await asyncio.gather(*lanes)
    finally:
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)


def _listed(prompts: Iterable[Asked]) -> list[dict[str, Any]]:
    """Each prompt as the argument of a call."""
    if isinstance(prompts, str) or not isinstance(prompts, Iterable):
        raise InputError(f"batch takes a list of prompts, not {prompts!r}. Write lm.batch(['...', '...']).")
    calls = []
    for at, prompt in enumerate(prompts):
        is_messages = isinstance(prompt, list) and all(isinstance(message, dict) for message in prompt)
        if not isinstance(prompt, str) and not is_messages:
            raise InputError(
                f"prompt {at} is {prompt!r}. Write a text, or a list of messages: [{{'role': 'user', 'content': '...'}}]."
            )
        calls.append({"prompt" if isinstance(prompt, str) else "messages": prompt})
    return calls
