"""Which settings of MAO a run differs in from the default ones: what tells the rows of an ablation apart."""
from experiments.sweep.ablations import DEFAULTS, B, K

DEFAULT = {**DEFAULTS, "MAO.BASE_EPOCH": -1}
OF_STEP_2 = ("MAO.DDE_NEW", "MAO.REG_NEW", "MAO.PSEUDO_LABELS", "MAO.PSEUDO_VIEW", "MAO.BASE_EPOCH")

# How a setting that is not the default one is called in a table
LABELS = {
    B: "B = {}",
    K: "K = {}",
    "MAO.DDE_BASE": "no DDE in step 1",
    "MAO.REG_BASE": "no regularisation in step 1",
    "MAO.DDE_NEW": "no DDE in step 2",
    "MAO.REG_NEW": "no regularisation in step 2",
    "MAO.SIMILARITY": "similarity: {}",
    "MAO.POOL": "pool: {}",
    "MAO.PSEUDO_LABELS": "pseudo-labels: {}",
    "MAO.PSEUDO_VIEW": "pseudo-label view: {}",
    "MAO.BASE_EPOCH": "from epoch {} of step 1",
}


def varied(record, step_1=None):
    """{key: value} of the settings of MAO that differ from the default ones; of a run without MAO, none.

    The batch size is that of step 1; step 2 has its own.

    Args:
        record: of an evaluation. step_1: record of the run of step 1 behind it, for the batch size.
    """
    if not record["stage"]:
        return {}
    settings = dict(record.get("settings", {}))
    if record["stage"] != "base":
        settings.pop(B, None)
        settings.update({B: value for key, value in (step_1 or {}).get("settings", {}).items() if key == B})
    return {key: settings[key] for key, default in DEFAULT.items() if key in settings and settings[key] != default}


def of_step_1(differing):
    """Those that step 1 depends on."""
    return {key: value for key, value in differing.items() if key not in OF_STEP_2}


def label(differing):
    """"K = 4, no regularisation in step 1" of what ``varied`` returns; "default" if that is nothing."""
    return ", ".join(LABELS[key].format(value) for key, value in differing.items()) or "default"


def sort_key(differing):
    """Fewest differences first, then in the order of DEFAULT, numbers by size."""
    order = list(DEFAULT)
    return (len(differing), [(order.index(key), isinstance(value, str), value) for key, value in differing.items()])
