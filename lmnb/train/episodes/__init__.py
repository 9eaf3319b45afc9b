"""Task families of the curriculum: one file each, registered by name in `FAMILIES`."""

from lmnb.train.episodes import (
    arithmetic,
    chat,
    extraction,
    formatting,
    judging,
    proposal,
    routing,
    structured,
    tools,
)
from lmnb.train.episodes.base import FAMILIES, Episode

__all__ = [
    "FAMILIES",
    "Episode",
    "arithmetic",
    "chat",
    "extraction",
    "formatting",
    "judging",
    "proposal",
    "routing",
    "structured",
    "tools",
]
