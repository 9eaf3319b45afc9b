"""The optimizers under the name that the field's first paper gave them."""

from lmnb.optimize.bootstrap import BootstrapFewShot
from lmnb.optimize.gepa import GEPA
from lmnb.optimize.labeled_few_shot import LabeledFewShot
from lmnb.optimize.optimizer import Teleprompter
from lmnb.optimize.random_search import BootstrapFewShotWithRandomSearch, BootstrapRS

__all__ = [
    "GEPA",
    "BootstrapFewShot",
    "BootstrapFewShotWithRandomSearch",
    "BootstrapRS",
    "LabeledFewShot",
    "Teleprompter",
]
