"""The task generator: the same for the same seed, divided, and in English."""

from __future__ import annotations

import random
import re

import pytest

from lmnb.data import tickets
from lmnb.train.dense import DENSE
from lmnb.train.episodes import FAMILIES
from lmnb.train.episodes.arithmetic import story
from lmnb.train.episodes.labels import label
from lmnb.train.episodes.routing import GOOD, composed
from lmnb.train.episodes.wordings import LINKS, RELATIONS, link, says
from lmnb.train.grammar import MESSAGES, capital
from lmnb.train.lexicon import HELD, TRAIN, vocabulary
from lmnb.train.render import conversation


def episodes(family: str, held: bool, count: int = 40) -> list[list[tuple[str, str]]]:
    rng = random.Random(f"test {family}")
    return [conversation(FAMILIES[family](rng, held)) for _ in range(count)]


@pytest.mark.parametrize("family", FAMILIES)
def test_episodes_are_the_same_for_the_same_seed(family: str) -> None:
    """Two generators with one seed write the same conversations."""
    assert episodes(family, False) == episodes(family, False)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_conversation_ends_with_the_reply(family: str) -> None:
    """A conversation alternates user and assistant turns and ends with the assistant's."""
    for turns in episodes(family, True):
        roles = [role for role, _ in turns if role != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)


def test_the_two_sides_of_the_lists_share_nothing() -> None:
    """Names, cities, jobs, labels, things, items and nouns are on one side each."""
    for kind in ("names", "cities", "jobs", "labels", "things", "items", "words"):
        assert not set(getattr(TRAIN, kind)) & set(getattr(HELD, kind))
    assert not set(MESSAGES["train"]) & set(MESSAGES["held"])


def test_each_step_of_a_story_has_a_number_of_its_own() -> None:
    """No number is said twice in a problem, and its steps end at the result."""
    rng = random.Random(4)
    for _ in range(300):
        question, worked, total = story(rng, False, 4)
        said = re.findall(r"\d+", question)
        assert len(set(said)) == len(said) == 5
        for a, sign, b, after in re.findall(r"(\d+) ([+-]) (\d+) = (\d+)", worked):
            assert int(after) == int(a) + (int(b) if sign == "+" else -int(b))
        assert worked.endswith(f"= {total}.")


def test_held_labels_stand_in_no_training_text() -> None:
    """No label that evaluation draws is a word of a conversation that training draws."""
    rng = random.Random(1)
    held = {label(rng, True).lower() for _ in range(2000)}
    texts = [text for f in FAMILIES for turns in episodes(f, False) for _, text in turns]
    texts += [make(rng, 700)[0] for make in DENSE.values() for _ in range(40)]
    texts += [label(rng, False) for _ in range(5000)]
    assert not held & set(re.findall(r"\w+", " ".join(texts).lower()))


def test_no_held_wording_is_composed_in_training() -> None:
    """What training says of people and asks of labels is composed of parts, and never comes out as a held wording does."""
    rng = random.Random(6)
    facts = [says(rng, False, relation, "Nora", "X") for relation in RELATIONS for _ in range(1500)]
    links = [link(rng, False, "boss", "Nora", "Bob") for _ in range(5000)]
    for relation, table in RELATIONS.items():
        held = [capital(text.format(n="Nora", v="X", an_v="a X")) for text in table["says"]["held"]]
        assert not [text for text in facts for wording in held if wording in text], relation
    assert not {text.format(r="boss", n="Nora", m="Bob") for text in LINKS["held"]} & set(links)
    bids = {composed(rng)[1].replace("{v}", bid) for _ in range(5000) for bid in ("choose", "use", "say")}
    assert not {each for _, each, _ in GOOD["held"]} & {*bids, *(capital(bid) for bid in bids)}


def test_no_sentence_template_is_one_of_the_tickets() -> None:
    """No ticket of the first notebook could come out of one of the generator's templates."""
    forms = [re.sub(r"\\{\w+\\}", r"[\\w-]+", re.escape(each)) for side in MESSAGES.values() for each in side]
    forms = [re.compile(form + r"\Z", re.IGNORECASE) for form in forms]
    assert any(form.match("My question is about the bill.") for form in forms)
    assert not [row.ticket for part in tickets() for row in part if any(form.match(row.ticket) for form in forms)]


def test_articles_agree_and_marks_stand_at_words() -> None:
    """No `a invoice`, no ` .`, in any routing message."""
    for turns in episodes("routing", False, 300):
        for role, text in turns:
            if role == "user":
                assert not re.search(r"\ba [aei]\w+| [.,?!]|\ban [bcdfgjklmnpqrstvwxz]", text), text


def test_the_vocabulary_has_two_to_four_thousand_words() -> None:
    """The lexicon is of the size that the model is made for."""
    assert 2000 <= len(vocabulary()) <= 4000
