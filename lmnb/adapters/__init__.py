"""Adapters: between signatures and messages."""

from lmnb.adapters.base import Adapter
from lmnb.adapters.chat import ChatAdapter
from lmnb.adapters.json import JSONAdapter
from lmnb.adapters.two_step import TwoStepAdapter
from lmnb.adapters.xml import XMLAdapter

__all__ = ["Adapter", "ChatAdapter", "JSONAdapter", "TwoStepAdapter", "XMLAdapter"]
