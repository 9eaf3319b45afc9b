"""Dense sequences: many short labelled lines in one text. They teach matching and copying faster than whole episodes do."""

from __future__ import annotations

import random

from lmnb.train.episodes.arithmetic import story, sums
from lmnb.train.episodes.base import pick
from lmnb.train.episodes.facts import KIN, RELATIONS, ask, facts_about, link, people
from lmnb.train.episodes.labels import field_names, labels
from lmnb.train.episodes.routing import FIELDS, instruct
from lmnb.train.grammar import capital, message
from lmnb.train.lexicon import ADVERBS, ALL_NOUNS, TOPICS, TRAIN
from lmnb.train.render import ASSISTANT, STOP, SYSTEM, USER, Span

Text = tuple[str, list[Span]]


def lines(rng: random.Random, length: int) -> Text:
    """Words and their label, line after line, in the turns of a chat or as `words => label`; `length` in characters."""
    count = rng.choice([2, 2, 3, 3, 3, 4, 5, 6])
    kind = pick(rng, {"topic": 6, "pool": 2.5, "pair": 1.5, "key": 1})
    topics: list[str] = []
    if kind == "topic":
        topics = rng.sample(list(TOPICS), count)
        pools = [[noun.singular for noun in TOPICS[topic]] for topic in topics]
    elif kind == "key":
        count = rng.choice([4, 6, 8, 10])
        pools = [[word] for word in rng.sample([*TRAIN.words, *TRAIN.names], count)]
    else:
        size = 4 if kind == "pool" else 2
        drawn = rng.sample([noun.singular for noun in ALL_NOUNS], count * size)
        pools = [drawn[at * size : (at + 1) * size] for at in range(count)]
    names = labels(rng, False, count)
    i, o = field_names(rng, False, FIELDS)
    turn = (f"{USER}[[ ## {i} ## ]]\n ", f"{STOP}{ASSISTANT}[[ ## {o} ## ]]\n ", f"\n \n[[ ## completed ## ]]{STOP}")
    before, between, after = pick(rng, {turn: 6, (" ", " => ", "\n"): 1, (" ", ": ", "\n"): 1})
    text, spans, seen = "", [], set()
    if kind == "topic" and rng.random() < 0.5:  # an instruction says what every label means
        classes = [(topic, TOPICS[topic]) for topic in topics]
        text = f"{SYSTEM} {instruct(rng, 'good', False, classes, names, i, o)}{STOP}".replace("\n", "\n ")
        seen = set(range(count))
    while len(text) < length:
        at = rng.randrange(count)
        words = rng.sample(pools[at], min(len(pools[at]), rng.choice([1, 2, 2, 3])))
        said = " ".join(words)
        if kind == "topic" and rng.random() < 0.35:
            said = message(rng, rng.sample(TOPICS[topics[at]], 2), TRAIN, False)
        elif kind != "key" and rng.random() < 0.3:
            said = f"{rng.choice(ADVERBS)} {said}"
        text += before + said + between
        if at in seen:
            spans.append(Span(len(text), len(text) + len(names[at]), "label", 0))
        seen.add(at)
        text += names[at] + after
    return text, spans


def arithmetic_lines(rng: random.Random, length: int) -> Text:
    """Chains of sums; every number after an equals sign is learned."""
    text, spans = "", []
    while len(text) < length:
        text += f" {sums(rng)}\n"
    at = text.find("= ")
    while at >= 0:
        spans.append(Span(at + 1, text.index(".", at) + 1, "label", 0))
        at = text.find("= ", at + 1)
    return text, spans


def topic_words(rng: random.Random, length: int) -> Text:
    """Words of one topic side by side, with its name: what belongs together."""
    said: list[str] = []
    while sum(map(len, said)) < length:
        topic = rng.choice(list(TOPICS))
        words = [
            rng.choice([n.singular, n.plural or n.singular]) for n in rng.sample(TOPICS[topic], rng.choice([3, 4, 6]))
        ]
        shape = rng.random()
        line = f"{', '.join(words)}"
        said.append(
            f"{capital(topic)}: {line}."
            if shape < 0.4
            else f"{capital(line)}: {topic}."
            if shape > 0.7
            else f"{capital(line)}."
        )
    text = " " + " ".join(said)
    return text, [Span(0, len(text), "weak", 0)]


def answers(rng: random.Random, length: int) -> Text:
    """Facts about some people, then question after question about them, one and two hops, with their answers."""
    names = people(rng, False, rng.choice([3, 4, 5, 6]))
    told = [
        fact
        for relation in rng.sample(list(RELATIONS), rng.choice([1, 2, 3]))
        for fact in facts_about(rng, False, names, relation)
    ]
    links = [
        (name, rng.choice(KIN), rng.choice([each for each in names if each != name]))
        for name in rng.sample(names, rng.choice([0, 1, 2, 3, 3]))
    ]
    linked = {f"the {kin} of {name}": link(rng, False, kin, name, other) for name, kin, other in links}
    sentences = [fact.text for fact in told] + list(linked.values())
    rng.shuffle(sentences)
    worked, then = rng.random() < 0.4, "\n \n[[ ## answer ## ]]\n "  # the facts that lead there, before the answer
    text, spans = f" {' '.join(sentences)}\n", []
    turn = (
        f"{USER}[[ ## question ## ]]\n ",
        f"{STOP}{ASSISTANT}[[ ## answer ## ]]\n ",
        f"\n \n[[ ## completed ## ]]{STOP}",
    )
    before, between, after = pick(rng, {turn: 1, (" ", " => ", "\n"): 1})
    if worked:
        between = between.replace("answer", "reasoning")
        then = then if before != " " else " => "
    while len(text) < length:
        if links and not worked and rng.random() < 0.25:
            name, kin, other = rng.choice(links)
            text += before + f"Who is the {kin} of {name}?" + between
            spans.append(Span(len(text), len(text) + len(other), "label", 0))
            text += other + after
            continue
        fact = rng.choice(told)
        asked = [f"the {kin} of {name}" for name, kin, other in links if other == fact.name]
        who = rng.choice(asked) if asked and rng.random() < 0.7 else fact.name
        text += before + ask(rng, False, fact.relation, who) + between
        if worked:
            said = f"{linked[who]} {fact.text}" if who in linked else fact.text
            spans.append(Span(len(text), len(text) + len(said), "label", 0))
            text += said + then
        spans.append(Span(len(text), len(text) + len(fact.value), "label", 0))
        text += fact.value + after
    return text, spans


def stories(rng: random.Random, length: int) -> Text:
    """Short stories of sums, each followed by its steps worked out and mostly by its result."""
    text, spans = "", []
    turn = (
        f"{USER}[[ ## question ## ]]\n ",
        f"{STOP}{ASSISTANT}[[ ## reasoning ## ]]\n ",
        "\n \n[[ ## answer ## ]]\n ",
        f"\n \n[[ ## completed ## ]]{STOP}",
    )
    before, between, then, after = pick(rng, {turn: 1, (" ", " => ", " => ", "\n"): 1})
    steps = rng.choice([[1], [1, 2], [1, 2, 3], [2, 3, 4]])
    while len(text) < length:
        asked, worked, total = story(rng, False, rng.choice(steps))
        for shown, said in ((before + asked + between, worked), (then, str(total))):
            text += shown
            spans.append(Span(len(text), len(text) + len(said), "label", 0))
            text += said
        text += after
    return text, spans


DENSE = {"lines": lines, "sums": arithmetic_lines, "topics": topic_words, "answers": answers, "stories": stories}
