"""What an evaluator is, and the registry of them."""
from ..utils.registry import Registry

EVALUATOR_REGISTRY = Registry("TEST.EVALUATOR")


def build_evaluator(cfg, lab2cname=None, **kwargs):
    """Evaluator of TEST.EVALUATOR; ``lab2cname`` is a dict from label to class name."""
    evaluator = EVALUATOR_REGISTRY.get(cfg.TEST.EVALUATOR)
    if cfg.VERBOSE:
        print(f"evaluator {cfg.TEST.EVALUATOR}")
    return evaluator(cfg, lab2cname=lab2cname, **kwargs)


class EvaluatorBase:
    """Collects a model's outputs batch by batch and sums them up."""

    def __init__(self, cfg):
        self.cfg = cfg

    def reset(self):
        """Forget all batches."""
        raise NotImplementedError

    def process(self, mo, gt):
        """Take a batch: model output ``mo`` and ground truth ``gt``."""
        raise NotImplementedError

    def evaluate(self):
        """Print and return an OrderedDict of measures; the first is what models are compared by."""
        raise NotImplementedError
