"""Streaming: the fields of a program's predictors while their replies come, by their path."""

from lmnb.streaming.listener import StreamListener, StreamResponse
from lmnb.streaming.status import StatusMessage, StatusMessageProvider
from lmnb.streaming.streamify import apply_sync_streaming, streamify

__all__ = [
    "StatusMessage",
    "StatusMessageProvider",
    "StreamListener",
    "StreamResponse",
    "apply_sync_streaming",
    "streamify",
]
