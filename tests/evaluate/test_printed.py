"""What user code prints is kept where it belongs."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import io
import subprocess
import sys
import threading
import time

import pytest

from lmnb.evaluate import printed as module
from lmnb.evaluate.printed import LIMIT, printed


@pytest.fixture(autouse=True)
def nobody_else_watches():
    """Threads that earlier tests left behind have ended, so the real standard output is in its place."""
    until = time.monotonic() + 5
    while module._watching and time.monotonic() < until:
        time.sleep(0.01)


def test_text_is_kept_and_the_rest_goes_out(capsys):
    """Inside the block it is kept, before and after it is printed."""
    real = sys.stdout
    print("before")
    with printed() as watch:
        print("inside", end="")
    print("after")
    assert watch.text() == "inside"
    assert capsys.readouterr().out == "before\nafter\n"
    assert sys.stdout is real


def test_nothing_printed_is_none():
    """A silent program has no text, not an empty one."""
    with printed() as watch:
        pass
    assert watch.text() is None


def test_threads_keep_their_own_text(capsys):
    """Two watched threads and an unwatched one at the same time: each text arrives once, at its place."""
    barrier, found = threading.Barrier(3), {}

    def watched(name):
        with printed() as watch:
            barrier.wait()
            for _ in range(50):
                print(name)
            found[name] = watch.text()

    def unwatched():
        barrier.wait()
        for _ in range(50):
            print("free")

    threads = [threading.Thread(target=watched, args=(n,)) for n in ("a", "b")] + [threading.Thread(target=unwatched)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"a": "a\n" * 50, "b": "b\n" * 50}
    assert capsys.readouterr().out.split() == ["free"] * 50


def test_coroutines_keep_their_own_text():
    """Tasks on one loop are told apart by their context."""

    async def one(name):
        with printed() as watch:
            print(name)
            await asyncio.sleep(0)
            print(name)
            return watch.text()

    async def both():
        return await asyncio.gather(one("a"), one("b"))

    assert asyncio.run(both()) == ["a\na\n", "b\nb\n"]


def test_a_thread_of_the_watched_code_counts_when_it_carries_the_context():
    """As lmnb's own threads do."""
    with printed() as watch:
        thread = threading.Thread(target=contextvars.copy_context().run, args=(print, "from below"))
        thread.start()
        thread.join()
    assert watch.text() == "from below\n"


def test_inside_another_watch_the_inner_one_takes_it():
    """An evaluation inside a metric keeps its text to itself."""
    with printed() as outer:
        print("outer")
        with printed() as inner:
            print("inner")
        print("outer")
    assert (outer.text(), inner.text()) == ("outer\nouter\n", "inner\n")


def test_user_code_may_redirect_for_itself():
    """redirect_stdout inside watched code works, and what was there is there again afterwards."""
    real, own = sys.stdout, io.StringIO()
    with printed() as watch:
        with contextlib.redirect_stdout(own):
            print("redirected")
        print("kept")
    assert (own.getvalue(), watch.text()) == ("redirected\n", "kept\n")
    assert sys.stdout is real


def test_endless_printing_is_cut():
    """A program that prints in a loop does not fill the memory."""
    with printed() as watch:
        for _ in range(300):
            print("x" * 99)
    text = watch.text()
    assert text is not None
    assert len(text) < LIMIT + 50
    assert text.endswith("… 10,000 more characters")


def test_who_prints_while_a_watch_begins_and_ends_is_unharmed():
    """`print` holds no reference to standard output: a stand-in that went away under it took the interpreter with it."""
    code = """if True:
        import sys, threading
        from lmnb.evaluate.printed import printed
        sys.setswitchinterval(1e-6)
        ended = threading.Event()
        def watch():
            while not ended.is_set():
                with printed():
                    pass
        thread = threading.Thread(target=watch)
        thread.start()
        for _ in range(30_000):
            print("x", "y")
        ended.set()
        thread.join()
    """
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert made.returncode == 0 and made.stdout == b"x y\n" * 30_000, made.stderr
