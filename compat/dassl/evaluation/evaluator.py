"""Accuracy, error rate and macro F1 of a classifier."""
import os
from collections import OrderedDict, defaultdict

import numpy as np
import torch
from yacs.config import CfgNode

from compat.errors import UserError

from ..metrics.averages import macro_precision_recall
from ..utils.checkpoints import save_tensors
from .build import EVALUATOR_REGISTRY, EvaluatorBase


@EVALUATOR_REGISTRY.register()
class Classification(EvaluatorBase):
    """Counts in integers and computes in float64; equal scores go to the lower label.

    Per-class results need ``lab2cname``, a dict from label to class name.
    """

    def __init__(self, cfg: CfgNode, lab2cname: dict[int, str] | None = None, **_: object) -> None:
        super().__init__(cfg, lab2cname)
        if cfg.TEST.PER_CLASS_RESULT and lab2cname is None:
            raise UserError("TEST.PER_CLASS_RESULT needs the class names of a data set: set it to False")
        self._lab2cname = lab2cname or {}
        self.reset()

    def reset(self) -> None:
        self._correct = 0
        self._total = 0
        self._y_true: list[int] = []
        self._y_pred: list[int] = []
        self._num_classes = 0

    def process(self, mo: torch.Tensor, gt: torch.Tensor) -> None:
        """Take logits (batch, classes) of any floating type, and labels int64 (batch,).

        Raises:
            UserError: a logit is not a number.
        """
        if mo.isnan().any():
            raise UserError("a logit is not a number, so no class can be predicted: the model's parameters are damaged "
                            "or too large (lower OPTIM.LR), or PREC is too narrow for this CLIP")
        predicted = mo.detach().float().cpu().numpy().argmax(axis=1)  # numpy takes the first of equal maxima
        true = gt.detach().cpu().numpy()
        self._correct += int((predicted == true).sum())
        self._total += len(true)
        self._y_true.extend(true.tolist())
        self._y_pred.extend(predicted.tolist())
        self._num_classes = mo.shape[1]

    def evaluate(self) -> OrderedDict[str, float]:
        """OrderedDict of accuracy, error_rate and, as means over the classes that occur, macro_f1, macro_precision and
        macro_recall, all in per cent.

        With TEST.PER_CLASS_RESULT also perclass_accuracy, the mean of the classes' accuracies.

        Raises:
            UserError: no batch was taken.
        """
        if not self._total:
            raise UserError("there is nothing to evaluate: the split has no image")
        accuracy = 100.0 * self._correct / self._total
        macro_f1 = 100.0 * self._macro_f1()
        results = OrderedDict(accuracy=accuracy, error_rate=100.0 - accuracy, macro_f1=macro_f1)
        print(
            f"=> result\n* total: {self._total:,}\n* correct: {self._correct:,}\n* accuracy: {accuracy:.2f}%\n"
            f"* error: {100.0 - accuracy:.2f}%\n* macro_f1: {macro_f1:.2f}%"
        )
        if self.cfg.TEST.PER_CLASS_RESULT:
            results["perclass_accuracy"] = self._per_class()
        results["macro_precision"], results["macro_recall"] = macro_precision_recall(self._y_true, self._y_pred)
        if self.cfg.TEST.COMPUTE_CMAT:
            self._save_confusion_matrix()
        return results

    def _macro_f1(self) -> float:
        """Mean over the classes that occur of F1 = 2 hits / (images of the class + images taken for it), a fraction."""
        true, predicted = np.array(self._y_true), np.array(self._y_pred)
        occur, taken, hits = (np.bincount(labels, minlength=self._num_classes)
                              for labels in (true, predicted, true[true == predicted]))
        return float(np.mean(2 * hits[occur > 0] / (occur + taken)[occur > 0]))

    def _per_class(self) -> float:
        hits_of: dict[int, list[bool]] = defaultdict(list)
        for label, predicted in zip(self._y_true, self._y_pred, strict=True):
            hits_of[label].append(label == predicted)
        print("=> per-class result")
        accuracies = []
        for label, hits in sorted(hits_of.items()):
            accuracies.append(100.0 * sum(hits) / len(hits))
            print(f"* class: {label} ({self._lab2cname[label]})\ttotal: {len(hits):,}\tcorrect: {sum(hits):,}\t"
                  f"acc: {accuracies[-1]:.2f}%")
        mean = float(np.mean(accuracies))
        print(f"* average: {mean:.2f}%")
        return mean

    def _save_confusion_matrix(self) -> None:
        """Write cmat.pt: float64 (classes, classes); rows, the true classes, add up to 1, or to 0 without images."""
        count = self._num_classes
        cells = np.array(self._y_true) * count + self._y_pred
        matrix = np.bincount(cells, minlength=count**2).reshape(count, count)
        matrix = matrix / matrix.sum(axis=1, keepdims=True).clip(min=1)
        path = os.path.join(self.cfg.OUTPUT_DIR, "cmat.pt")
        save_tensors(torch.from_numpy(matrix), path)
        print(f"confusion matrix saved to {path}")
