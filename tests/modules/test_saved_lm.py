"""The LM in a program's file: a profile by its name, and no call that goes elsewhere where the reader has none."""

from __future__ import annotations

import importlib.util
import json
import warnings
from pathlib import Path
from typing import Any

import pytest

import lmnb
from lmnb import LM, Predict

KEY = "sk-of-the-lab-0123456789"
BASE = "http://lab.example:8000/v1"


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> LM:
    """An LM whose profile is on this machine."""
    monkeypatch.setenv("LAB_API_KEY", KEY)
    lm = LM("openai/llama-3", api_base=BASE, api_key=KEY, temperature=0.5)
    lm.save_profile("lab")
    return lm


def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another machine: it has neither the profile nor the key."""
    monkeypatch.setenv("LMNB_CONFIG_DIR", str(tmp_path / "another"))
    monkeypatch.delenv("LAB_API_KEY", raising=False)


def imported(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("written", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.program


def saved(path: Path, form: str, **options: Any) -> Any:
    """Writes a program and gives what loads it."""
    program = Predict("q -> a", **options)
    program.export(path, format=form)
    return (lambda: lmnb.load(path)) if form == "json" else lambda: imported(path)


FORMS = {"json": "p.json", "python": "p.py"}


@pytest.mark.parametrize("form", FORMS)
def test_a_program_names_the_profile_of_its_lm(lab: LM, tmp_path: Path, form: str) -> None:
    """No endpoint and no key is in the file, and the profile of the reader's machine brings them back."""
    load = saved(tmp_path / FORMS[form], form, lm=lab.copy(max_tokens=9))
    text = (tmp_path / FORMS[form]).read_text("utf-8")
    assert "'lab'" in text.replace('"', "'") and not any(word in text for word in ("lab.example", "LAB_API_KEY", KEY))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lm = load().lm
    assert (lm.profile, lm.kwargs) == ("lab", {"temperature": 0.5, "max_tokens": 9})
    assert dict(lm._private) == {"api_base": BASE, "api_key": KEY}


@pytest.mark.parametrize("form", FORMS)
def test_where_the_profile_is_missing_the_program_can_be_looked_at_and_not_asked(
    lab: LM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """A warning names it and says what to do; no other LM takes its place, not even the one that is configured."""
    load = saved(tmp_path / FORMS[form], form, lm=lab)
    elsewhere(monkeypatch, tmp_path)
    lmnb.configure(lm=lmnb.FakeLM([{"a": "from another"}]))
    with pytest.warns(
        UserWarning, match=r"cannot be asked yet: there is no LM profile 'lab' on this machine. Write one"
    ):
        program = load()
    assert program.messages(q="?") and "openai/llama-3" in program.card()
    with pytest.raises(lmnb.LMNotConfigured, match=r"save_profile\('lab'\)"):
        program(q="?")
    program.set_lm(lmnb.FakeLM([{"a": "meant"}]))
    assert program(q="?").a == "meant"


@pytest.mark.parametrize("form", FORMS)
def test_an_endpoint_without_a_profile_is_missed_too(tmp_path: Path, form: str) -> None:
    """The file says that there was one, and its name is not asked at the provider's own."""
    load = saved(tmp_path / FORMS[form], form, lm=LM("openai/llama-3", api_base=BASE, api_key=KEY))
    with pytest.warns(UserWarning, match="'openai/llama-3' was asked at an endpoint of its own, which no file holds"):
        program = load()
    with pytest.raises(lmnb.LMNotConfigured, match=r"predictor.lm.copy\(api_base=..., api_key=...\)"):
        program(q="?")


def test_a_program_keeps_the_endpoint_that_it_has(tmp_path: Path) -> None:
    """Loading its own file, or a state, changes options and not where it is asked; a configured LM of that model will do too."""
    lm = LM("openai/llama-3", api_base=BASE, api_key=KEY, temperature=0.9)
    Predict("q -> a", lm=lm.copy(temperature=0.1)).save(tmp_path / "p.json")
    program, bare = Predict("q -> a", lm=lm), Predict("q -> a")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        program.load(tmp_path / "p.json")
        with lmnb.context(lm=lm):
            bare.load(tmp_path / "p.json")
    for made in (program.lm, bare.lm):
        assert made.kwargs == {"temperature": 0.1} and dict(made._private) == dict(lm._private)


@pytest.mark.parametrize("model", ["openai/other", "anthropic/claude-x"])
def test_a_key_goes_to_no_other_model(tmp_path: Path, model: str) -> None:
    """What a file names as its model is not asked with the key of the program's own."""
    Predict("q -> a", lm=LM("openai/llama-3")).save(tmp_path / "p.json")
    stored = json.loads((tmp_path / "p.json").read_text("utf-8"))
    stored["predictors"]["self"]["lm"]["model"] = model
    (tmp_path / "p.json").write_text(json.dumps(stored), "utf-8")
    program = Predict("q -> a", lm=LM("openai/llama-3", api_base=BASE, api_key=KEY))
    program.load(tmp_path / "p.json")
    assert program.lm.model == model and not program.lm._private


def test_a_wrong_profile_name_names_its_place(tmp_path: Path) -> None:
    """The whole file is refused, and the program stays as it was."""
    Predict("q -> a", lm=LM("openai/llama-3")).save(tmp_path / "p.json")
    stored = json.loads((tmp_path / "p.json").read_text("utf-8"))
    stored["predictors"]["self"]["lm"]["profile"] = "../../keys"
    (tmp_path / "p.json").write_text(json.dumps(stored), "utf-8")
    with pytest.raises(
        lmnb.SaveError, match=r"p.json' cannot be loaded: predictors\['self'\].lm.profile is '../../keys'"
    ):
        lmnb.load(tmp_path / "p.json")


@pytest.mark.parametrize("form", ["json", "dspy"])
def test_a_file_cannot_make_a_call_retry_without_end(tmp_path: Path, form: str) -> None:
    """A program's file may ask for a few retries; of more a warning tells, and the reader can still set them."""
    path = tmp_path / "p.json"
    for asked, taken in ((0, 0), (20, 20), (21, 20), (10**6, 20)):
        Predict("q -> a", lm=LM("openai/llama-3", num_retries=asked)).save(path, format=form)
        program = Predict("q -> a")
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            program.load(path)
        assert program.lm.num_retries == taken
        assert [f"num_retries is {asked}, and a file may ask for 20 at most" in str(each.message) for each in told] == [
            True
        ] * (asked > taken)
    assert program.lm.copy(num_retries=asked).num_retries == asked


@pytest.mark.parametrize("form", ["json", "dspy"])
@pytest.mark.parametrize(("asked", "says"), [(-1, "there are no fewer than 0"), ("many", "'many'"), (True, "True")])
def test_retries_that_are_no_number_are_refused(tmp_path: Path, form: str, asked: Any, says: str) -> None:
    """The error names the file and the place, and the program stays as it was."""
    path = tmp_path / "p.json"
    Predict("q -> a", lm=LM("openai/llama-3")).save(path, format=form)
    stored = json.loads(path.read_text("utf-8"))
    (stored if form == "dspy" else stored["predictors"]["self"])["lm"]["num_retries"] = asked
    path.write_text(json.dumps(stored), "utf-8")
    program = Predict("q -> a")
    with pytest.raises(lmnb.SaveError, match=rf"p.json' cannot be loaded: .*num_retries .*{says}"):
        program.load(path)
    assert program.lm is None


@pytest.mark.parametrize("place", ["config", "lm"])
def test_a_program_s_file_names_no_timeout(tmp_path: Path, place: str) -> None:
    """How long is waited is said by the reader's profile, or by the reader."""
    path = tmp_path / "p.json"
    Predict("q -> a", lm=LM("openai/llama-3", timeout=9)).save(path)
    stored = json.loads(path.read_text("utf-8"))
    assert "timeout" not in stored["predictors"]["self"]["lm"]
    stored["predictors"]["self"][place]["timeout"] = 10**9
    path.write_text(json.dumps(stored), "utf-8")
    with pytest.warns(UserWarning, match=f"{place} names 'timeout', which no file may set"):
        program = lmnb.load(path)
    assert "timeout" not in {**program.config, **program.lm.kwargs, **program.lm._private}


def test_a_file_for_dspy_tells_what_it_leaves_out(lab: LM, tmp_path: Path) -> None:
    """That form has no place for a profile."""
    with pytest.warns(UserWarning, match=r"leaves out: where the LM of 'self' is asked \(its profile\)"):
        Predict("q -> a", lm=lab).save(tmp_path / "p.json", format="dspy")
    stored = json.loads((tmp_path / "p.json").read_text("utf-8"))
    assert stored["lm"]["model"] == "openai/llama-3" and not stored["lm"].keys() & {"profile", "endpoint"}


def test_the_card_names_the_profile(lab: LM) -> None:
    """A reviewer sees how the model is reached, and no address."""
    card = Predict("q -> a", lm=lab).card()
    assert "profile=lab" in card and "lab.example" not in card
