"""The few-shot draw: which training and validation images a run may use.

It repeats the draw of CoOp's data sets for the same seed. Class by class, in order of first appearance, ``shots`` train
images are drawn without repetition; then up to four validation images a class from the same random stream.
"""
import hashlib
import json
import random
from pathlib import Path

from compat.files import write_file

from .originals_draws import read_pickled_draw
from .split_file import as_item, group_by_label

MAX_VAL_SHOTS = 4


def draw_few_shots(train, val, shots, rng):
    """Draw from the train and validation items of a data set.

    Args:
        train, val: items (path, label, class name). shots: images a class, at least 1.
        rng: ``random.Random``, or the module ``random`` for the global stream.

    Returns:
        (drawn train items, drawn validation items), class after class.
    """
    return draw(train, shots, rng), draw(val, min(shots, MAX_VAL_SHOTS), rng)


def draw(items, shots, rng):
    """``shots`` random items of each class; a class that has fewer gives all, in the order of the list."""
    drawn = []
    for group in group_by_label(items).values():
        drawn.extend(rng.sample(group, shots) if len(group) >= shots else group)
    return drawn


def short_classes(items, shots):
    """Names of the classes with fewer than ``shots`` items."""
    return [group[0][2] for group in group_by_label(items).values() if len(group) < shots]


def cached_draw(train, val, shots, seed, folder, split_digest):
    """``draw_few_shots`` with a file ``shot_<shots>-seed_<seed>.json`` in ``folder`` that keeps the result.

    The file is used only if it was made from the same split (``split_digest``); otherwise it is made again. A draw that
    a repository of the CoOp family left there (a pickle) is taken over if it fits the split. A folder that cannot be
    written to costs nothing but the file. A negative seed draws from the global random stream and leaves no file,
    because the next run is to draw anew.
    """
    if seed < 0:
        return draw_few_shots(train, val, shots, random)
    path = Path(folder) / f"shot_{shots}-seed_{seed}.json"
    known = read_draw(path, split_digest)
    if known is not None:
        return known
    drawn = draw_few_shots(train, val, shots, random.Random(seed))
    pickled_train, pickled_val = read_pickled_draw(path.with_suffix(".pkl"), train, val, shots)
    if pickled_train is not None:
        print(f"few-shot draw taken over from {path.with_suffix('.pkl')}")
        drawn = pickled_train, drawn[1] if pickled_val is None else pickled_val
    try:
        write_draw(path, drawn, split_digest)
    except OSError as error:
        print(f"few-shot draw not saved in {folder} ({error.strerror}); it is made again next time")
    return drawn


def read_draw(path, split_digest):
    """(train, val) of a saved draw; None if there is none, or none for this split."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        parts = [[as_item(entry) for entry in saved[part]] for part in ("train", "val")]
        digest_of_saved, split_of_saved = saved["digest"], saved["split_digest"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"few-shot draw {path} cannot be read ({type(error).__name__}): drawn again")
        return None
    if split_of_saved != split_digest or digest_of_saved != draw_digest(parts):
        print(f"few-shot draw {path} is of another split file or was changed: drawn again")
        return None
    return tuple(parts)


def write_draw(path, drawn, split_digest):
    """Save a draw atomically, so that runs which start at the same time see a whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    train, val = drawn
    content = {"split_digest": split_digest, "digest": draw_digest(drawn), "train": train, "val": val}
    write_file(path, json.dumps(content))


def draw_digest(parts):
    """SHA-256 of the two lists of a draw, as hex digits."""
    return hashlib.sha256(json.dumps([list(map(list, part)) for part in parts]).encode()).hexdigest()
