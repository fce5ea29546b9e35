"""Other backbones get MAO by a class of a few lines: hosts like CoCoOp (prompts made of each image), KgCoOp (a loss
against per-class features of hand-written prompts) and ProGrad (a teacher beside the model)."""
import pytest
import torch
from dassl.engine import TRAINER_REGISTRY
from recordings import make_trainer
from small_clip import small_clip_state
from torch import nn
from torch.nn import functional as F

from trainers.coop import CoOp, CoOpPromptLearner
from trainers.mao import MAO, hosts
from trainers.mao.errors import MAOError
from trainers.prompting.encoders import TextEncoder, embed_tokens, normalize
from trainers.prompting.tokens import tokenize

NAMES = ["cat", "grand piano", "stethoscope", "ice cream van", "bee"]
LABELS = torch.tensor([3, 0, 3, 4])


class ConditionalCLIP(nn.Module):
    """Context shifted by each image's features; keeps its tokens on the model, and returns a loss in training."""

    def __init__(self, cfg, classnames, clip_model):
        super().__init__()
        self.prompt_learner = CoOpPromptLearner(cfg, classnames, clip_model)
        self.tokenized_prompts = self.prompt_learner.tokenized_prompts
        self.image_encoder, self.text_encoder = clip_model.visual, TextEncoder(clip_model)
        self.meta_net = nn.Linear(32, 64)
        self.logit_scale = clip_model.logit_scale

    def forward(self, image, label=None):
        features = normalize(self.image_encoder(image))
        rows = []
        for shift, feature in zip(self.meta_net(features), features):
            prompts = self.prompt_learner.assemble(self.prompt_learner.ctx + shift)
            text = normalize(self.text_encoder(prompts, self.tokenized_prompts))
            rows.append(self.logit_scale.exp() * feature @ text.t())
        logits = torch.stack(rows)
        return F.cross_entropy(logits, label) if self.prompt_learner.training and label is not None else logits


class KnowledgeCLIP(nn.Module):
    """CoOp whose features of the classes are kept near those of hand-written prompts (``ori_embedding``)."""

    def __init__(self, cfg, classnames, clip_model):
        super().__init__()
        self.prompt_learner = CoOpPromptLearner(cfg, classnames, clip_model)
        self.tokenized_prompts = self.prompt_learner.tokenized_prompts
        self.image_encoder, self.text_encoder = clip_model.visual, TextEncoder(clip_model)
        self.logit_scale = clip_model.logit_scale
        tokens = tokenize([f"a photo of a {name}." for name in classnames], 77)
        self.ori_embedding = normalize(self.text_encoder(embed_tokens(clip_model, tokens), tokens)).detach()

    def forward(self, image):
        text = normalize(self.text_encoder(self.prompt_learner(), self.tokenized_prompts))
        score = 1 - (text * self.ori_embedding).sum(dim=-1).mean()
        return self.logit_scale.exp() * normalize(self.image_encoder(image)) @ text.t(), score


class ZeroShotTeacher(nn.Module):
    """Frozen features of hand-written prompts, which score all classes, as ProGrad's teacher does."""

    def __init__(self, classnames, clip_model):
        super().__init__()
        tokens = tokenize([f"a photo of a {name}." for name in classnames], 77)
        with torch.no_grad():
            self.text_features = normalize(TextEncoder(clip_model)(embed_tokens(clip_model, tokens), tokens))
        self.image_encoder = clip_model.visual

    def forward(self, image):
        return 100 * normalize(self.image_encoder(image)) @ self.text_features.t()


class ToyHost(CoOp):
    def make_model(self, classnames, clip_model):
        return self.model_class(self.cfg, classnames, clip_model)

    def learnable_module(self):
        return self.model


@TRAINER_REGISTRY.register()
class ToyCoCoOp(ToyHost):
    model_class = ConditionalCLIP

    def training_loss(self, image, label):
        return self.model(image, label), torch.eye(5)[:len(label)]


@TRAINER_REGISTRY.register()
class ToyKgCoOp(ToyHost):
    model_class = KnowledgeCLIP

    def training_loss(self, image, label):
        logits, score = self.model(image)
        return F.cross_entropy(logits, label) + 8 * score, logits


@TRAINER_REGISTRY.register()
class ToyProGrad(CoOp):
    def make_model(self, classnames, clip_model):
        self.zs_clip = ZeroShotTeacher(classnames, clip_model)
        return super().make_model(classnames, clip_model)

    def training_loss(self, image, label):
        logits = self.model(image)
        teacher = self.zs_clip(image).softmax(dim=-1)
        distance = F.kl_div(logits.log_softmax(dim=-1), teacher, reduction="batchmean")
        return F.cross_entropy(logits, label) + distance, logits


@TRAINER_REGISTRY.register()
class ToyProGrad_MAO(MAO, ToyProGrad):
    """What a user writes."""


@TRAINER_REGISTRY.register()
class ToyCoCoOp_MAO(MAO, ToyCoCoOp):
    """What a user writes."""


@TRAINER_REGISTRY.register()
class ToyKgCoOp_MAO(MAO, ToyKgCoOp):
    """What a user writes."""


def loss_of(name, folder, all_classes):
    """Training loss of one step at fixed parameters, and the trainer."""
    torch.save(small_clip_state(), folder / "clip.pt")
    torch.manual_seed(0)
    trainer = make_trainer(name, NAMES, folder / "clip.pt",
                           ["TRAINER.COOP.N_CTX", 4, "MAO.REG_BASE", not all_classes], 32)
    losses = []
    trainer.model_backward_and_update = losses.append
    trainer.batch_idx, trainer.num_batches = 0, 2
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    trainer.forward_backward({"img": images, "label": LABELS})
    losses[0].backward()
    return losses[0], trainer, images


def test_prompts_made_of_each_image_are_scored_on_the_candidates(tmp_path):
    loss, trainer, images = loss_of("ToyCoCoOp_MAO", tmp_path, all_classes=False)
    logits = trainer.model(images)  # without labels: logits of all classes
    torch.testing.assert_close(loss, F.cross_entropy(logits[:, LABELS], torch.arange(4)))
    assert trainer.model.meta_net.weight.grad.abs().sum() > 0 and trainer.model.prompt_learner.ctx.grad is not None
    assert len(trainer.model.tokenized_prompts) == 5


def test_features_of_hand_written_prompts_are_narrowed_with_the_prompts(tmp_path):
    loss, trainer, images = loss_of("ToyKgCoOp_MAO", tmp_path, all_classes=False)
    logits, _ = trainer.model(images)
    text = normalize(trainer.model.text_encoder(trainer.model.prompt_learner(), trainer.model.tokenized_prompts))
    score = 1 - (text * trainer.model.ori_embedding).sum(dim=-1)[LABELS].mean()
    torch.testing.assert_close(loss, F.cross_entropy(logits[:, LABELS], torch.arange(4)) + 8 * score)
    assert len(trainer.model.ori_embedding) == 5


def test_a_teacher_beside_the_model_is_narrowed(tmp_path):
    loss, trainer, images = loss_of("ToyProGrad_MAO", tmp_path, all_classes=False)
    logits, teacher = trainer.model(images)[:, LABELS], trainer.zs_clip(images)[:, LABELS].softmax(dim=-1)
    expected = F.cross_entropy(logits, torch.arange(4)) + \
        F.kl_div(logits.log_softmax(dim=-1), teacher, reduction="batchmean")
    torch.testing.assert_close(loss, expected)
    assert len(trainer.zs_clip.text_features) == 5


def test_without_reg_b_the_host_sees_all_classes(tmp_path):
    restricted, _, _ = loss_of("ToyKgCoOp_MAO", tmp_path, all_classes=False)
    whole, _, _ = loss_of("ToyKgCoOp_MAO", tmp_path, all_classes=True)
    assert not torch.isclose(restricted, whole)


def test_a_host_that_cannot_be_imported_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    (tmp_path / "broken_host.py").write_text("import a_package_that_is_not_there")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(hosts, "KNOWN_HOSTS", {"Broken": ("broken_host", {}), "CoOp": ("trainers.coop", {})})
    hosts.register_hosts()
    assert "Broken_MAO is not registered, because broken_host cannot be imported" in capsys.readouterr().out
    assert "CoOp_MAO" in TRAINER_REGISTRY.registered_names()


def test_hosts_named_in_the_environment_get_a_variant(monkeypatch):
    class ToyNamed(ToyCoCoOp):
        pass

    TRAINER_REGISTRY.register()(ToyNamed)
    monkeypatch.setenv("MAO_HOSTS", "ToyNamed, ")
    hosts.register_hosts()
    variant = TRAINER_REGISTRY.get("ToyNamed_MAO")
    assert issubclass(variant, MAO) and issubclass(variant, ToyNamed)
    monkeypatch.setenv("MAO_HOSTS", "Absent")
    with pytest.raises(MAOError, match="'Absent', which is no registered trainer"):
        hosts.register_hosts()
