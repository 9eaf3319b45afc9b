"""LM profiles: endpoint and key by a name, in a file that holds no key, and what a state may bring back."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb import LM
from lmnb.lm.folders import settings_folder

KEY = "sk-of-the-lab-0123456789"
BASE = "http://lab.example:8000/v1"


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> LM:
    """An LM at an endpoint of its own, whose key is in the environment."""
    monkeypatch.setenv("LAB_API_KEY", KEY)
    return LM("openai/llama-3", api_base=BASE, api_key=KEY, timeout=30, temperature=0.5)


def edited(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    stored = json.loads(path.read_text("utf-8"))
    change(stored)
    path.write_text(json.dumps(stored), "utf-8")


def test_a_profile_brings_endpoint_and_key_back(lab: LM) -> None:
    """Model, options, endpoint and the key of the environment are those of the LM that was saved."""
    lab.save_profile("lab")
    made = LM.from_profile("lab")
    assert (made.model, made.kwargs, dict(made._private)) == (lab.model, lab.kwargs, dict(lab._private))
    assert made.profile == lab.profile == "lab" and made.dump_state() == lab.dump_state()
    assert LM.from_profile("lab", temperature=None, max_tokens=5).kwargs == {"max_tokens": 5}


def test_the_file_is_made_to_be_read_and_holds_no_key(lab: LM) -> None:
    """The key stands there by the name of its variable, found by its value."""
    path = lab.save_profile("lab")
    assert path == settings_folder() / "profiles" / "lab.json" and KEY not in path.read_text("utf-8")
    assert json.loads(path.read_text("utf-8")) == {
        "lmnb": "lm profile",
        "format": 1,
        "model": "openai/llama-3",
        "options": {"model_type": "chat", "cache": True, "num_retries": 3, "temperature": 0.5},
        "endpoint": {"api_base": BASE, "timeout": 30},
        "environment": {"api_key": "LAB_API_KEY"},
    }


def test_the_variable_of_the_key_can_be_named(lab: LM, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the key of that variable is used, whatever the LM had."""
    monkeypatch.setenv("OTHER_API_KEY", "sk-of-another-0123456789")
    lab.save_profile("lab", api_key_env="OTHER_API_KEY")
    assert LM.from_profile("lab")._private["api_key"] == "sk-of-another-0123456789"
    lab.copy(api_key=None).save_profile("second", api_key_env="OTHER_API_KEY")
    assert LM.from_profile("second")._private["api_key"] == "sk-of-another-0123456789"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"api_key": "sk-nowhere-0123456789"}, r"the api_key of this LM is the value of no environment variable"),
        ({"extra_headers": {"x-team": "header-secret"}}, r"leave it out: lm.copy\(extra_headers=None\)"),
        ({"extra_body": {"password": "abcdef"}}, r"the option 'extra_body' looks like one"),
        ({"api_base": "http://me:hunter2@lab.example"}, r"endpoint.api_base holds a password or a key"),
        ({"client": object()}, r"endpoint.client is no text and no number"),
        ({"num_retries": 50}, r"options.num_retries is 50, and a file may ask for 20 at most. Set more by lm.copy"),
        (
            {"timeout": 86_400},
            r"endpoint.timeout is 86400, and a file may ask for .* Set more by lm.copy\(timeout=...\)",
        ),
    ],
)
def test_what_no_file_may_hold_is_refused(options: dict[str, Any], says: str) -> None:
    """The error names the option and quotes no secret; nothing is written."""
    lm = LM("openai/llama-3", **options)
    with pytest.raises((lmnb.InputError, lmnb.SaveError), match=says) as caught:
        lm.save_profile("lab")
    assert not any(secret in str(caught.value) for secret in ("sk-nowhere", "header-secret", "abcdef", "hunter2"))
    assert not (settings_folder() / "profiles").exists() and lm.profile is None


def test_a_key_given_as_the_name_of_its_variable_is_not_written() -> None:
    """Whoever gives the key itself is told, without the key."""
    with pytest.raises(lmnb.InputError, match="api_key_env is the name of the environment variable") as caught:
        LM("openai/llama-3").save_profile("lab", api_key_env="abcd1234abcd1234")
    assert "abcd1234" not in str(caught.value)


def test_another_profile_is_not_overwritten_unasked(lab: LM) -> None:
    """Saving the same again is nothing; another one of that name needs overwrite=True."""
    lab.save_profile("lab")
    lab.save_profile("lab")
    other = lab.copy(temperature=0.9)
    with pytest.raises(lmnb.InputError, match=r"another LM profile 'lab' already: .*overwrite=True"):
        other.save_profile("lab")
    assert LM.from_profile("lab").kwargs == {"temperature": 0.5}
    other.save_profile("lab", overwrite=True)
    assert LM.from_profile("lab").kwargs == {"temperature": 0.9}


def test_a_missing_profile_says_how_to_write_one(lab: LM) -> None:
    """The nearest name is proposed, or all there are."""
    with pytest.raises(lmnb.LMNotConfigured, match=r"there is no LM profile 'lab' on this machine. Write one"):
        LM.from_profile("lab")
    lab.save_profile("lab-gpu")
    with pytest.raises(lmnb.LMNotConfigured, match=r"Did you mean 'lab-gpu'\?"):
        LM.from_profile("lab-gp")
    with pytest.raises(lmnb.LMNotConfigured, match=r"There are: lab-gpu\."):
        LM.from_profile("elsewhere")


def test_a_missing_variable_is_named(lab: LM, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other key takes its place."""
    lab.save_profile("lab")
    monkeypatch.delenv("LAB_API_KEY")
    with pytest.raises(lmnb.LMNotConfigured, match="takes its api_key from the environment variable 'LAB_API_KEY'"):
        LM.from_profile("lab")


@pytest.mark.parametrize("name", ["", "../lab", "a/b", "a\\b", ".hidden", "a" * 101, "ä", "a\n", 3, None])
def test_a_name_is_no_path(name: Any) -> None:
    """Neither reading nor writing leaves the folder of the profiles."""
    for use in (LM.from_profile, LM("openai/llama-3").save_profile):
        with pytest.raises(lmnb.InputError, match="is no name of an LM profile"):
            use(name)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.clear(), "it is not an LM profile"),
        (lambda d: d.update(format=9), "it has the format 9, and this lmnb reads 1"),
        (lambda d: d.pop("model"), "the profile has no 'model'"),
        (lambda d: d.update(model=3), "model should be a text, not 3"),
        (lambda d: d.update(option={}), "unknown key 'option'. Did you mean 'options'?"),
        (lambda d: d["options"].update(api_key=KEY), "options.api_key does not belong there, but under environment"),
        (lambda d: d["options"].update(api_base=BASE), "options.api_base does not belong there, but under endpoint"),
        (lambda d: d["options"].update(extra_body={"secret": "abcdefgh"}), "options hold what looks like a secret"),
        (lambda d: d["endpoint"].update(api_key=KEY), "endpoint has an unknown key 'api_key'"),
        (lambda d: d["endpoint"].update(api_base=["x"]), "endpoint.api_base is no text and no number"),
        (
            lambda d: d["options"].update(num_retries=10**6),
            "options.num_retries is 1000000, and a file may ask for 20 at most",
        ),
        (
            lambda d: d["options"].update(callbacks=["x"]),
            "options.callbacks is nothing that a profile sets. Take it out",
        ),
        (
            lambda d: d["options"].update(callbacks=None),
            "options.callbacks is nothing that a profile sets. Take it out",
        ),
        (lambda d: d["options"].update(self=1), "options.self is nothing that a profile sets"),
        (lambda d: d["options"].update(model="other"), "options.model is nothing that a profile sets"),
        (lambda d: d["options"].update(model_type=["text"]), "options.model_type should be a text, not ['text']"),
        (lambda d: d["options"].update(num_retries=-1), "options.num_retries is -1, and there are no fewer than 0"),
        (lambda d: d["options"].update(num_retries="3"), "options.num_retries should be a whole number, not '3'"),
        (lambda d: d["options"].update(num_retries=None), "options.num_retries should be a whole number, not None"),
        (
            lambda d: d["endpoint"].update(timeout=10**9),
            "endpoint.timeout is 1000000000, and a file may ask for seconds",
        ),
        (
            lambda d: d["endpoint"].update(timeout=0),
            "endpoint.timeout is 0, and a file may ask for seconds above 0, 3600 at",
        ),
        (
            lambda d: d["endpoint"].update(timeout=float("inf")),
            "endpoint.timeout is inf, and a file may ask for seconds",
        ),
        (lambda d: d["endpoint"].update(timeout="soon"), "endpoint.timeout is 'soon', and a file may ask for seconds"),
        (lambda d: d["environment"].update(temperature="X"), "environment.temperature is no secret"),
        (lambda d: d["environment"].update(api_key=3), "environment.api_key should be a text, not 3"),
    ],
)
def test_a_wrong_edit_names_its_place(lab: LM, change: Callable[[dict[str, Any]], object], says: str) -> None:
    """A file that was edited by hand is checked like one from elsewhere, and no key in it is quoted."""
    edited(lab.save_profile("lab"), change)
    with pytest.raises(lmnb.SaveError, match=r"lab.json' cannot be loaded: ") as caught:
        LM.from_profile("lab")
    assert says in str(caught.value) and KEY not in str(caught.value)


def test_what_is_no_json_is_refused(lab: LM) -> None:
    """A damaged file is an error with its path, and stays as it is."""
    path = lab.save_profile("lab")
    path.write_text("{", "utf-8")
    for use in (lambda: LM.from_profile("lab"), lambda: lab.copy(temperature=0.1).save_profile("lab")):
        with pytest.raises(lmnb.SaveError, match=r"lab.json' cannot be loaded: it is not JSON"):
            use()
    assert path.read_text("utf-8") == "{"


@pytest.mark.parametrize(
    ("platform", "variable", "ends"),
    [
        ("linux", "XDG_CONFIG_HOME", "lmnb"),
        ("linux", None, ".config/lmnb"),
        ("darwin", None, "Library/Application Support/lmnb"),
        ("win32", "APPDATA", "lmnb"),
        ("win32", None, "AppData/Roaming/lmnb"),
    ],
)
def test_the_settings_lie_where_the_system_has_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, variable: str | None, ends: str
) -> None:
    """Without $LMNB_CONFIG_DIR the folder is that of the system's users."""
    for name in ("LMNB_CONFIG_DIR", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setenv("HOME", str(tmp_path))
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "own"))
    assert settings_folder() == (tmp_path / "own" if variable else tmp_path) / ends


def test_another_model_endpoint_or_key_is_another_lm(lab: LM) -> None:
    """A copy with other options is still that of the profile; one that goes elsewhere is not."""
    lab.save_profile("lab")
    assert lab.copy(temperature=0.1, timeout=5).profile == "lab"
    for change in ({"model": "openai/other"}, {"api_base": "http://other"}, {"api_key": "k"}):
        assert lab.copy(**change).profile is None


# -- states, which stand in files ------------------------------------------------------------------------------------


def test_a_state_names_the_profile_and_says_nothing_of_it(lab: LM) -> None:
    """Neither endpoint nor variable is in it; without a profile it says that there was an endpoint."""
    assert lab.dump_state()["endpoint"] == "own" and "profile" not in lab.dump_state()
    lab.save_profile("lab")
    state = lab.dump_state()
    assert state["profile"] == "lab" and "endpoint" not in state
    assert not any(word in json.dumps(state) for word in ("lab.example", "LAB_API_KEY", KEY))
    assert "endpoint" not in LM("openai/gpt-5-mini", api_key=KEY).dump_state()


def test_a_state_takes_endpoint_and_key_from_the_profile_and_the_rest_from_itself(lab: LM) -> None:
    """What decides the reply is the file's; what says how the model is reached is this machine's."""
    lab.save_profile("lab")
    state = lab.copy(temperature=0.1, max_tokens=7).dump_state()
    lab.copy(temperature=1.0, top_p=0.5, api_base="http://here.example", drop_params=True).save_profile(
        "lab", overwrite=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = LM.load_state(state)
    assert made.kwargs == {"temperature": 0.1, "max_tokens": 7, "drop_params": True}
    assert made._private["api_base"] == "http://here.example" and made._private["api_key"] == KEY
    assert made.profile == "lab"


def test_a_profile_for_another_model_is_told(lab: LM) -> None:
    """The profile's model is asked, since its key is for that one, and a warning says so."""
    lab.save_profile("lab")
    state = lab.dump_state() | {"model": "openrouter/other"}
    with pytest.warns(
        UserWarning, match=r"was saved with 'openrouter/other', and the profile 'lab' .* 'openai/llama-3'"
    ):
        made = LM.load_state(state)
    assert made.model == "openai/llama-3"


WAYS = {"sync": lambda lm: lm("hi"), "async": lambda lm: asyncio.run(lm.acall("hi"))}


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("cause", ["missing profile", "missing variable", "no profile"])
@pytest.mark.parametrize("caching", [True, False])
def test_an_lm_that_cannot_be_reached_asks_nobody_else(
    lab: LM, monkeypatch: pytest.MonkeyPatch, scripted: Any, said: Any, cause: str, way: str, caching: bool
) -> None:
    """A warning tells it on loading, every call raises, and the provider's default endpoint is not asked, nor the cache."""
    monkeypatch.setenv("OPENAI_API_BASE", scripted.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-reader-123456")
    scripted.replies = [(200, said("from the default endpoint"))] * 2
    if cause != "no profile":
        path = lab.save_profile("lab")
        if cause == "missing profile":
            path.unlink()
        else:
            monkeypatch.delenv("LAB_API_KEY")
    assert LM("openai/llama-3", temperature=0.5)("hi") == ["from the default endpoint"]  # now in the cache
    with pytest.warns(UserWarning, match="cannot be asked yet"):
        made = LM.load_state({**lab.dump_state(), "cache": caching})
    budget = lmnb.Budget(calls=5)
    with lmnb.context(budget=budget), pytest.raises(lmnb.LMNotConfigured) as caught:
        WAYS[way](made)
    assert {"missing profile": "no LM profile 'lab'", "missing variable": "'LAB_API_KEY'", "no profile": "of its own"}[
        cause
    ] in str(caught.value)
    assert len(scripted.requests) == 1 and budget.spent["calls"] == 0
    assert made.dump_state() == {**lab.dump_state(), "cache": caching}
    there = made.copy(api_base=scripted.url, api_key=KEY, cache=False)
    assert WAYS[way](there) == ["from the default endpoint"] and scripted.keys[-1] == f"Bearer {KEY}"


def test_a_former_lm_of_the_same_model_says_how_it_is_reached(lab: LM) -> None:
    """As when a program with an LM of its own loads its file again; one for another model says nothing."""
    state = lab.copy(temperature=0.1).dump_state()
    made = LM.load_state(state, former=lab)
    assert made._private == lab._private and made.kwargs == {"temperature": 0.1}
    for former in (LM("openai/other", api_base=BASE), lmnb.FakeLM(model="openai/llama-3"), LM("openai/llama-3"), None):
        with pytest.warns(UserWarning, match="was asked at an endpoint of its own, which no file holds"):
            LM.load_state(state, former=former)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", 3, ["lab"], "a\x00b"])
def test_a_hostile_name_in_a_state_is_refused(name: Any) -> None:
    """It is an error of the file, and no path is made of it."""
    with pytest.raises(lmnb.SaveError, match=r"profile is .*, which is no name of an LM profile"):
        LM.load_state({"model": "openai/x", "profile": name})


def test_a_state_sets_nothing_that_leads_a_key_elsewhere(lab: LM) -> None:
    """Beside a profile as well: its own endpoint is used, and what the file named is told."""
    lab.save_profile("lab")
    hostile = {"api_base": "http://evil.example", "fallbacks": [{"api_base": "http://evil.example"}], "api_key": "x"}
    with pytest.warns(UserWarning, match="names 'api_base', 'fallbacks', 'api_key', which no file may set"):
        made = LM.load_state(lab.dump_state() | hostile)
    assert made._private["api_base"] == BASE and "evil" not in repr(vars(made)) + repr(dict(made._private))


def test_an_lm_of_a_profile_is_asked_at_its_endpoint(scripted: Any, said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP, with the key of the environment variable."""
    monkeypatch.setenv("LAB_API_KEY", KEY)
    LM("openai/scripted", api_base=scripted.url, cache=False).save_profile("lab", api_key_env="LAB_API_KEY")
    scripted.replies = [(200, said("here"))]
    assert LM.from_profile("lab")("hi") == ["here"] and scripted.keys == [f"Bearer {KEY}"]
