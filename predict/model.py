"""A run's model, and what it says of images."""
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F

from compat.errors import UserError
from compat.files import write_file

from .images import Batch, Source, batches

if TYPE_CHECKING:
    from dassl.engine import TrainerX


@dataclass(frozen=True)
class Prediction:
    """What a model says of one image.

    Attributes:
        image: its path; "" of an image that was given as such.
        classes: (name, probability) of the classes asked for, the most probable first; empty with an error.
        error: why the image could not be read; "" if it could.
    """

    image: str
    classes: tuple[tuple[str, float], ...] = ()
    error: str = ""

    @property
    def label(self) -> str:
        """Name of the most probable class; "" with an error."""
        return self.classes[0][0] if self.classes else ""

    @property
    def probability(self) -> float:
        """Its probability, 0 to 1; not a number with an error."""
        return self.classes[0][1] if self.classes else float("nan")


class RunModel:
    """The model of a run; ``load_run`` makes it.

    Attributes:
        classnames: in the order of logits. trainer: the run's, without data. cfg: its config.
    """

    def __init__(self, trainer: "TrainerX", classnames: list[str]) -> None:
        from dassl.data.transforms import build_transform

        self.trainer, self.cfg, self.classnames = trainer, trainer.cfg, classnames
        transform = build_transform(self.cfg, is_train=False, choices=self.cfg.INPUT.TRANSFORMS)
        assert transform is not None, "trainers take tensors"  # check_values allows no INPUT.NO_TRANSFORM
        self.transform = transform

    def predict(self, images: Sequence[Source], topk: int = 1, batch_size: int = 64) -> list[Prediction]:
        """What the model says of each image; one that cannot be read has an error instead.

        Args:
            images: paths, or images of Pillow. topk: how many classes to give of each.
        """
        return list(self.predictions(images, topk, batch_size))

    def predictions(self, images: Sequence[Source], topk: int = 1, batch_size: int = 64, workers: int = 0,
                    features: "Features | None" = None) -> Iterator[Prediction]:
        """As ``predict``, one by one.

        Args:
            workers: processes that read images beside this one. features: takes those of the images that can be read.
        """
        topk = min(topk, len(self.classnames))
        for batch in batches(images, self.transform, self.cfg, batch_size, workers):
            rows = iter(self._probabilities(batch, features))
            for path, error in zip(batch.paths, batch.errors, strict=True):
                if error:
                    yield Prediction(path, error=error)
                    continue
                values, labels = next(rows).topk(topk)
                yield Prediction(path, tuple((self.classnames[label], value) for label, value in
                                             zip(labels.tolist(), values.tolist(), strict=True)))

    @torch.no_grad()
    def _probabilities(self, batch: Batch, features: "Features | None") -> torch.Tensor:
        """fp32 (readable images, classes), on the CPU."""
        if not len(batch.pixels):
            return batch.pixels.flatten(1)
        pixels = batch.pixels.to(self.trainer.device)
        if features is None:
            logits = self.trainer.model_inference(pixels)
        else:
            encode = self._owner.encode_images if hasattr(self._owner, "encode_images") else self._owner.image_encoder
            found = F.normalize(encode(pixels).float(), dim=1)
            features.add(batch, found.cpu().numpy())
            scale = getattr(self._owner, "clip_model", self._owner).logit_scale
            logits = scale.exp() * found @ self.text_features().to(found.device).t()
        return logits.float().softmax(dim=1).cpu()

    @property
    def _owner(self) -> Any:
        """What has the towers: the model of a trainer, or a zero-shot trainer itself."""
        return getattr(self.trainer, "model", self.trainer)

    @torch.no_grad()
    def text_features(self) -> torch.Tensor:
        """Normalised features of the classes' prompts, fp32 (classes, embedding dimension).

        Raises:
            UserError: the method has others for each image, or none.
        """
        if getattr(self._owner, "conditional", False):
            raise UserError(f"{type(self.trainer).__name__}'s text features depend on the image, and there are none of "
                            "a class alone: leave --features out")
        if not hasattr(self._owner, "text_features"):
            raise UserError(f"{type(self.trainer).__name__} has no texts, and no features of them: leave --features "
                            "out; a zero-shot run gives the image features")
        features = self._owner.text_features
        return F.normalize((features() if callable(features) else features).float(), dim=1)

    def features(self, images: Sequence[Source], batch_size: int = 64) -> dict[str, np.ndarray]:
        """Normalised features of the images that can be read, and of the classes; see ``Features.arrays``."""
        features = Features(self)
        for _ in self.predictions(images, batch_size=batch_size, features=features):
            pass
        return features.arrays()


class Features:
    """Collects image features beside predictions, for other uses of them."""

    def __init__(self, model: RunModel) -> None:
        self.text, self.classnames = model.text_features().cpu().numpy(), model.classnames
        self.found: list[np.ndarray] = [np.empty((0, self.text.shape[1]), np.float32)]
        self.paths: list[str] = []

    def add(self, batch: Batch, features: np.ndarray) -> None:
        self.found.append(features)
        self.paths += [path for path, error in zip(batch.paths, batch.errors, strict=True) if not error]

    def write(self, path: str) -> None:
        """Write ``arrays`` as .npz, atomically."""
        content = io.BytesIO()
        np.savez(content, **self.arrays())  # type: ignore[arg-type]  # its stubs take them for the options
        write_file(path, content.getvalue())

    def arrays(self) -> dict[str, np.ndarray]:
        """{"image_features": float32 (n, dimension), "paths": (n,), "text_features": float32 (classes, dimension),
        "classnames": (classes,)}; all features are normalised."""
        return {"image_features": np.concatenate(self.found), "paths": np.array(self.paths, dtype=str),
                "text_features": self.text, "classnames": np.array(self.classnames, dtype=str)}
