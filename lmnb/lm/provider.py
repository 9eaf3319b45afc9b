"""The local models for litellm's own functions: after `register()`, `litellm.completion(model="lmnb/tiny", ...)`
works.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from lmnb.errors import ContextWindowError, LMError, ModelNotFound
from lmnb.lm import local

_PROVIDERS = ("lmnb", "gguf")


def register() -> None:
    """Make `lmnb/...` and `gguf/...` known to litellm; calling it again changes nothing."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm
    from litellm.exceptions import BadRequestError, ContextWindowExceededError, NotFoundError
    from litellm.llms.custom_llm import CustomLLM

    class Local(CustomLLM):
        """litellm's view of `local.complete`."""

        def __init__(self, provider: str) -> None:
            super().__init__()
            self.provider = provider

        def completion(self, model: str, messages: list[Any], *args: Any, **kwargs: Any) -> Any:
            name = f"{self.provider}/{model}"
            options = {key: value for key, value in (kwargs.get("optional_params") or {}).items() if value is not None}
            try:
                reply = local.complete(name, messages, options)
            except ContextWindowError as error:
                raise ContextWindowExceededError(str(error), model=name, llm_provider=self.provider) from error
            except ModelNotFound as error:
                raise NotFoundError(str(error), model=name, llm_provider=self.provider) from error
            except LMError as error:
                raise BadRequestError(str(error), model=name, llm_provider=self.provider) from error
            reply.pop("cost")
            return litellm.ModelResponse(**reply)

        async def acompletion(self, *args: Any, **kwargs: Any) -> Any:
            return await asyncio.to_thread(self.completion, *args, **kwargs)

    others = [entry for entry in litellm.custom_provider_map if entry["provider"] not in _PROVIDERS]
    litellm.custom_provider_map = [*others, *({"provider": name, "custom_handler": Local(name)} for name in _PROVIDERS)]
