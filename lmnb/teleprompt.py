"""The optimizers under the name that the field's first paper gave them."""

from lmnb.optimize.better_together import BetterTogether
from lmnb.optimize.bootstrap import BootstrapFewShot
from lmnb.optimize.copro import COPRO
from lmnb.optimize.ensemble import Ensemble
from lmnb.optimize.finetune import BootstrapFinetune
from lmnb.optimize.gepa import GEPA
from lmnb.optimize.infer_rules import InferRules
from lmnb.optimize.iterated_bootstrap import IteratedBootstrapFewShot
from lmnb.optimize.knn_few_shot import KNNFewShot
from lmnb.optimize.labeled_few_shot import LabeledFewShot
from lmnb.optimize.mipro import MIPROv2
from lmnb.optimize.optimizer import Teleprompter
from lmnb.optimize.optuna_search import BootstrapFewShotWithOptuna
from lmnb.optimize.random_search import BootstrapFewShotWithRandomSearch, BootstrapRS
from lmnb.optimize.simba import SIMBA

__all__ = [
    "COPRO",
    "GEPA",
    "SIMBA",
    "BetterTogether",
    "BootstrapFewShot",
    "BootstrapFewShotWithOptuna",
    "BootstrapFewShotWithRandomSearch",
    "BootstrapFinetune",
    "BootstrapRS",
    "Ensemble",
    "InferRules",
    "IteratedBootstrapFewShot",
    "KNNFewShot",
    "LabeledFewShot",
    "MIPROv2",
    "Teleprompter",
]
