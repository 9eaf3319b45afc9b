"""What the reference keeps under this name: the scripted LM of tests, callbacks, and usage."""

from lmnb.callbacks import BaseCallback
from lmnb.calls import inspect_history
from lmnb.lm.fake import DummyLM
from lmnb.streaming import StatusMessage, StatusMessageProvider, streamify
from lmnb.usage import UsageTracker, track_usage

__all__ = [
    "BaseCallback",
    "DummyLM",
    "StatusMessage",
    "StatusMessageProvider",
    "UsageTracker",
    "inspect_history",
    "streamify",
    "track_usage",
]
