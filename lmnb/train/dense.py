"""Dense sequences: many short labelled lines in one text. They teach matching and copying faster than whole episodes do."""

from __future__ import annotations

import random

from lmnb.train.episodes.arithmetic import story, sums
from lmnb.train.episodes.base import pick
from lmnb.train.episodes.facts import facts_about, people
from lmnb.train.episodes.labels import field_names, invented_word, labels
from lmnb.train.episodes.relations import KIN, RELATIONS
from lmnb.train.episodes.routing import FIELDS, instruct
from lmnb.train.episodes.wordings import ask, filler, link
from lmnb.train.grammar import capital, message
from lmnb.train.lexicon import ADVERBS, ALL_NOUNS, TOPICS, TRAIN, VERB_FORMS
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
    worked, then = rng.random() < 0.6, "\n \n[[ ## answer ## ]]\n "  # the facts that lead there, before the answer
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


def quotes(rng: random.Random, length: int) -> Text:
    """Sentences of any words about some people, then what is said of one after the other: to copy what stands there."""
    names = people(rng, False, rng.choice([3, 4, 5]))
    said = {name: _about(rng, name) for name in names}
    text, spans = f" {' '.join(rng.sample(list(said.values()), len(said)))}\n", []
    asks = rng.choice(["What is said of {n}?", "{n}?", "Tell me about {n}.", "What about {n}?"])
    header = rng.choice(["said", "quote", "sentence", "passage", "evidence"])
    turn = (
        f"{USER}[[ ## question ## ]]\n ",
        f"{STOP}{ASSISTANT}[[ ## {header} ## ]]\n ",
        f"\n \n[[ ## completed ## ]]{STOP}",
    )
    before, between, after = pick(rng, {turn: 1, (" ", " => ", "\n"): 1})
    while len(text) < length:
        chosen = rng.sample(names, rng.choice([1, 1, 2]))
        text += before + asks.format(n=" and ".join(chosen)) + between
        answer = " ".join(said[name] for name in chosen)
        spans.append(Span(len(text), len(text) + len(answer), "label", 0))
        text += answer + after
    return text, spans


def _about(rng: random.Random, name: str) -> str:
    verb, noun, other = rng.choice(VERB_FORMS), rng.choice(ALL_NOUNS).singular, rng.choice(TRAIN.words)
    with_ = rng.choice(["with", "for", "near", "of", "as", "after", "before", "without", "under"])
    return rng.choice(
        [
            f"{name} {verb[1]} the {noun}.",
            f"{name} {rng.choice(VERB_FORMS)[2]} {verb[2]} {noun}.",
            f"The {noun} {with_} {name} {verb[2]} {filler(rng)} {other}.",
            f"{capital(filler(rng))} {name} {verb[1]} {with_} {other}.",
            f"{capital(other)} {verb[1]} {name} {filler(rng)}.",
            f"{name} {verb[1]} {other} {with_} a {noun}.",
            f"{capital(with_)} the {noun} {name} {verb[2]} {invented_word(rng)}.",
            f"{name} is {filler(rng)} the {noun} {with_} {other}.",
        ]
    )


def headers(rng: random.Random, length: int) -> Text:
    """Short prompts, each with field names of its own, and replies that stand under just these headers."""
    text, spans = "", []
    while len(text) < length:
        given, *asked = dict.fromkeys(name for _ in range(2) for name in field_names(rng, False, FIELDS))
        asked = asked[: rng.choice([1, 1, 1, 2, 3])]
        values = [rng.choice([*TRAIN.words, *TRAIN.names]) if rng.random() < 0.6 else invented_word(rng) for _ in asked]
        fields = "".join(f"\n - `{name}` (str)" for name in asked)
        form = "".join(f"\n \n[[ ## {name} ## ]]\n {{{name}}}" for name in asked)
        ask = ", then ".join(f"`[[ ## {name} ## ]]`" for name in [*asked, "completed"])
        kind = rng.random()
        if kind < 0.6:
            text += f"{SYSTEM} {rng.choice(ADVERBS)}\n \n Output fields:{fields}"
        if kind < 0.3:
            rule = "Write each output field under its own header, in this order and nothing else:"
            text += f"\n \n {rule}\n {form[2:]}\n \n[[ ## completed ## ]]"
        text += STOP if kind < 0.6 else ""
        text += f"{USER}[[ ## {given} ## ]]\n {' '.join(values)}"
        text += f"\n \n Reply with {ask}.{STOP}{ASSISTANT}" if kind > 0.2 else f"{STOP}{ASSISTANT}"
        parts = [f"[[ ## {name} ## ]]\n {value}" for name, value in zip(asked, values, strict=True)]
        reply = "\n \n".join([*parts, f"[[ ## completed ## ]]{STOP}"])
        spans.append(Span(len(text), len(text) + len(reply), "label", 0))
        text += reply
    return text, spans


DENSE = {
    "lines": lines,
    "sums": arithmetic_lines,
    "topics": topic_words,
    "answers": answers,
    "stories": stories,
    "quotes": quotes,
    "headers": headers,
}
