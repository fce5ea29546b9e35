"""Which settings of MAO a run differs in from the default ones: what tells the rows of an ablation apart."""
from functools import lru_cache

from experiments.catalogue import BATCH_SIZE

from .records import Evaluation, default_settings

B, K = BATCH_SIZE, "MAO.TOPK"
OF_STEP_2 = ("MAO.DDE_NEW", "MAO.REG_NEW", "MAO.PSEUDO_LABELS", "MAO.PSEUDO_VIEW", "MAO.BASE_EPOCH")

Setting = dict[str, object]
"""{key: value} of what differs from the default setting, in the order of ``LABELS``."""

# How a setting that is not the default one is called in a table
LABELS = {
    B: "B = {}",
    K: "K = {}",
    "MAO.DDE_BASE": "no DDE-base",
    "MAO.REG_BASE": "no reg-B",
    "MAO.DDE_NEW": "no DDE-new",
    "MAO.REG_NEW": "no reg-N",
    "MAO.SIMILARITY": "similarity: {}",
    "MAO.POOL": "pool: {}",
    "MAO.PSEUDO_LABELS": "pseudo-labels: {}",
    "MAO.PSEUDO_VIEW": "pseudo-label view: {}",
    "MAO.BASE_EPOCH": "from epoch {} of step 1",
}


@lru_cache
def defaults() -> Setting:
    """The default value of each key of ``LABELS``."""
    return {key: default_settings()[key] for key in LABELS}


def varied(evaluation: Evaluation) -> Setting:
    """What the run of an evaluation differs in; nothing for a run without MAO."""
    settings = evaluation.settings if evaluation.stage else {}
    return {key: settings[key] for key, default in defaults().items() if settings.get(key, default) != default}


def of_step_1(setting: Setting) -> Setting:
    """The part that step 1 depends on."""
    return {key: value for key, value in setting.items() if key not in OF_STEP_2}


def label(setting: Setting) -> str:
    """"K = 4, no reg-B"; "default" if nothing differs."""
    return ", ".join(LABELS[key].format(value) for key, value in setting.items()) or "default"


def sort_key(setting: Setting) -> tuple[int, list[tuple[int, bool, object]]]:
    """Fewest differences first, then in the order of ``LABELS``, numbers by size."""
    order = list(LABELS)
    return len(setting), [(order.index(key), isinstance(value, str), value) for key, value in setting.items()]
