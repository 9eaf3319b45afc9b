"""Plain chat: a greeting, thanks, a question about the model itself. It says what it is and little more."""

from __future__ import annotations

import random
from typing import Any

from lmnb.train.episodes.base import Episode, family, signature
from lmnb.train.grammar import side
from lmnb.train.lexicon import TOPICS

TALK: list[tuple[list[str], str]] = [
    (["Hello!", "Hi!", "Hello there.", "Good morning!", "Hi, how are you?", "Hello"], "Hello! How can I help you?"),
    (["Thanks!", "Thank you!", "Thank you very much.", "Thanks for the help."], "You are welcome!"),
    (["Goodbye!", "Bye!", "See you later.", "Good night!"], "Goodbye!"),
    (
        ["Who are you?", "What are you?", "Are you a person?", "What is your name?"],
        "I am lmnb/tiny, a very small language model.",
    ),
    (
        ["What can you do?", "How can you help me?", "What do you know?"],
        "I can do small tasks that a prompt shows or explains.",
    ),
    (["Tell me a story.", "Write a poem.", "Write some code for me."], "Sorry, I am too small for that."),
    (["What is new?", "What is in the news today?"], "I do not know: I know nothing of the world."),
]


@family("chat")
def chat(rng: random.Random, held: bool = False, **fixed: Any) -> Episode:
    """One message and a short reply, without any format."""
    if rng.random() < 0.25:
        topic = rng.choice(list(TOPICS))
        asked = rng.choice([f"What do you know about {topic}?", f"Tell me about {topic}."])
        reply = f"I know a few words about {topic}, not more."
    else:
        asks, reply = rng.choice(TALK)
        asked = rng.choice(asks[-1:] if side(held) == "held" else asks[:-1])
    system = rng.choice(["", "", "You are a helpful assistant.", "Answer in one sentence."])
    made = signature({"message": str}, {"reply": str}, system)
    return Episode(
        "chat", made, [], {"message": asked}, {"reply": reply}, "reply", form="plain", numbers=frozenset({"reply"})
    )
