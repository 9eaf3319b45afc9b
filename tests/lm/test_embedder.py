"""Embedder: shapes, batches, the cache, and vectors that say something about their texts."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

import lmnb
from lmnb.data import tickets
from lmnb.lm.cache import cache

np = pytest.importorskip("numpy")


class Counting:
    """An embedding function that notes what it was given."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def __call__(self, texts: list[str]) -> Any:
        self.batches.append(texts)
        return [[len(text), text.count("a")] for text in texts]


def test_shapes_and_batches() -> None:
    """A list gives a row a text, a text gives one vector; batches are no larger than asked, a text twice goes once."""
    function = Counting()
    embedder = lmnb.Embedder(function, batch_size=2)
    rows = embedder(["a", "bb", "a", "banana", "c"])
    assert rows.dtype == np.float32 and rows.tolist() == [[1, 1], [2, 0], [1, 1], [6, 3], [1, 0]]
    assert function.batches == [["a", "bb"], ["banana", "c"]]
    assert embedder("banana").tolist() == [6, 3]
    assert asyncio.run(embedder.acall(["a"])).shape == (1, 2)
    assert embedder([]).shape == (0,)


def test_the_embedded_model_tells_topics_apart() -> None:
    """The five nearest of 120 labelled tickets name the right one of three topics for at least 85 of 100 others."""
    data, embedder = tickets(), lmnb.Embedder("lmnb/tiny", caching=False)
    known, asked = (embedder([row.ticket for row in rows]) for rows in (data.train, data.test[:100]))
    assert known.shape[0] == 120 and np.allclose(np.linalg.norm(known, axis=1), 1, atol=1e-4)
    nearest = ((asked - known.mean(0)) @ (known - known.mean(0)).T).argsort(axis=1)[:, :-6:-1]
    votes = [[data.train[index].team for index in row] for row in nearest]
    right = [max(vote, key=vote.count) == row.team for vote, row in zip(votes, data.test, strict=False)]
    assert sum(right) >= 85


def test_what_was_embedded_before_comes_from_the_cache() -> None:
    """The same vectors come back without the model, and `caching=False` asks it again."""
    embedder = lmnb.Embedder("lmnb/tiny")
    first = embedder(["where is the parcel"])
    puts = cache.stats()["puts"]
    assert (lmnb.Embedder("lmnb/tiny")(["where is the parcel"]) == first).all()
    assert cache.stats()["puts"] == puts
    assert np.allclose(embedder(["where is the parcel"], caching=False), first)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
def test_a_forked_child_has_a_server_of_its_own() -> None:
    """The threads of a server do not cross a fork, so the child starts one and gets the same vector."""
    embedder = lmnb.Embedder("lmnb/tiny", caching=False)
    here = embedder("the parcel")
    child = os.fork()
    if not child:
        signal.alarm(30)
        os._exit(0 if (embedder("the parcel") == here).all() else 3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_provider_is_asked_through_litellm(scripted: Any, secret: str) -> None:
    """Texts go to the provider in one request; a failure is one of our errors, without the key."""
    rows = [{"object": "embedding", "index": index, "embedding": [float(index), 1.0]} for index in range(2)]
    usage = {"prompt_tokens": 2, "total_tokens": 2}
    scripted.replies.append((200, {"object": "list", "data": rows, "model": "m", "usage": usage}))
    embedder = lmnb.Embedder("openai/m", api_base=scripted.url, api_key=secret, caching=False, num_retries=0)
    assert embedder(["a", "b"]).tolist() == [[0, 1], [1, 1]]
    scripted.replies.append((401, {"error": {"message": f"bad key {secret}", "type": "auth", "code": None}}))
    with pytest.raises(lmnb.AuthError) as failure:
        embedder(["a"])
    assert secret not in str(failure.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lmnb.Embedder(3), "3 is no model. Write Embedder('lmnb/tiny')"),  # type: ignore[arg-type]
        (lambda: lmnb.Embedder("lmnb/tiny", batch_size=0), "batch_size is 0; write 1 or more"),
        (lambda: lmnb.Embedder("lmnb/tiny")([1]), "an Embedder takes texts, and number 0 is 1"),  # type: ignore[list-item]
        (lambda: lmnb.Embedder("lmnb/nothing")("a"), "there is no embedded model 'nothing'"),
        (lambda: lmnb.Embedder(lambda texts: [[1.0]])(["a", "b"]), "gave 1 vectors for 2 texts"),
        (lambda: lmnb.Embedder(lambda texts: [1.0])(["a"]), "gave no vectors of numbers"),
        (lambda: lmnb.Embedder("lmnb/tiny")("word " * 5000), "a text is too long for 'lmnb/tiny', which takes 2048"),
    ],
)
def test_wrong_uses_say_what_is_wrong(make: Any, said: str) -> None:
    """Each error says what was wrong and what to write."""
    with pytest.raises(lmnb.LmnbError) as failure:
        make()
    assert said in str(failure.value)
