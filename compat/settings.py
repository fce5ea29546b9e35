"""A run's configuration as flat keys, and which of them have no say in its results."""
from collections.abc import Mapping

# Where a run is stored, how fast it goes and what it prints: two runs that differ in these alone give the same numbers.
WITHOUT_INFLUENCE: frozenset[str] = frozenset({
    "OUTPUT_DIR", "RESUME", "DATASET.ROOT", "DATALOADER.NUM_WORKERS", "VERBOSE", "TRAIN.PRINT_FREQ", "USE_CUDA"})


def flat_config(cfg: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """{"OPTIM.LR": 0.002, ...} of a nested config, a ``yacs.config.CfgNode`` for instance."""
    flat: dict[str, object] = {}
    for key, value in cfg.items():
        if isinstance(value, Mapping):
            flat.update(flat_config(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
