"""The model: what its own attention gives."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from lmnb.train.model import BLOCK, attention


@pytest.mark.parametrize("length", [1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 3])
def test_attention_in_blocks_is_attention(length: int) -> None:
    """The products in blocks give what the library's causal attention gives, forward and backward."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, length, 8, requires_grad=True) for _ in range(3))
    mask = torch.full((length, length), -1e9).triu(1)
    ours, theirs = attention(q, k, v, mask), F.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert torch.allclose(ours, theirs, atol=1e-5)
    weight = torch.randn_like(ours)
    for one, other in zip(
        torch.autograd.grad(ours, (q, k, v), weight), torch.autograd.grad(theirs, (q, k, v), weight), strict=True
    ):
        assert torch.allclose(one, other, atol=1e-5)
