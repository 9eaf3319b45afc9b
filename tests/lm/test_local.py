"""The embedded model and GGUF files in process: same input, same reply; options; what can go wrong."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb import LM
from lmnb.lm.drive import drive

TINY = Path(str(resources.files("lmnb.lm") / "tiny" / "tiny.gguf"))
DEMOS = [
    ("Please check the refund, it has no invoice.", "otter"),
    ("We still wait for the parcel and the tracking.", "falcon"),
    ("My password did not work, and now the account is gone.", "maple"),
    ("I have a question about my payment and the receipt.", "otter"),
    ("The package came without a label.", "falcon"),
    ("Why is the login so slow?", "maple"),
]


def prompt(ticket: str, demos: int = 6, shift: int = 0) -> list[dict[str, Any]]:
    """A routing request in the chat format."""
    messages = [{"role": "system", "content": "Route the ticket to the right team.\n\nOutput fields:\n- `team` (str)"}]
    for text, team in (DEMOS[shift:] + DEMOS[:shift])[:demos]:
        messages.append({"role": "user", "content": f"[[ ## ticket ## ]]\n{text}"})
        messages.append({"role": "assistant", "content": f"[[ ## team ## ]]\n{team}\n\n[[ ## completed ## ]]"})
    ask = "Reply with `[[ ## team ## ]]`, then `[[ ## completed ## ]]`."
    return [*messages, {"role": "user", "content": f"[[ ## ticket ## ]]\n{ticket}\n\n{ask}"}]


def observed(lm: LM, messages: list[dict[str, Any]]) -> tuple[str, list[float]]:
    """The reply with the log-probability of every token of it."""
    response = drive(lm.request(messages, sync=True, logprobs=True, max_tokens=30))
    assert response.logprobs is not None
    return response.texts[0], [token["logprob"] for token in response.logprobs[0]["content"]]


@pytest.fixture
def tiny() -> LM:
    return LM("lmnb/tiny", cache=False)


def test_the_embedded_model_follows_demos(tiny: LM) -> None:
    """It routes by demos, in the chat format, without indentation."""
    (reply,) = tiny(messages=prompt("I need a refund for the invoice."))
    assert reply == "[[ ## team ## ]]\notter\n\n[[ ## completed ## ]]"


def test_same_input_same_reply_whatever_runs_beside_it() -> None:
    """Prefix reuse, order, threads and repair turns leave every log-probability bit for bit as it is."""
    plain, reusing = LM("lmnb/tiny", cache=False, prompt_cache=False, n_servers=1), LM("lmnb/tiny", cache=False)
    words = ["refund", "parcel", "password", "invoice", "login", "label", "account", "receipt"]
    asked = [
        prompt(f"Please check the {word}.", demos, shift) for word in words for demos, shift in ((6, 0), (6, 2), (3, 0))
    ]
    asked += [[*messages, {"role": "assistant", "content": "otter"}, messages[-1]] for messages in asked[:6]]
    asked += [messages[:-2] for messages in asked[:3]] + [prompt("Hello.", 0), prompt("The label. " * 20)]
    alone = [observed(plain, messages) for messages in asked]
    order = [*range(len(asked)), *reversed(range(len(asked))), *range(len(asked)), *range(len(asked))]
    random.Random(0).shuffle(order)
    with ThreadPoolExecutor(6) as pool:
        beside = list(pool.map(lambda index: observed(reusing, asked[index]), order))
    texts = [beside[at][0] == alone[index][0] for at, index in enumerate(order)]
    assert all(texts)
    exact = [beside[at][1] == alone[index][1] for at, index in enumerate(order)]
    assert all(exact)


def test_a_sampled_request_repeats_itself(tiny: LM) -> None:
    """With a temperature, the rollout id chooses the reply; the same one gives the same again, in any process."""
    first = [tiny("hello", temperature=1.5, rollout_id=number) for number in range(6)]
    assert [tiny("hello", temperature=1.5, rollout_id=number) for number in range(6)] == first
    assert len({reply for (reply,) in first}) > 1
    assert tiny("hello", temperature=1.5, seed=1) == tiny("hello", temperature=1.5, seed=1, rollout_id=9)


def test_several_completions(tiny: LM) -> None:
    """`n` sampled texts differ and repeat; usage counts them all."""
    texts = tiny("hello", temperature=1.5, n=4)
    assert len(texts) == 4 and len(set(texts)) > 1
    assert tiny("hello", temperature=1.5, n=4) == texts
    assert len(tiny("hello", n=2)) == 2


def test_options_reach_the_model(tiny: LM) -> None:
    """max_tokens, stop, logprobs and a response format do what they say."""
    messages = prompt("I need a refund.")
    response = drive(tiny.request(messages, sync=True, max_tokens=3, logprobs=True, top_logprobs=2))
    assert response.finish == "length"
    assert response.usage["completion_tokens"] == 3
    assert response.logprobs is not None and len(response.logprobs[0]["content"][0]["top_logprobs"]) == 2
    assert "completed" not in tiny(messages=messages, stop=["[[ ## completed ## ]]"])[0]
    assert tiny(messages=messages, grammar='root ::= "yes" | "no"')[0] in {"yes", "no"}
    schema = {"type": "array", "items": {"enum": [1]}, "minItems": 1}
    shape = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
    assert set(tiny(messages=messages, response_format=shape, max_tokens=20)[0]) <= set("[1, \n\t]")
    assert tiny.history[-1].cost == 0.0


def test_an_asynchronous_call_does_not_block_the_loop(tiny: LM) -> None:
    """The model computes in a thread while the loop goes on."""
    asked = [prompt(f"Please check the {word}.") for word in ("refund", "parcel", "login")]

    async def main() -> tuple[list[list[str]], int]:
        ticks = 0
        work = asyncio.gather(*[tiny.acall(messages=messages) for messages in asked * 5])
        while not work.done():
            await asyncio.sleep(0)
            ticks += 1
        return await work, ticks

    replies, ticks = asyncio.run(main())
    assert replies == [tiny(messages=messages) for messages in asked * 5]
    assert ticks > 10


def test_python_goes_on_while_the_model_computes(tiny: LM) -> None:
    """The runtime releases the interpreter."""
    counted, done = [0], threading.Event()

    def count() -> None:
        while not done.is_set():
            counted[0] += 1
            time.sleep(0.0005)

    counter = threading.Thread(target=count)
    counter.start()
    for number in range(10):
        tiny(messages=prompt("Hello. " * (20 + number)))
    done.set()
    counter.join()
    assert counted[0] > 5


def test_a_prompt_that_is_too_long(tiny: LM) -> None:
    """The error counts tokens and says what to do."""
    with pytest.raises(
        lmnb.ContextWindowError, match=r"tokens and 'lmnb/tiny' takes 2048. Use fewer or shorter demos."
    ):
        tiny("word " * 3000)


def test_a_refused_prompt_leaves_no_trace_in_the_next_reply() -> None:
    """After a prompt that was too long the server is used as if it were new."""
    lm, plain = LM("lmnb/tiny", cache=False, n_servers=1), LM("lmnb/tiny", cache=False, prompt_cache=False)
    first, second = prompt("Please check the label."), prompt("Please check the login.")
    observed(lm, first)
    with pytest.raises(lmnb.ContextWindowError):
        lm(messages=[*first[:-1], {"role": "user", "content": "word " * 3000}])
    assert observed(lm, second) == observed(plain, second)


def test_any_gguf_file(tmp_path: Path) -> None:
    """A file on disk runs through the same path, with a context of its own."""
    path = shutil.copy(TINY, tmp_path / "mine.gguf")
    lm = LM(f"gguf/{path}", n_ctx=256, max_tokens=5, cache=False)
    assert len(lm("hello")) == 1
    with pytest.raises(lmnb.ContextWindowError, match=r"takes 256\. Use fewer or shorter demos, or LM"):
        lm("word " * 400)


def test_a_missing_file_is_named() -> None:
    """The path, where it was looked for, and how to write it; also where replies are cached."""
    with pytest.raises(lmnb.ModelNotFound) as caught:
        LM("gguf/models/none.gguf")("hello")
    assert f"there is no file 'models/none.gguf' (looked from {str(Path.cwd())!r})" in str(caught.value)
    assert "Write LM('gguf/<path>')" in str(caught.value)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    """A file of another kind is named too."""
    path = tmp_path / "text.gguf"
    path.write_text("not a model")
    with pytest.raises(lmnb.ModelNotFound, match=r"could not be loaded .* It must be a GGUF file"):
        LM(f"gguf/{path}", cache=False)("hello")


def test_an_unknown_embedded_model() -> None:
    """The name that exists is written out."""
    with pytest.raises(lmnb.ModelNotFound, match=r"there is no embedded model 'huge'. Write LM\('lmnb/tiny'\)"):
        LM("lmnb/huge")("hello")


def test_an_option_that_local_models_do_not_take(tiny: LM) -> None:
    """It is not dropped in silence; a wrong value is told before it is sent, or else in the server's own words."""
    with pytest.raises(lmnb.InvalidRequestError, match=r"takes no option 'foo'. It takes: .*top_p"):
        tiny("hello", foo=1)
    with pytest.raises(lmnb.InvalidRequestError, match=r"takes no option 'grammer'. Did you mean 'grammar'\?"):
        tiny("hello", grammer="root")
    with pytest.raises(lmnb.InputError, match=r"no option 'max_token' of a request. Did you mean 'max_tokens'\?"):
        LM("lmnb/tiny", max_token=1)("hello")
    with pytest.raises(lmnb.InputError, match="temperature is 'hot'"):
        tiny("hello", temperature="hot")
    with pytest.raises(lmnb.InvalidRequestError, match="min_p"):
        tiny("hello", min_p="hot")
    with pytest.raises(lmnb.InvalidRequestError, match="without a message"):
        tiny(messages=[])


def test_content_that_the_model_cannot_take(tiny: LM) -> None:
    """An image for a text model is refused, and the server goes on."""
    image = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    with pytest.raises(lmnb.InvalidRequestError, match=r"reads text only, and the prompt holds \(image/png, 3 B\)"):
        tiny(messages=[{"role": "user", "content": image}])
    assert len(tiny("hello")) == 1


def test_a_changed_file_is_not_answered_from_the_cache(tmp_path: Path) -> None:
    """The cache knows a model by its content, not by its path."""
    path = tmp_path / "mine.gguf"
    shutil.copy(TINY, path)
    lm = LM(f"gguf/{path}", max_tokens=3)
    before = lm.cache_scope()
    assert before == LM("lmnb/tiny").cache_scope()
    with path.open("ab") as file:
        file.write(b"\0")
    assert lm.cache_scope() != before


def test_without_the_runtime_the_error_says_what_to_install() -> None:
    """A missing library is one clear error, when the model is asked and not before."""
    code = (
        "import sys; sys.modules['xllamacpp'] = None\n"
        "import lmnb; lm = lmnb.LM('lmnb/tiny', cache=False)\n"
        "try: lm('hello')\n"
        "except lmnb.LMError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "LM('lmnb/tiny') runs through 'xllamacpp', which cannot be imported here" in done.stdout
    assert "Run: pip install xllamacpp" in done.stdout


def test_a_forked_child_has_servers_of_its_own(tiny: LM) -> None:
    """Servers do not cross a fork; the child makes new ones."""
    if not hasattr(os, "fork"):
        pytest.skip("no fork on this system")
    tiny("hello")
    child = os.fork()
    if child == 0:
        os._exit(0 if len(tiny("hello")) == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
