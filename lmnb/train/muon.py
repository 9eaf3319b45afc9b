"""Muon: momentum whose step is made orthogonal by a Newton-Schulz iteration (Jordan et al. 2024), for weight matrices."""

from __future__ import annotations

from typing import Any

from lmnb.train.model import torch


def orthogonal(matrices: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """The nearest orthogonal matrices, roughly, of a stack [count, rows, columns]."""
    x = matrices.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        square = x @ x.mT
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return (x.mT if tall else x).float()


class Muon:
    """Matrices of one shape are stacked, so that a step is a few large products."""

    def __init__(self, weights: list[Any], momentum: float = 0.95, decay: float = 0.01) -> None:
        self.groups: dict[tuple[int, ...], list[Any]] = {}
        for weight in weights:
            self.groups.setdefault(tuple(weight.shape), []).append(weight)
        self.momentum, self.decay = momentum, decay
        self.buffers = [torch.zeros(len(group), *shape, device=group[0].device) for shape, group in self.groups.items()]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One step; takes the gradients away."""
        for (shape, group), buffer in zip(self.groups.items(), self.buffers, strict=True):
            gradient = torch.stack([weight.grad for weight in group])
            buffer.lerp_(gradient, 1 - self.momentum)
            update = orthogonal(gradient.lerp(buffer, self.momentum)) * max(1.0, shape[0] / shape[1]) ** 0.5
            for weight, change in zip(group, update, strict=True):
                weight.mul_(1 - rate * self.decay).add_(change, alpha=-rate)
                weight.grad = None
