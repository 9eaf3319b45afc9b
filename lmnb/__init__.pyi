"""What `lmnb/__init__.py` gives lazily, for editors and type checkers; a test holds the two together."""

from lmnb.adapters.base import Adapter as Adapter
from lmnb.adapters.chat import ChatAdapter as ChatAdapter
from lmnb.adapters.json import JSONAdapter as JSONAdapter
from lmnb.adapters.two_step import TwoStepAdapter as TwoStepAdapter
from lmnb.adapters.xml import XMLAdapter as XMLAdapter
from lmnb.callbacks import BaseCallback as BaseCallback
from lmnb.callbacks import current_call as current_call
from lmnb.calls import CallHistory as CallHistory
from lmnb.calls import history as history
from lmnb.calls import inspect_history as inspect_history
from lmnb.data.benchmarks import load_gsm8k as load_gsm8k
from lmnb.data.benchmarks import load_hotpotqa as load_hotpotqa
from lmnb.data.loader import DataLoader as DataLoader
from lmnb.data.loader import append_jsonl as append_jsonl
from lmnb.data.loader import load_jsonl as load_jsonl
from lmnb.errors import AdapterParseError as AdapterParseError
from lmnb.errors import (
    AuthError as AuthError,
)
from lmnb.errors import (
    BudgetExceeded as BudgetExceeded,
)
from lmnb.errors import (
    Cancelled as Cancelled,
)
from lmnb.errors import (
    CheckFailed as CheckFailed,
)
from lmnb.errors import CodeInterpreterError as CodeInterpreterError
from lmnb.errors import (
    ContextWindowError as ContextWindowError,
)
from lmnb.errors import ContextWindowExceededError as ContextWindowExceededError
from lmnb.errors import (
    Diverged as Diverged,
)
from lmnb.errors import DSPyError as DSPyError
from lmnb.errors import (
    InputError as InputError,
)
from lmnb.errors import (
    InterpreterError as InterpreterError,
)
from lmnb.errors import (
    InvalidRequestError as InvalidRequestError,
)
from lmnb.errors import (
    JournalError as JournalError,
)
from lmnb.errors import LMAuthError as LMAuthError
from lmnb.errors import LMBillingError as LMBillingError
from lmnb.errors import (
    LMError as LMError,
)
from lmnb.errors import LMInvalidRequestError as LMInvalidRequestError
from lmnb.errors import (
    LmnbError as LmnbError,
)
from lmnb.errors import (
    LMNotConfigured as LMNotConfigured,
)
from lmnb.errors import LMNotConfiguredError as LMNotConfiguredError
from lmnb.errors import LMRateLimitError as LMRateLimitError
from lmnb.errors import LMServerError as LMServerError
from lmnb.errors import (
    LMTimeoutError as LMTimeoutError,
)
from lmnb.errors import LMTransportError as LMTransportError
from lmnb.errors import LMUnsupportedModelError as LMUnsupportedModelError
from lmnb.errors import (
    MissingExtra as MissingExtra,
)
from lmnb.errors import (
    ModelNotFound as ModelNotFound,
)
from lmnb.errors import (
    ParseError as ParseError,
)
from lmnb.errors import (
    RateLimitError as RateLimitError,
)
from lmnb.errors import (
    RetrievalError as RetrievalError,
)
from lmnb.errors import (
    RunError as RunError,
)
from lmnb.errors import (
    RunLocked as RunLocked,
)
from lmnb.errors import (
    SaveError as SaveError,
)
from lmnb.errors import (
    ServerError as ServerError,
)
from lmnb.errors import (
    SignatureError as SignatureError,
)
from lmnb.errors import (
    SystematicFailure as SystematicFailure,
)
from lmnb.errors import (
    TimedOut as TimedOut,
)
from lmnb.errors import (
    ToolError as ToolError,
)
from lmnb.errors import (
    TransportError as TransportError,
)
from lmnb.evaluate.evaluate import Evaluate as Evaluate
from lmnb.evaluate.judges import CompleteAndGrounded as CompleteAndGrounded
from lmnb.evaluate.judges import SemanticF1 as SemanticF1
from lmnb.evaluate.majority import majority as majority
from lmnb.evaluate.report import Comparison as Comparison
from lmnb.evaluate.report import Report as Report
from lmnb.evaluate.review import Review as Review
from lmnb.evaluate.review import review as review
from lmnb.evaluate.score import Score as Score
from lmnb.event_stream import Event as Event
from lmnb.event_stream import EventStream as EventStream
from lmnb.event_stream import events as events
from lmnb.example import Example as Example
from lmnb.export.program import load as load
from lmnb.export.settings_file import load_settings as load_settings
from lmnb.lm.base import BaseLM as BaseLM
from lmnb.lm.base import Response as Response
from lmnb.lm.base import is_retryable_lm_error as is_retryable_lm_error
from lmnb.lm.budget import Budget as Budget
from lmnb.lm.cache import cache as cache
from lmnb.lm.cache import configure_cache as configure_cache
from lmnb.lm.client import LM as LM
from lmnb.lm.embedder import Embedder as Embedder
from lmnb.lm.fake import DummyLM as DummyLM
from lmnb.lm.fake import FakeLM as FakeLM
from lmnb.lm.recall import RecallingLM as RecallingLM
from lmnb.lm.recall import RecallTrainer as RecallTrainer
from lmnb.lm.seq2seq import Seq2SeqLM as Seq2SeqLM
from lmnb.lm.training import Trainer as Trainer
from lmnb.lm.training import Training as Training
from lmnb.lm.training import TrainingJob as TrainingJob
from lmnb.modules.best_of_n import BestOfN as BestOfN
from lmnb.modules.best_of_n import Refine as Refine
from lmnb.modules.bridges import asyncify as asyncify
from lmnb.modules.bridges import syncify as syncify
from lmnb.modules.chain_of_thought import ChainOfThought as ChainOfThought
from lmnb.modules.checks import Assert as Assert
from lmnb.modules.checks import Suggest as Suggest
from lmnb.modules.code_act import CodeAct as CodeAct
from lmnb.modules.demo_policy import NearestDemos as NearestDemos
from lmnb.modules.dspy_file import infer_prefix as infer_prefix
from lmnb.modules.editor import Editor as Editor
from lmnb.modules.editor import edit as edit
from lmnb.modules.knn import KNN as KNN
from lmnb.modules.module import Module as Module
from lmnb.modules.multi_chain import MultiChainComparison as MultiChainComparison
from lmnb.modules.parallel import Parallel as Parallel
from lmnb.modules.predict import Predict as Predict
from lmnb.modules.program_of_thought import ProgramOfThought as ProgramOfThought
from lmnb.modules.react import ReAct as ReAct
from lmnb.modules.rerun import rerun as rerun
from lmnb.modules.retrieve import Retrieve as Retrieve
from lmnb.modules.rlm import RLM as RLM
from lmnb.optimize.better_together import BetterTogether as BetterTogether
from lmnb.optimize.bootstrap import BootstrapFewShot as BootstrapFewShot
from lmnb.optimize.candidate import Candidate as Candidate
from lmnb.optimize.copro import COPRO as COPRO
from lmnb.optimize.counts import Counts as Counts
from lmnb.optimize.ensemble import Ensemble as Ensemble
from lmnb.optimize.ensembled_program import EnsembledProgram as EnsembledProgram
from lmnb.optimize.finetune import BootstrapFinetune as BootstrapFinetune
from lmnb.optimize.gepa import GEPA as GEPA
from lmnb.optimize.gepa_result import GEPAResult as GEPAResult
from lmnb.optimize.headroom import HeadroomTest as HeadroomTest
from lmnb.optimize.headroom import headroom as headroom
from lmnb.optimize.headroom_result import Headroom as Headroom
from lmnb.optimize.infer_rules import InferRules as InferRules
from lmnb.optimize.interval import Interval as Interval
from lmnb.optimize.iterated_bootstrap import IteratedBootstrapFewShot as IteratedBootstrapFewShot
from lmnb.optimize.knn_few_shot import KNNFewShot as KNNFewShot
from lmnb.optimize.labeled_few_shot import LabeledFewShot as LabeledFewShot
from lmnb.optimize.mipro import MIPROv2 as MIPROv2
from lmnb.optimize.objective import WorstGroup as WorstGroup
from lmnb.optimize.optimizer import Optimizer as Optimizer
from lmnb.optimize.optuna_search import BootstrapFewShotWithOptuna as BootstrapFewShotWithOptuna
from lmnb.optimize.plan import Plan as Plan
from lmnb.optimize.random_search import (
    BootstrapFewShotWithRandomSearch as BootstrapFewShotWithRandomSearch,
)
from lmnb.optimize.random_search import (
    BootstrapRS as BootstrapRS,
)
from lmnb.optimize.run import Run as Run
from lmnb.optimize.simba import SIMBA as SIMBA
from lmnb.optimize.store import reopen as reopen
from lmnb.optimize.store import runs as runs
from lmnb.prediction import Completions as Completions
from lmnb.prediction import Prediction as Prediction
from lmnb.retrieve.base import Retriever as Retriever
from lmnb.retrieve.bm25 import BM25 as BM25
from lmnb.retrieve.colbert import ColBERTv2 as ColBERTv2
from lmnb.retrieve.embeddings import Embeddings as Embeddings
from lmnb.retrieve.embeddings import EmbeddingsWithScores as EmbeddingsWithScores
from lmnb.retrieve.passage import Passage as Passage
from lmnb.retrieve.pinecone import Pinecone as Pinecone
from lmnb.retrieve.pyserini import Pyserini as Pyserini
from lmnb.settings import configure as configure
from lmnb.settings import context as context
from lmnb.signature import (
    InputField as InputField,
)
from lmnb.signature import (
    OutputField as OutputField,
)
from lmnb.signature import (
    Signature as Signature,
)
from lmnb.signature import (
    ensure_signature as ensure_signature,
)
from lmnb.signature import (
    make_signature as make_signature,
)
from lmnb.streaming.streamify import streamify as streamify
from lmnb.tools.deno import DenoInterpreter as DenoInterpreter
from lmnb.tools.interpreter import CodeInterpreter as CodeInterpreter
from lmnb.tools.interpreter import Execution as Execution
from lmnb.tools.interpreter import FinalOutput as FinalOutput
from lmnb.tools.mcp import MCPServer as MCPServer
from lmnb.tools.python import PythonInterpreter as PythonInterpreter
from lmnb.tools.sql import SQL as SQL
from lmnb.tools.sql import SQLResult as SQLResult
from lmnb.trace import Span as Span
from lmnb.trace import Trace as Trace
from lmnb.types.audio import Audio as Audio
from lmnb.types.base import Type as Type
from lmnb.types.file import File as File
from lmnb.types.history import History as History
from lmnb.types.image import Image as Image
from lmnb.types.program_code import Code as Code
from lmnb.types.reasoning import Reasoning as Reasoning
from lmnb.types.tool import Tool as Tool
from lmnb.types.tool_calls import ToolCall as ToolCall
from lmnb.types.tool_calls import ToolCallResult as ToolCallResult
from lmnb.types.tool_calls import ToolCallResults as ToolCallResults
from lmnb.types.tool_calls import ToolCalls as ToolCalls
from lmnb.types.wording import Wording as Wording
from lmnb.usage import UsageTracker as UsageTracker
from lmnb.usage import track_usage as track_usage

from . import data as data
from . import evaluate as evaluate
from . import export as export
from . import optimize as optimize
from . import retrieve as retrieve
from . import settings as settings
from . import streaming as streaming
from . import teleprompt as teleprompt
from . import testing as testing

__version__: str
