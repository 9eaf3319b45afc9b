"""The model: a Llama block with biases on Q, K and V, tied embeddings (`qwen2` in GGUF)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmnb.optional import need

if TYPE_CHECKING:
    import torch  # pyright: ignore[reportMissingImports]
    from torch import nn  # pyright: ignore[reportMissingImports]
    from torch.nn import functional as F  # pyright: ignore[reportMissingImports]
else:
    torch = need("torch", "train", "training a model")
    nn, F = torch.nn, torch.nn.functional


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a model. RoPE base 1e6: with small heads and 1e4 nearly no dimension is free of position, and matching
    content over hundreds of tokens cannot work.
    """

    vocab: int = 4096
    width: int = 128
    layers: int = 5
    heads: int = 4
    inner: int = 384
    rope: float = 1e6
    epsilon: float = 1e-5
    context: int = 2048

    @property
    def head(self) -> int:
        return self.width // self.heads


BLOCK = 200  # from this length on attention goes in two blocks
LARGE = Shape(width=256, layers=6, heads=8, inner=704)  # for a CUDA device: 5.8 million parameters


def turns(shape: Shape) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine and sine of the rotary position embedding, [context, head]."""
    steps = torch.arange(0, shape.head, 2).float() / shape.head
    angles = torch.outer(torch.arange(shape.context).float(), 1.0 / shape.rope**steps)
    return torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)


def _turned(x: torch.Tensor) -> torch.Tensor:
    half = x.shape[-1] // 2
    return torch.cat([-x[..., half:], x[..., :half]], -1)


def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Causal attention over [rows, heads, length, head]; `mask` is added to the scores, [length, length].

    On a CPU, plain products in two blocks of queries: for heads so small that is twice as fast as the fused kernel.
    """
    if q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    rows, heads, length, head = q.shape
    q, k, v = (x.reshape(rows * heads, length, head) for x in (q, k, v))
    size = length if length < BLOCK else -(-length // 2)
    seen = []
    for start in range(0, length, size):
        end = min(length, start + size)
        part = mask[start:end, :end].expand(rows * heads, -1, -1)
        scores = torch.baddbmm(part, q[:, start:end], k[:, :end].mT, alpha=head**-0.5)
        seen.append(torch.softmax(scores, -1).to(v.dtype) @ v[:, :end])
    return torch.cat(seen, 1).view(rows, heads, length, head)


class Norm(nn.Module):
    """RMS norm."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.epsilon)


class Block(nn.Module):
    """Attention, then the gated feed-forward layer, each added to the stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.norm1, self.norm2 = Norm(shape.width, shape.epsilon), Norm(shape.width, shape.epsilon)
        self.qkv = nn.Linear(shape.width, 3 * shape.width)
        self.out = nn.Linear(shape.width, shape.width, bias=False)
        self.up = nn.Linear(shape.width, 2 * shape.inner, bias=False)  # gate and up, side by side
        self.down = nn.Linear(shape.inner, shape.width, bias=False)

    def forward(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rows, length, width = x.shape
        q, k, v = (
            part.view(rows, length, self.shape.heads, self.shape.head).transpose(1, 2)
            for part in self.qkv(self.norm1(x)).split(width, -1)
        )
        q, k = q * cos + _turned(q) * sin, k * cos + _turned(k) * sin
        seen = attention(q, k, v, mask)
        x = x + self.out(seen.transpose(1, 2).reshape(rows, length, width))
        gate, up = self.up(self.norm2(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Model(nn.Module):
    """Token ids to logits. What a block writes starts at zero; `start.structured` gives it a first content."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(shape.vocab, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width, shape.epsilon)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                nn.init.normal_(weight, 0, 0.5 if "embed" in name else 1 / math.sqrt(weight.shape[1]))
            elif "bias" in name:
                nn.init.zeros_(weight)
        for block in self.blocks:
            nn.init.zeros_(block.get_parameter("out.weight"))
            nn.init.zeros_(block.get_parameter("down.weight"))
        nn.init.constant_(self.norm.weight, 0.15)
        cos, sin = turns(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def hidden(self, ids: torch.Tensor) -> torch.Tensor:
        """[rows, length] ids to [rows, length, width]."""
        x: Any = self.embed(ids)
        length = ids.shape[1]
        cos, sin = self.get_buffer("cos")[:length], self.get_buffer("sin")[:length]
        if torch.is_autocast_enabled(x.device.type):
            cos, sin = cos.bfloat16(), sin.bfloat16()
        mask = torch.full((length, length), -1e9, dtype=cos.dtype, device=x.device).triu(1)
        for block in self.blocks:
            x = block(x, cos, sin, mask)
        return self.norm(x)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.hidden(ids) @ self.embed.weight.T

    def loss(self, ids: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Mean cross entropy, by weight; positions of weight 0 cost no logits."""
        flat = self.hidden(ids).flatten(0, 1)
        weight = weights.flatten()
        chosen = weight.nonzero().squeeze(1)
        logits = flat[chosen] @ self.embed.weight.T.to(flat.dtype)
        each = F.cross_entropy(logits.float(), targets.flatten()[chosen], reduction="none")
        return (each * weight[chosen]).sum() / weight[chosen].sum()

    @property
    def size(self) -> int:
        """The number of parameters."""
        return sum(weight.numel() for weight in self.parameters())
