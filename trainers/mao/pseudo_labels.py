"""DDE-new: pseudo-labels of images of the new classes, the argmax of a frozen model's logits, without a threshold."""
from __future__ import annotations

from collections.abc import Callable

import torch
from dassl.data.data_manager import DatasetWrapper
from dassl.engine import TrainerX
from torch import nn
from torch.utils.data import DataLoader

from .host_contract import tensors_in


def host_logits(trainer: TrainerX, model: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    """Function from images to the logits that a host trainer computes with ``model`` in place of its own.

    It goes through the trainer's ``model_inference``, which picks the logits where a model returns more (KgCoOp).
    """

    def logits(images: torch.Tensor) -> torch.Tensor:
        trained, trainer.model = trainer.model, model
        try:
            return tensors_in(trainer.model_inference(images))[0]
        finally:
            trainer.model = trained

    return logits


class PseudoLabeller:
    """Labels images by a frozen model.

    Args:
        logits: function from images (batch, 3, height, width) on the run's device to logits (batch, classes).
    """

    def __init__(self, logits: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self._logits: Callable[[torch.Tensor], torch.Tensor] | None = logits
        self._by_path: dict[str, int] | None = None

    @torch.no_grad()
    def label(self, images: torch.Tensor) -> torch.Tensor:
        """Pseudo-labels of images, int64 (batch,)."""
        assert self._logits is not None, "all labels have been made"
        return self._logits(images).argmax(dim=1)

    def label_once(self, dataset: DatasetWrapper, device: torch.device, workers: int = 0) -> None:
        """Label every image of a data set now; ``of_batch`` then answers from these, and the frozen model is let go.

        Args:
            device: the run's. workers: processes that decode the images.
        """
        self._by_path = {}
        for batch in DataLoader(dataset, batch_size=100, num_workers=workers):
            labels = self.label(batch["img"].to(device)).tolist()
            self._by_path.update(zip(batch["impath"], labels))  # noqa: B905  strict= came with Python 3.10
        self._logits = None

    def of_batch(self, images: torch.Tensor, paths: list[str]) -> torch.Tensor:
        """Pseudo-labels of a training batch: looked up if made once, else from the images; int64 (batch,)."""
        if self._by_path is None:
            return self.label(images)
        labels = torch.tensor([self._by_path[path] for path in paths])
        return labels.to(images.device, non_blocking=images.is_cuda)
