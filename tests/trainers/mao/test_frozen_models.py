"""The frozen models that label images share weights, never change, and encode their classes once."""
import sys
from types import SimpleNamespace

import pytest
import torch
from dassl.config import get_cfg_default
from dassl.engine import TRAINER_REGISTRY
from small_clip import small_clip_state
from small_coop import NAMES, model_of

from trainers.mao.errors import MAOError
from trainers.mao.frozen_models import RELEASED_TEMPLATE, frozen_copy, zero_shot_clip
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


def data_manager(**of_dataset):
    names = ("train_loader_x", "train_loader_u", "val_loader", "test_loader", "num_source_domains")
    return SimpleNamespace(dataset=SimpleNamespace(classnames=NAMES, **of_dataset), num_classes=5,
                           lab2cname=dict(enumerate(NAMES)), **{name: object() for name in names})


@pytest.fixture
def cfg(tmp_path):
    torch.save(small_clip_state(), tmp_path / "clip.pt")
    cfg = get_cfg_default()
    cfg.merge_from_list(["MODEL.BACKBONE.NAME", str(tmp_path / "clip.pt"), "INPUT.SIZE", (32, 32), "USE_CUDA", False,
                         "DATASET.NAME", "Mine"])
    cfg.freeze()
    return cfg


def test_zero_shot_clip_is_built_as_usual_on_the_loaders_that_are_there(cfg):
    manager = data_manager()
    trainer = zero_shot_clip(cfg, manager)
    assert isinstance(trainer, TRAINER_REGISTRY.get("ZeroshotCLIP"))
    assert trainer.dm is manager and trainer.test_loader is manager.test_loader
    assert trainer.text_features.shape == (5, 32)
    assert trainer.model_inference(torch.randn(2, 3, 32, 32)).shape == (2, 5)


def test_the_template_of_the_release_takes_the_place_of_the_data_set_s(cfg):
    features = {template: zero_shot_clip(cfg, data_manager(template=template)).text_features
                for template in ("a drawing of a {}.", RELEASED_TEMPLATE)}
    manager = data_manager(template="a drawing of a {}.")
    found = zero_shot_clip(cfg, manager, RELEASED_TEMPLATE).text_features
    assert torch.equal(found, features[RELEASED_TEMPLATE])
    assert not torch.equal(found, features["a drawing of a {}."])
    assert manager.dataset.template == "a drawing of a {}."


def test_the_template_goes_into_the_table_of_coop_s_family_while_the_classifier_is_made(cfg, monkeypatch):
    table = {"Other": "a {}."}

    class ZeroshotCLIP(TRAINER_REGISTRY.get("ZeroshotCLIP")):
        def templates(self):
            return [table[self.cfg.DATASET.NAME]]

    monkeypatch.setattr(sys.modules[__name__], "CUSTOM_TEMPLATES", table, raising=False)
    monkeypatch.setattr(TRAINER_REGISTRY, "get", lambda name: ZeroshotCLIP)
    found = zero_shot_clip(cfg, data_manager(), RELEASED_TEMPLATE).text_features
    assert table == {"Other": "a {}."} and torch.isfinite(found).all()
    with pytest.raises(KeyError):
        zero_shot_clip(cfg, data_manager())


def test_a_repository_with_no_place_for_a_template_is_told_so(cfg):
    with pytest.raises(MAOError, match="MAO.PSEUDO_TEMPLATE photo has no place.*set it to dataset"):
        zero_shot_clip(cfg, data_manager(), RELEASED_TEMPLATE)


def test_a_repository_without_zero_shot_clip_is_told_so(monkeypatch):
    monkeypatch.setattr(TRAINER_REGISTRY, "registered_names", lambda: ["CoOp"])
    with pytest.raises(MAOError, match="no trainer ZeroshotCLIP in this repository.*or use base and minilm"):
        zero_shot_clip(get_cfg_default(), data_manager())
