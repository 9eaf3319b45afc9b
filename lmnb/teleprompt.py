"""The optimizers under the name that the field's first paper gave them."""

from lmnb.optimize.bootstrap import BootstrapFewShot
from lmnb.optimize.copro import COPRO
from lmnb.optimize.infer_rules import InferRules
from lmnb.optimize.labeled_few_shot import LabeledFewShot
from lmnb.optimize.optimizer import Teleprompter
from lmnb.optimize.random_search import BootstrapFewShotWithRandomSearch, BootstrapRS

__all__ = [
    "COPRO",
    "BootstrapFewShot",
    "BootstrapFewShotWithRandomSearch",
    "BootstrapRS",
    "InferRules",
    "LabeledFewShot",
    "Teleprompter",
]
