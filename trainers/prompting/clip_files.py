"""Where the weights of a CLIP are, and how they are read: by a name, in a file or in a folder."""
import difflib
import os
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from compat.errors import UserError
from compat.tensor_files import check_archive, is_torchscript, read_tensors

from . import clip_open_clip
from .clip_configs import hugging_face_details, naming_damage, open_clip_details, read_config
from .clip_details import Details
from .clip_package import openai_clip

BUNDLED = {"Mini/16": Path(__file__).parent / "assets" / "mini16.npz"}
"""Models of this repository: name -> compressed arrays under OpenAI's state-dict keys."""

SUFFIXES = (".pt", ".pth", ".bin", ".npz", ".safetensors")
IN_FOLDERS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
              "open_clip_model.safetensors", "open_clip_pytorch_model.bin")
CONFIGS = ("open_clip_config.json", "config.json", "preprocessor_config.json")


class Weights(NamedTuple):
    """Where the weights of a CLIP are, and what is known of them beside.

    Attributes:
        files: that hold them, each a part. details: what a configuration says; None if there is none.
        configs: files that the details are from.
    """

    files: tuple[Path, ...]
    details: Details | None = None
    configs: tuple[Path, ...] = ()


def find_weights(name: str) -> Weights:
    """The weights called ``name``; those of OpenAI and of open_clip are downloaded if they are not there.

    Raises:
        UserError: there is neither such a name nor such a file, it cannot be downloaded, or is no CLIP.
    """
    if name in BUNDLED:
        if not BUNDLED[name].exists():
            raise UserError(f"the bundled CLIP {name!r} is not part of this copy: give an OpenAI name or a file")
        return Weights((BUNDLED[name],))
    if name in openai_clip._MODELS:
        return Weights((_downloaded(name),))
    if name.startswith(clip_open_clip.PREFIX):
        file, details = clip_open_clip.open_clip_weights(name)
        return Weights((file,), details)
    if os.path.isfile(name):
        return _of_file(Path(name))
    if os.path.isdir(name):
        return _of_folder(Path(name))
    if os.path.exists(name):
        raise UserError(f"MODEL.BACKBONE.NAME {name!r} is no regular file: give the file with the weights")
    if name.startswith(("/", ".", "~")) or name.count("/") > 1 or Path(name).suffix in SUFFIXES:
        raise UserError(f"MODEL.BACKBONE.NAME {name!r}: there is no such file")
    known = [*openai_clip._MODELS, *BUNDLED]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    raise UserError(
        f"MODEL.BACKBONE.NAME {name!r} is neither a file nor a known CLIP (did you mean {near[0]!r}?): "
        f"known are {', '.join(known)}, and {clip_open_clip.SHAPE}"
    )


def absolute_name(name: str) -> str:
    """``name`` with the path in it, if there is one, as seen from any folder."""
    if name in BUNDLED or name in openai_clip._MODELS:
        return name
    if name.startswith(clip_open_clip.PREFIX):
        architecture, at, file = name.partition("@")
        return architecture + at + (os.path.abspath(file) if file else "")
    return os.path.abspath(name) if os.path.exists(name) else name


def _downloaded(name: str) -> Path:
    """File of one of OpenAI's models; the clip package verifies its checksum."""
    cache = os.path.expanduser(os.environ.get("CLIP_CACHE", "~/.cache/clip"))
    try:
        return Path(openai_clip._download(openai_clip._MODELS[name], cache))
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"CLIP {name!r} cannot be downloaded to {cache!r} ({error}): put its .pt file there by hand, "
            "give MODEL.BACKBONE.NAME the path of a file, or use the bundled 'Mini/16'"
        ) from error


def _of_folder(folder: Path) -> Weights:
    """A folder as Hugging Face's transformers and hub keep a CLIP in, its weights in one file or in several."""
    for name in IN_FOLDERS:
        file = folder / name
        if file.is_file() and file.suffix == ".json":
            parts = read_config(file).get("weight_map")
            if not isinstance(parts, dict) or not all(isinstance(part, str) for part in parts.values()):
                raise UserError(f"{str(file)!r} names no files with weights: fetch it again")
            files = tuple(folder / part for part in sorted(set(parts.values())))
            if missing := [part for part in files if not part.is_file()]:
                raise UserError(f"{str(missing[0])!r}, which {str(file)!r} names, is missing: fetch it again")
            return _of_file(*files)
        if file.is_file():
            return _of_file(file)
    raise UserError(f"MODEL.BACKBONE.NAME {str(folder)!r} is a folder without weights of a CLIP ({IN_FOLDERS[0]}, "
                    "...): give the file with the weights")


def _of_file(*files: Path) -> Weights:
    """Files beside which a configuration may lie; other repositories' files may lie there, too."""
    folder = files[0].parent
    of_open_clip, of_transformers, of_images = (folder / name for name in CONFIGS)
    source = repr(str(folder))
    with naming_damage(source):
        if files[0].name.startswith("open_clip") and of_open_clip.is_file():
            config = read_config(of_open_clip)
            details = open_clip_details(config.get("model_cfg", config), source, config.get("preprocess_cfg"))
            return Weights(files, details, (of_open_clip,))
        if files[0].suffix in (".safetensors", ".bin") and of_transformers.is_file():
            configs = (of_transformers, *([of_images] if of_images.is_file() else []))
            images = read_config(of_images) if of_images.is_file() else {}
            return Weights(files, hugging_face_details(read_config(of_transformers), images, source), configs)
    return Weights(files)


def read_weights(path: Path) -> Any:
    """What is in an ``.npz`` or ``.safetensors`` file, a JIT archive or a state dict (pickled code is never run).

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


def _read_pickled(path: Path) -> Any:
    """State dict of a JIT archive, as OpenAI's files are, or what a pickle holds."""
    if not is_torchscript(str(path)):
        return read_tensors(str(path))
    check_archive(str(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch.jit is deprecated
        return torch.jit.load(str(path), map_location="cpu").state_dict()
