"""The frozen models that label images share weights, never change, and encode their classes once."""
from types import SimpleNamespace

import pytest
import torch
from dassl.config import get_cfg_default
from dassl.engine import TRAINER_REGISTRY
from small_clip import small_clip_state
from small_coop import NAMES, model_of

from trainers.mao.errors import MAOError
from trainers.mao.frozen_models import frozen_copy, zero_shot_clip
from trainers.mao.pseudo_labels import PseudoLabeller


def test_a_copy_shares_frozen_weights_and_owns_its_prompts():
    model = model_of()
    twin = frozen_copy(model)
    for (name, ours), theirs in zip(model.named_parameters(), twin.parameters()):
        assert (ours.data_ptr() == theirs.data_ptr()) == (name != "prompt_learner.ctx"), name
        assert not theirs.requires_grad
    assert all(a is b for a, b in zip(model.buffers(), twin.buffers()))
    assert model.prompt_learner.ctx.requires_grad and not twin.training


def test_a_copy_of_a_model_in_data_parallel_is_not_wrapped():
    model = torch.nn.DataParallel(model_of())
    assert type(frozen_copy(model)) is type(model.module)


def test_a_copy_encodes_its_classes_once():
    twin = frozen_copy(model_of())
    calls = []
    twin.text_encoder.transformer.resblocks[0].ln_1.register_forward_hook(lambda *_: calls.append(1))
    twin.train()  # a host that encodes its prompts at every forward
    labeller = PseudoLabeller(twin)
    for _ in range(3):
        labeller.label(torch.randn(2, 3, 32, 32))
    assert len(calls) == 1


class PerImagePrompts(torch.nn.Module):
    """Encodes other prompts for each image, as CoCoOp does."""

    def __init__(self):
        super().__init__()
        self.prompt_learner = torch.nn.Linear(3, 4)
        self.text_encoder = torch.nn.Linear(4, 5)
        self.teacher = self.text_encoder(torch.ones(2, 4))  # a result of a computation in a plain attribute

    def forward(self, images):
        return torch.stack([self.text_encoder(self.prompt_learner(image.mean(dim=(1, 2)))) for image in images])


def test_a_copy_encodes_the_prompts_of_each_image_each_time():
    torch.manual_seed(0)
    model = PerImagePrompts()
    images = torch.randn(8, 3, 4, 4) * 10
    twin = frozen_copy(model)
    assert twin.teacher is model.teacher
    with torch.no_grad():
        assert torch.equal(twin(images), model(images))
    assert len(set(PseudoLabeller(twin).label(images).tolist())) > 1


def data_manager():
    names = ("train_loader_x", "train_loader_u", "val_loader", "test_loader", "num_source_domains")
    return SimpleNamespace(dataset=SimpleNamespace(classnames=NAMES), num_classes=5, lab2cname=dict(enumerate(NAMES)),
                           **{name: object() for name in names})


def test_zero_shot_clip_is_built_as_usual_on_the_loaders_that_are_there(tmp_path):
    torch.save(small_clip_state(), tmp_path / "clip.pt")
    cfg = get_cfg_default()
    cfg.merge_from_list(["MODEL.BACKBONE.NAME", str(tmp_path / "clip.pt"), "INPUT.SIZE", (32, 32), "USE_CUDA", False])
    cfg.freeze()
    manager = data_manager()
    trainer = zero_shot_clip(cfg, manager)
    assert isinstance(trainer, TRAINER_REGISTRY.get("ZeroshotCLIP"))
    assert trainer.dm is manager and trainer.test_loader is manager.test_loader
    assert trainer.text_features.shape == (5, 32)
    assert trainer.model_inference(torch.randn(2, 3, 32, 32)).shape == (2, 5)


def test_a_repository_without_zero_shot_clip_is_told_so(monkeypatch):
    monkeypatch.setattr(TRAINER_REGISTRY, "registered_names", lambda: ["CoOp"])
    with pytest.raises(MAOError, match="no trainer ZeroshotCLIP in this repository.*or use base and minilm"):
        zero_shot_clip(get_cfg_default(), data_manager())
