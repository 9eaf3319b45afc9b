"""The error tree: catch `LmnbError` for everything lmnb raises on purpose.

LmnbError
├── SignatureError          a signature that cannot be read, or an edit that it does not allow
├── InputError              a call with a missing, extra or wrong input, or an example without what is needed
│   └── ArgumentError       an argument that there is not, or that is missing (also a TypeError)
├── ParseError              a reply that does not hold the asked fields; carries .reply, .signature and .predictor
├── MissingExtra            an optional library is not there (also an ImportError)
├── SaveError               a saved program or file that cannot be read, or does not fit
├── RetrievalError          a retriever's server or library failed, or sent what is no passage
├── CheckFailed             an Assert that stayed unmet
├── ToolError               a tool's other side failed; carries .tool
├── InterpreterError        code failed in the sandbox; carries .kind, .line, .missing and .printed
├── BudgetExceeded          a budget is spent; carries .which, .spent and .limit
├── Cancelled               the work that asked was cancelled; nothing was sent
├── TimedOut                work took longer than its timeout (also a TimeoutError); carries .seconds
├── LMError                 a call of a language model failed; carries .model and .predictor
│   ├── LMNotConfigured     no LM is set
│   ├── ModelNotFound       no such model, or no such file
│   ├── AuthError           the key is missing or refused
│   ├── RateLimitError      asked too often (retried)
│   ├── ServerError         the other side failed (retried)
│   ├── TransportError      the other side was not reached (retried)
│   ├── LMTimeoutError      no answer in time (retried)
│   ├── ContextWindowError  the prompt is too long
│   └── InvalidRequestError the request was refused as it stands
└── RunError
    ├── Diverged            a resumed run asks for something else than it did; carries .position
    ├── RunLocked           another process holds the run
    ├── JournalError        a run's folder cannot be read
    └── SystematicFailure   the program or metric fails everywhere; carries .cause
"""

from __future__ import annotations

from typing import Any


class LmnbError(Exception):
    """The root of all errors that lmnb raises on purpose. They go from one process to another whole.

    >>> import lmnb
    >>> import multiprocessing
    >>> here, there = multiprocessing.Pipe()
    >>> there.send(lmnb.BudgetExceeded("calls", 3, 2))
    >>> here.recv().limit
    2
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.args), vars(self) or None


def _remade(kind: type[LmnbError], args: tuple[Any, ...]) -> LmnbError:
    """An error as it was: its message is in `args` already, and the constructor that wrote it would want other arguments."""
    error = kind.__new__(kind)
    error.args = args
    return error


class SignatureError(LmnbError):
    """A signature that cannot be read, or an edit that it does not allow."""


class InputError(LmnbError, ValueError):
    """A call or example whose fields do not fit what was declared."""


class ArgumentError(InputError, TypeError):
    """An argument that is not known, or a needed one that is not given; the message lists those that there are."""


class ParseError(LmnbError):
    """A reply without the asked fields. `.reply` is the raw text, `.signature` what was asked, `.predictor` the name of the
    predictor that asked, in the program that was called.
    """

    predictor = ""

    def __init__(
        self,
        message: str | None = None,
        *,
        reply: str = "",
        signature: object = None,
        adapter_name: str = "",
        lm_response: str = "",
        parsed_result: object = None,
    ) -> None:
        """`lm_response` is `reply` under the reference's name; an adapter of one's own may name itself and give what it did read."""
        self.reply = reply or lm_response
        super().__init__(message or f"{adapter_name or 'the adapter'} cannot read the reply {self.reply[:200]!r}")
        self.signature = signature
        self.adapter_name = adapter_name
        self.parsed_result = parsed_result

    @property
    def lm_response(self) -> str:
        return self.reply


class MissingExtra(LmnbError, ImportError):
    """An optional library is not installed; the message names the extra, or the `command` that gets the library."""

    def __init__(self, library: str, extra: str, purpose: str, command: str = "") -> None:
        how = command or f"pip install 'lmnb[{extra}]'"
        super().__init__(f"{purpose} needs {library!r}, which is not installed. Run: {how}")
        self.library = library
        self.extra = extra


class SaveError(LmnbError):
    """A saved file that cannot be read or does not fit the program."""


class RetrievalError(LmnbError):
    """A search failed: the server was not reached, refused, or sent what is no passage."""


class CheckFailed(LmnbError):
    """An Assert that stayed unmet after its retries: `.check` is its message, `.at` the step, `.attempts` how often it was asked."""

    def __init__(self, message: str, *, check: str = "", at: str = "", attempts: int = 0) -> None:
        super().__init__(message)
        self.check = check
        self.at = at
        self.attempts = attempts


class ToolError(LmnbError):
    """What a tool reaches failed: a server that is not there, or that answered with an error. `.tool` names the tool."""

    def __init__(self, message: str, *, tool: str = "") -> None:
        super().__init__(message)
        self.tool = tool


class InterpreterError(LmnbError):
    """Code that failed in the sandbox.

    `.kind` is the name of its exception ("ZeroDivisionError"), `.line` the line of the given code where there is one,
    `.missing` what the sandbox does not have of Python, `.printed` what the code printed before.
    """

    def __init__(
        self, message: str, *, kind: str = "", line: int | None = None, missing: str = "", printed: str = ""
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.line = line
        self.missing = missing
        self.printed = printed


class BudgetExceeded(LmnbError):
    """Raised before a call is sent when `which` ("calls", "tokens", "usd", "seconds") is spent."""

    def __init__(self, which: str, spent: float, limit: float) -> None:
        super().__init__(
            f"the budget of {limit:g} {which} is spent ({spent:g} used). Raise it with Budget({which}=...)."
        )
        self.which = which
        self.spent = spent
        self.limit = limit


class Cancelled(LmnbError):
    """The work that asked was cancelled before the call was sent."""


class TimedOut(LmnbError, TimeoutError):
    """Work that took longer than its timeout and was given up after `.seconds`."""

    def __init__(self, message: str, *, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds


class LMError(LmnbError):
    """A call of a language model failed. `.model` names it, `.predictor` the predictor that asked, in the program that was called."""

    predictor = ""

    def __init__(self, message: str, *, model: str = "") -> None:
        super().__init__(message)
        self.model = model


class LMNotConfigured(LMError):
    """No LM is set."""


class ModelNotFound(LMError):
    """No such model, or no such file."""


class AuthError(LMError):
    """The key is missing or refused."""


class RateLimitError(LMError):
    """Asked too often."""


class ServerError(LMError):
    """The other side failed."""


class TransportError(LMError):
    """The other side was not reached."""


class LMTimeoutError(LMError):
    """No answer came in time."""


class ContextWindowError(LMError):
    """The prompt does not fit the model's context."""


class InvalidRequestError(LMError):
    """The request was refused as it stands."""


class RunError(LmnbError):
    """A run cannot go on."""


class Diverged(RunError):
    """The code asks for something else than the journal holds at `.position` (batch, effect)."""

    def __init__(self, message: str, *, position: tuple[int, int]) -> None:
        super().__init__(message)
        self.position = position


class RunLocked(RunError):
    """Another process holds the run."""


class JournalError(RunError):
    """A run's folder cannot be read."""


class SystematicFailure(RunError):
    """The program or metric fails on everything; `.cause` is the first error's text."""

    def __init__(self, message: str, *, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


# the names of the reference, so that `except` clauses port as they are
DSPyError = LmnbError
AdapterParseError = ParseError
CodeInterpreterError = InterpreterError
ContextWindowExceededError = ContextWindowError
LMAuthError = AuthError
LMBillingError = AuthError
LMInvalidRequestError = InvalidRequestError
LMNotConfiguredError = LMNotConfigured
LMRateLimitError = RateLimitError
LMServerError = ServerError
LMTransportError = TransportError
LMUnsupportedModelError = ModelNotFound
