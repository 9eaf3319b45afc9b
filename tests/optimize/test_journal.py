"""The journal on disk: torn tails, broken lines, hostile folders."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import worlds

import lmnb
from lmnb.canonical import jsonable
from lmnb.optimize.blobs import Blobs
from lmnb.optimize.journal import Journal, is_live


@pytest.fixture
def folder(tmp_path):
    """The folder of a small finished run."""
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = lmnb.BootstrapFewShot(metric=worlds.exact, max_bootstrapped_demos=2).start(
            worlds.TwoCalls(),
            trainset=worlds.questions(0, 6),
            valset=worlds.questions(100, 104),
            run_dir=tmp_path / "run",
        )
        run.wait(30)
    return tmp_path / "run"


def resumed(folder):
    lm = lmnb.FakeLM(worlds.reply)
    with lmnb.context(lm=lm):
        run = lmnb.reopen(folder, program=worlds.TwoCalls(), metric=worlds.exact)
        if run.state != "finished":
            run.resume()
            run.wait(30)
    return run, lm


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_a_torn_tail_is_dropped_and_nothing_else(folder, cut):
    """A last line that was cut off is asked again; the rest is kept."""
    journal = folder / "journal.jsonl"
    reference = lmnb.reopen(folder)
    expected = [(c.id, c.score) for c in reference.candidates]
    lines = journal.read_bytes().splitlines(keepends=True)
    last_call = max(i for i, line in enumerate(lines) if json.loads(line)["k"] == "call")
    journal.write_bytes(b"".join(lines[:last_call]) + lines[last_call][:-cut])
    with pytest.warns(UserWarning, match="ends inside a record"):
        run, lm = resumed(folder)
    assert [(c.id, c.score) for c in run.candidates] == expected
    assert 1 <= len(lm.calls) <= 3
    assert all(json.loads(line) for line in journal.read_bytes().splitlines())


def test_a_broken_line_in_the_middle_is_named(folder):
    """Damage before the end is not skipped over: the error names file and line."""
    journal = folder / "journal.jsonl"
    lines = journal.read_text().splitlines()
    lines[3] = lines[3][:20]
    journal.write_text("\n".join(lines) + "\n")
    with pytest.raises(lmnb.JournalError, match=r"journal\.jsonl, line 4: .* is not a record"):
        lmnb.reopen(folder)


def test_a_run_that_dies_before_its_header_is_whole_leaves_room_for_the_next(tmp_path):
    """A process killed at any point of writing the header leaves no journal, and the same folder takes a new run."""
    folder = tmp_path / "run"
    code = (
        "import os, sys; from pathlib import Path; from lmnb.optimize.journal import Journal\n"
        "sys.addaudithook(lambda event, of: os._exit(9) if event == 'os.rename' else None)\n"
        "Journal(Path(sys.argv[1])).begin({'k': 'header'})"
    )
    assert subprocess.run([sys.executable, "-c", code, str(folder)]).returncode == 9
    assert sorted(path.name for path in folder.iterdir()) == ["journal.part", "lock"]
    with pytest.raises(lmnb.JournalError, match="no run at"):
        lmnb.reopen(folder)
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = lmnb.LabeledFewShot(k=2).start(worlds.TwoCalls(), trainset=worlds.questions(0, 4), run_dir=folder)
        run.wait(30)
    assert lmnb.reopen(folder).state == "finished"


def test_a_journal_is_never_written_over(tmp_path):
    """Two starts on one folder: whoever is second, even by a moment, is told, and the first one's journal stays."""
    first, second = Journal(tmp_path / "run"), Journal(tmp_path / "run")
    first.begin({"k": "header"})
    first.append({"k": "candidate"})
    with pytest.raises(lmnb.RunLocked, match="is at work in this process"):
        second.begin({"k": "header"})
    first.close()
    with pytest.raises(FileExistsError, match=r"holds a run already\. Go on with lmnb\.reopen"):
        second.begin({"k": "header"})
    assert (tmp_path / "run" / "journal.jsonl").read_text().count("\n") == 2
    assert not is_live(tmp_path / "run")


def test_what_fails_on_the_way_gives_the_folder_back(tmp_path):
    """A header that cannot be written, decisions that cannot be carried over, a journal that is gone: no lock is left, no folder made."""
    with pytest.raises(TypeError):
        Journal(tmp_path / "run").begin({"k": object()})
    assert not is_live(tmp_path / "run")
    with pytest.raises(lmnb.JournalError, match="no run at"):
        Journal(tmp_path / "nothing").open()
    assert not (tmp_path / "nothing").exists()
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)), pytest.raises(AttributeError):
        lmnb.LabeledFewShot(k=2).start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 4), run_dir=tmp_path / "run", decisions=["no decision"]
        )
    assert not is_live(tmp_path / "run")


def test_no_run_there(tmp_path):
    """A folder without a run says so."""
    with pytest.raises(lmnb.JournalError, match=r"no run at .*lmnb\.runs\(\) lists"):
        lmnb.reopen(tmp_path)


def test_a_changed_argument_is_found_at_its_batch(folder):
    """A journal whose optimizer was changed by hand diverges, with the position."""
    journal = folder / "journal.jsonl"
    lines = journal.read_text().splitlines()
    header = json.loads(lines[0])
    header["arguments"]["max_bootstrapped_demos"] = 1
    lines[0] = json.dumps(header)
    journal.write_text("\n".join(lines) + "\n")
    with pytest.raises(lmnb.Diverged, match=r"batch \d+ asks for something else") as caught:
        lmnb.reopen(folder, program=worlds.TwoCalls(), metric=worlds.exact).replay()
    assert caught.value.position[0] >= 1


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer_path": "os:system"},
        {"optimizer_path": "lmnb.modules.predict:Predict"},
        {"optimizer_path": "subprocess:run"},
    ],
)
def test_a_hostile_header_runs_nothing(folder, change):
    """A run's folder is data: a header that names other code is refused."""
    journal = folder / "journal.jsonl"
    lines = journal.read_text().splitlines()
    lines[0] = json.dumps({**json.loads(lines[0]), **change})
    journal.write_text("\n".join(lines) + "\n")
    run = lmnb.reopen(folder, program=worlds.TwoCalls(), metric=worlds.exact)
    assert len(run.candidates) == 2 and lmnb.runs(folder.parent)[0]["state"] == "finished"
    with pytest.raises(lmnb.RunError, match="not importable"):
        run.replay()


@pytest.mark.parametrize("header", [{}, {"k": "header"}, {"k": "header", "format": 1}, {"k": "call", "format": 1}])
def test_a_header_that_cannot_be_read_is_an_error_of_ours(folder, header):
    """Whatever stands in the first line, reopening fails with a JournalError."""
    (folder / "journal.jsonl").write_text(json.dumps(header) + "\n")
    with pytest.raises(lmnb.JournalError):
        lmnb.reopen(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer_path": 5},
        {"program_path": []},
        {"planned": "x"},
        {"teacher_shape": {"a": 1}},
        {"more_teacher_shapes": None},
        {"lm": "x"},
        {"num_threads": "x"},
        {"review": 5},
    ],
)
def test_one_damaged_header_hides_no_other_run(folder, change):
    """A value of another kind is an error of ours, and a row of the table of runs."""
    journal = folder / "journal.jsonl"
    first, rest = journal.read_bytes().split(b"\n", 1)
    journal.write_bytes(json.dumps({**json.loads(first), **change}).encode() + b"\n" + rest)
    with pytest.raises(lmnb.JournalError, match="header of this run cannot be read"):
        lmnb.reopen(folder)
    assert lmnb.runs(folder.parent)[0]["state"].startswith("unreadable")


@pytest.mark.parametrize(
    ("kind", "change"),
    [("rollout", {"of": {}}), ("done", {"n": []}), ("end", {"seconds": "x"}), ("decision", {"data": {}})],
)
def test_one_damaged_record_hides_no_other_run(folder, kind, change):
    """Wherever it comes to light, it is a row of the table of runs."""
    run = lmnb.reopen(folder, program=worlds.TwoCalls(), metric=worlds.exact)
    run.reject(1, "no")
    journal = folder / "journal.jsonl"
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    at = next(n for n, record in enumerate(records) if record["k"] == kind)
    records[at] |= change
    journal.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert lmnb.runs(folder.parent)[0]["state"].startswith("unreadable")


def test_a_journal_of_before_is_opened(folder):
    """Its header has less: what was added since has the value that it had then."""
    since = (
        "texts",
        "source",
        "libraries",
        "proposer_lm",
        "review",
        "parent",
        "more_teacher_shapes",
        "objective",
        "splits",
    )
    journal = folder / "journal.jsonl"
    first, rest = journal.read_bytes().split(b"\n", 1)
    header = {name: value for name, value in json.loads(first).items() if name not in since}
    journal.write_bytes(json.dumps({**header, "tools": {}}).encode() + b"\n" + rest)
    run = lmnb.reopen(folder)
    assert run.state == "finished" and len(run.candidates) == 2 and run.to_html()


def test_a_blob_name_cannot_leave_the_folder(folder):
    """A stored value's name is a hash, never a path."""
    journal = folder / "journal.jsonl"
    lines = journal.read_text().splitlines()
    header = json.loads(lines[0])
    header["data"]["train"] = "../../../etc/passwd"
    lines[0] = json.dumps(header)
    journal.write_text("\n".join(lines) + "\n")
    with pytest.raises(lmnb.JournalError, match="is not the name of a stored value"):
        lmnb.reopen(folder)


def test_no_secret_reaches_the_folder(tmp_path):
    """The LM's key is in no file of the run."""
    lm = lmnb.FakeLM(worlds.reply, api_key="sk-secret-value")
    with lmnb.context(lm=lm):
        run = lmnb.LabeledFewShot(k=2).start(
            worlds.TwoCalls(),
            trainset=worlds.questions(0, 6),
            valset=worlds.questions(100, 104),
            run_dir=tmp_path / "run",
        )
        run.wait(30)
    for path in (tmp_path / "run").rglob("*"):
        assert path.is_dir() or b"sk-secret-value" not in path.read_bytes()


def test_half_a_pair_of_surrogates_in_a_reply_is_read_back(tmp_path):
    """A model may write what is no Unicode text: it stands in the journal, and the run replays."""
    lm = lmnb.FakeLM(lambda messages, **_: {"answer": "\ud83d"})
    with lmnb.context(lm=lm):
        run = lmnb.LabeledFewShot(k=1, metric=worlds.exact).start(
            lmnb.Predict("question -> answer"),
            trainset=worlds.questions(0, 2),
            valset=worlds.questions(2, 4),
            run_dir=tmp_path / "run",
        )
        run.wait(30)
    again = lmnb.reopen(tmp_path / "run")
    assert again.examples(0)["rows"][0]["outputs"] == {"answer": "\ud83d"}
    assert again.replay_candidate().id == run.best.id


@pytest.mark.parametrize("missing", ["run", "req", "res"])
def test_a_call_that_lacks_a_part_is_an_error_of_ours(folder, missing):
    """A record of a call that nobody can use is named when the run is opened, not when it is needed."""
    journal = folder / "journal.jsonl"
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    del next(record for record in records if record["k"] == "call")[missing]
    journal.write_text("".join(json.dumps(record) + "\n" for record in records))
    with pytest.raises(lmnb.JournalError, match="cannot be read"):
        lmnb.reopen(folder)


def test_a_reply_that_was_damaged_is_named_when_it_is_needed(folder):
    """Replies are read when a rollout goes on from them: looking and replaying need none, and a damaged one is no reply."""
    journal = folder / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    call = next(at for at, line in enumerate(lines) if json.loads(line)["k"] == "call")
    lines[call] = lines[call].replace('"texts":["', '"texts":[,"')
    journal.write_text("".join(lines))
    assert lmnb.reopen(folder).replay_candidate().id == lmnb.reopen(folder).best.id
    journal.write_text("".join(lines[: call + 1]))
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = lmnb.reopen(folder, program=worlds.TwoCalls(), metric=worlds.exact)
        run.resume()
        with pytest.raises(lmnb.JournalError, match="a reply in this run's journal cannot be read"):
            run.wait(30)


def test_a_number_that_python_would_not_read_again_is_kept_as_text(tmp_path):
    """A program may give a number of 5001 digits: what is stored of it can be read, and says what it was."""
    blobs = Blobs(tmp_path)
    assert blobs.get(blobs.put(jsonable({"answer": [10**5000]}))) == {"answer": [{"__text__": hex(10**5000)}]}
    assert blobs.get(blobs.put(jsonable(-(10**3999)))) == -(10**3999)
