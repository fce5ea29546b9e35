"""What an evaluator is, and the registry of them."""
from typing import Any

import torch
from yacs.config import CfgNode

from ..utils.registry import Registry


class EvaluatorBase:
    """Collects a model's outputs batch by batch and sums them up."""

    def __init__(self, cfg: CfgNode, lab2cname: dict[int, str] | None = None, **_: object) -> None:
        self.cfg = cfg

    def reset(self) -> None:
        """Forget all batches."""
        raise NotImplementedError

    def process(self, mo: torch.Tensor, gt: torch.Tensor) -> None:
        """Take a batch: model output ``mo`` and ground truth ``gt``."""
        raise NotImplementedError

    def evaluate(self) -> dict[str, float]:
        """Print and return measures by name, in order; the first is what models are compared by."""
        raise NotImplementedError


EVALUATOR_REGISTRY: Registry[EvaluatorBase] = Registry("TEST.EVALUATOR")


def build_evaluator(cfg: CfgNode, lab2cname: dict[int, str] | None = None, **options: Any) -> EvaluatorBase:
    """Evaluator of TEST.EVALUATOR; ``lab2cname`` is a dict from label to class name. Errors as of ``Registry.get``."""
    return EVALUATOR_REGISTRY.build(cfg.TEST.EVALUATOR, cfg, lab2cname=lab2cname, **options)
