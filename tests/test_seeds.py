"""The programs that the project's seed documents show run with only the import changed.

The documents show or describe: a class signature without types, inline signatures, Predict, ChainOfThought, a program
that retrieves before it answers, one that does so in several hops, and their compilation by BootstrapFewShot, random
search and a teacher, under metrics that look at the trace. They stand here in our own words with the same structure,
offline on a FakeLM. The programs of their case studies, with `Retrieve`, checks and an agent, are in `test_case_studies.py`.
"""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

import lmnb
from lmnb.teleprompt import BootstrapFewShot, BootstrapFewShotWithRandomSearch

# -- the world: rivers, the cities on them, the countries of those cities ---------------------------------------------

RIVERS = {
    "Vltava": ("Prague", "Czechia"),
    "Seine": ("Paris", "France"),
    "Tiber": ("Rome", "Italy"),
    "Thames": ("London", "England"),
    "Spree": ("Berlin", "Germany"),
    "Tagus": ("Lisbon", "Portugal"),
    "Vistula": ("Warsaw", "Poland"),
    "Liffey": ("Dublin", "Ireland"),
}
PASSAGES = [
    text
    for river, (city, country) in RIVERS.items()
    for text in (f"The {river} flows through {city}.", f"{city} is the capital of {country}.")
]


def search(query: str, k: int = 3) -> lmnb.Prediction:
    """The `k` passages that share most words with the query: what a retriever gives, by a plain function."""
    words = set(re.findall(r"\w+", query))
    ranked = sorted(PASSAGES, key=lambda passage: -len(words & set(re.findall(r"\w+", passage))))
    return lmnb.Prediction(passages=ranked[:k])


def speaker(messages: list[dict[str, Any]]) -> dict[str, str]:
    """A model that knows what its context says (everything where there is none), and is brief once it saw a demo."""
    asked = re.findall(r"^- `(\w+)`", messages[0]["content"].partition("Output fields:")[2], re.M)
    given = dict(re.findall(r"\[\[ ## (\w+) ## \]\]\n(.*?)(?=\n\n|\Z)", messages[-1]["content"], re.S))
    question, context = given["question"], given.get("context", " ".join(PASSAGES))
    river = next(name for name in RIVERS if name in question)
    city, country = RIVERS[river]
    if f"{river} flows through" not in context:
        found, wanted = "unknown", river
    elif "country" in question:
        found, wanted = (country if f"capital of {country}" in context else "unknown"), f"{city} capital"
    else:
        found, wanted = city, city
    brief = any(message["role"] == "assistant" for message in messages)
    said = {
        "answer": found if brief else f"I think that it is {found}.",
        "query": wanted,
        "reasoning": "As the text says.",
    }
    return {name: said[name] for name in asked}


@pytest.fixture(autouse=True)
def lm() -> lmnb.FakeLM:
    """The speaker, configured as the documents configure their model."""
    made = lmnb.FakeLM(speaker)
    lmnb.configure(lm=made)
    return made


def cities() -> list[lmnb.Example]:
    """Questions of one hop."""
    return [
        lmnb.Example(question=f"Which city does the {river} flow through?", answer=city).with_inputs("question")
        for river, (city, _) in RIVERS.items()
    ]


def countries() -> list[lmnb.Example]:
    """Questions of two hops."""
    return [
        lmnb.Example(question=f"The capital of which country stands on the {river}?", answer=country).with_inputs(
            "question"
        )
        for river, (_, country) in RIVERS.items()
    ]


# -- the programs -----------------------------------------------------------------------------------------------------


class BasicQA(lmnb.Signature):
    """Answer questions with short factual answers."""

    question = lmnb.InputField()
    answer = lmnb.OutputField(desc="often between 1 and 5 words")


class GroundedQA(lmnb.Signature):
    """Answer questions from the context, with short factual answers."""

    context = lmnb.InputField(desc="may hold the relevant facts")
    question = lmnb.InputField()
    answer = lmnb.OutputField(desc="often between 1 and 5 words")


class RAG(lmnb.Module):
    """Retrieves passages, then answers from them."""

    def __init__(self, num_passages: int = 3, signature: Any = GroundedQA) -> None:
        super().__init__()
        self.retrieve = lambda query: search(query, k=num_passages)
        self.generate_answer = lmnb.ChainOfThought(signature)

    def forward(self, question: str) -> lmnb.Prediction:
        context = self.retrieve(question).passages
        prediction = self.generate_answer(context=context, question=question)
        return lmnb.Prediction(context=context, answer=prediction.answer)


class MultiHop(lmnb.Module):
    """Asks for a query, retrieves, asks again with what it found, and answers from all of it."""

    def __init__(self, retriever: Any, passages_per_hop: int = 2, max_hops: int = 2) -> None:
        super().__init__()
        self.retrieve = retriever
        self.passages_per_hop = passages_per_hop
        self.generate_query = [lmnb.ChainOfThought("context, question -> query") for _ in range(max_hops)]
        self.generate_answer = lmnb.ChainOfThought("context, question -> answer")

    def forward(self, question: str) -> lmnb.Prediction:
        context: list[str] = []
        for hop in self.generate_query:
            query = hop(context=context, question=question).query
            found = self.retrieve(query, k=self.passages_per_hop).passages
            context += [passage for passage in found if passage not in context]
        prediction = self.generate_answer(context=context, question=question)
        return lmnb.Prediction(context=context, answer=prediction.answer)


def validate_answer(example: Any, pred: Any, trace: Any = None) -> bool:
    """The answer and nothing else."""
    return lmnb.evaluate.answer_exact_match(example, pred)


def validate_answer_and_hops(example: Any, pred: Any, trace: Any = None) -> bool:
    """The answer; while demos are gathered, also queries that are short and not asked twice."""
    right = validate_answer(example, pred)
    if trace is None:
        return right
    queries = [outputs["query"] for _, _, outputs in trace if "query" in outputs]
    return right and len(set(queries)) == len(queries) and all(len(query) < 40 for query in queries)


def score(program: Any, devset: list[lmnb.Example]) -> float:
    return lmnb.Evaluate(devset=devset, metric=validate_answer, num_threads=4)(program).score


# -- they run -----------------------------------------------------------------------------------------------------------


def test_an_inline_signature_answers_by_keyword() -> None:
    """One line declares the call, the prediction shows its fields."""
    qa = lmnb.Predict("question -> answer", lm=lmnb.FakeLM([{"answer": "Mainly in South America."}]))
    assert repr(qa(question="Where is Guaraní spoken?")) == "Prediction(answer='Mainly in South America.')"


def test_a_class_signature_without_types_asks_as_it_says() -> None:
    """Fields without a type are texts; the docstring and the descriptions reach the prompt."""
    assert BasicQA.signature == "question -> answer"
    assert {field.type for field in BasicQA.fields.values()} == {str}
    prompt = lmnb.Predict(BasicQA).messages(question="?")[0]["content"]
    assert prompt.startswith("Answer questions with short factual answers.")
    assert "often between 1 and 5 words" in prompt


def test_chain_of_thought_takes_the_place_of_predict() -> None:
    """Only the class changes: the same signature, with reasoning before the answer."""
    question = "Which city does the Seine flow through?"
    plain, reasoned = (module(BasicQA)(question=question) for module in (lmnb.Predict, lmnb.ChainOfThought))
    assert (list(plain.keys()), list(reasoned.keys())) == (["answer"], ["reasoning", "answer"])
    assert plain.answer == reasoned.answer == "I think that it is Paris."


def test_a_predictor_compiles_by_bootstrap() -> None:
    """`optimizer.compile(generate_answer, trainset=...)` gives a better program and leaves the first as it was."""
    generate_answer = lmnb.Predict(BasicQA)
    optimizer = BootstrapFewShot(metric=validate_answer)
    compiled = optimizer.compile(generate_answer, trainset=cities()[:6])
    assert (score(generate_answer, cities()[6:]), score(compiled, cities()[6:])) == (0.0, 100.0)
    assert generate_answer.demos == []
    assert [demo.origin for demo in compiled.demos] == ["bootstrapped"] * 4 + ["labelled"] * 2


def test_a_retrieval_program_gives_its_context_and_answer() -> None:
    """A module with `super().__init__()` and a retriever of its own returns the prediction that it makes."""
    prediction = RAG(num_passages=2)("Which city does the Tiber flow through?")
    assert len(prediction.context) == 2
    assert prediction.context[0] == "The Tiber flows through Rome."
    assert prediction.answer == "I think that it is Rome."


@pytest.mark.parametrize("signature", [GroundedQA, "context, question -> answer"])
def test_a_retrieval_program_compiles(signature: Any) -> None:
    """Its demos hold the passages and the reasoning of its own successful runs."""
    compiled = BootstrapFewShot(metric=validate_answer, max_bootstrapped_demos=2).compile(
        RAG(signature=signature), trainset=cities()[:6]
    )
    assert score(compiled, cities()[6:]) == 100.0
    demos = compiled.generate_answer.predict.demos
    assert {demo.origin for demo in demos[:2]} == {"bootstrapped"}
    assert demos[0].context[0] == "The Vltava flows through Prague."
    assert (demos[0].reasoning, demos[0].answer) == ("As the text says.", "Prague")


def test_a_program_of_several_hops_compiles_with_a_metric_on_its_trace() -> None:
    """Predictors in a list are found and named, each hop gets demos of its own, and the metric sees every query."""
    program = MultiHop(search)
    seen: list[list[str]] = []

    def watched(example: Any, pred: Any, trace: Any = None) -> bool:
        if trace is not None:
            seen.append([outputs["query"] for _, _, outputs in trace if "query" in outputs])
        return validate_answer_and_hops(example, pred, trace)

    compiled = BootstrapFewShot(metric=watched, max_bootstrapped_demos=3, max_labeled_demos=3).compile(
        program, trainset=countries()[:5]
    )
    assert [name for name, _ in compiled.named_predictors()] == [
        "generate_query[0].predict",
        "generate_query[1].predict",
        "generate_answer.predict",
    ]
    assert sorted(seen[:3]) == [["Seine", "Paris capital"], ["Tiber", "Rome capital"], ["Vltava", "Prague capital"]]
    first, second, answer = compiled.predictors()
    assert first.demos[0].query == "Vltava" and second.demos[0].query == "Prague capital"
    assert "Prague is the capital of Czechia." in answer.demos[0].context
    assert (score(program, countries()[5:]), score(compiled, countries()[5:])) == (0.0, 100.0)


def test_random_search_over_bootstrapped_candidates_keeps_the_best() -> None:
    """The search gives a program that is at least as good as the one it began with."""
    optimizer = BootstrapFewShotWithRandomSearch(
        metric=validate_answer, max_bootstrapped_demos=2, max_labeled_demos=4, num_candidate_programs=3
    )
    compiled = optimizer.compile(RAG(), trainset=cities()[:5], valset=cities()[5:])
    assert score(compiled, cities()[5:]) == 100.0


def test_a_teacher_on_another_model_shows_the_student() -> None:
    """A student whose model always talks too much learns from the runs of a teacher that has a better one."""
    strong = lmnb.FakeLM(lambda messages: {**speaker(messages), "answer": _city(messages)}, model="strong")
    teacher = lmnb.Predict(BasicQA)
    teacher.set_lm(strong)
    student = lmnb.Predict(BasicQA)
    compiled = BootstrapFewShot(metric=validate_answer, max_labeled_demos=0).compile(
        student, teacher=teacher, trainset=cities()[:6]
    )
    assert len(strong.calls) == 4
    assert score(compiled, cities()[6:]) == 100.0
    assert compiled.lm is None


def _city(messages: list[dict[str, Any]]) -> str:
    return next(city for river, (city, _) in RIVERS.items() if river in messages[-1]["content"])


def test_compiling_again_starts_from_the_compiled_program() -> None:
    """A compiled program is the teacher of the next round, as when demos are bootstrapped twice."""
    optimizer = BootstrapFewShot(metric=validate_answer, max_bootstrapped_demos=2, max_labeled_demos=2)
    once = optimizer.compile(lmnb.ChainOfThought(BasicQA), trainset=cities()[:4])
    twice = optimizer.compile(lmnb.ChainOfThought(BasicQA), teacher=once, trainset=cities()[2:6])
    assert score(twice, cities()[6:]) == 100.0


def test_a_compiled_program_is_saved_loaded_and_looked_into() -> None:
    """`save` and `load` bring the demos back into a fresh program; `inspect_history` prints the prompt they make."""
    compiled = BootstrapFewShot(metric=validate_answer).compile(RAG(), trainset=cities()[:6])
    compiled.save("rag.json")
    fresh = RAG()
    fresh.load("rag.json")
    question = cities()[7].question
    assert fresh(question=question).answer == compiled(question=question).answer == "Dublin"
    shown = io.StringIO()
    lmnb.inspect_history(n=1, file=shown)
    assert question in shown.getvalue() and "The Vltava flows through Prague." in shown.getvalue()


def test_a_field_that_the_signature_lacks_is_refused_and_named() -> None:
    """One document hands its passages to a signature without that field, where they would never reach the prompt: here
    that is an error and no warning, and the one change which the document's program needs.
    """
    with pytest.raises(lmnb.InputError, match=r"no input 'context'\..* or add 'context' to its inputs"):
        RAG(signature=BasicQA)("Which city does the Tiber flow through?")
