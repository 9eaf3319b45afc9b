"""What a sandbox's errors say to the model that wrote the code: the kind, the line, and what to write instead."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from typing import Any

from lmnb.errors import InterpreterError

SUBSET = (
    "The sandbox runs a subset of Python. All of it is in lmnb.DenoInterpreter, of the extra lmnb[deno]: write it another way, or "
    "give a tool that does it."
)
CLOSED = "The sandbox has no files, network, processes or environment: give a tool that does it."
OWN = "The sandbox has no network, processes, threads or environment, and of files its own alone, in memory: give a tool that does it."
LIBRARY = "It has Python's standard library and no packages: write it another way, or give a tool that does it."
MODULES = (
    "asyncio, base64, binascii, bisect, collections, copy, csv, dataclasses, datetime, decimal, functools, hashlib, "
    "itertools, json, math, os.path, pathlib, random, re, sys, time, tomllib, typing, unicodedata"
)
LIMITS = frozenset({"TimeLimit", "MemoryLimit", "CallLimit", "Crash"})  # the state is gone after these
_OUTSIDE = frozenset(
    """ctypes fcntl ftplib glob http imaplib importlib mmap multiprocessing pickle poplib pty resource requests select shelve
    shutil signal smtplib socket socketserver sqlite3 ssl subprocess tempfile threading urllib webbrowser""".split()
)
_ABSENT = re.compile(r"module '([\w.]+)' has no attribute '(\w+)'|cannot import name '(\w+)' from '([\w.]+)'")
_ATTRIBUTE = re.compile(r"(?:type object )?'(\w+)'(?: object)? has no attribute '(\w+)'")
_MODULE = re.compile(r"No module named '([\w.]+)'|import of ([\w.]+) halted")
_OUTER = re.compile(
    r"module '(?:os|posix|signal|_thread)' has no attribute|cannot import name '\w+' from 'os'|"
    r"can't start new thread|lost sys.stdin|unable to open database file|NotCapable"
)
_LONGEST = 500  # characters of a message
_STATE = "The state is lost; the next call starts afresh."
_BEYOND = {
    "TimeLimit": f"the code ran longer than {{max_seconds:g}} s (max_seconds). {_STATE}",
    "MemoryLimit": f"the code needs more than {{max_memory:,.0f}} bytes (max_memory). {_STATE}",
    "OutputLimit": "the code printed more than {max_output:,.0f} bytes (max_output). Print less.",
}


def explained(error: Any, code: str, printed: str, limits: Mapping[str, float]) -> InterpreterError:
    """A Monty error as ours. `limits` are max_seconds, max_memory and max_output."""
    inner = error.exception() if hasattr(error, "exception") else error
    message = _clipped(str(inner).partition("\n")[0] or type(inner).__name__)
    ended = _ended(error, type(inner).__name__, message, limits, printed)
    if ended is not None:
        return ended
    if isinstance(inner, SyntaxError):
        message = _clipped(inner.msg or str(inner))
    kind = type(inner).__name__
    frames = error.traceback() if hasattr(error, "traceback") else []
    here = [frame for frame in frames if frame.filename == frames[0].filename]
    line = here[-1].line if here else None
    missing, hint = _missing(kind, message)
    message = f"Python's {missing}: not in the sandbox" if kind == "NotImplementedError" and missing else message
    return _told(kind, message, line, code, missing, hint, printed)


def reported(wrong: Mapping[str, Any], code: str, printed: str, limits: Mapping[str, float]) -> InterpreterError:
    """What the Deno sandbox reports of an error, as ours: its kind, message and line, and whether it is a limit or the system's."""
    kind, line = _clipped(str(wrong["kind"])), wrong["line"] if isinstance(wrong["line"], int) else None
    message = _clipped(str(wrong["message"]).partition("\n")[0] or kind)
    if kind == "MemoryError":
        return _beyond("MemoryLimit", limits, printed)
    if wrong.get("limit"):
        return _beyond("OutputLimit", limits, printed)
    source = _line(code, line)
    missing, hint = "", OWN if wrong.get("system") or _OUTER.search(message) or "environ" in source else ""
    if kind == "ModuleNotFoundError":
        found = _MODULE.search(message)
        name = (found[1] or found[2]) if found else message
        outside = name.partition(".")[0] in {*_OUTSIDE, "js", "pyodide_js"}
        missing, hint = f"the module {name}", OWN if outside else LIBRARY
    return _told(kind, message, line, code, missing, hint, printed)


def stopped(why: str, *, late: bool, limits: Mapping[str, float]) -> InterpreterError:
    """The process of a sandbox ended: `late` where the code took too long, else for what it says itself."""
    if late:
        return _beyond("TimeLimit", limits)
    return _crashed(why)


def _told(
    kind: str, message: str, line: int | None, code: str, missing: str, hint: str, printed: str
) -> InterpreterError:
    source = _clipped(_line(code, line))
    where = f" (line {line}: {source})" if source else f" (line {line})" if line else ""
    said = kind if message == kind else f"{kind}: {message}"
    text = f"{said}{where}{'. ' + hint if hint else ''}"
    return InterpreterError(text, kind=kind, line=line, missing=missing, printed=printed)


def _line(code: str, line: int | None) -> str:
    lines = code.splitlines()
    return lines[line - 1].strip() if line and 0 < line <= len(lines) else ""


def _beyond(limit: str, limits: Mapping[str, float], printed: str = "") -> InterpreterError:
    return InterpreterError(_BEYOND[limit].format(**limits), kind=limit, printed=printed)


def _crashed(why: str, printed: str = "") -> InterpreterError:
    return InterpreterError(f"the sandbox's process ended: {_clipped(why)}. {_STATE}", kind="Crash", printed=printed)


def _ended(error: Any, kind: str, message: str, limits: Mapping[str, float], printed: str) -> InterpreterError | None:
    """What to say where a limit ended the code."""
    if type(error).__name__ in ("MontyCrashedError", "MontyDisconnectError"):
        return _crashed(str(error), printed)
    if kind == "TimeoutError" and message.startswith("feed time limit"):
        return _beyond("TimeLimit", limits, printed)
    if kind == "RuntimeError" and message.startswith("suspension limit"):
        told = f"the code called out of the sandbox too often. {_STATE}"
        return InterpreterError(told, kind="CallLimit", printed=printed)
    if kind == "MemoryError" and message.startswith(("memory limit exceeded", "the worker exceeded its memory limit")):
        of_output = message.endswith(f"> {limits['max_output']:.0f} bytes")
        return _beyond("OutputLimit" if of_output else "MemoryLimit", limits, printed)
    return None


def _missing(kind: str, message: str) -> tuple[str, str]:
    """What the sandbox lacks, and what to do about it."""
    if kind == "NotImplementedError" and (match := re.search(r"does not yet support (?:the )?(.*)", message)):
        return match[1], SUBSET
    if "is not supported" in message or "are not supported" in message:
        outside = "os." in message or "environ" in message
        return message.partition(" (")[0].partition(" is not")[0].lower(), CLOSED if outside else SUBSET
    if kind == "PermissionError":
        return "files", CLOSED
    if kind == "ModuleNotFoundError":
        name = message.rpartition("'")[0].rpartition("'")[2]
        closed = name.partition(".")[0] in _OUTSIDE
        return f"the module {name}", CLOSED if closed else f"It has the modules {MODULES}. {SUBSET}"
    if match := _ABSENT.search(message):
        name = f"{match[1]}.{match[2]}" if match[1] else f"{match[4]}.{match[3]}"
        return name, CLOSED if name.startswith(("os.", "sys.", "pathlib.")) else SUBSET
    if kind == "AttributeError" and (match := _ATTRIBUTE.search(message)):
        known = getattr(builtins, match[1], None)
        hidden = match[2].startswith("__")
        return (match[2], SUBSET) if hidden or (known is not None and hasattr(known, match[2])) else ("", "")
    if kind == "NameError":
        name = message.partition("'")[2].partition("'")[0]
        return (name, CLOSED if name == "input" else SUBSET) if hasattr(builtins, name) else ("", "")
    if kind == "TypeError" and message == "cannot create 'object' instances":
        return "object()", SUBSET
    return "", ""


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
