"""The two-tier cache of LM replies: a least-recently-used dict in memory, and one SQLite file that many threads and
processes share.

The file lies in `$LMNB_CACHE_DIR`, or in the user's cache folder. It holds JSON only. Losing it loses nothing but time:
a damaged file is set aside with a warning, and where no file can be written the memory tier works alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from lmnb.lm.folders import cache_folder
from lmnb.lm.store import Store

T = TypeVar("T")

FILE = "replies-1.sqlite"  # the number is the version of the table
_DISK_LIMIT = 1_000_000_000
_MEMORY_ENTRIES = 20_000


class Cache:
    """`get` and `put` of JSON-able dicts by key; thread-safe, also after a fork.

    >>> cache = Cache(disk=False)
    >>> cache.put("k", {"texts": ["hi"]})
    >>> cache.get("k"), cache.get("other")
    ({'texts': ['hi']}, None)
    """

    def __init__(
        self,
        *,
        disk: bool = True,
        memory: bool = True,
        folder: str | os.PathLike[str] | None = None,
        disk_limit: int = _DISK_LIMIT,
        memory_entries: int = _MEMORY_ENTRIES,
    ) -> None:
        self._lock, self._thread = threading.Lock(), _one_thread()
        self._configure(disk, memory, folder, disk_limit, memory_entries)

    def _configure(
        self, disk: bool, memory: bool, folder: str | os.PathLike[str] | None, disk_limit: int, memory_entries: int
    ) -> None:
        self._disk = disk
        self._memory_entries = memory_entries if memory else 0
        self._folder = None if folder is None else Path(folder).expanduser()
        self._disk_limit = disk_limit
        self._store: Store | None = None
        self._memory: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._counts = dict.fromkeys(("hits", "memory_hits", "disk_hits", "misses", "puts"), 0)

    def get(self, key: str) -> dict[str, Any] | None:
        """What was put under `key`, in this process or another; None where there is nothing."""
        with self._lock:
            value = self._memory.get(key)
            if value is not None:
                self._memory.move_to_end(key)
                self._counts["hits"] += 1
                self._counts["memory_hits"] += 1
                return value
        value = self._read(key)
        with self._lock:
            if value is None:
                self._counts["misses"] += 1
                return None
            self._counts["hits"] += 1
            self._counts["disk_hits"] += 1
            self._keep(key, value)
        return value

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Keep `value` under `key`; TypeError where it is not JSON-able."""
        text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
        with self._lock:
            self._counts["puts"] += 1
            self._keep(key, json.loads(text))
        store = self._opened()
        if store is not None:
            store.write(key, text)

    async def aget(self, key: str) -> dict[str, Any] | None:
        """`get` for asynchronous code: the file, which another process may hold for a while, is read in a thread."""
        with self._lock:
            near = key in self._memory or not self._disk
        return self.get(key) if near else await self._in_thread(self.get, key)

    async def aput(self, key: str, value: dict[str, Any]) -> None:
        """`put` for asynchronous code: the file is written in a thread."""
        await self._in_thread(self.put, key, value)

    def stats(self) -> dict[str, Any]:
        """Hits, misses and puts of this process; entries and bytes of both tiers; the file's path or None."""
        store = self._opened()
        entries, size = store.size() if store is not None else (0, 0)
        with self._lock:
            return {
                **self._counts,
                "memory_entries": len(self._memory),
                "disk_entries": entries,
                "disk_bytes": size,
                "disk_limit": self._disk_limit,
                "path": None if store is None else str(store.path),
            }

    def reset_memory_cache(self) -> None:
        """Forget the memory tier; the file stays."""
        with self._lock:
            self._memory.clear()

    def clear(self) -> None:
        """Forget both tiers, for every process that shares the file."""
        self.reset_memory_cache()
        store = self._opened()
        if store is not None:
            store.clear()

    def _keep(self, key: str, value: dict[str, Any]) -> None:
        if not self._memory_entries:
            return
        self._memory[key] = value
        self._memory.move_to_end(key)
        while len(self._memory) > self._memory_entries:
            self._memory.popitem(last=False)

    def _read(self, key: str) -> dict[str, Any] | None:
        store = self._opened()
        text = store.read(key) if store is not None else None
        if text is None:
            return None
        try:
            value = json.loads(text)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def _opened(self) -> Store | None:
        if not self._disk:
            return None
        with self._lock:
            if self._store is None:
                self._store = Store((self._folder or cache_folder()) / FILE, self._disk_limit)
            return self._store

    async def _in_thread(self, work: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *given)

    def _after_fork(self) -> None:
        self._lock, self._thread = threading.Lock(), _one_thread()
        self._store = None  # a SQLite connection must not cross a fork

    def __repr__(self) -> str:
        stats = self.stats()
        return (
            f"Cache({stats['hits']} hits, {stats['misses']} misses, {stats['disk_entries']} replies in {stats['path']})"
        )


def _one_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="lmnb-cache")  # SQLite does one thing at a time


cache = Cache()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=cache._after_fork)


def configure_cache(
    enable_disk_cache: bool = True,
    enable_memory_cache: bool = True,
    disk_cache_dir: str | os.PathLike[str] | None = None,
    disk_size_limit_bytes: int = _DISK_LIMIT,
    memory_max_entries: int = _MEMORY_ENTRIES,
) -> None:
    """Set up `lmnb.cache` anew: its tiers, its folder (default: `$LMNB_CACHE_DIR` or the user's cache folder) and its
    bounds.
    """
    with cache._lock:
        if cache._store is not None:
            cache._store.close()
        cache._configure(
            enable_disk_cache, enable_memory_cache, disk_cache_dir, disk_size_limit_bytes, memory_max_entries
        )
