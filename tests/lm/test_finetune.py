"""`lm.finetune`: jobs at a provider, and what goes wrong with them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from finetuning_server import FinetuningServer

import lmnb
from lmnb.lm.weights import found

RECORDS = [{"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Ahoy"}]}]


@pytest.fixture
def server() -> Iterator[FinetuningServer]:
    made = FinetuningServer()
    yield made
    made.close()


@pytest.fixture
def hosted(server: FinetuningServer, secret: str) -> Callable[..., lmnb.LM]:
    """Makes an LM at the stand-in server, which is asked after a job without a pause."""

    def make(**options: Any) -> lmnb.LM:
        asked = {"poll": 0.01, "n_epochs": 2, "suffix": "mine"}
        return lmnb.LM("openai/base", api_base=server.url, api_key=secret, cache=False, train_kwargs=asked, **options)

    return make


def test_a_hosted_job_gives_an_lm_of_the_new_model(
    server: FinetuningServer, hosted: Callable[..., lmnb.LM], secret: str
) -> None:
    """Records are uploaded, a job is begun and asked after, and the LM that it made keeps endpoint, key and options."""
    server.finish()
    lm = hosted(temperature=0.5, finetuning_model="openai/base-2")
    job = lm.finetune(RECORDS, "chat", {"batch_size": 4})
    tuned = job.result(30)
    assert tuned.model == "openai/ft:base-2:ftjob-1" and tuned("Hello") == ["Ahoy"] and tuned("Bye") == ["no idea"]
    assert tuned.kwargs["temperature"] == 0.5 and job.status() == "succeeded"
    asked = server.jobs["ftjob-1"]
    assert (asked["model"], asked["suffix"], asked["training_file"]) == ("base-2", "mine", "file-1")
    assert asked["hyperparameters"] == {"n_epochs": 2, "batch_size": 4}
    assert server.files["file-1"] == [RECORDS[0]["messages"]] and server.keys == {f"Bearer {secret}"}


def test_options_of_training_are_never_sent_with_a_request(hosted: Callable[..., lmnb.LM]) -> None:
    """finetuning_model, launch_kwargs and train_kwargs are the LM's own: no request and no file holds them."""
    lm = hosted(finetuning_model="openai/base-2", launch_kwargs={"x": 1})
    assert lm.copy(temperature=1.0).finetuning_model == "openai/base-2" and lm.train_kwargs is not None
    assert not {"finetuning_model", "launch_kwargs", "train_kwargs"} & {*lm.kwargs, *lm.dump_state()}
    assert lm.launch() is None and lm.kill() is None


def test_a_job_that_fails_says_why(server: FinetuningServer, hosted: Callable[..., lmnb.LM]) -> None:
    """What the provider says of a failed job is in the error."""
    server.fails = ("failed", "the file has 1 example, and 10 are needed")
    server.finish()
    job = hosted().finetune(RECORDS)
    with pytest.raises(lmnb.LMError, match=r"'ftjob-1' of 'openai/base' has failed: the file has 1 example"):
        job.result(30)
    assert job.status() == "failed"


def test_a_refused_upload_is_an_error_without_the_key(
    server: FinetuningServer, hosted: Callable[..., lmnb.LM], secret: str
) -> None:
    """A provider's refusal comes as an error of ours, with the key taken out of its text."""
    server.refuses = (401, f"Incorrect API key provided: {secret}")
    with pytest.raises(lmnb.AuthError) as caught:
        hosted().finetune(RECORDS).result(30)
    assert secret not in str(caught.value) and "[secret]" in str(caught.value)


def test_a_cancelled_job_is_cancelled_at_the_provider(server: FinetuningServer, hosted: Callable[..., lmnb.LM]) -> None:
    """cancel() tells the provider, and the result is Cancelled."""
    job = hosted().finetune(RECORDS)
    while not server.jobs:
        time.sleep(0.01)
    job.cancel()
    with pytest.raises(lmnb.Cancelled):
        job.result(30)
    assert server.jobs["ftjob-1"]["status"] == "cancelled" and job.status() == "cancelled"


@pytest.mark.parametrize(
    ("records", "words"),
    [([], "no record"), ([{"messages": []}], "record 0 does not end"), ([{"prompt": "x"}], "record 0 does not end")],
)
def test_records_that_teach_nothing_are_refused(records: list[Any], words: str) -> None:
    """An empty list, or a record without a reply, is named before anything is trained."""
    with pytest.raises(lmnb.InputError, match=words):
        lmnb.FakeLM().finetune(records)


def test_an_lm_without_a_trainer_says_so() -> None:
    """An LM of one's own that names no trainer cannot be fine-tuned, and the error says what it lacks."""
    with pytest.raises(lmnb.InputError, match="has no trainer"):
        lmnb.BaseLM("mine").finetune(RECORDS)


def test_weights_of_another_model_are_not_taken_for_those_asked_for(tmp_path: Any) -> None:
    """The same records on another `finetuning_model` are another training, and so they are on a model that changed under its name."""

    class Versioned(lmnb.FakeLM):
        version = "1"

        def cache_scope(self) -> str:
            return self.version

    lm, names = Versioned(), set()
    for model, version in [("a", "1"), ("b", "1"), ("a", "2")]:
        lm.finetuning_model, lm.version = model, version
        names.add(lm.finetune(RECORDS, folder=tmp_path).result(30).model)
    assert len(names) == 3


def test_a_trained_lm_is_saved_by_name_and_hash(tmp_path: Any) -> None:
    """A program file holds the bare name of the weights and their hash; they are found beside it, and only they."""
    lm = lmnb.FakeLM(lambda messages: "no idea")
    tuned = lm.finetune(RECORDS, folder=tmp_path / "weights").result(30)
    program = lmnb.Predict("question -> answer", lm=tuned)
    program.save(tmp_path / "program.json")
    state = json.loads((tmp_path / "program.json").read_text())["predictors"]["self"]["lm"]
    assert state["class"] == "RecallingLM" and "/" not in state["model"] and len(state["weights"]) == 64
    assert lmnb.load(tmp_path / "program.json").lm == tuned
    weights = next((tmp_path / "weights").iterdir())
    weights.write_text(weights.read_text().replace("Ahoy", "Evil"))
    with pytest.warns(UserWarning, match="its content is another"):
        other = lmnb.load(tmp_path / "program.json")
    with pytest.raises(lmnb.LMNotConfigured, match=r"were not found in .* Put the file that training wrote"):
        other.lm("Hello")
    assert other.lm.dump_state() == tuned.dump_state()  # saving it again loses nothing


@pytest.mark.parametrize("name", ["../weights.json", "/etc/passwd", "..", "a/b.json", ""])
def test_no_file_names_weights_outside(name: Any, tmp_path: Any) -> None:
    """A name that is more than a file's plain name is refused, wherever it points."""
    with pytest.raises(lmnb.SaveError, match="not the plain name of a file"):
        found(name, "0" * 64, tmp_path)
    with pytest.raises(lmnb.SaveError, match="none"):
        found("tiny.gguf", "not a hash", tmp_path)
    for kind in (lmnb.LM, lmnb.RecallingLM, lmnb.Seq2SeqLM):
        with pytest.raises(lmnb.SaveError, match="not the plain name of a file"):
            kind.load_state({"model": name, "weights": "0" * 64}, folder=tmp_path)
