"""Data sets: loaders for files and published benchmarks, parts for tuning, and what the notebooks use: tickets, and facts about people."""

from lmnb.data.benchmarks import load_gsm8k, load_hotpotqa
from lmnb.data.loader import DataLoader, load_jsonl
from lmnb.data.splits import Splits, people, people_facts, split, ticket_key, tickets

__all__ = [
    "DataLoader",
    "Splits",
    "load_gsm8k",
    "load_hotpotqa",
    "load_jsonl",
    "people",
    "people_facts",
    "split",
    "ticket_key",
    "tickets",
]
