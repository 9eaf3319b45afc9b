"""Training and fine-tuning of small local models (the extra `lmnb[train]`): how `lmnb/tiny` is made."""
