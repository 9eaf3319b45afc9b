"""The data set of people: what its README promises."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import make_people
import pytest

from lmnb.data import people, people_facts

DATASETS = Path(__file__).resolve().parents[2] / "datasets"


@pytest.fixture(scope="module")
def facts() -> dict[str, str]:
    """The committed corpus by id."""
    return {row["id"]: row["text"] for row in people_facts()}


@pytest.fixture(scope="module")
def questions() -> list[dict[str, Any]]:
    """The committed questions."""
    lines = (DATASETS / "people-questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def asked(question: str) -> tuple[str, str]:
    """The relation and the person that a question names."""
    found = re.search(rf"the ({'|'.join(make_people.KIN)}) of (\w+)", question)
    assert found is not None, question
    return found[1], found[2]


def test_committed_files_are_what_the_generator_makes(capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` is content with the committed files."""
    assert make_people.main(["--check", "--folder", str(DATASETS)]) == 0
    assert capsys.readouterr().err == ""


def test_check_names_the_file_that_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed file is named, with the command that makes it anew."""
    make_people.main(["--folder", str(tmp_path)])
    (tmp_path / "people.jsonl").write_text("{}\n", encoding="utf-8")
    assert make_people.main(["--check", "--folder", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "people.jsonl is not what the generator makes; run python tests/make_people.py" in message
    assert "people-questions" not in message


def test_same_seed_same_rows() -> None:
    """The generator depends on its seed alone."""
    random.seed(1)
    first = make_people.files()
    random.seed(2)
    assert make_people.files() == first != make_people.files(seed=make_people.SEED + 1)


def test_the_loader_gives_the_splits(questions: list[dict[str, Any]], facts: dict[str, str]) -> None:
    """Sizes are as promised, a question is the input, and the facts it needs are in the corpus."""
    splits = people()
    assert {name: len(rows) for name, rows in splits._asdict().items()} == make_people.SIZES
    assert Counter(row["split"] for row in questions) == make_people.SIZES
    assert all(fact in facts for rows in splits for row in rows for fact in row.facts)


def test_two_facts_answer_a_question_and_neither_does_alone(
    questions: list[dict[str, Any]], facts: dict[str, str]
) -> None:
    """The first names the person asked about and another, the second that other and the answer."""
    for row in questions:
        kin, name = asked(row["question"])
        first, second = (facts[key] for key in row["facts"])
        assert kin in first and name in first
        other = next(each for each in re.findall(r"\w+", first) if each in make_people.NAMES.split() and each != name)
        assert other in second and row["answer"] in second
        assert row["answer"] not in first and not re.search(rf"\b{name}\b", second)


def test_answers_are_the_only_ones(facts: dict[str, str]) -> None:
    """No fact is said twice, a person has one of each relation, and no two values of a kind."""
    assert len(set(facts.values())) == len(facts)
    made, _ = make_people.make()
    assert max(Counter((fact.name, fact.relation) for fact in made).values()) == 1


def test_splits_ask_about_different_people(questions: list[dict[str, Any]]) -> None:
    """No question occurs twice, and nobody is named by the questions of two splits."""
    assert len({row["question"] for row in questions}) == len({row["id"] for row in questions}) == len(questions)
    named = [{asked(row["question"])[1] for row in questions if row["split"] == split} for split in make_people.SIZES]
    assert sum(map(len, named)) == len(set().union(*named))


def test_sentences_are_whole(questions: list[dict[str, Any]], facts: dict[str, str]) -> None:
    """Articles fit, no place of a template is left open, and each ends as it should."""
    for text in [*facts.values(), *(row["question"] for row in questions)]:
        assert text[0].isupper() and text[-1] in ".?" and not re.search(r"[{}]|  |\ba [aeiou]", text), text


def test_one_search_is_not_enough_and_two_are(questions: list[dict[str, Any]], facts: dict[str, str]) -> None:
    """With the right second query all facts are among the five best, and hardly ever without one."""
    pytest.importorskip("bm25s")
    from lmnb.retrieve import BM25, english

    search, once = BM25(people_facts(), tokenizer=english), 0
    for row in questions:
        kin, name = asked(row["question"])
        first, second = row["facts"]
        found = search(row["question"]).ids
        assert first in found
        once += second in found
        other = next(
            each for each in re.findall(r"\w+", facts[first]) if each in make_people.NAMES.split() and each != name
        )
        assert second in search(row["question"].replace(f"the {kin} of {name}", other)).ids
    assert once <= 0.02 * len(questions)
