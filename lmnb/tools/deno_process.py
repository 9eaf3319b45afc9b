"""The process of the Deno sandbox: where Deno and Pyodide are, which rights it has, and the lines that go in and out."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lmnb.errors import MissingExtra
from lmnb.optional import need

PYODIDE = "LMNB_PYODIDE"  # the environment variable that names Pyodide's folder
_WHO = "DenoInterpreter"
_HERE = Path(__file__).parent
_INSIDE = {f"lmnb.tools.{name}": _HERE / f"{name}.py" for name in ("wire", "inside")}
_WASM = "pyodide.asm.wasm"
_START_SECONDS = 120.0
_RIGHTS = [
    "--no-prompt",
    "--no-remote",
    "--no-npm",
    "--no-lock",
    *(f"--deny-{what}" for what in ("net", "env", "run", "ffi", "sys", "import")),
]
# Pyodide imports it where it finds Node's names, to open sockets
_PACKAGES = {"imports": {"ws": "data:text/javascript,"}}


class Ended(Exception):
    """The process is no more. `late`: it took longer than it may; else `why`."""

    def __init__(self, why: str = "", *, late: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.late = late


class DenoProcess:
    """A Deno process that runs Python in Pyodide. It can read Pyodide's folder, an empty one of its own and the granted `reads`, write
    the granted `writes`, and nothing else.
    """

    def __init__(
        self, deno: Sequence[str], pyodide: Path, reads: Iterable[Path], writes: Iterable[Path], longest: int
    ) -> None:
        self.longest = longest
        self._key = secrets.token_hex(16)
        self._own = tempfile.TemporaryDirectory(prefix="lmnb-deno-", ignore_cleanup_errors=True)
        own, self._pyodide, written = Path(self._own.name).resolve(), pyodide, list(writes)
        self._mounts = list(dict.fromkeys([*reads, *written]))
        (own / "deno.json").write_text(json.dumps(_PACKAGES), encoding="utf-8")
        rights = [_paths("--allow-read", [pyodide, own, *self._mounts])] + [_paths("--allow-write", written)] * bool(
            written
        )
        settled = {"DENO_DIR": str(own), "DENO_NO_UPDATE_CHECK": "1", "DENO_NO_PACKAGE_JSON": "1", "NO_COLOR": "1"}
        self._process = subprocess.Popen(
            [*deno, "run", "--quiet", "--config", str(own / "deno.json"), *_RIGHTS, *rights, str(_HERE / "inside.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=own,
            env=settled | {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ},
            start_new_session=True,  # an interrupt of this side is not for it
        )

    def begin(self, env: Mapping[str, str], max_memory: int) -> None:
        """Load Pyodide. `max_memory`: the bytes that code may take beyond what Python itself has then."""
        first = {
            "key": self._key,
            "folder": str(self._pyodide),
            "url": (self._pyodide / "pyodide.mjs").as_uri(),
            "env": dict(env),
            "mounts": [path.as_posix() for path in self._mounts],
            "sources": {name: path.read_text(encoding="utf-8") for name, path in _INSIDE.items()},
            "max_memory": max_memory,
        }
        self.ask(first, _START_SECONDS)
        self._limit_data(max_memory)

    def ask(self, message: Any, seconds: float) -> tuple[bool, Any]:
        """Send a message and wait for the next one: whether it is an answer (or else a call), and what it says.

        Ended where none came in time, or what came is no message: the process is ended then.
        """
        late, (into, out, _) = threading.Event(), self._pipes()
        timer = threading.Timer(max(seconds, 0.0), lambda: (late.set(), self.kill()))
        timer.daemon = True
        timer.start()
        line = b""
        try:
            into.write(json.dumps(message).encode("ascii") + b"\n")
            into.flush()
            line = out.readline(self.longest)
        except OSError:
            pass  # it is gone, and why is read below
        finally:
            timer.cancel()
        if late.is_set():
            raise self._ended(late=True)
        key, mark, text = line[: len(self._key)], line[len(self._key) : len(self._key) + 1], line[len(self._key) + 1 :]
        if key != self._key.encode() or mark not in (b"=", b"?") or not text.endswith(b"\n"):
            whole = len(line) < self.longest
            raise self._ended(
                "it wrote what is no message" if whole else "it wrote a message that is too long", bool(line)
            )
        try:
            return mark == b"=", json.loads(text)
        except (ValueError, RecursionError):
            raise self._ended("it wrote what is no message", True) from None

    def kill(self) -> None:
        """End it now, with all that it started: the command may be a script that runs Deno."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg") and self._process.returncode is None:  # not yet waited for: the group is its own
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def close(self) -> None:
        """End it; what it left on disk goes too."""
        self.kill()
        self._process.wait()
        for pipe in self._pipes():
            with contextlib.suppress(OSError):
                pipe.close()
        self._own.cleanup()

    def _pipes(self) -> tuple[Any, Any, Any]:
        return self._process.stdin, self._process.stdout, self._process.stderr

    def _ended(self, why: str = "", spoke: bool = False, *, late: bool = False) -> Ended:
        """The process ended: for the reason that is known, or what it wrote on its way."""
        self.kill()
        self._process.wait()
        if late or spoke:
            return Ended(why, late=late)
        *_, told = self._pipes()
        said = told.read(2_000).decode("utf-8", "replace")
        return Ended(said.strip() or f"exit code {self._process.returncode}")

    def _limit_data(self, more: int) -> None:
        """Where the system can: a bound on all memory of the process, not on Python's alone."""
        if sys.platform != "linux":
            return
        import resource

        fields = dict(line.split(":", 1) for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines())
        most = 1024 * int(fields["VmData"].split()[0]) + 4 * more + 2**28
        resource.prlimit(self._process.pid, resource.RLIMIT_DATA, (most, most))


def find_deno() -> list[str]:
    """The command of the package `deno`, or else of the path. MissingExtra where there is none."""
    try:
        return [need("deno", "deno", _WHO).find_deno_bin()]
    except (MissingExtra, FileNotFoundError) as error:
        if found := shutil.which("deno"):
            return [found]
        raise error if isinstance(error, MissingExtra) else MissingExtra("deno", "deno", _WHO) from error


def find_pyodide(deno: Sequence[str]) -> Path:
    """The folder that `LMNB_PYODIDE` names, or else the newest that Deno has fetched. MissingExtra says how to fetch it."""
    if named := os.environ.get(PYODIDE):
        return Path(named).expanduser().resolve()
    try:
        said = subprocess.run([*deno, "info", "--json"], capture_output=True, text=True, check=True, timeout=60).stdout
        found = list(Path(json.loads(said)["npmCache"]).glob(f"*/pyodide/*/{_WASM}"))
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        found = []
    if not found:
        raise no_pyodide()
    return max(found, key=lambda path: [int(part) for part in path.parent.name.split(".") if part.isdecimal()]).parent


def checked_pyodide(folder: Path) -> Path:
    """The folder, where Pyodide is in it."""
    if not (folder / _WASM).is_file() or not (folder / "pyodide.mjs").is_file():
        raise no_pyodide(f" (there is none in {str(folder)!r})")
    return folder


def no_pyodide(where: str = "") -> MissingExtra:
    how = f"deno cache npm:pyodide. Or name the folder of an npm package 'pyodide': {_WHO}(pyodide=...), or {PYODIDE}"
    return MissingExtra("pyodide", "deno", f"{_WHO}{where}", how)


def _paths(right: str, paths: Iterable[Path]) -> str:
    return f"{right}={','.join(map(str, paths))}"
