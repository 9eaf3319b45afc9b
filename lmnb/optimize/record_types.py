"""What stands in the records of a journal: fields with their types, as far as a run is read from them; all else may be anything."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import SchemaValidator
from pydantic_core import core_schema as cs

Schema = cs.CoreSchema
ANY, INT, BOOL = cs.any_schema(), cs.int_schema(), cs.bool_schema()
TEXT = cs.is_instance_schema(str)  # also what is no Unicode text, such as half a pair of surrogates
COUNT, NUMBER, LIMIT = cs.int_schema(ge=0), cs.float_schema(allow_inf_nan=False), cs.float_schema()
SPLIT = cs.literal_schema(["train", "val"])
MAYBE = cs.nullable_schema


def fields(needed: Mapping[str, Schema], more: Mapping[str, Schema] | None = None) -> Schema:
    """A mapping with the `needed` fields, and perhaps some `more`."""
    named = {name: cs.typed_dict_field(kind) for name, kind in needed.items()}
    named |= {name: cs.typed_dict_field(kind, required=False) for name, kind in (more or {}).items()}
    return cs.typed_dict_schema(named)


def every(kind: Schema, least: int = 0) -> Schema:
    """A mapping of names to values of that kind."""
    return cs.dict_schema(TEXT, kind, min_length=least)


TEXTS, LIMITS, MAPPING = every(TEXT), every(MAYBE(LIMIT)), every(ANY)
NAMES = cs.list_schema(TEXT)
DEMO = fields({"fields": MAPPING}, {"origin": MAYBE(TEXT), "source": MAYBE(INT)})
NAMED_DEMO = fields({"fields": MAPPING, "id": TEXT}, {"origin": MAYBE(TEXT), "source": MAYBE(INT)})
CANDIDATE = fields({"id": TEXT, "values": MAPPING, "origin": TEXT, "label": TEXT, "parents": NAMES})
PREDICTOR = fields(
    {"inputs": NAMES, "outputs": NAMES, "instructions": TEXT, "demos": cs.list_schema(DEMO)},
    {"lm": INT, "demo_policy": ANY},
)
SHAPE = every(PREDICTOR)
RESULT = fields(
    {"usage": every(NUMBER)},
    {
        "score": MAYBE(NUMBER),
        "outputs": MAYBE(MAPPING),
        "feedback": MAYBE(TEXT),
        "error": MAYBE(TEXT),
        "error_kind": MAYBE(TEXT),
        "trace": MAYBE(TEXT),
        "checks": cs.list_schema(MAPPING),
        "shared": BOOL,
        "free": MAYBE(every(NUMBER)),
    },
)
HEADER = fields(
    {
        **dict.fromkeys(("id", "name", "created", "version", "optimizer_path", "program_path", "note"), TEXT),
        **dict.fromkeys(("arguments", "options", "program_state", "teacher_settings"), MAPPING),
        **dict.fromkeys(("max_errors", "seed"), INT),
        "num_threads": cs.int_schema(ge=1),
        **dict.fromkeys(("teacher_compiled", "exact_data"), BOOL),
        "planned": MAYBE(INT),
        "shape": every(PREDICTOR, least=1),
        "teacher_shape": MAYBE(SHAPE),
        "code": every(TEXTS),
        "lm": MAYBE(MAPPING),
        "evalset": MAYBE(SPLIT),
        "budget": LIMITS,
        "data": fields({"train": TEXT, "val": TEXT}),
    },
    {  # journals of before have less
        "libraries": TEXTS,
        "texts": TEXTS,
        "tools": TEXTS,
        "source": TEXT,
        "more_teacher_shapes": cs.list_schema(SHAPE),
        "proposer_lm": MAYBE(MAPPING),
        "objective": TEXT,
        "parent": MAYBE(TEXT),
        "review_timeout": MAYBE(cs.float_schema(gt=0, allow_inf_nan=False)),
        "splits": MAYBE(
            fields({}, {"held": MAYBE(cs.list_schema(INT)), "groups": NAMES, "cross_fit": BOOL, "kin": MAYBE(NAMES)})
        ),
    },
)
BOUGHT = {"n": INT, "key": TEXT, "res": RESULT}
ASKED = SchemaValidator(fields({**BOUGHT, "of": fields({"role": TEXT})}, {"t": NUMBER}))  # a proposal or a training
PLACE = {"role": TEXT, "candidate": TEXT, "split": SPLIT, "index": COUNT, "rollout": INT, "tracing": BOOL}
ROLLOUT = SchemaValidator(fields({**BOUGHT, "of": fields(PLACE)}, {"t": NUMBER}))
RECORDS = {
    "header": SchemaValidator(HEADER),
    "call": SchemaValidator(fields({"run": TEXT, "req": TEXT, "res": ANY})),
    "shared": SchemaValidator(fields({"key": TEXT, "res": RESULT}, {"t": NUMBER})),
    "batch": SchemaValidator(fields({"n": INT, "req": TEXT})),
    "done": SchemaValidator(fields({"n": INT, "dropped": TEXTS}, {"seconds": NUMBER})),
    "job": SchemaValidator(fields({"key": TEXT, "id": TEXT})),
    "end": SchemaValidator(fields({"state": TEXT, "seconds": NUMBER}, {"why": MAYBE(TEXT), "error": MAYBE(TEXT)})),
    "budget": SchemaValidator(fields({"limits": LIMITS})),
    "taken": SchemaValidator(fields({"count": COUNT})),
    "candidate": SchemaValidator(fields({"of": CANDIDATE})),
    "check": SchemaValidator(
        fields(
            {
                **dict.fromkeys(("candidate", "data"), TEXT),
                **dict.fromkeys(("number", "n", "fixed", "broken", "errors", "looks"), INT),
                **dict.fromkeys(("baseline", "score", "score_low", "score_high", "gain", "low", "high"), NUMBER),
                "expected": MAYBE(NUMBER),
                "usage": every(NUMBER),
            }
        )
    ),
}
_TABU = fields({"text": TEXT, "before": NAMES})
_DATA: dict[str, Schema] = {  # of a decision
    "candidate": TEXT,
    "decision": INT,
    "slot": TEXT,
    "text": MAYBE(TEXT),
    "texts": TEXTS,
    "wrote": TEXTS,
    "tabu": every(_TABU),
    "demo": NAMED_DEMO,
    "into": DEMO,
    "name": TEXT,
    "made": CANDIDATE,
    "holder": CANDIDATE,
    "limits": LIMITS,
    "gate": TEXT,
    "which": TEXT,
    "limit": NUMBER,
    "values": MAPPING,
    "fields": MAPPING,
    "leaks": cs.list_schema(INT),
    "reason": MAYBE(TEXT),
}
_NEEDED = {
    **dict.fromkeys(("reject", "accept"), ("candidate",)),
    **dict.fromkeys(("undo", "redo"), ("decision",)),
    **dict.fromkeys(("keep-demo", "reject-demo"), ("demo", "name")),
    **dict.fromkeys(("lock", "unlock"), ("slot", "text")),
    **dict.fromkeys(("pass", "reject-proposal", "edit-proposal"), ("gate",)),
    "pin": ("slot", "holder"),
    "unpin": ("slot",),
    "edit-demo": ("demo",),
    "raise-budget": ("limits",),
}
_SPENT = {"which": cs.literal_schema(["calls", "tokens", "usd", "seconds"])}  # of what a budget has stopped


def _decision(needed: tuple[str, ...], more: Mapping[str, Schema]) -> SchemaValidator:
    data = fields(
        {**{name: _DATA[name] for name in needed}, **more},
        {name: kind for name, kind in _DATA.items() if name not in needed and name not in more},
    )
    named = {
        "id": INT,
        "kind": TEXT,
        "data": data,
        "text": TEXT,
        "by": TEXT,
        "batch": INT,
        "during": BOOL,
        "time": TEXT,
    }
    return SchemaValidator(fields(named))


DECISION = _decision((), {})  # of a kind that has no needs
DECISIONS = {kind: _decision(names, {"content": ANY} if kind == "pin" else {}) for kind, names in _NEEDED.items()}
SPENT = _decision((), _SPENT)
DEMOS, STRING = SchemaValidator(cs.list_schema(DEMO)), SchemaValidator(TEXT)  # of a candidate's slots
