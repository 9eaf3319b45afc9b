"""T5-style students: a randomly initialised tiny T5 that is asked, trained, saved and loaded again, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb.train.seq2seq import fit

transformers = pytest.importorskip("transformers", reason="the extra seq2seq is not installed")
tokenizers = pytest.importorskip("tokenizers", reason="the extra seq2seq is not installed")

COLOURS = {"sky": "blue", "grass": "green", "coal": "black", "snow": "white"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A T5 of 90,000 random weights and a tokenizer of words, as `save_pretrained` writes them."""
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel(unk_token="<unk>"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    signs = ["<pad>", "</s>", "<unk>"]
    prompt = lmnb.Predict("thing -> colour").messages(thing="x")
    texts = [message["content"] for message in prompt] + [*COLOURS, *COLOURS.values()]
    words.train_from_iterator(texts, tokenizers.trainers.WordLevelTrainer(special_tokens=signs))
    end = words.token_to_id("</s>")
    words.post_processor = tokenizers.processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", end)])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    config = transformers.T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        dropout_rate=0.0,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=end,
    )
    place = tmp_path_factory.mktemp("t5") / "tiny-t5"
    transformers.T5ForConditionalGeneration(config).save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


def right(example: Any, made: Any, trace: Any = None) -> bool:
    return made.colour == example.colour


def test_a_t5_student_is_fine_tuned_saved_and_loaded_again(folder: Path) -> None:
    """A T5 that answers nothing right learns four colours from a teacher, and its program file brings the weights back."""
    data = [lmnb.Example(thing=thing, colour=colour).with_inputs("thing") for thing, colour in COLOURS.items()]
    asked = {thing: {"colour": colour} for thing, colour in COLOURS.items()}
    student = lmnb.Predict("thing -> colour", lm=lmnb.Seq2SeqLM(folder, max_tokens=8))
    teacher = lmnb.Predict("thing -> colour", lm=lmnb.DummyLM(asked))
    optimizer = lmnb.BootstrapFinetune(right, train_kwargs={"epochs": 120, "rate": 0.005, "batch_size": 4})
    run = optimizer.start(student, teacher=teacher, trainset=data, valset=data, num_threads=1)
    tuned = run.wait(120)
    assert [candidate.score for candidate in run.candidates] == [0.0, 100.0]
    loaded = lmnb.load(run.path / "program.json")
    assert [loaded(thing=thing).colour for thing in COLOURS] == list(COLOURS.values())
    assert loaded.lm.weights == tuned.lm.weights and loaded.lm is not tuned.lm
    again = lmnb.reopen(run.path).replay()
    assert again.lm.weights == tuned.lm.weights
    call = loaded(thing="sky").trace.find(1).data
    assert loaded.lm.count_tokens(call["messages"]) == call["usage"]["prompt_tokens"]


def test_a_training_that_ends_early_leaves_the_threads_of_torch(folder: Path, tmp_path: Path) -> None:
    """A small model is trained by one thread; what ends it, such as a run that is stopped, gives the others back."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()

    def ended(done: float, loss: float) -> None:
        raise lmnb.Cancelled("the run ends")

    record = {"messages": [{"role": "user", "content": "sky"}, {"role": "assistant", "content": "blue"}]}
    torch.set_num_threads(3)
    try:
        with pytest.raises(lmnb.Cancelled):
            fit(folder, [record], tmp_path / "out", told=ended)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_model_that_is_not_there_says_what_to_give(tmp_path: Path) -> None:
    """Nothing is downloaded: a name that is in no folder is an error which says how to fetch it."""
    with pytest.raises(lmnb.ModelNotFound, match=r"(?s)nobody/nothing.*download=True"):
        lmnb.Seq2SeqLM("nobody/nothing", cache=False)("hello")
