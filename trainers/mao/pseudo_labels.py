"""Pseudo-labels of unlabelled images of the new classes (step 2): argmax of a frozen model's logits, no threshold."""
import copy

import torch
from dassl.engine import TRAINER_REGISTRY
from torch.utils.data import DataLoader

from .errors import MAOError
from .host_contract import tensors_in, unwrap


def frozen_copy(model):
    """Copy of a prompted CLIP that later steps do not change, in eval mode.

    Frozen weights, buffers and tensors in plain attributes are shared with the model, only its learnable parameters are
    copied. The copy's text features are computed at its first use and kept, as long as the text encoder is called with
    the same prompts: its own never change, but some hosts make prompts of each image.
    """
    model = unwrap(model)
    shared = [p for p in model.parameters() if not p.requires_grad] + list(model.buffers())
    for module in model.modules():  # results of computations, which deepcopy refuses, among them
        shared += [value for value in vars(module).values() if torch.is_tensor(value)]
    twin = copy.deepcopy(model, {id(tensor): tensor for tensor in shared})
    for parameter in twin.parameters():
        parameter.requires_grad_(False)
    if hasattr(twin, "text_encoder"):
        twin.text_encoder.forward = _once(twin.text_encoder.forward)
    return twin.eval()


def _once(function):
    """The function, which is not called again for the arguments of its first call."""
    first = []

    def call(*args, **kwargs):
        given = (args, sorted(kwargs.items()))
        if not first:
            first.extend((given, function(*args, **kwargs)))
            return first[1]
        return first[1] if _same(given, first[0]) else function(*args, **kwargs)

    return call


def _same(value, other):
    """Whether two arguments, tensors or sequences of such, are equal."""
    if torch.is_tensor(value):
        return torch.is_tensor(other) and value.shape == other.shape and torch.equal(value, other)
    if isinstance(value, (list, tuple)):
        return (isinstance(other, (list, tuple)) and len(value) == len(other)
                and all(_same(item, other_item) for item, other_item in zip(value, other)))
    return value is other or (isinstance(value, (int, float, str)) and value == other)


def zero_shot_clip(cfg, device, dm):
    """The host repository's ZeroshotCLIP trainer with its model built for a data manager's classes, else MAOError."""
    if "ZeroshotCLIP" not in TRAINER_REGISTRY.registered_names():
        raise MAOError(
            "there is no trainer ZeroshotCLIP in this repository, which MAO.PSEUDO_LABELS clip and MAO.SIMILARITY clip "
            "need: import it in train.py, or use base and minilm")
    trainer_class = TRAINER_REGISTRY.get("ZeroshotCLIP")
    zero_shot = trainer_class.__new__(trainer_class)  # only its model is wanted: no loaders, no evaluator
    zero_shot.cfg, zero_shot.device, zero_shot.dm = cfg, device, dm
    zero_shot.build_model()
    return zero_shot


def host_logits(trainer, model):
    """Function from images to the logits that a host trainer computes with ``model`` in place of its own.

    It goes through the trainer's ``model_inference``, which picks the logits where a model returns more (KgCoOp).
    """

    def logits(images):
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

    def __init__(self, logits):
        self._logits = logits
        self._by_path = None

    @torch.no_grad()
    def label(self, images):
        """Pseudo-labels of images, int64 (batch,)."""
        return self._logits(images).argmax(dim=1)

    def label_once(self, items, wrapper, device):
        """Label the plain view of every image now; ``of_batch`` then answers from these.

        Args:
            items: list of ``Datum``. wrapper: Dassl's test DatasetWrapper, whose class and transform are used.
        """
        dataset = type(wrapper)(wrapper.cfg, items, transform=wrapper.transform, is_train=False)
        self._by_path = {}
        for batch in DataLoader(dataset, batch_size=100):
            labels = self.label(batch["img"].to(device)).tolist()
            self._by_path.update(zip(batch["impath"], labels))

    def of_batch(self, images, paths):
        """Pseudo-labels of a training batch: looked up if made once, else from the images; int64 (batch,)."""
        if self._by_path is None:
            return self.label(images)
        return torch.tensor([self._by_path[path] for path in paths], device=images.device)
