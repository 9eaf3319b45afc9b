"""The data sets under the reference's name for their place."""

from lmnb.data import DataLoader, load_gsm8k, load_hotpotqa, load_jsonl

__all__ = ["DataLoader", "load_gsm8k", "load_hotpotqa", "load_jsonl"]
