"""Data sets: loaders for files and published benchmarks, parts for tuning and how they differ, and what the notebooks use: tickets, people."""

from lmnb.data.benchmarks import load_gsm8k, load_hotpotqa
from lmnb.data.loader import DataLoader, append_jsonl, load_jsonl
from lmnb.data.shifts import Shift, shift
from lmnb.data.splits import Splits, people, people_facts, split, ticket_key, tickets

__all__ = [
    "DataLoader",
    "Shift",
    "Splits",
    "append_jsonl",
    "load_gsm8k",
    "load_hotpotqa",
    "load_jsonl",
    "people",
    "people_facts",
    "shift",
    "split",
    "ticket_key",
    "tickets",
]
