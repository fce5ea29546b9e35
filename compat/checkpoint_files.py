"""Which file a run's checkpoint is. Importable without torch.

Dassl keeps the checkpoints of a model in ``<output folder>/<model name>``: ``model.pth.tar-<epoch>``, perhaps
``model-best.pth.tar`` (the best by validation), and a text file ``checkpoint`` that names the newest numbered one.
"""
import os
import re

from .errors import DamagedFileError, MissingFileError

BEST = "model-best.pth.tar"
MARKER = "checkpoint"


def numbered(epoch: int) -> str:
    """File name of the checkpoint after ``epoch`` finished epochs."""
    return f"model.pth.tar-{epoch}"


def newest_checkpoint(folder: str) -> str | None:
    """Path that the file ``checkpoint`` in a model's folder names, or None if there is no such file.

    Raises:
        DamagedFileError: it holds something else than the name of a file beside it.
    """
    marker = os.path.join(folder, MARKER)
    if not os.path.isfile(marker):
        return None
    with open(marker, "rb") as file:
        name = file.read(256).partition(b"\n")[0].decode(errors="replace").strip()
    if name == MARKER or not re.fullmatch(r"[\w. +-]+", name):
        raise DamagedFileError(f"{marker!r} names no checkpoint beside it ({name[:80]!r}): write the name of one into "
                               "it, or give --load-epoch")
    return os.path.join(folder, name)


def checkpoint_file(directory: str, model_name: str, epoch: int | None = None) -> str:
    """Path of the checkpoint of a model in a run's output folder.

    Args:
        directory: the output folder. model_name: the name that the model was registered under.
        epoch: the number in the file's name; None stands for the best by validation if there is one, else the newest;
            a negative number stands for the newest.

    Raises:
        MissingFileError: there is no such checkpoint; the sentence names those that there are.
        DamagedFileError: see ``newest_checkpoint``.
    """
    folder = os.path.join(directory, model_name)
    if not os.path.isdir(folder):
        raise MissingFileError(f"no checkpoint in {directory!r} (no checkpoint folder {folder!r}): give --model-dir "
                               "the output folder of a finished run")
    best = os.path.join(folder, BEST)
    if epoch is None and os.path.isfile(best):
        return best
    path = newest_checkpoint(folder) if epoch is None or epoch < 0 else os.path.join(folder, numbered(epoch))
    if path is None:
        raise MissingFileError(f"{folder!r} holds no checkpoint: train first, or give --load-epoch")
    if not os.path.isfile(path):
        there = sorted(name for name in os.listdir(folder) if name.startswith("model"))
        raise MissingFileError(f"no checkpoint {path!r}: the folder holds {', '.join(there) or 'none'}")
    return path
