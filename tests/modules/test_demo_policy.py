"""Demos chosen for each input: the policy of a predictor, in calls of every form, in files, exports and cards."""

from __future__ import annotations

import asyncio
import contextvars
import importlib.util
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import lmnb

pytest.importorskip("numpy")

WORDS = ["aa", "ab", "bb", "bc", "cc"]


def letters(texts: list[str]) -> list[list[float]]:
    """A vector of letter counts for what follows the field's name."""
    return [[text.partition(": ")[2].count(letter) for letter in "abc"] for text in texts]


def speller(vectorizer: Any = letters, k: int = 2) -> lmnb.Predict:
    """A predictor with a pool of five demos, of which a prompt shows `k`."""
    made = lmnb.Predict("word -> spelled")
    made.demos = [lmnb.Example(word=word, spelled="-".join(word)) for word in WORDS]
    made.demo_policy = lmnb.NearestDemos(k, vectorizer)
    return made


def shown(call: dict[str, Any]) -> list[str]:
    """The demos of a request, in its order."""
    said = [message["content"] for message in call["messages"] if message["role"] == "assistant"]
    return [next(line for line in text.splitlines() if "-" in line and "#" not in line) for text in said]


def say(messages: Any, **_: Any) -> dict[str, str]:
    return {"spelled": "x"}


def test_the_nearest_demos_are_shown_the_nearest_last() -> None:
    """Of five demos a call shows the two that are most like its input, the better one next to the question."""
    lm = lmnb.FakeLM(say)
    with lmnb.context(lm=lm):
        speller()(word="bbb")
        speller()(word="ccb")
    assert [shown(call) for call in lm.calls] == [["a-b", "b-b"], ["c-c", "b-c"]]


def test_of_equally_near_demos_the_earlier_is_nearer() -> None:
    """Ties are broken by the place in the pool, whatever the vectors' rounding."""
    predict = speller(lambda texts: [[1.0, 0.3]] * len(texts), k=3)
    assert [demo.word for demo in predict.demos_for(word="zz")] == ["bb", "ab", "aa"]


def test_every_form_of_a_call_chooses_alike() -> None:
    """Synchronous, asynchronous and from many threads at once: the same requests."""
    predict = speller()

    def call(word: str) -> list[str]:
        lm = lmnb.FakeLM(say)
        with lmnb.context(lm=lm):
            predict(word=word)
            asyncio.run(predict.acall(word=word))
        first, second = (shown(each) for each in lm.calls)
        assert first == second and len(first) == 2
        return first

    with ThreadPoolExecutor(8) as pool:
        contexts = [contextvars.copy_context() for _ in range(40)]
        made = list(pool.map(lambda at: contexts[at].run(call, WORDS[at % 5]), range(40)))
    assert [each[-1] for each in made] == ["-".join(WORDS[at % 5]) for at in range(40)]


def test_an_awaited_call_leaves_the_event_loop_free() -> None:
    """The vectors are made in a thread: a provider that is slow holds up nobody else."""
    where: list[int] = []

    def noting(texts: list[str]) -> Any:
        where.append(threading.get_ident())
        return letters(texts)

    with lmnb.context(lm=lmnb.FakeLM(say)):
        asyncio.run(speller(noting).acall(word="aa"))
    assert where and threading.get_ident() not in where


def test_the_pool_is_embedded_once() -> None:
    """Further calls embed their own input alone, also on copies of the program; a changed pool is embedded anew."""
    texts: list[int] = []

    def counting(given: list[str]) -> Any:
        texts.append(len(given))
        return letters(given)

    predict = speller(counting)
    for each in (predict, predict, predict.deepcopy()):
        each.demos_for(word="aa")
    assert texts == [5, 1, 1, 1]
    predict.demos = predict.demos[:3]
    predict.demos_for(word="aa")
    assert texts[4:] == [3, 1]


def test_a_call_that_is_given_demos_shows_those() -> None:
    """`demos=` of a call is the caller's choice, and no policy's."""
    lm = lmnb.FakeLM(say)
    given = [lmnb.Example(word=word, spelled="-".join(word)) for word in ("xy", "yx", "yy")]
    with lmnb.context(lm=lm):
        speller()(word="aa", demos=given)
    assert shown(lm.calls[0]) == ["x-y", "y-x", "y-y"]


def test_a_step_that_a_check_asks_again_shows_the_same_demos() -> None:
    """The repaired call is told what was wrong, with the demos of the first one; no step is made twice."""

    class Checked(lmnb.Module):
        def __init__(self) -> None:
            self.spell = speller()

        def forward(self, word: str) -> Any:
            made = self.spell(word=word)
            lmnb.Assert("-" in made.spelled, "Use dashes.")
            return made

    lm = lmnb.FakeLM([{"spelled": "cb"}, {"spelled": "c-b"}])
    with lmnb.context(lm=lm):
        assert Checked()(word="cb").spelled == "c-b"
    assert "Use dashes." in lm.calls[1]["messages"][-1]["content"]
    assert [shown(call) for call in lm.calls] == [["b-b", "b-c"]] * 2


def test_it_is_saved_by_its_name_and_loads_as_it_was(tmp_path: Path) -> None:
    """The file names the embedding model and holds the pool; a fresh program sends the very same requests."""
    program, fresh = speller("lmnb/tiny"), lmnb.Predict("word -> spelled")
    program.save(tmp_path / "program.json")
    stored = json.loads((tmp_path / "program.json").read_text())["predictors"]["self"]
    assert stored["demo_policy"] == {"nearest": 2, "vectorizer": {"model": "lmnb/tiny"}} and len(stored["demos"]) == 5
    fresh.load(tmp_path / "program.json")
    lms = lmnb.FakeLM(say), lmnb.FakeLM(say)
    for made, lm in zip((program, fresh), lms, strict=True):
        with lmnb.context(lm=lm):
            made(word="cb")
    assert lms[0].calls == lms[1].calls and len(shown(lms[1].calls[0])) == 2
    assert lmnb.load(tmp_path / "program.json").demo_policy == program.demo_policy
    fresh.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (tmp_path / "program.json").read_text()
    bare = lmnb.Predict("word -> spelled")
    bare.save(tmp_path / "bare.json")
    fresh.load(tmp_path / "bare.json")
    assert fresh.demo_policy is None


def test_a_function_that_a_file_names_is_given_again(tmp_path: Path) -> None:
    """Where its code is not the one of the file, loading warns and calls say what to write; a program that has it keeps it."""
    path = tmp_path / "program.json"
    speller().save(path)
    assert lmnb.load(path).demos_for(word="bbb")[-1].word == "bb"  # this process has it
    path.write_text(path.read_text().replace(speller().demo_policy.dump_state()["vectorizer"]["hash"], "0" * 16))
    with pytest.warns(UserWarning, match=r"test_demo_policy:letters', which a file cannot bring back\. Set predictor"):
        strange = lmnb.load(path)
    with (
        lmnb.context(lm=lmnb.FakeLM(say)),
        pytest.raises(lmnb.InputError, match=r"letters', which is not known here\. Write"),
    ):
        strange(word="bb")
    own = speller(k=1)
    own.load(path)
    assert own.demo_policy.k == 2 and own.demos_for(word="bbb")[-1].word == "bb"


def test_two_functions_of_one_source_are_told_apart() -> None:
    """What a function closes over, and the values of an object that is called, count for its name in a file."""

    def weighing(weight: float) -> Any:
        return lambda texts: [[weight, 1.0] for _ in texts]

    class Weighing:
        def __init__(self, weight: float) -> None:
            self.weight = weight

        def __call__(self, texts: list[str]) -> Any:
            return [[self.weight, 1.0] for _ in texts]

    for kind in (weighing, Weighing):
        first, second = (lmnb.NearestDemos(2, kind(weight)) for weight in (1.0, 2.0))
        assert first != second
        assert lmnb.NearestDemos.load_state(first.dump_state()).vectorizer(["x"]) == [[1.0, 1.0]]


def test_no_file_holds_a_key_or_says_where_texts_are_sent() -> None:
    """The key and the endpoint of an Embedder stay in this process; elsewhere a call says what is missing."""
    own = lmnb.Embedder("openai/embed-1", api_key="sk-very-secret-key", api_base="http://localhost:1", dimensions=3)
    policy = lmnb.NearestDemos(2, own)
    state = policy.dump_state()
    assert state["vectorizer"] == {"model": "openai/embed-1", "dimensions": 3, "endpoint": "own"}
    assert lmnb.NearestDemos.load_state(state).vectorizer is own
    elsewhere = {"nearest": 2, "vectorizer": {**state["vectorizer"], "dimensions": 4}}
    lost = lmnb.NearestDemos.load_state(elsewhere)
    assert not lost.known and lost.dump_state() == elsewhere
    with pytest.raises(lmnb.InputError, match="embed-1 at an endpoint of its own', which is not known here"):
        lost.choose(speller().demos, {"word": "a"})


def test_the_name_of_a_model_in_a_file_leads_nowhere_else(tmp_path: Path) -> None:
    """A model's name can hold an address, to which texts and the reader's key would go: it is not asked."""
    speller().save(tmp_path / "program.json")
    stored = json.loads((tmp_path / "program.json").read_text())
    for vectorizer in ("huggingface/https://elsewhere/x", {"model": "huggingface/https://elsewhere/x"}):
        stored["predictors"]["self"]["demo_policy"]["vectorizer"] = vectorizer
        (tmp_path / "program.json").write_text(json.dumps(stored))
        with pytest.warns(UserWarning, match=r"https://elsewhere/x', which a file cannot bring back"):
            strange = lmnb.load(tmp_path / "program.json")
    with lmnb.context(lm=lmnb.FakeLM(say)), pytest.raises(lmnb.InputError, match="which is not known here"):
        strange(word="bb")
    with pytest.raises(lmnb.InputError, match="had an endpoint of its own"):
        lmnb.Embedder.load_state({"model": "huggingface/https://elsewhere/x"})


def test_an_embedder_that_fails_says_who_asked() -> None:
    """An error of the embedding model comes with the predictor's name, and the LM is not asked."""

    def failing(texts: list[str]) -> Any:
        raise lmnb.RateLimitError("too many texts", model="embed")

    class Outer(lmnb.Module):
        def __init__(self) -> None:
            self.spell = speller(failing)

        def forward(self, word: str) -> Any:
            return self.spell(word=word)

    lm = lmnb.FakeLM(say)
    with lmnb.context(lm=lm), pytest.raises(lmnb.RateLimitError, match="too many texts") as caught:
        Outer()(word="a")
    assert caught.value.predictor == "spell" and lm.calls == []


@pytest.mark.parametrize("vectorizer", ["lmnb/tiny", letters, lmnb.Embedder("lmnb/tiny", batch_size=7)])
def test_the_python_module_chooses_as_the_program_does(tmp_path: Path, vectorizer: Any) -> None:
    """The exported module brings a function along, and names a model."""
    program = speller(vectorizer)
    program.export(tmp_path / "spelling.py", format="python")
    spec = importlib.util.spec_from_file_location("spelling", tmp_path / "spelling.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.program.messages(word="cb") == program.messages(word="cb")
    assert module.program.demo_policy.k == 2 and len(module.program.demos) == 5


def test_the_form_of_dspy_has_no_place_for_it(tmp_path: Path) -> None:
    """A warning says that the policy is left out."""
    with pytest.warns(UserWarning, match=r"leaves out: the policy of 'self' .*NearestDemos\(2, 'lmnb/tiny'\)"):
        speller("lmnb/tiny").save(tmp_path / "dspy.json", format="dspy")


def test_card_and_prompts_say_how_demos_are_chosen() -> None:
    """A reviewer reads it on the card, in the notebook and in the exported prompts, which show the first demos in their place."""
    program = speller("lmnb/tiny")
    words = "the 2 of 5 nearest to the inputs, by lmnb/tiny"
    assert f"- `demos`: `{words}`" in program.card()
    assert words in program._repr_html_()
    prompts = program.export_prompts()
    assert f"Its demos are {words}; here stand the first of them." in prompts
    assert "a-a" in prompts and "a-b" in prompts and "c-c" not in prompts


def test_it_is_a_slot() -> None:
    """A candidate carries it as data, and a copy with another leaves the program as it was."""
    program = speller("lmnb/tiny")
    assert program.slots()["self.demo_policy"] == {"nearest": 2, "vectorizer": {"model": "lmnb/tiny"}}
    other = program.with_candidate({"self.demo_policy": {"nearest": 1, "vectorizer": {"model": "lmnb/tiny"}}})
    assert (other.demo_policy.k, program.demo_policy.k) == (1, 2)
    assert "self.demo_policy" not in program.with_candidate({"self.demo_policy": None}).slots()
    assert program.reset_copy().demo_policy is None


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("nearest", r"'nearest' is no policy of demos\. Write lmnb\.NearestDemos\(k=3\)"),
        ({"nearest": 2}, "is no policy of demos"),
        ({"nearest": 0, "vectorizer": "lmnb/tiny"}, "k is 0, and it is how many demos a prompt shows"),
        ({"nearest": 2, "vectorizer": 7}, "'vectorizer': 7} is no policy of demos"),
        ({"nearest": 2, "vectorizer": {"model": ""}}, "is no policy of demos"),
        ({"nearest": 2, "vectorizer": {"function": ["os"]}}, "is no policy of demos"),
    ],
)
def test_what_is_no_policy_is_refused(tmp_path: Path, policy: Any, words: str) -> None:
    """By the predictor, and by whoever reads a file, with the place."""
    with pytest.raises(lmnb.InputError, match=words):
        speller().demo_policy = policy
    path = tmp_path / "program.json"
    speller("lmnb/tiny").save(path)
    stored = json.loads(path.read_text())
    stored["predictors"]["self"]["demo_policy"] = policy
    path.write_text(json.dumps(stored))
    with pytest.raises(lmnb.SaveError, match=rf"predictors\['self'\]\.demo_policy: .*{words}"):
        lmnb.load(path)
