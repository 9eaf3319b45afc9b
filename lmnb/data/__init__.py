"""Data sets: loaders for files, and the tickets that the notebooks use."""

from lmnb.data.loader import DataLoader, load_jsonl
from lmnb.data.splits import Splits, ticket_key, tickets

__all__ = ["DataLoader", "Splits", "load_jsonl", "ticket_key", "tickets"]
