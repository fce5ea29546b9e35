"""A run's configuration as flat keys, and which of them have no say in its results."""
import reprlib
from collections.abc import Callable, Mapping

# Where a run is stored, how fast it goes and what it prints: two runs that differ in these alone give the same numbers.
# (A split file counts by its contents.)
WITHOUT_INFLUENCE: frozenset[str] = frozenset({
    "OUTPUT_DIR", "RESUME", "DATASET.ROOT", "DATASET.SPLIT_FILE", "DATALOADER.NUM_WORKERS", "VERBOSE",
    "TRAIN.PRINT_FREQ", "TRAIN.WANDB", "TEST.FEATURE_CACHE_MB", "USE_CUDA"})


def flat_config(cfg: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """{"OPTIM.LR": 0.002, ...} of a nested config, a ``yacs.config.CfgNode`` for instance."""
    flat: dict[str, object] = {}
    for key, value in cfg.items():
        if isinstance(value, Mapping):
            flat.update(flat_config(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def shown(value: object) -> str:
    """A value in a sentence; of digests the first digits do."""
    is_digest = isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")
    return f"{str(value)[:12]}..." if is_digest else reprlib.repr(value)


def differences(there: Mapping[str, object], here: Mapping[str, object], limit: int = 3,
                show: Callable[[object], str] = shown) -> str:
    """"OPTIM.LR is 0.1 there and 0.2 here; ...": the first keys in which two sets of facts differ; "" if none does."""
    keys = [key for key in {**there, **here} if there.get(key) != here.get(key)]
    phrases = [f"{key} is {show(there.get(key))} there and {show(here.get(key))} here" for key in keys[:limit]]
    return "; ".join(phrases) + (f", {len(keys) - limit} more" if len(keys) > limit else "")
