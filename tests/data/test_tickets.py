"""The ticket data set: what its README promises."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import make_tickets
import pytest

DATASETS = Path(__file__).resolve().parents[2] / "datasets"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    """The committed rows."""
    return [json.loads(line) for line in (DATASETS / "tickets.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def key() -> dict[str, str]:
    """The right team of each row whose team is wrong."""
    lines = (DATASETS / "tickets-key.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["id"]: row["team"] for row in map(json.loads, lines)}


def shape(ticket: str) -> str:
    """The ticket without its nouns and names."""
    nouns = [noun for topic in make_tickets.NOUNS.values() for noun in topic.split()]
    return re.sub(rf"\b(an? )?({'|'.join([*nouns, *make_tickets.NAMES.split()])})\b", "_", ticket)


def test_committed_files_are_what_the_generator_makes(capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` is content with the committed files."""
    assert make_tickets.main(["--check", "--folder", str(DATASETS)]) == 0
    assert capsys.readouterr().err == ""


def test_check_names_the_file_that_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed or missing file is named, with the command that makes it anew."""
    make_tickets.main(["--folder", str(tmp_path)])
    (tmp_path / "tickets.jsonl").write_text("{}\n", encoding="utf-8")
    assert make_tickets.main(["--check", "--folder", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "tickets.jsonl is not what the generator makes; run python tests/make_tickets.py" in message
    assert "tickets-key" not in message


def test_sizes_and_balance(rows: list[dict[str, str]], key: dict[str, str]) -> None:
    """The splits have their sizes, and by the right team they are balanced to one row."""
    assert Counter(row["split"] for row in rows) == make_tickets.SIZES
    for split in make_tickets.SIZES:
        teams = Counter(key.get(row["id"], row["team"]) for row in rows if row["split"] == split)
        assert set(teams) == set(make_tickets.TEAMS)
        assert max(teams.values()) - min(teams.values()) <= 1


def test_no_ticket_twice(rows: list[dict[str, str]]) -> None:
    """Ids and texts are unique over all splits."""
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({row["ticket"] for row in rows}) == len(rows)


def test_splits_share_no_sentence(rows: list[dict[str, str]]) -> None:
    """No sentence of one split, its nouns left out, occurs in another."""
    shapes = {split: {shape(row["ticket"]) for row in rows if row["split"] == split} for split in make_tickets.SIZES}
    for one, other in combinations(shapes.values(), 2):
        assert not one & other


def test_a_tenth_of_the_training_teams_is_wrong(rows: list[dict[str, str]], key: dict[str, str]) -> None:
    """The key lists 12 training rows, four a team, and each has another team in the file; val and test are right."""
    teams = {row["id"]: row["team"] for row in rows}
    assert len(key) == 12
    assert set(Counter(key.values()).values()) == {4}
    assert all(row.startswith("train-") and teams[row] != right for row, right in key.items())
    topics = {noun: topic for topic, nouns in make_tickets.NOUNS.items() for noun in nouns.split()}
    for row in rows:
        found = {topics[word] for word in re.findall(r"\w+", row["ticket"]) if word in topics}
        assert found == {make_tickets.TEAMS[key.get(row["id"], row["team"])]}


def test_articles_are_right(rows: list[dict[str, str]]) -> None:
    """`a` and `an` fit the noun, no uncountable noun has one, and no place of a template is left open."""
    for row in rows:
        for article, noun in re.findall(r"\b(an?) (\w+)", row["ticket"], re.I):
            assert (article == "an") == (noun[0] in "aeio"), row
            assert noun not in make_tickets.UNCOUNTABLE, row
        assert not re.search(r"[{}]|  ", row["ticket"])
        assert row["ticket"][0].isupper()
        assert row["ticket"][-1] in ".?"


def test_same_seed_same_rows() -> None:
    """The generator depends on its seed alone, not on the state of the global random generator."""
    random.seed(1)
    first = make_tickets.files()
    random.seed(2)
    assert make_tickets.files() == first
    assert make_tickets.files(seed=make_tickets.SEED + 1) != first
