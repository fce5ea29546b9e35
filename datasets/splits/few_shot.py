"""The few-shot draw: which training and validation images a run may use.

It repeats the draw of CoOp's data sets for the same seed. Class by class, in order of first appearance, ``shots`` train
images are drawn without repetition; then up to four validation images per class from the same random stream.
"""
import json
import random
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from compat.files import write_file

from .originals_draws import read_pickled_draw
from .plain_files import read_plain
from .split_file import Item, as_item, digest_of, group_by_label

Draw = tuple[list[Item], list[Item]]
"""(drawn train items, drawn validation items), class after class."""

MAX_VAL_SHOTS = 4


def draw_few_shots(train: list[Item], val: list[Item], shots: int, rng: random.Random | ModuleType) -> Draw:
    """Draw from the train and validation items of a data set.

    Args:
        shots: images per class, at least 1. rng: the module ``random`` stands for the global stream.
    """
    return draw(train, shots, rng), draw(val, min(shots, MAX_VAL_SHOTS), rng)


def draw(items: Iterable[Item], shots: int, rng: random.Random | ModuleType) -> list[Item]:
    """``shots`` random items of each class; a class that has fewer gives all, in the order of the list."""
    drawn: list[Item] = []
    for group in group_by_label(items).values():
        drawn.extend(rng.sample(group, shots) if len(group) >= shots else group)
    return drawn


def short_classes(items: Iterable[Item], shots: int) -> list[str]:
    """Names of the classes with fewer than ``shots`` items."""
    return [group[0][2] for group in group_by_label(items).values() if len(group) < shots]


def cached_draw(train: list[Item], val: list[Item], shots: int, seed: int, folder: Path, split_digest: str) -> Draw:
    """``draw_few_shots`` with a file ``shot_<shots>-seed_<seed>.json`` in ``folder`` that keeps the result.

    The file is used only if it was made from the same split (``split_digest``); otherwise it is made again. A draw that
    a repository of the CoOp family left there (a pickle) is taken over if it fits the split. A folder that cannot be
    written to costs nothing but the file. A negative seed draws from the global random stream and leaves no file,
    because the next run is to draw anew.
    """
    if seed < 0:
        return draw_few_shots(train, val, shots, random)
    path = folder / f"shot_{shots}-seed_{seed}.json"
    known = read_draw(path, {"split_digest": split_digest, "shots": shots, "seed": seed})
    if known is not None:
        return known
    drawn = draw_few_shots(train, val, shots, random.Random(seed))
    pickled_train, pickled_val = read_pickled_draw(path.with_suffix(".pkl"), train, val, shots)
    if pickled_train is not None:
        print(f"few-shot draw taken over from {path.with_suffix('.pkl')}")
        drawn = pickled_train, drawn[1] if pickled_val is None else pickled_val
    try:
        write_file(path, json.dumps({"split_digest": split_digest, "shots": shots, "seed": seed,
                                     "digest": digest_of(drawn), "train": drawn[0], "val": drawn[1]}))
    except OSError as error:
        print(f"few-shot draw not saved, so it is made again next time: {error}")
    return drawn


def read_draw(path: Path, facts: dict[str, str | int]) -> Draw | None:
    """(train, val) of a saved draw; None if there is none, or none of these facts: split, shots and seed.

    Files of earlier versions name the split alone.
    """
    try:
        saved = json.loads(read_plain(path))
        drawn = [as_item(entry) for entry in saved["train"]], [as_item(entry) for entry in saved["val"]]
        fits = saved["digest"] == digest_of(drawn) and saved["split_digest"] == facts["split_digest"] and all(
            saved.get(key, fact) == fact for key, fact in facts.items())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        print(f"few-shot draw {path} cannot be read ({type(error).__name__}): drawn again")
        return None
    if not fits:
        print(f"few-shot draw {path} is of another split file or was changed: drawn again")
        return None
    return drawn
