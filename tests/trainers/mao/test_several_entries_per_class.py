"""Hosts with several prompts or descriptions per class: all of a class's are narrowed together."""
import json

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from unnamed_hosts import LABELS, NAMES, ProbeCLIP, UnnamedHost, images, loss_of, trainer_of

from trainers.coop import CoOpPromptLearner
from trainers.prompting.encoders import TextEncoder, normalize


class SeveralCLIP(nn.Module):
    """As PLOT's: two prompts per class, whose features are averaged."""

    in_turns = True

    def __init__(self, cfg, classnames, clip_model):
        super().__init__()
        repeated = (classnames * 2) if self.in_turns else [name for name in classnames for _ in range(2)]
        self.prompt_learner = learner = CoOpPromptLearner(cfg, repeated, clip_model)
        learner.n_cls = len(classnames)
        self.tokenized_prompts = learner.tokenized_prompts
        self.image_encoder, self.text_encoder = clip_model.visual, TextEncoder(clip_model)
        self.shift = torch.randn(len(repeated), 32, generator=torch.Generator().manual_seed(3))

    def forward(self, image):
        text = self.text_encoder(self.prompt_learner(), self.tokenized_prompts) + self.shift
        shape = (2, -1, 32) if self.in_turns else (-1, 2, 32)
        text = normalize(text.view(shape).mean(dim=0 if self.in_turns else 1))
        return 10 * normalize(self.image_encoder(image)) @ text.t()


class BlocksCLIP(SeveralCLIP):
    in_turns = False


class LogitsHost(UnnamedHost):
    def training_loss(self, image, label):
        logits = self.model(image)
        return F.cross_entropy(logits, label), logits


class InTurns(LogitsHost):
    model_class = SeveralCLIP


class InBlocks(LogitsHost):
    model_class = BlocksCLIP


@pytest.mark.parametrize("host", [InTurns, InBlocks])
def test_several_rows_per_class_are_narrowed_together(tmp_path, host):
    trainer = trainer_of(host, tmp_path, mao_rows_per_class=2)
    loss = loss_of(trainer)
    assert len(trainer.model.shift) == 10
    torch.testing.assert_close(loss, F.cross_entropy(trainer.model(images())[:, LABELS], torch.arange(4)))


class DescribedCLIP(ProbeCLIP):
    """Knowledge from outside: three descriptions per class from a json, encoded once."""

    def __init__(self, cfg, classnames, clip_model):
        super().__init__(cfg, classnames, clip_model)
        del self.probe, self.hidden, self.back
        with open(cfg.DATASET.ROOT, encoding="utf-8") as file:
            texts = json.load(file)
        self.descriptions = [texts[name] for name in classnames]
        codes = [[[float(ord(letter)) for letter in text[:32].ljust(32)] for text in three]
                 for three in self.descriptions]
        self.register_buffer("knowledge", normalize(torch.tensor(codes)))  # (classes, descriptions, dimension)

    def forward(self, image):
        assert len(self.descriptions) == len(self.knowledge)
        features = normalize(self.image_encoder(image))
        text = normalize(self.text_encoder(self.prompt_learner(), self.tokenized_prompts))
        return 10 * features @ (text + self.knowledge.mean(dim=1)).t()


class Described(LogitsHost):
    """CoPrompt and TCP have such."""

    model_class = DescribedCLIP


@pytest.fixture
def described(tmp_path):
    """A function that builds the described host for some classes."""
    texts = {name: [f"{name}, view {k}", f"{k} times {name}", name[::-1]] for k, name in enumerate([*NAMES, "owl"])}
    path = tmp_path / "texts.json"
    path.write_text(json.dumps(texts))
    return lambda names, *options: trainer_of(Described, tmp_path, names, ["DATASET.ROOT", str(path), *options])


def test_descriptions_of_the_classes_are_narrowed(described):
    trainer = described(NAMES)
    loss = loss_of(trainer)
    assert trainer.model.knowledge.shape == (5, 3, 32) and len(trainer.model.descriptions) == 5
    torch.testing.assert_close(loss, F.cross_entropy(trainer.model(images())[:, LABELS], torch.arange(4)))


def test_the_labeller_of_step_2_knows_the_descriptions_of_the_new_classes(described, tmp_path):
    """The checkpoint of step 1 holds those of as many base classes, which do not take their place."""
    base = described(NAMES)
    with torch.no_grad():
        base.model.prompt_learner.ctx.add_(1.0)
    base.save_model(0, str(tmp_path / "base"))
    new = described(["owl", *NAMES[:4]], "MAO.BASE_DIR", str(tmp_path / "base"), "DATASET.SUBSAMPLE_CLASSES", "new")
    own = new.model.knowledge.clone()
    new.dm.dataset.train_x = []
    new._prepare_new()
    assert torch.equal(new.model.prompt_learner.ctx, base.model.prompt_learner.ctx)
    assert torch.equal(new.model.knowledge, own) and not torch.equal(own, base.model.knowledge)
    new.set_model_mode("eval")
    with torch.no_grad():
        expected = new.model(images()).argmax(dim=1)
        new.model.prompt_learner.ctx.zero_()  # the labeller does not follow
    assert torch.equal(new._labeller.label(images()), expected)
