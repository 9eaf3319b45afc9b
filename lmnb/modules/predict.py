"""Predict: the one part of a program that asks a model, and the one that optimizers tune."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from lmnb import listening
from lmnb.adapters.chat import ChatAdapter
from lmnb.errors import InputError, LMError, LMNotConfigured, ParseError
from lmnb.example import Example
from lmnb.leash import in_thread
from lmnb.lm.decoding import check_decoding
from lmnb.modules import sampling
from lmnb.modules.demo_policy import NearestDemos, policy_of
from lmnb.modules.module import Module
from lmnb.modules.taint import check_options
from lmnb.prediction import Prediction
from lmnb.settings import current
from lmnb.signature import NO_DEFAULT, ensure_signature
from lmnb.steps import step
from lmnb.trace import Trace, path_of, span
from lmnb.types.base import holds_type
from lmnb.types.checked import adapter_for, problems
from lmnb.types.parts import Placeholder
from lmnb.types.words import type_text

_CHAT = ChatAdapter()
_MISSING: Any = object()


class Predict(Module):
    """One call of a model as a signature declares it.

    Its state is `signature` (with the instructions), `demos`, `demo_policy` (None: every prompt shows all demos), `lm`
    (None: the setting) and `config` (options of every call, such as `temperature`); each is replaced by assignment, on this
    predictor alone.

    >>> import lmnb
    >>> predict = lmnb.Predict("question -> answer: int", lm=lmnb.FakeLM([{"answer": 4}]))
    >>> predict(question="2 + 2?")
    Prediction(answer=4)
    >>> predict.instructions = "Compute."
    >>> predict.demos = [lmnb.Example(question="1 + 1?", answer=2)]
    """

    is_predictor = True

    def __init__(self, signature: Any, callbacks: Any = None, *, lm: Any = None, **config: Any) -> None:
        super().__init__(callbacks)
        self.signature = signature
        self.demos = []
        self.demo_policy = None
        self.lm = lm
        self.config: dict[str, Any] = config

    @property
    def signature(self) -> Any:
        return self._signature

    @signature.setter
    def signature(self, signature: Any) -> None:
        made = ensure_signature(signature)
        if not made.output_fields:
            raise InputError(
                f"signature {made.__name__} has no output field, so there is nothing to ask for. Add one: "
                "answer: str = OutputField()."
            )
        self._signature = made

    @property
    def instructions(self) -> str:
        return self._signature.instructions

    @instructions.setter
    def instructions(self, text: str) -> None:
        self._signature = self._signature.with_instructions(text)

    @property
    def demos(self) -> list[Any]:
        return self._demos

    @demos.setter
    def demos(self, demos: Iterable[Example | Mapping[str, Any]]) -> None:
        self._demos = _examples(demos)

    @property
    def demo_policy(self) -> NearestDemos | None:
        return self._demo_policy

    @demo_policy.setter
    def demo_policy(self, policy: NearestDemos | Mapping[str, Any] | None) -> None:
        self._demo_policy = policy_of(policy)

    def demos_for(self, **inputs: Any) -> list[Any]:
        """The demos that a call with these inputs shows: all, or those that the policy chooses."""
        return self._demos if self._demo_policy is None else self._demo_policy.choose(self._demos, inputs)

    def update_config(self, **config: Any) -> None:
        """Change some options of every call."""
        self.config = {**self.config, **config}

    def get_config(self) -> dict[str, Any]:
        return self.config

    def reset(self) -> None:
        """Drop demos, their policy, LM and call options."""
        self.demos, self.demo_policy, self.lm, self.config = [], None, None, {}

    def forward(self, **inputs: Any) -> Prediction:
        """The same as calling it."""
        return self(**inputs)

    async def aforward(self, **inputs: Any) -> Prediction:
        """The same as `acall`."""
        return await self.acall(**inputs)

    def messages(self, **inputs: Any) -> list[dict[str, Any]]:
        """The exact prompt for `inputs`, without a call."""
        policy = self._policy(inputs)
        signature, demos, lm, _, values = self._asked((), dict(inputs))
        demos = demos if policy is None else policy.choose(demos, values)
        return (current("adapter") or _CHAT).messages(lm, signature, demos, values)

    async def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any], *, sync: bool) -> Any:
        policy = self._policy(kwargs)
        signature, demos, lm, config, inputs = self._asked(args, kwargs)
        if lm is None:
            raise LMNotConfigured(
                "no LM is set. Write lmnb.configure(lm=lmnb.LM('lmnb/tiny')), or pass lm= to the call."
            )
        if not hasattr(lm, "request"):
            raise InputError(f"an LM is needed, not {lm!r}. Write lmnb.LM({str(lm)!r}).")
        check_decoding(config)
        if (config.get("n") or 1) > 1:
            config = _sampled(config, lm)
        sample, watching = sampling.sampling(), listening.watch.get()
        if sample is not None:
            config = {**config, **sample.config}
        with span("predict", "Predict", inputs=inputs, module=self, instance=self) as opened:
            hint = sample.hints.get(id(self)) if sample is not None else None
            with step(self, opened, (signature, tuple(demos), dict(config), hint, lm)) as made:
                listened = watching.opened(self, signature, opened) if watching is not None else None
                if not made.again:
                    given = sample.applied(self, signature, inputs) if sample is not None else (signature, inputs)
                    given = made.retry.applied(*given) if made.retry is not None else given
                    try:
                        if policy is not None:
                            choosing = policy.choose, demos, inputs
                            demos = policy.choose(demos, inputs) if sync else await in_thread(*choosing)
                        asked = (current("adapter") or _CHAT).call(lm, config, given[0], demos, given[1], sync=sync)
                        made.value = await (asked if listened is None else listened.during(asked))
                    except (LMError, ParseError) as error:
                        if not error.predictor:
                            error.predictor = path_of(opened)
                            error.add_note(f"asked by the predictor {error.predictor!r}: {signature.signature}")
                        raise
            found = made.value
            if listened is not None:
                listened.finish(found[0])
            opened.outputs = made.kept[0]
            prediction = Prediction(found[0]) if len(found) == 1 else Prediction.from_completions(found)
            opened.result = prediction = prediction.with_trace(Trace(opened))
        return prediction

    def _policy(self, given: Mapping[str, Any]) -> NearestDemos | None:
        """What chooses among the demos of a call; a call that is given its demos shows those."""
        return None if "demos" in given else self._demo_policy

    def _asked(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, Any, Any, dict[str, Any], dict[str, Any]]:
        """Signature, demos, LM, config and inputs of one call."""
        signature, demos, lm, config = self._signature, self._demos, self.lm, self.config
        check_options(kwargs)
        if args:
            first = next(iter(signature.input_fields), "question")
            raise InputError(f"a predictor takes its inputs by name: write predict({first}={args[0]!r}).")
        if "signature" in kwargs:
            signature = ensure_signature(kwargs.pop("signature"))
        if "demos" in kwargs:
            demos = _examples(kwargs.pop("demos"))
        if "config" in kwargs:
            config = {**config, **(kwargs.pop("config") or {})}
        own = kwargs.pop("lm", None)
        lm = own if own is not None else lm if lm is not None else current("lm")
        fields = signature.inputs_with_defaults
        if kwargs.keys() != fields.keys():
            kwargs = filled(signature, kwargs)
        for name, validator in _held(signature):
            _warn_unfit(signature, name, validator, kwargs[name])
        return signature, demos, lm, config, kwargs


def _held(signature: Any) -> list[tuple[str, TypeAdapter[Any]]]:
    """The inputs that are declared as something else than text, with their validators."""
    found = _validators.get(signature)
    if found is None:
        found = _validators[signature] = [*_made_validators(signature)]
    return found


def _made_validators(signature: Any) -> Iterator[tuple[str, TypeAdapter[Any]]]:
    for name, field in signature.input_fields.items():
        if (field.type is str and not field.limits) or field.type is Any or holds_type(field.type):
            continue  # any value has a text; media and the like are read by the adapter
        try:
            yield name, adapter_for(field.type, field.limits)
        except PydanticUserError:
            continue


def _warn_unfit(signature: Any, name: str, validator: TypeAdapter[Any], value: Any) -> None:
    try:
        validator.validate_python(value)
    except ValidationError as error:
        if isinstance(value, Placeholder) or not current("warn_on_type_mismatch"):
            return
        kind = type_text(signature.input_fields[name].type)
        warnings.warn(
            f"the input {name!r} of {signature.signature!r} is declared as {kind}, and what it is given does not fit: {problems(error)}. "
            "It is sent as it is; lmnb.configure(warn_on_type_mismatch=False) says nothing of it.",
            stacklevel=6,
        )


_validators: WeakKeyDictionary[Any, list[tuple[str, TypeAdapter[Any]]]] = WeakKeyDictionary()


def filled(signature: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` with defaults, in the order of the signature; InputError for what is missing or too much."""
    fields = signature.inputs_with_defaults
    missing = [name for name, default in fields.items() if name not in given and default is NO_DEFAULT]
    extra = [name for name in given if name not in fields]
    if not missing and not extra:
        return {name: given.get(name, default) for name, default in fields.items()}
    says, new = [], []
    for name in extra:
        near = get_close_matches(name, missing or fields, n=1) or (missing if len(missing) == len(extra) == 1 else [])
        if name in signature.output_fields:
            says.append(f"{name!r} is an output, not an input.")
        else:
            new += [] if near else [name]
            says.append(
                f"There is no input {name!r}."
                + (f" Did you mean {near[0]!r}?" if near else f" The inputs are: {', '.join(fields) or 'none'}.")
            )
    says += [f"The input {name!r} is missing." for name in missing]
    call = ", ".join(f"{name}=..." for name in fields)
    add = f", or add {', '.join(map(repr, new))} to its inputs" if new else ""
    raise InputError(f"{' '.join(says)} Write predict({call}) for the signature {signature.signature!r}{add}.")


def _examples(demos: Iterable[Any]) -> list[Any]:
    if isinstance(demos, (str, Mapping)) or not isinstance(demos, Iterable):
        raise InputError(
            f"demos are a list of examples, not {demos!r}. Write [lmnb.Example(question=..., answer=...)]."
        )
    made = []
    for at, demo in enumerate(demos):
        if not isinstance(demo, Mapping) and not isinstance(demo, Example):
            raise InputError(f"demo {at} is {demo!r}. Write lmnb.Example(question=..., answer=...).")
        made.append(demo if isinstance(demo, Example) else Example(demo))
    return made


def _sampled(config: dict[str, Any], lm: Any) -> dict[str, Any]:
    """Several completions of a greedy model would all be the same one."""
    temperature = config.get("temperature", getattr(lm, "kwargs", {}).get("temperature"))
    return config if temperature is not None and temperature > 0.15 else {**config, "temperature": 0.7}
