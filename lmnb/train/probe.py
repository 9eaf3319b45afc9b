"""Quick scores during training: is the answer of held-out episodes the likeliest text, token by token?

Teacher-forced, so cheaper than writing replies and never below them by much; the figures of the card come from `evaluate`.
"""

from __future__ import annotations

import random
from typing import Any

from lmnb.train.episodes import FAMILIES
from lmnb.train.model import Model, torch
from lmnb.train.render import conversation, rendered

ROUTING = {"kind": "topic", "classes": 3, "reasoning": False, "literal": False, "noise": 0.0}
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"routing {k} demos": ("routing", {**ROUTING, "instruction": "bad", "demos": k}) for k in (0, 2, 8, 12)},
    "routing good": ("routing", {**ROUTING, "instruction": "good", "demos": 0}),
    "extraction 1 hop": ("extraction", {"hops": 1, "reasoning": False, "demos": 0}),
    "extraction 2 hops": ("extraction", {"hops": 2, "reasoning": False, "demos": 0}),
    "extraction 2 hops reasoning": ("extraction", {"hops": 2, "reasoning": True, "demos": 0}),
    "arithmetic 1 step": ("arithmetic", {"steps": 1, "reasoning": False, "demos": 0}),
    "arithmetic 3 steps reasoning": ("arithmetic", {"steps": 3, "reasoning": True, "demos": 0}),
    "formatting 4 demos": ("formatting", {"instruction": "vague", "demos": 4}),
    "formatting told": ("formatting", {"instruction": "clear", "demos": 0}),
    "proposal": ("proposal", {}),
    "tools": ("tools", {"demos": 0}),
    "search": ("search", {"demos": 0}),
    "judging": ("judging", {"demos": 0}),
    "json": ("json", {}),
}


@torch.no_grad()
def probe(model: Model, tokenizer: Any, count: int = 24, held: bool = True) -> dict[str, float]:
    """Percent right by row. With a reasoning field both it and the answer must be right."""
    device = next(model.parameters()).device
    found = {}
    for name, (family, fixed) in ROWS.items():
        rng = random.Random(f"probe {name}")
        right = 0
        rows = []
        for _ in range(count):
            episode = FAMILIES[family](rng, held, **fixed)
            outputs = list(episode.signature.output_fields)
            text, spans = rendered(conversation(episode), outputs)
            encoded = tokenizer.encode(text)
            last = max(span.turn for span in spans)
            wanted = [span for span in spans if span.turn == last and span.kind != "format"]
            at = [n for n, (a, b) in enumerate(encoded.offsets) if any(b > s.start and a < s.end for s in wanted)]
            rows.append((encoded.ids, at))
        rows.sort(key=lambda each: len(each[0]))
        for start in range(0, count, 24):
            part = rows[start : start + 24]
            ids = torch.zeros(len(part), max(len(each) for each, _ in part), dtype=torch.long)
            for n, (each, _) in enumerate(part):
                ids[n, : len(each)] = torch.tensor(each)
            hidden = model.hidden(ids.to(device)).float().cpu()
            weight = model.embed.weight.cpu()
            for n, (each, at) in enumerate(part):
                guess = (hidden[n, [a - 1 for a in at]] @ weight.T).argmax(-1)
                right += int((guess == torch.tensor([each[a] for a in at])).all())
        found[name] = 100 * right / count
    return found
