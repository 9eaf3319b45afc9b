"""`lmnb serve-lm`: the embedded model for other tools."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

import lmnb
from lmnb import cli
from lmnb.data import tickets


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The base URL that the command prints."""
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"from lmnb.cli import main; sys.exit(main(['serve-lm', '--port', '{free_port()}', '--api-key', 'k']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        name, _, url = server.stdout.readline().partition("   ")[0].partition(" at ")
        assert name == "lmnb/tiny"
        yield url
        server.send_signal(signal.SIGINT)
        _, err = server.communicate(timeout=30)
        assert server.returncode == 130 and err == "lmnb: interrupted\n"


def ask(url: str, messages: list[dict[str, Any]], key: str = "k", **options: Any) -> str:
    """What a tool that knows nothing of lmnb gets."""
    body = json.dumps({"model": "lmnb/tiny", "messages": messages, "temperature": 0, "max_tokens": 60, **options})
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/chat/completions", body.encode(), headers)) as reply:
        return json.load(reply)["choices"][0]["message"]["content"]


def routed() -> tuple[Any, list[dict[str, Any]]]:
    program = lmnb.LabeledFewShot(k=8).compile(lmnb.Predict("ticket -> team"), trainset=tickets().train)
    return program, program.messages(ticket=tickets().test[0].ticket)


def test_other_tools_read_its_replies(served: str) -> None:
    """A reply over HTTP parses in the plain chat format, and is the one that the program gets in process."""
    program, messages = routed()
    text = ask(served, messages)
    with lmnb.context(lm=lmnb.LM("lmnb/tiny", cache=False)):
        here = program(ticket=tickets().test[0].ticket).team
    assert lmnb.ChatAdapter().parse(program.signature, text) == {"team": here}


def test_lmnb_itself_can_use_it_as_a_provider(served: str) -> None:
    """The server speaks OpenAI's protocol well enough for litellm."""
    program, _ = routed()
    with lmnb.context(lm=lmnb.LM("openai/lmnb/tiny", api_base=served, api_key="k", cache=False, temperature=0)):
        assert program(ticket=tickets().test[0].ticket).team in ("otter", "falcon", "maple")


def test_a_schema_is_held_to(served: str) -> None:
    """A JSON schema in the request constrains the reply."""
    schema = {"type": "object", "properties": {"team": {"enum": ["a", "b"]}}, "required": ["team"]}
    form = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
    reply = ask(served, [{"role": "user", "content": "hello"}], response_format=form, max_tokens=250)
    assert json.loads(reply)["team"] in ("a", "b")


def test_a_request_without_the_key_is_refused(served: str) -> None:
    """Where a key was asked for, nobody else is answered."""
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask(served, [{"role": "user", "content": "hello"}], key="wrong")


def test_a_port_in_use_and_a_model_that_is_not_local(capsys: pytest.CaptureFixture[str]) -> None:
    """Both are one line that says what to change."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert cli.main(["serve-lm", "--port", str(port)]) == 2
    assert f"port {port} cannot be used (Address already in use); name another one." in capsys.readouterr().err
    assert cli.main(["serve-lm", "--model", "openai/gpt-4o"]) == 2
    assert "'openai/gpt-4o' is no local model. Write lmnb/tiny, or gguf/<path>." in capsys.readouterr().err
