"""The two-tier cache: shared by threads and processes, bounded, and never in the way."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb import FakeLM
from lmnb.lm.cache import FILE, Cache
from lmnb.lm.folders import cache_folder


def value(text: str = "x") -> dict[str, Any]:
    return {"texts": [text]}


def run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "LMNB_CACHE_DIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_second_call_is_a_hit_and_says_so() -> None:
    """A hit costs nothing, sends nothing and is flagged in the history."""
    lm = FakeLM(["one", "two"], cache=True)
    assert [lm("a"), lm("a")] == [["one"], ["one"]]
    first, second = lm.history
    assert (first.cache, second.cache) == ("miss", "hit")
    assert second.cost == 0.0
    assert second.span.data["attempts"] == 0
    assert second.usage == first.usage
    assert len(lm.calls) == 1


def test_any_lm_is_cached() -> None:
    """Also one that somebody wrote by subclassing BaseLM."""

    class Counting(lmnb.BaseLM):
        count = 0

        def forward(self, prompt: str | None = None, messages: Any = None, **kwargs: Any) -> str:
            self.count += 1
            return str(self.count)

    lm = Counting("counting")
    assert [lm("a"), lm("a"), lm("b")] == [["1"], ["1"], ["2"]]


def test_sync_and_async_share_their_entries() -> None:
    """The key does not know how the call was made."""
    lm = FakeLM(["one"], cache=True)
    lm("a")
    assert asyncio.run(lm.acall("a")) == ["one"]


def test_the_cache_can_be_left_out_for_one_call() -> None:
    """`cache=False` of a call asks again, and is shown as off."""
    lm = FakeLM(["one", "two"], cache=True)
    lm("a")
    assert lm("a", cache=False) == ["two"]
    assert lm.history[-1].cache == "off"


def test_two_servers_under_one_model_name_do_not_mix() -> None:
    """The endpoint separates entries; its password and query are no part of it."""
    scope = lmnb.LM("openai/x")._scope  # the part of the key that is not content
    one, two = {"api_base": "http://one/v1"}, {"api_base": "http://two/v1"}
    assert scope(one) != scope(two)  # type: ignore[arg-type]
    assert scope(one) == scope({"api_base": "http://me:pw@one/v1?key=1", "api_key": "sk-1"})  # type: ignore[arg-type]


def test_another_process_finds_what_this_one_put(own_cache: Path) -> None:
    """The file is shared, and survives the process."""
    lm = FakeLM(["here"], cache=True, model="shared")
    lm("a")
    code = """
        import lmnb
        lm = lmnb.FakeLM([], cache=True, model="shared")
        print(lm("a")[0], lm.history[-1].cache, lmnb.cache.stats()["disk_hits"])
    """
    assert run(code, own_cache) == "here hit 1\n"


def test_many_processes_and_threads_write_at_once(own_cache: Path) -> None:
    """Nothing is lost, nothing fails, and the count of bytes stays true."""
    code = """
        from concurrent.futures import ThreadPoolExecutor
        from lmnb.lm.cache import cache
        def put(number):
            key = f"{number % 40}-shared" if number % 2 else f"own-{number}"
            cache.put(key, {"texts": [str(number)]})
            return cache.get(f"own-{number - number % 2}") is not None
        with ThreadPoolExecutor(8) as pool:
            assert all(list(pool.map(put, range(200)))[::2])
    """
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: run(code, own_cache), range(4)))
    stats = lmnb.cache.stats()
    db = sqlite3.connect(own_cache / FILE)
    assert db.execute("SELECT count(*), sum(size) FROM replies").fetchone() == (
        stats["disk_entries"],
        stats["disk_bytes"],
    )
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert stats["disk_entries"] == 100 + 20
    db.close()


def test_a_forked_child_uses_the_cache() -> None:
    """A connection does not cross a fork; the child opens its own."""
    if not hasattr(os, "fork"):
        pytest.skip("no fork on this system")
    lmnb.cache.put("before", value("parent"))
    child = os.fork()
    if child == 0:
        lmnb.cache.reset_memory_cache()
        found = lmnb.cache.get("before")
        lmnb.cache.put("after", value("child"))
        os._exit(0 if found == value("parent") else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert lmnb.cache.get("after") == value("child")


def test_the_memory_tier_forgets_the_least_recently_used(tmp_path: Path) -> None:
    """Its bound counts entries."""
    small = Cache(disk=False, memory_entries=2)
    small.put("a", value())
    small.put("b", value())
    small.get("a")
    small.put("c", value())
    assert [small.get(key) is not None for key in "abc"] == [True, False, True]


def test_the_file_stays_within_its_bound_and_keeps_what_is_used(tmp_path: Path) -> None:
    """Eviction takes the least recently used first."""
    bounded = Cache(memory=False, folder=tmp_path, disk_limit=20_000)
    bounded.put("used", value("u" * 1000))
    for number in range(100):
        bounded.put(f"k{number}", value("x" * 1000))
        assert bounded.get("used") is not None
        assert bounded.stats()["disk_bytes"] <= 20_000
    assert bounded.get("k0") is None
    assert bounded.get("k99") is not None


def test_a_value_larger_than_the_bound_is_not_kept(tmp_path: Path) -> None:
    """It does not push everything else out."""
    bounded = Cache(memory=False, folder=tmp_path, disk_limit=5_000)
    bounded.put("small", value())
    bounded.put("large", value("x" * 10_000))
    assert bounded.get("small") is not None
    assert bounded.get("large") is None


@pytest.mark.parametrize("damage", [b"this is no database " * 500, b""])
def test_a_damaged_file_is_set_aside(tmp_path: Path, damage: bytes) -> None:
    """A warning, a copy of the damaged file, and the cache works on; an empty file is simply filled."""
    tmp_path.joinpath(FILE).write_bytes(damage)
    broken = Cache(memory=False, folder=tmp_path)
    if damage:
        with pytest.warns(UserWarning, match=r"was damaged \(.*\); it is kept as '.*damaged-"):
            assert broken.get("a") is None
        assert [path.read_bytes() for path in tmp_path.glob("*damaged-*")] == [damage]
    broken.put("a", value())
    assert broken.get("a") == value()


def test_a_file_that_is_damaged_while_in_use_is_set_aside(tmp_path: Path) -> None:
    """The process that meets the damage goes on with a new file."""
    broken = Cache(memory=False, folder=tmp_path)
    for number in range(50):
        broken.put(f"k{number}", value("x" * 1000))
    assert broken._store is not None
    broken._store.close()
    data = bytearray(tmp_path.joinpath(FILE).read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    tmp_path.joinpath(FILE).write_bytes(data)
    with pytest.warns(UserWarning, match="was damaged"):
        for number in range(50):
            broken.get(f"k{number}")
    broken.put("a", value())
    assert broken.get("a") == value()


def test_a_folder_that_cannot_be_written_leaves_the_memory_tier(tmp_path: Path) -> None:
    """One warning that says what to set, and calls go on."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    cache = Cache(folder=blocked)
    with pytest.warns(UserWarning, match="replies are kept in memory only. Set LMNB_CACHE_DIR to a writable folder."):
        cache.put("a", value())
    assert cache.get("a") == value()
    assert cache.stats()["disk_entries"] == 0


def test_a_row_that_is_no_reply_is_a_miss(own_cache: Path) -> None:
    """Whatever stands in the file, the model is asked and the row replaced."""
    lm = FakeLM(["one", "two"], cache=True)
    lm("a")
    lmnb.cache.reset_memory_cache()
    db = sqlite3.connect(own_cache / FILE)
    db.execute("UPDATE replies SET value = '{\"texts\": 3}'")
    db.commit()
    db.close()
    assert lm("a") == ["two"]
    assert lm("a") == ["two"]


def test_only_json_goes_in() -> None:
    """An object that JSON cannot hold is refused, never pickled."""
    with pytest.raises(TypeError):
        lmnb.cache.put("a", {"texts": object()})


def test_tiers_can_be_switched_off(tmp_path: Path) -> None:
    """configure_cache takes the arguments that are known from elsewhere."""
    lmnb.configure_cache(enable_disk_cache=False, enable_memory_cache=False)
    lm = FakeLM(["one", "two"], cache=True)
    assert [lm("a"), lm("a")] == [["one"], ["two"]]
    assert lmnb.cache.stats()["path"] is None
    lmnb.configure_cache(disk_cache_dir=tmp_path / "other", disk_size_limit_bytes=1000, memory_max_entries=5)
    assert lmnb.cache.stats()["path"] == str(tmp_path / "other" / FILE)
    assert lmnb.cache.stats()["disk_limit"] == 1000


def test_stats_and_clear() -> None:
    """Hits and misses are counted, and both tiers can be emptied."""
    lm = FakeLM(["one", "two"], cache=True)
    lm("a")
    lm("a")
    lmnb.cache.reset_memory_cache()
    lm("a")
    stats = lmnb.cache.stats()
    assert (stats["hits"], stats["memory_hits"], stats["disk_hits"], stats["misses"]) == (2, 1, 1, 1)
    assert (stats["memory_entries"], stats["disk_entries"]) == (1, 1)
    assert "2 hits, 1 misses, 1 replies" in repr(lmnb.cache)
    lmnb.cache.clear()
    assert lm("a") == ["two"]


def test_the_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without LMNB_CACHE_DIR it is a folder named lmnb in the user's cache folder."""
    assert cache_folder() == Path(os.environ["LMNB_CACHE_DIR"])
    monkeypatch.delenv("LMNB_CACHE_DIR")
    assert cache_folder().name == "lmnb"
