"""`LM`: a language model by its name, from a provider (through litellm) or in this process (through llama.cpp)."""

from __future__ import annotations

import asyncio
import os
import re
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache as once
from pathlib import Path
from typing import Any, Literal, Self

from lmnb.errors import InvalidRequestError, LmnbError
from lmnb.lm import local, streamed
from lmnb.lm.completion import prompt_text
from lmnb.lm.failures import translated
from lmnb.lm.hosted import HostedTrainer
from lmnb.lm.local_trainer import LocalTrainer
from lmnb.lm.private import is_private
from lmnb.lm.profiled import ProfiledLM
from lmnb.lm.prompt_cache import with_marks
from lmnb.lm.provider import register
from lmnb.lm.training import Trainer
from lmnb.lm.transport import Emit
from lmnb.lm.weights import located


class LM(ProfiledLM):
    """`LM("provider/model")` for every provider that litellm knows; `LM("lmnb/tiny")` is the embedded model and
    `LM("gguf/<path>")` any GGUF file.

    Keys come from the environment (`OPENAI_API_KEY`, ...) or `api_key=`, a server of your own from `api_base=`; neither
    is saved, shown or part of a cache key: `save_profile` keeps them under a name, the key by its environment variable.
    `prompt_cache="auto"` marks system message and demos where the provider caches only what is marked (Claude), True marks
    them for any provider; the cached tokens are in the usage, and lmnb's own cache is not concerned. `use_developer_role=True`
    sends the system message in the role "developer" to the models that take it, as litellm knows them. Local models also take
    `n_ctx`, `n_threads`, `n_servers` and `prompt_cache`, and reply greedily unless a temperature is given.

    `model_type="text"` is for a model that only continues a text (a base model, a server with `/v1/completions` alone): it is
    sent a conversation as one prompt with a line for each turn, and its reply ends where it would write the next one.

    `lm.finetune(records)` and `BootstrapFinetune` train the embedded model in this process, another one by a job at its provider;
    `finetuning_model` is trained in the place of the model where that is another, `train_kwargs` are options of every training.

    >>> import lmnb
    >>> lm = lmnb.LM("lmnb/tiny")
    >>> lm
    LM('lmnb/tiny')
    >>> reply = lm("Say something.")
    >>> len(reply)
    1
    """

    weights: str | None = None  # SHA-256 of the file that a training of lmnb wrote, where it is one

    @property
    def trainer(self) -> Trainer:
        """What fine-tunes it: this process for a local model, else its provider."""
        return LocalTrainer() if local.is_local(self.finetuning_model or self.model) else HostedTrainer(load_litellm)

    def launch(self, launch_kwargs: Any = None) -> None:
        if local.is_local(self.model):
            local.load(self.model, _public(self.kwargs))

    def kill(self, launch_kwargs: Any = None) -> None:
        if local.is_local(self.model):
            local.unload(self.model)

    def with_weights(self, path: str | Path, weights: str) -> Self:
        """This LM with the model in the GGUF file at `path`, which a training of lmnb wrote; `weights` is its SHA-256. A file of a
        program names it by these two, without its folder.
        """
        made = self.copy(model=f"gguf/{path}", finetuning_model=None)
        made.weights = weights
        return made

    def copy(self, **changes: Any) -> Self:
        made = super().copy(**changes)
        if "model" in changes:
            made.weights = None
        return made

    def dump_state(self) -> dict[str, Any]:
        state = super().dump_state()
        if self.weights is None:
            return state
        return {**state, "model": f"gguf/{Path(self.model.partition('/')[2]).name}", "weights": self.weights}

    @classmethod
    def load_state(
        cls,
        state: dict[str, Any],
        *,
        place: str = "the saved LM",
        former: Any = None,
        folder: str | Path | None = None,
    ) -> Self:
        """See `ProfiledLM.load_state`. Trained weights are looked for in `folder`, its `weights` and the runs of this machine, and
        taken where their content is what was saved.
        """
        if state.get("weights") is None:
            return super().load_state(state, place=place, former=former)
        name = str(state.get("model")).removeprefix("gguf/")
        path, lacks = located(name, state["weights"], None if folder is None else Path(folder), place)
        made = super().load_state({**state, "model": f"gguf/{path}"}, place=place, former=former)
        made.weights, made._lacks = state["weights"], lacks
        return made

    @property
    def derives_seed(self) -> bool:
        """True for local models: the same sampled request gives the same reply; another `rollout_id` gives another."""
        return local.is_local(self.model)

    @property
    def supports_stop(self) -> bool:
        """False where litellm knows that the model refuses stop sequences."""
        return local.is_local(self.model) or _takes_stop(self.model)

    @property
    def structured_output(self) -> Literal["schema", "json"] | None:
        """What litellm knows of the model; a local model can be held to any schema, one that continues a text to none."""
        if self.model_type == "text":
            return None
        return "schema" if local.is_local(self.model) else _structured(self.model)

    @property
    def supports_function_calling(self) -> bool:
        """What litellm knows of the model; local models have no interface for tools."""
        return self.model_type == "chat" and not local.is_local(self.model) and _calls_functions(self.model)

    def forward(self, prompt: str | None = None, messages: list[dict[str, Any]] | None = None, **kwargs: Any) -> Any:
        return self._sent({"prompt": prompt, "messages": messages, **kwargs}, None)

    async def aforward(
        self, prompt: str | None = None, messages: list[dict[str, Any]] | None = None, **kwargs: Any
    ) -> Any:
        if local.is_local(self.model):
            return await super().aforward(prompt=prompt, messages=messages, **kwargs)
        return await self._asent({"prompt": prompt, "messages": messages, **kwargs}, None)

    def _stream(self, asked: dict[str, Any], emit: Emit) -> Any:
        own = type(self).forward is not LM.forward  # a subclass with another transport
        return self.forward(**asked) if own else self._sent(asked, emit)

    async def _astream(self, asked: dict[str, Any], emit: Emit) -> Any:
        if type(self).aforward is not LM.aforward:
            return await self.aforward(**asked)
        if local.is_local(self.model):
            return await self._in_thread(self._stream, asked=asked, emit=emit)
        return await self._asent(asked, emit)

    def _sent(self, given: dict[str, Any], emit: Emit | None) -> Any:
        if local.is_local(self.model):
            return local.complete(self.model, self._asked(given), _public(_options(given)), emit)
        litellm, failure = load_litellm(), None
        try:
            request = self._request(given)
            if emit is not None:
                return _read(streamed.complete(litellm, request, emit))
            call = litellm.text_completion if "prompt" in request else litellm.completion
            return _read(call(**request))
        except LmnbError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary to litellm, which raises many unrelated types
            failure = translated(error, self.model, {**self._private, **_options(given)})
        raise failure  # outside the handler: the original, whose text may hold a key, is not chained

    async def _asent(self, given: dict[str, Any], emit: Emit | None) -> Any:
        await self.prepare()
        litellm, failure = load_litellm(), None
        try:
            request = self._request(given)
            if emit is not None:
                return _read(await streamed.acomplete(litellm, request, emit))
            call = litellm.atext_completion if "prompt" in request else litellm.acompletion
            return _read(await call(**request))
        except LmnbError:
            raise
        except Exception as error:  # noqa: BLE001 - as in _sent
            failure = translated(error, self.model, {**self._private, **_options(given)})
        raise failure

    def count_tokens(self, messages: list[dict[str, Any]]) -> int | None:
        if not local.is_local(self.model) or not local.is_ours(self.model):
            return None  # another model would have to read the whole prompt for it
        return local.prompt_tokens(self.model, self._asked({"messages": messages}), self.kwargs)

    async def prepare(self) -> None:
        if not local.is_local(self.model) and not load_litellm.cache_info().currsize:
            await asyncio.to_thread(load_litellm)

    def request_hash(self, messages: list[dict[str, Any]], decoding: dict[str, Any]) -> str:
        if decoding.get("prompt_cache") == "auto" or not local.is_local(self.model):  # else it may move a probability
            decoding = {name: value for name, value in decoding.items() if name != "prompt_cache"}
        return super().request_hash(messages, decoding)

    def cache_scope(self) -> str:
        return local.fingerprint(self.model) if local.is_local(self.model) else "litellm"

    def _asked(self, given: dict[str, Any]) -> list[dict[str, Any]] | str:
        """Messages, or the one text that a model of the type "text" continues."""
        messages = given.get("messages")
        if messages is None:
            messages = [{"role": "user", "content": given.get("prompt") or ""}]
        return prompt_text(messages, self.model) if self.model_type == "text" else messages

    def _request(self, given: dict[str, Any]) -> dict[str, Any]:
        if "model" in given:
            raise InvalidRequestError(
                f"a call of {self.model!r} names the model {given['model']!r}. Write lm.copy(model=...) for another one.",
                model=self.model,
            )
        if self.model_type not in {"chat", "text"}:
            raise InvalidRequestError(
                f"LM({self.model!r}) has model_type={self.model_type!r}. Write model_type='chat' or 'text'.",
                model=self.model,
            )
        asked = self._asked(given)
        options = _options(given)
        marks, developer = options.pop("prompt_cache", None), options.pop("use_developer_role", False)
        if isinstance(asked, str):
            content: dict[str, Any] = {"prompt": asked}
        else:
            content = {"messages": with_marks(_as_developer(asked) if developer else asked, marks, self.model)}
        # retries are ours, so that they are counted
        return {"model": self.model, **content, **options, "num_retries": 0, "max_retries": 0}

    def _threads(self) -> Executor:
        return _local_threads()


_O_SERIES = re.compile(r"(?:^|/)o\d(?:-|$)")


def _as_developer(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**message, "role": "developer"} if message["role"] == "system" else message for message in messages]


def _read(reply: Any) -> dict[str, Any]:
    choices = getattr(reply, "choices", None)
    hidden = getattr(reply, "_hidden_params", None) or {}
    return {"choices": choices, "usage": getattr(reply, "usage", None), "cost": hidden.get("response_cost")}


def _options(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in ("prompt", "messages")}


def _public(options: dict[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in options.items() if not is_private(name)}
    return {
        name: value
        for name, value in known.items()
        if (name, value) != ("prompt_cache", "auto") and name != "use_developer_role"
    }


@once
def _takes_stop(model: str) -> bool:
    if _O_SERIES.search(model):  # litellm says that it does, the provider refuses it
        return False
    litellm = load_litellm()
    try:
        known = litellm.get_supported_openai_params(model=model)
    except Exception:  # noqa: BLE001 - as in forward; the call itself will say what is wrong with the name
        return True
    return not known or "stop" in known


@once
def _structured(model: str) -> Literal["schema", "json"] | None:
    litellm = load_litellm()
    try:
        if litellm.supports_response_schema(model=model):
            return "schema"
        return "json" if "response_format" in (litellm.get_supported_openai_params(model=model) or ()) else None
    except Exception:  # noqa: BLE001 - as in _takes_stop
        return None


@once
def _calls_functions(model: str) -> bool:
    litellm = load_litellm()
    try:
        return bool(litellm.supports_function_calling(model=model))
    except Exception:  # noqa: BLE001 - as in _takes_stop
        return False


@once
def load_litellm() -> Any:
    # without this litellm fetches its price table from the network when it is imported
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.suppress_debug_info = True
    register()
    return litellm


@once
def _local_threads() -> Executor:
    return ThreadPoolExecutor(local.threads(), thread_name_prefix="lmnb-local")
