"""Which settings of MAO a run differs in from the default ones: what tells the rows of an ablation apart."""
from collections.abc import Iterable
from functools import lru_cache

from experiments.catalogue import BATCH_SIZE, backbone, counterpart, mao_defaults, sort_methods

from .records import BASE_RUN, Evaluation

B, K = BATCH_SIZE, "MAO.TOPK"
OF_STEP_2 = ("MAO.DDE_NEW", "MAO.REG_NEW", "MAO.PSEUDO_LABELS", "MAO.PSEUDO_TEMPLATE", "MAO.PSEUDO_VIEW",
             "MAO.NEW.START", "MAO.BASE_EPOCH")

Setting = dict[str, object]
"""{key: value} of what differs from the default setting, in the order of ``LABELS``."""

# How a setting that is not the default one is called in a table
LABELS = {
    B: "B = {}",
    K: "K = {}",
    "MAO.DDE_BASE": "no DDE-base",
    "MAO.REG_BASE": "no reg-B",
    "MAO.DDE_NEW": "step 1 only (no DDE-new)",
    "MAO.REG_NEW": "no reg-N",
    "MAO.SIMILARITY": "similarity: {}",
    "MAO.POOL": "pool: {}",
    "MAO.PSEUDO_LABELS": "pseudo-labels: {}",
    "MAO.PSEUDO_TEMPLATE": "pseudo-label template: {}",
    "MAO.PSEUDO_VIEW": "pseudo-label view: {}",
    "MAO.NEW.START": "step 2 from {} prompts",
    BASE_RUN: "{} + step 2 only",
    "MAO.BASE_EPOCH": "from epoch {} of step 1",
}


@lru_cache
def defaults(method: str = "CoOp_MAO") -> Setting:
    """The value that each key of ``LABELS`` has in the setting of a method with MAO."""
    return {key: mao_defaults(method)[key] for key in LABELS}


def with_mao(method: str) -> str:
    """``CoOp_MAO``, also of its control ``CoOp+step2``."""
    return counterpart(backbone(method) or method)


def varied(evaluation: Evaluation) -> Setting:
    """What the run of an evaluation differs in from its method's setting; nothing for a run without MAO."""
    settings = evaluation.settings if evaluation.stage else {}
    keys: Iterable[str] = LABELS
    if evaluation.of_control:  # whose step 1 knows nothing of MAO
        keys = [*(OF_STEP_2 if evaluation.stage == "new" else ()), BASE_RUN]
    of_method = defaults(with_mao(evaluation.trainer))
    return {key: settings[key] for key in keys if settings.get(key, of_method[key]) != of_method[key]}


def labellers(evaluations: Iterable[Evaluation]) -> list[str]:
    """Sentences on who made the pseudo-labels of step 2 of each method, as far as the records say."""
    found: dict[str, set[str]] = {}
    for one in evaluations:
        if one.stage == "new" and "MAO.PSEUDO_LABELS" in one.settings and one.settings.get("MAO.DDE_NEW", True):
            template = "each data set's" if one.settings.get("MAO.PSEUDO_TEMPLATE") != "photo" else "the release's"
            by = (f"zero-shot CLIP with {template} template" if one.settings["MAO.PSEUDO_LABELS"] == "clip"
                  else "the prompts of step 1")
            view = "plain" if one.settings.get("MAO.PSEUDO_VIEW") == "test" else "augmented"
            found.setdefault(f"by {by}, on {view} images", set()).add(one.trainer)
    return [f"pseudo-labels of {', '.join(sort_methods(methods))}: {text}" for text, methods in sorted(found.items())]


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
