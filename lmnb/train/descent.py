"""One step of learning: Muon for the weight matrices, Adam for embeddings, norms and biases."""

from __future__ import annotations

from typing import Any

from lmnb.train.model import Model, torch
from lmnb.train.muon import Muon


class Descent:
    """Changes a model by its gradients; `muon` and `adam` are the full rates, `decay` the weight decay of matrices."""

    def __init__(self, model: Model, muon: float, adam: float, decay: float = 0.01) -> None:
        named = dict(model.named_parameters())
        matrices = [weight for name, weight in named.items() if weight.dim() == 2 and "embed" not in name]
        self.others = [weight for name, weight in named.items() if weight.dim() != 2 or "embed" in name]
        self.rates = muon, adam
        self.muon = Muon(matrices, decay=decay)
        self.adam = torch.optim.AdamW(self.others, lr=adam, betas=(0.9, 0.98), weight_decay=0.0, fused=True)

    def step(self, share: float) -> None:
        """One step at this share of the full rates; takes the gradients away."""
        muon, adam = self.rates
        torch.nn.utils.clip_grad_norm_(self.others, 1.0)
        for group in self.adam.param_groups:
            group["lr"] = adam * share
        self.muon.step(muon * share)
        self.adam.step()
        self.adam.zero_grad()

    def state(self) -> dict[str, Any]:
        """What the next step depends on beside the weights, as tensors and plain values."""
        return {"muon": self.muon.buffers, "adam": self.adam.state_dict()}

    def restore(self, state: dict[str, Any], device: str) -> None:
        """Go back, or on, to what `state` gave."""
        self.muon.buffers = [buffer.to(device) for buffer in state["muon"]]
        self.adam.load_state_dict(state["adam"])
