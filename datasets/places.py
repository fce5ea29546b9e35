"""Find a data set's folder below the data root, or say what is there instead."""
import difflib
import os
from collections.abc import Iterable
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from compat.errors import UserError


def find_folder(name: str, folder: Path) -> None:
    """Make sure that the folder of a data set is there.

    Args:
        name: the data set's name, for the message. folder: path of its folder; the parent is the data root.

    Raises:
        UserError: it is not there; a folder beside it whose name is nearly the same is named.
    """
    if os.path.isdir(folder):
        return
    root = folder.parent
    try:
        beside = os.listdir(root)
    except OSError as error:
        raise UserError(f"{name} is not at {str(folder)!r}, because the data root {str(root)!r} cannot be listed "
                        f"({error.strerror}): give --root (DATASET.ROOT) the folder that holds them") from error
    # The folder of another data set is no misspelling: imagenetv2 beside a missing imagenet.
    others = {getattr(DATASET_REGISTRY.get(known), "dataset_dir", "") for known in DATASET_REGISTRY.registered_names()}
    near = near_name(folder.name, [entry for entry in beside if entry not in others and os.path.isdir(root / entry)])
    if near:
        raise UserError(f"{name} is not at {str(folder)!r}, but there is {str(root / near)!r}: rename that one "
                        "if it holds the data set")
    raise UserError(f"{name} is not at {str(folder)!r}: put it there, or give --root (DATASET.ROOT) the folder that "
                    "holds the data sets")


def near_name(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that differs from a name in case, separators or a letter or two; None if there is none."""
    def plain(text: str) -> str:
        return "".join(letter for letter in text.lower() if letter.isalnum())

    by_plain = {plain(candidate): candidate for candidate in sorted(candidates)}
    close = difflib.get_close_matches(plain(name), by_plain, n=1, cutoff=0.75)
    return by_plain[close[0]] if close else None
