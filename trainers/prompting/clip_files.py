"""Where the weights of a CLIP are, and how they are read: OpenAI's by name, a file, or the small CLIP bundled here."""
import difflib
import os
import warnings
from pathlib import Path

import numpy as np
import torch

from compat.errors import UserError
from compat.state_dicts import state_dict_of
from compat.tensor_files import check_archive, is_torchscript, read_tensors

from .clip_package import openai_clip

BUNDLED = {"Mini/16": Path(__file__).parent / "assets" / "mini16.npz"}
"""Models of this repository: name -> compressed arrays under OpenAI's state-dict keys."""


def find_weights(name: str) -> Path:
    """File of the weights called ``name``; those of OpenAI are downloaded (the clip package verifies the checksum).

    Raises:
        UserError: there is neither such a name nor such a file, or it cannot be downloaded.
    """
    if name in BUNDLED:
        if not BUNDLED[name].exists():
            raise UserError(f"the bundled CLIP {name!r} is not part of this copy: give an OpenAI name or a file")
        return BUNDLED[name]
    if name in openai_clip._MODELS:
        cache = os.path.expanduser(os.environ.get("CLIP_CACHE", "~/.cache/clip"))
        try:
            return Path(openai_clip._download(openai_clip._MODELS[name], cache))
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"CLIP {name!r} cannot be downloaded to {cache!r} ({error}): put its .pt file there by hand, "
                "give MODEL.BACKBONE.NAME the path of a file, or use the bundled 'Mini/16'"
            ) from error
    if os.path.isfile(name):
        return Path(name)
    if os.path.isdir(name):
        raise UserError(f"MODEL.BACKBONE.NAME {name!r} is a folder: give the file with the weights")
    if os.path.exists(name):
        raise UserError(f"MODEL.BACKBONE.NAME {name!r} is no regular file: give the file with the weights")
    if name.startswith(("/", ".", "~")) or name.count("/") > 1 or Path(name).suffix in (".pt", ".pth", ".safetensors"):
        raise UserError(f"MODEL.BACKBONE.NAME {name!r}: there is no such file")
    known = [*openai_clip._MODELS, *BUNDLED]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    raise UserError(
        f"MODEL.BACKBONE.NAME {name!r} is neither a file nor a known CLIP (did you mean {near[0]!r}?): "
        f"known are {', '.join(known)}"
    )


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of an ``.npz`` or ``.safetensors`` file, a JIT archive or a state dict (pickled code is never run).

    Raises:
        UserError: the file is empty or damaged, or holds something else.
    """
    if path.stat().st_size == 0:
        raise UserError(f"CLIP weights {str(path)!r} is an empty file: fetch it again")
    reader = {".npz": _read_npz, ".safetensors": _read_safetensors}.get(path.suffix, _read_pickled)
    try:
        return reader(path)
    except (ImportError, UserError):
        raise
    except Exception as error:  # damaged archives, a pickle with code in it: the readers share no class of error
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160].rstrip(".")
        raise UserError(f"CLIP weights {str(path)!r} cannot be read ({reason}): the file is damaged or cut short, or "
                        "holds no weights: fetch it again") from error


def _read_npz(path: Path) -> dict[str, torch.Tensor]:
    check_archive(str(path), checksums=False)  # numpy compares them
    with np.load(path, allow_pickle=False) as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file  # a fork that a backbone was copied to need not have the package

    return load_file(path)


def _read_pickled(path: Path) -> dict[str, torch.Tensor]:
    """State dict of a JIT archive, as OpenAI's files are, or of a pickle that holds one."""
    if not is_torchscript(str(path)):
        state = read_tensors(str(path))
        return state_dict_of(state, str(path)) if isinstance(state, dict) and "state_dict" in state else state
    check_archive(str(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch.jit is deprecated
        return torch.jit.load(str(path), map_location="cpu").state_dict()
