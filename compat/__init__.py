"""Chooses the Dassl to run on: an installed one that works with the installed torch, else the bundled one."""
import contextlib
import importlib
import importlib.machinery
import importlib.metadata
import io
import os
import sys
import tempfile
from collections.abc import Iterable

from .errors import UserError
from .torch_import import import_torch

COMPAT = os.path.dirname(os.path.abspath(__file__))


def resolve_dassl() -> str:
    """Make ``import dassl`` find an engine that works; call it before anything imports dassl.

    DASSL_ENGINE in the environment, bundled or installed, forces one.

    Returns:
        A line for the log that says which engine it is and why.

    Raises:
        UserError: the forced engine does not exist or does not work.
    """
    forced = os.environ.get("DASSL_ENGINE", "")
    if forced not in ("", "bundled", "installed"):
        raise UserError(f"DASSL_ENGINE is {forced!r}: set it to bundled or installed, or unset it")
    if "dassl" in sys.modules:
        return _describe_loaded()
    installed = _is_installed()
    if forced == "installed" and not installed:
        raise UserError("DASSL_ENGINE is installed, but no Dassl is installed: unset it")
    import_torch()  # every engine does
    if forced == "bundled" or not installed:
        _use_bundled()
        reason = "DASSL_ENGINE asks for it" if forced else "no Dassl is installed"
        return f"dassl: bundled engine (compat/dassl); {reason}"

    former = list(sys.path)
    sys.path[:] = _without_compat(sys.path)
    fault = _fault_of_installed()
    import torch

    engine, with_torch = f"installed Dassl {_installed_version()}", f"torch {torch.__version__}"
    if fault is None:
        return f"dassl: {engine}; it works with {with_torch}"
    if forced == "installed":
        raise UserError(f"{engine} does not work with {with_torch} ({fault}): unset DASSL_ENGINE")
    sys.path[:] = former
    for name in [name for name in sys.modules if name.split(".")[0] == "dassl"]:
        del sys.modules[name]
    _use_bundled()
    return f"dassl: bundled engine (compat/dassl); {engine} does not work with {with_torch}: {fault}"


def _without_compat(paths: Iterable[str]) -> list[str]:
    return [path for path in paths if os.path.abspath(path or os.curdir) != COMPAT]


def _is_installed() -> bool:
    spec = importlib.machinery.PathFinder.find_spec("dassl", _without_compat(sys.path))
    return spec is not None and spec.origin is not None  # a folder without __init__.py has no origin


def _use_bundled() -> None:
    if COMPAT not in sys.path:
        sys.path[:] = [COMPAT, *sys.path]  # worker processes that are started anew inherit the path
    importlib.invalidate_caches()


def _describe_loaded() -> str:
    file = sys.modules["dassl"].__file__ or ""
    if os.path.abspath(file).startswith(COMPAT + os.sep):
        return "dassl: bundled engine (compat/dassl)"
    return f"dassl: installed Dassl {_installed_version()}"


def _installed_version() -> str:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version("dassl")
    return getattr(sys.modules.get("dassl"), "__version__", "of unknown version")


def _fault_of_installed() -> str | None:
    """Why the Dassl that ``import dassl`` finds does not work, in a few words; None if it does."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            _probe()
    except (Exception, SystemExit) as error:
        lines = str(error).strip().splitlines()
        return f"{type(error).__name__}: {lines[0] if lines else ''}"[:200]
    return None


def _probe() -> None:
    """Do what breaks first on a torch that is too new: build the schedules, save and load a checkpoint."""
    import torch  # here, since these imports are what may fail
    from dassl.config import get_cfg_default
    from dassl.data import DataManager  # noqa: F401
    from dassl.engine import TRAINER_REGISTRY, TrainerX  # noqa: F401
    from dassl.evaluation import build_evaluator  # noqa: F401
    from dassl.optim import build_lr_scheduler, build_optimizer
    from dassl.utils import load_checkpoint, save_checkpoint

    options = get_cfg_default().OPTIM
    options.NAME, options.WARMUP_EPOCH = "sgd", 1
    for schedule in ("single_step", "multi_step", "cosine"):
        for warmup in ("constant", "linear"):
            options.LR_SCHEDULER, options.WARMUP_TYPE = schedule, warmup
            parameter = torch.nn.Parameter(torch.zeros(1))
            optimizer = build_optimizer([parameter], options)
            scheduler = build_lr_scheduler(optimizer, options)
            optimizer.step()
            scheduler.step()
    state = {"state_dict": {"weight": parameter.detach()}, "epoch": 1, "optimizer": optimizer.state_dict(),
             "scheduler": scheduler.state_dict(), "val_result": None}
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(state, folder)
        load_checkpoint(os.path.join(folder, "model.pth.tar-1"))
