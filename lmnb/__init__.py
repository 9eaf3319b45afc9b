"""lmnb: programs made of language-model calls, compiled in the open.

Every public name is listed in `_WHERE`; a name's module is loaded when the name is first used, so `import lmnb` stays light.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from logging import NullHandler, getLogger
from typing import Any

__version__ = "0.1.0"

getLogger("lmnb").addHandler(NullHandler())  # quiet until a program configures logging

_WHERE = {
    "lmnb.errors": (
        "LmnbError SignatureError InputError ArgumentError ParseError MissingExtra SaveError RetrievalError ToolError InterpreterError CheckFailed "
        "BudgetExceeded Cancelled TimedOut LMError LMNotConfigured ModelNotFound AuthError RateLimitError ServerError TransportError "
        "LMTimeoutError ContextWindowError InvalidRequestError RunError Diverged RunLocked JournalError SystematicFailure "
        "DSPyError AdapterParseError CodeInterpreterError ContextWindowExceededError LMAuthError LMBillingError "
        "LMInvalidRequestError LMNotConfiguredError LMRateLimitError LMServerError LMTransportError LMUnsupportedModelError"
    ),
    "lmnb.example": "Example",
    "lmnb.prediction": "Prediction Completions",
    "lmnb.signature": "Signature InputField OutputField ensure_signature make_signature",
    "lmnb.types.base": "Type",
    "lmnb.types.image": "Image",
    "lmnb.types.audio": "Audio",
    "lmnb.types.file": "File",
    "lmnb.types.history": "History",
    "lmnb.types.program_code": "Code",
    "lmnb.types.reasoning": "Reasoning",
    "lmnb.types.tool": "Tool",
    "lmnb.types.tool_calls": "ToolCall ToolCalls ToolCallResult ToolCallResults",
    "lmnb.types.wording": "Wording",
    "lmnb.settings": "configure context",
    "lmnb.callbacks": "BaseCallback current_call",
    "lmnb.event_stream": "Event EventStream events",
    "lmnb.usage": "UsageTracker track_usage",
    "lmnb.trace": "Trace Span",
    "lmnb.calls": "CallHistory history inspect_history",
    "lmnb.adapters.base": "Adapter",
    "lmnb.adapters.chat": "ChatAdapter",
    "lmnb.adapters.json": "JSONAdapter",
    "lmnb.adapters.xml": "XMLAdapter",
    "lmnb.adapters.two_step": "TwoStepAdapter",
    "lmnb.lm.base": "BaseLM Response is_retryable_lm_error",
    "lmnb.lm.client": "LM",
    "lmnb.lm.fake": "FakeLM DummyLM",
    "lmnb.lm.recall": "RecallingLM RecallTrainer",
    "lmnb.lm.seq2seq": "Seq2SeqLM",
    "lmnb.lm.training": "Trainer Training TrainingJob",
    "lmnb.lm.embedder": "Embedder",
    "lmnb.lm.budget": "Budget",
    "lmnb.modules.dspy_file": "infer_prefix",
    "lmnb.lm.cache": "cache configure_cache",
    "lmnb.retrieve.passage": "Passage",
    "lmnb.retrieve.base": "Retriever",
    "lmnb.retrieve.bm25": "BM25",
    "lmnb.retrieve.embeddings": "Embeddings EmbeddingsWithScores",
    "lmnb.retrieve.colbert": "ColBERTv2",
    "lmnb.retrieve.pinecone": "Pinecone",
    "lmnb.retrieve.pyserini": "Pyserini",
    "lmnb.tools.interpreter": "CodeInterpreter Execution FinalOutput",
    "lmnb.tools.python": "PythonInterpreter",
    "lmnb.tools.deno": "DenoInterpreter",
    "lmnb.tools.sql": "SQL SQLResult",
    "lmnb.tools.mcp": "MCPServer",
    "lmnb.modules.module": "Module",
    "lmnb.modules.predict": "Predict",
    "lmnb.modules.chain_of_thought": "ChainOfThought",
    "lmnb.modules.checks": "Assert Suggest",
    "lmnb.modules.best_of_n": "BestOfN Refine",
    "lmnb.modules.multi_chain": "MultiChainComparison",
    "lmnb.modules.knn": "KNN",
    "lmnb.modules.demo_policy": "NearestDemos",
    "lmnb.modules.parallel": "Parallel",
    "lmnb.modules.bridges": "asyncify syncify",
    "lmnb.modules.rerun": "rerun",
    "lmnb.modules.editor": "Editor edit",
    "lmnb.evaluate.majority": "majority",
    "lmnb.modules.retrieve": "Retrieve",
    "lmnb.modules.react": "ReAct",
    "lmnb.modules.program_of_thought": "ProgramOfThought",
    "lmnb.modules.code_act": "CodeAct",
    "lmnb.modules.rlm": "RLM",
    "lmnb.streaming.streamify": "streamify",
    "lmnb.evaluate.evaluate": "Evaluate",
    "lmnb.evaluate.report": "Report Comparison",
    "lmnb.evaluate.review": "Review review",
    "lmnb.evaluate.score": "Score",
    "lmnb.evaluate.judges": "SemanticF1 CompleteAndGrounded",
    "lmnb.optimize.labeled_few_shot": "LabeledFewShot",
    "lmnb.optimize.better_together": "BetterTogether",
    "lmnb.optimize.bootstrap": "BootstrapFewShot",
    "lmnb.optimize.finetune": "BootstrapFinetune",
    "lmnb.optimize.ensemble": "Ensemble",
    "lmnb.optimize.ensembled_program": "EnsembledProgram",
    "lmnb.optimize.iterated_bootstrap": "IteratedBootstrapFewShot",
    "lmnb.optimize.knn_few_shot": "KNNFewShot",
    "lmnb.optimize.random_search": "BootstrapFewShotWithRandomSearch BootstrapRS",
    "lmnb.optimize.mipro": "MIPROv2",
    "lmnb.optimize.optuna_search": "BootstrapFewShotWithOptuna",
    "lmnb.optimize.simba": "SIMBA",
    "lmnb.optimize.gepa": "GEPA",
    "lmnb.optimize.gepa_result": "GEPAResult",
    "lmnb.optimize.copro": "COPRO",
    "lmnb.optimize.infer_rules": "InferRules",
    "lmnb.optimize.headroom": "headroom HeadroomTest",
    "lmnb.optimize.objective": "WorstGroup",
    "lmnb.optimize.headroom_result": "Headroom",
    "lmnb.optimize.candidate": "Candidate",
    "lmnb.optimize.optimizer": "Optimizer",
    "lmnb.optimize.plan": "Plan",
    "lmnb.optimize.counts": "Counts",
    "lmnb.optimize.interval": "Interval",
    "lmnb.optimize.run": "Run",
    "lmnb.optimize.store": "runs reopen",
    "lmnb.data.loader": "DataLoader append_jsonl load_jsonl",
    "lmnb.data.benchmarks": "load_gsm8k load_hotpotqa",
    "lmnb.export.program": "load",
    "lmnb.export.settings_file": "load_settings",
}
_PACKAGES = frozenset(
    [
        "adapters",
        "data",
        "datasets",
        "evaluate",
        "export",
        "optimize",
        "retrieve",
        "retrievers",
        "settings",
        "streaming",
        "teleprompt",
        "testing",
        "utils",
    ]
)
_HOME = {name: module for module, names in _WHERE.items() for name in names.split()}
__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    elif name in _PACKAGES:
        value = import_module(f"lmnb.{name}")
    else:
        near = get_close_matches(name, _HOME, n=1, cutoff=0.8)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise AttributeError(f"module 'lmnb' has no attribute {name!r}.{hint}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
