"""The optimizers under the name that the field's first paper gave them."""

from lmnb.optimize.bootstrap import BootstrapFewShot
from lmnb.optimize.ensemble import Ensemble
from lmnb.optimize.iterated_bootstrap import IteratedBootstrapFewShot
from lmnb.optimize.knn_few_shot import KNNFewShot
from lmnb.optimize.labeled_few_shot import LabeledFewShot
from lmnb.optimize.optimizer import Teleprompter
from lmnb.optimize.random_search import BootstrapFewShotWithRandomSearch, BootstrapRS

__all__ = [
    "BootstrapFewShot",
    "BootstrapFewShotWithRandomSearch",
    "BootstrapRS",
    "Ensemble",
    "IteratedBootstrapFewShot",
    "KNNFewShot",
    "LabeledFewShot",
    "Teleprompter",
]
