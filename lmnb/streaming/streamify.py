"""streamify: a program that gives its fields while they come."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import aclosing, contextmanager, suppress
from contextvars import Context, copy_context
from typing import Any

from lmnb import listening, settings
from lmnb.callbacks import listen
from lmnb.errors import InputError
from lmnb.feed import Feed
from lmnb.leash import Leash
from lmnb.streaming.listener import StreamListener, StreamResponse
from lmnb.streaming.status import StatusCallback, StatusMessageProvider
from lmnb.streaming.watch import Watch

_SOON = 2.0  # seconds that a stream which is closed waits for the program to be called off


def streamify(
    program: Any,
    status_message_provider: StatusMessageProvider | None = None,
    stream_listeners: Sequence[StreamListener] | None = None,
    include_final_prediction_in_output_stream: bool = True,
    is_async_program: bool = False,
    async_streaming: bool = True,
) -> Callable[..., Any]:
    """`program` as a function whose call gives a stream: StreamResponses, the pieces of the fields that `stream_listeners` ask for
    (without any: of every str output of every predictor), StatusMessages, and in the end what the program returns.

    The stream is an asynchronous generator, with `async_streaming=False` a plain one. The program is called in a thread, with
    `is_async_program` by its `acall`. Any module and any LM will do: a reply that does not come in pieces, or that a cache has,
    is one piece a field. With `include_final_prediction_in_output_stream=False` the result comes only where no field was told.

    A piece with `withdrawn` takes back what was told of its field in that call (`call_id`): the reply could not be read, or the
    call failed. Fields that are no str are told where a listener asks for them.

    What the program raises is raised after the pieces that came before. Closing the stream calls the program off: requests that
    are being streamed end, and no further ones are sent. LM, adapter and budget are those of the place where the stream was
    called. InputError for a listener of what the program does not have.

    >>> import lmnb
    >>> import asyncio, lmnb
    >>> program = lmnb.Predict("question -> answer")
    >>> stream = lmnb.streamify(program, async_streaming=False)
    >>> with lmnb.context(lm=lmnb.FakeLM([{"answer": "The capital is Paris."}], chunk_size=6)):
    ...     for item in stream(question="The capital of France?"):
    ...         print(repr(item.chunk) if isinstance(item, lmnb.streaming.StreamResponse) else item)
    'The c'
    'apital'
    ' is Pa'
    'ris.'
    ''
    Prediction(answer='The capital is Paris.')

    In asynchronous code, and so in a notebook's cell:

    >>> async def show(**inputs):
    ...     async for item in lmnb.streamify(program, is_async_program=True)(**inputs):
    ...         print(repr(item.chunk) if isinstance(item, lmnb.streaming.StreamResponse) else item)
    >>> with lmnb.context(lm=lmnb.FakeLM([{"answer": "It is Paris."}], chunk_size=6)):
    ...     asyncio.run(show(question="The capital of France?"))
    'It is'
    ' Paris'
    '.'
    ''
    Prediction(answer='It is Paris.')
    """
    if not hasattr(program, "named_predictors"):
        raise InputError(f"streamify takes a module, not {program!r}.")
    listeners = tuple(stream_listeners or ())
    for listener in listeners:
        if not isinstance(listener, StreamListener):
            raise InputError(f"{listener!r} is no listener. Write lmnb.streaming.StreamListener('answer').")
        listener.of(program)
    provider = status_message_provider or StatusMessageProvider()

    def stream(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        # the context of the call: what is read of it later may be read elsewhere
        run = _Run(program, args, kwargs, listeners, provider, copy_context(), on_loop=is_async_program)
        return run.items(always=include_final_prediction_in_output_stream)

    return stream if async_streaming else lambda *args, **kwargs: apply_sync_streaming(stream(*args, **kwargs))


class _Run:
    """One run of a streamed program."""

    def __init__(
        self,
        program: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        listeners: Sequence[StreamListener],
        provider: StatusMessageProvider,
        context: Context,
        *,
        on_loop: bool,
    ) -> None:
        self.program, self.args, self.kwargs = program, args, kwargs
        self.context, self.on_loop = context, on_loop
        self.feed: Feed[Any] = Feed()
        self.watch = Watch(program, listeners, self.feed)
        self.status = StatusCallback(provider, self.feed.put)
        self.leash = Leash(context.run(settings.current, "budget"))
        self.result: Future[Any] = Future()

    async def items(self, *, always: bool) -> AsyncGenerator[Any, None]:
        task: asyncio.Task[None] | None = None
        if self.on_loop:
            task = asyncio.create_task(self._on_loop(), context=self.context)
        else:
            # a daemon: an LM that hangs must not hold up the end of the process
            threading.Thread(target=self._in_thread, name="lmnb-stream", daemon=True).start()
        told = False
        try:
            async for item in self.feed:
                told = told or isinstance(item, StreamResponse)
                yield item
            result = self.result.result()
            if always or not told:
                yield result
        finally:
            self.feed.close()
            self.leash.cut = True
            if task is not None and not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def _in_thread(self) -> None:
        with self._ending():
            self.result.set_result(self.context.run(self._called))

    def _called(self) -> Any:
        with self._listened():
            return self.program(*self.args, **self.kwargs)

    async def _on_loop(self) -> None:
        with self._ending(), self._listened():
            self.result.set_result(await self.program.acall(*self.args, **self.kwargs))

    @contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:  # noqa: BLE001  it is raised where the stream is read
            self.result.set_exception(error)
        finally:
            self.feed.close()

    @contextmanager
    def _listened(self) -> Iterator[None]:
        token = listening.watch.set(self.watch)
        try:
            with settings.context(budget=self.leash), listen(self.status):
                yield
        finally:
            listening.watch.reset(token)


def apply_sync_streaming(async_generator: AsyncGenerator[Any, None]) -> Generator[Any, None, None]:
    """The items of an asynchronous generator for synchronous code, also where an event loop runs already.

    >>> import lmnb
    >>> async def count():
    ...     for number in range(3):
    ...         yield number
    >>> list(lmnb.streaming.apply_sync_streaming(count()))
    [0, 1, 2]
    """
    feed: Feed[Any] = Feed()
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = Future()
    raised: list[BaseException] = []
    ended = threading.Event()

    async def pump() -> None:
        begun.set_result((asyncio.get_running_loop(), asyncio.current_task()))
        try:
            async with aclosing(async_generator) as items:
                async for item in items:
                    feed.put(item)
        except BaseException as error:  # noqa: BLE001  it is raised where the items are read
            raised.append(error)
        finally:
            feed.close()
            ended.set()

    run = copy_context().run
    threading.Thread(target=lambda: run(asyncio.run, pump()), name="lmnb-stream", daemon=True).start()
    try:
        yield from feed
        if raised:
            raise raised[0]
    finally:
        with suppress(RuntimeError, TimeoutError):  # the loop is closed: all is done
            loop, task = begun.result(_SOON)
            if task is not None:
                loop.call_soon_threadsafe(task.cancel)
        ended.wait(_SOON)
