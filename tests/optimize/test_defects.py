"""The fifteen defects that were measured in the reference: here stands, or is named, the test that holds each of them off."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import worlds

import lmnb

TESTS = Path(__file__).parents[1]
# what goes wrong elsewhere, and where it is tested here
DEFECTS = {
    "D1": ("InferRules writes into the caller's signature", "optimize/test_infer_rules.py"),
    "D2": ("SIMBA's softmax overflows on a metric from 0 to 200", "optimize/test_simba.py"),
    "D3": ("MIPROv2 fails when all combinations were tried", "optimize/test_mipro.py"),
    "D4": ("MIPROv2 takes seed=0 for none", "optimize/test_mipro.py"),
    "D5": ("MIPROv2's estimator chooses the fewest of its trials", "optimize/test_mipro.py"),
    "D6": ("MIPROv2 overwrites a proposed instruction with the original", "optimize/test_mipro.py"),
    "D7": ("BestOfN and Refine tolerate less with each call", "optimize/test_defects.py"),
    "D8": ("a partly parsed output drops its example from GEPA's traces", "optimize/test_gepa.py"),
    "D9": (
        "BootstrapFewShot ignores a threshold of 0, and takes a score of 0.1 for a success",
        "optimize/test_defects.py",
    ),
    "D10": ("GEPA's resumed run diverges", "optimize/test_gepa.py"),
    "D11": ("GEPA's callbacks cannot veto", "optimize/test_gepa.py"),
    "D12": ("GEPA calls the metric more often than its budget says", "optimize/test_gepa.py"),
    "D13": ("KNNFewShot bootstraps in every inference, and saves no demos", "optimize/test_knn_few_shot.py"),
    "D14": ("a reply that does not parse costs a call that nobody counted", "optimize/test_defects.py"),
    "D15": (
        "an instruction cannot be injected into a running study, and resumed trials differ",
        "optimize/test_mipro.py",
    ),
}


@pytest.mark.parametrize("number", DEFECTS)
def test_each_defect_has_its_test(number: str) -> None:
    """The file that is named for it has a test whose docstring begins with its number."""
    tree = ast.parse((TESTS / DEFECTS[number][1]).read_text(encoding="utf-8"))
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    assert any((ast.get_docstring(test) or "").startswith(f"{number}: ") for test in tests)


@pytest.mark.parametrize("kind", [lmnb.BestOfN, lmnb.Refine])
def test_tolerance_is_the_same_in_every_call(kind: Any) -> None:
    """D7: one failing try is borne in the first call, the second and the third, and a second one in none."""
    for failing, ends_well in ((1, True), (2, False)):
        program = kind(lmnb.Predict("question -> answer"), 3, lambda inputs, made: 1.0, 1.0, fail_count=1)
        for _ in range(3):
            failed = [lmnb.InvalidRequestError("no", model="fake")] * failing
            with lmnb.context(lm=lmnb.FakeLM([*failed, {"answer": "a"}])):
                if ends_well:
                    assert program(question="?").answer == "a"
                else:
                    with pytest.raises(lmnb.InvalidRequestError):
                        program(question="?")
        assert program.fail_count == 1


def bootstrapped(score: Any, **options: Any) -> Any:
    optimizer = lmnb.BootstrapFewShot(
        metric=lambda example, prediction, trace=None: score(int(example.question[1:])),
        max_bootstrapped_demos=4,
        max_labeled_demos=0,
        **options,
    )
    with lmnb.context(lm=lmnb.FakeLM(worlds.reply)):
        run = optimizer.start(
            worlds.TwoCalls(), trainset=worlds.questions(0, 8), valset=worlds.questions(100, 102), run_dir=None
        )
        run.wait(30)
    return run


@pytest.mark.parametrize(("threshold", "kept"), [(None, 4), (0, 4), (0.5, 0), (0.1, 4)])
def test_a_threshold_is_what_a_score_must_reach(threshold: float | None, kept: int) -> None:
    """D9: 0 is one too; 0.1 makes no demo where more is asked for, and the run says so where nothing is."""
    run = bootstrapped(lambda number: 0.1, metric_threshold=threshold)
    made = {demo.provenance.source for demo in run.demos if demo.origin == "bootstrapped"}
    assert len(made) == kept
    said = [event["what"] for event in run.events if "counted as a success: give metric_threshold=" in event["what"]]
    assert len(said) == (threshold is None) and all(
        "4 runs with a score between 0 and 1, the lowest 0.1" in each for each in said
    )


def test_whole_scores_need_no_threshold() -> None:
    """D9: where the metric says yes or no nothing is said of thresholds, and only what passed is a demo."""
    run = bootstrapped(lambda number: number % 2 == 0)
    assert {demo.provenance.source for demo in run.demos if demo.origin == "bootstrapped"} == {0, 2, 4, 6}
    assert not any("metric_threshold" in event["what"] for event in run.events)


@pytest.mark.parametrize("adapter", [lmnb.ChatAdapter, lmnb.JSONAdapter, lmnb.XMLAdapter])
def test_a_repair_is_counted_and_no_format_is_tried_behind_ones_back(adapter: Any) -> None:
    """D14: a reply that does not parse costs one repair turn in the same format, in trace, usage and budget; where it is not in the budget, none."""
    bad = "I would rather not say."
    program, lm = lmnb.Predict("question -> count: int"), lmnb.FakeLM([bad, {"count": 7}])
    with lmnb.context(lm=lm, adapter=adapter()), lmnb.track_usage() as usage:
        made = program(question="?")
    assert made.count == 7 and len(lm.calls) == 2 == sum(each["calls"] for each in usage.get_total_tokens().values())
    assert lm.calls[1]["messages"][0] == lm.calls[0]["messages"][0], (
        "the repair asks in the format of the first request"
    )
    lm = lmnb.FakeLM([bad, {"count": 7}])
    with lmnb.context(lm=lm, adapter=adapter(), budget=lmnb.Budget(calls=1)), pytest.raises(lmnb.BudgetExceeded):
        program(question="?")
    assert len(lm.calls) == 1
