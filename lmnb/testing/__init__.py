"""Contract suites that outsiders can run on their own parts, and the small world that they run in."""

from lmnb.testing.contract import BrokenPromises, ContractReport, OptimizerContract, Promise, check_optimizer
from lmnb.testing.world import TwoCalls, exact, judged, questions, reply

__all__ = [
    "BrokenPromises",
    "ContractReport",
    "OptimizerContract",
    "Promise",
    "TwoCalls",
    "check_optimizer",
    "exact",
    "judged",
    "questions",
    "reply",
]
