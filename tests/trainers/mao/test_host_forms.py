"""Hosts differ in what they return in training, where they read targets, and how they load: the plug-in finds out."""
import os

import pytest
import torch
from dassl.engine import TRAINER_REGISTRY
from dassl.utils import load_checkpoint
from recordings import make_trainer
from small_clip import small_clip_state
from torch import nn
from torch.nn import functional as F

from trainers.coop import CoOp, CoOpPromptLearner
from trainers.mao import MAO, add_mao
from trainers.mao.base_run import load_base_prompts
from trainers.mao.errors import MAOError
from trainers.mao.pseudo_labels import PseudoLabeller, frozen_copy, host_logits
from trainers.prompting.encoders import TextEncoder, normalize

NAMES = ["cat", "grand piano", "stethoscope", "ice cream van", "bee"]
LABELS = torch.tensor([3, 0, 4])  # three candidates of five classes


class FormCLIP(nn.Module):
    """Prompted CLIP whose training output is chosen by ``form``."""

    form = "logits"

    def __init__(self, cfg, classnames, clip_model):
        super().__init__()
        self.prompt_learner = CoOpPromptLearner(cfg, classnames, clip_model)
        self.tokenized_prompts = self.prompt_learner.tokenized_prompts
        self.image_encoder, self.text_encoder = clip_model.visual, TextEncoder(clip_model)
        self.logit_scale = clip_model.logit_scale
        self.class_bias = torch.linspace(-1, 1, len(classnames))  # a per-class tensor of a name nobody knows

    def forward(self, image, label=None):
        text = normalize(self.text_encoder(self.prompt_learner(), self.tokenized_prompts))
        logits = self.logit_scale.exp() * normalize(self.image_encoder(image)) @ text.t()
        if self.form == "bias":
            return logits + self.class_bias
        if self.form == "token":
            return logits + self.prompt_learner.token_middle1
        if self.form == "tuple" and label is not None:
            return F.cross_entropy(logits, label), text, logits
        if self.form == "all columns":
            return logits, logits.new_zeros(len(image), 5)
        return logits


class FormHost(CoOp):
    form = "logits"

    def make_model(self, classnames, clip_model):
        self.name_at_build = self.cfg.TRAINER.NAME
        model = FormCLIP(self.cfg, classnames, clip_model)
        model.form = self.form
        return model

    def learnable_module(self):
        return self.model

    def forward_backward(self, batch):
        """Reads the batch itself, without parse_batch_train."""
        label = batch["label"]
        output = self.model(batch["img"], label)
        loss = output[0] if self.form == "tuple" else F.cross_entropy(
            output[0] if isinstance(output, tuple) else output, label)
        if self.form == "tuple":
            loss = loss + self.consistency(output[1])
        self.losses = [loss]
        return {"loss": loss.item()}

    def consistency(self, text):
        assert len(text) == 5, "a loss over all classes sees them all"
        return text.abs().mean()

    def model_inference(self, images):
        return self.model(images)


@TRAINER_REGISTRY.register()
class FormLogits(FormHost):
    """Returns logits in training."""


@TRAINER_REGISTRY.register()
class FormTuple(FormHost):
    form = "tuple"


@TRAINER_REGISTRY.register()
class FormBias(FormHost):
    form = "bias"


@TRAINER_REGISTRY.register()
class FormColumns(FormHost):
    form = "all columns"


@TRAINER_REGISTRY.register()
class FormToken(FormHost):
    """Has a further buffer of the kind ``token_...``."""

    form = "token"

    def make_model(self, classnames, clip_model):
        model = super().make_model(classnames, clip_model)
        model.prompt_learner.register_buffer("token_middle1", torch.linspace(-1, 1, len(classnames)))
        return model


for host in (FormLogits, FormTuple, FormBias, FormColumns, FormToken):
    add_mao(host)


@TRAINER_REGISTRY.register()
class FormBiasTold_MAO(MAO, FormBias):
    mao_per_class = ("class_bias",)


def trainer_of(name, folder):
    torch.save(small_clip_state(), folder / "clip.pt")
    torch.manual_seed(0)
    return make_trainer(name, NAMES, folder / "clip.pt", ["TRAINER.COOP.N_CTX", 4], 32)


def images():
    return torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def step_of(name, folder):
    """(loss of a restricted step, logits of all classes with the same prompts, trainer)."""
    trainer = trainer_of(name, folder)
    trainer.forward_backward({"img": images(), "label": LABELS})
    with torch.no_grad():
        return trainer.losses[0], trainer.model(images()), trainer


def test_targets_read_from_the_batch(tmp_path):
    loss, logits, _ = step_of("FormLogits_MAO", tmp_path)
    torch.testing.assert_close(loss, F.cross_entropy(logits[:, LABELS], torch.arange(3)))


def test_losses_over_all_classes_are_found_out(tmp_path, capsys):
    loss, logits, trainer = step_of("FormTuple_MAO", tmp_path)
    text = normalize(trainer.model.text_encoder(trainer.model.prompt_learner(), trainer.model.tokenized_prompts))
    torch.testing.assert_close(loss, F.cross_entropy(logits[:, LABELS], torch.arange(3)) + text.abs().mean())
    assert trainer.mao_all_class_losses is True and "only its cross-entropy" in capsys.readouterr().out
    assert len(trainer.model.prompt_learner.token_prefix) == 5


def test_a_per_class_tensor_of_unknown_name(tmp_path):
    with pytest.raises(MAOError, match="FormBias_MAO failed .* one row a class in class_bias, too; .* mao_per_class"):
        step_of("FormBias_MAO", tmp_path)
    loss, logits, _ = step_of("FormBiasTold_MAO", tmp_path)
    torch.testing.assert_close(loss, F.cross_entropy(logits[:, LABELS], torch.arange(3)))


def test_buffers_called_token_are_narrowed(tmp_path):
    loss, logits, trainer = step_of("FormToken_MAO", tmp_path)
    torch.testing.assert_close(loss, F.cross_entropy(logits[:, LABELS], torch.arange(3)))
    assert len(trainer.model.prompt_learner.token_middle1) == 5


def test_logits_of_all_classes_are_noticed(tmp_path):
    with pytest.raises(MAOError, match="could not restrict FormCLIP .* still returns 5 columns"):
        step_of("FormColumns_MAO", tmp_path)


def test_the_host_is_built_under_its_own_name(tmp_path):
    trainer = trainer_of("FormLogits_MAO", tmp_path)
    assert trainer.name_at_build == "FormLogits" and trainer.cfg.TRAINER.NAME == "FormLogits_MAO"
    assert trainer.cfg.is_frozen()


def test_rows_that_are_not_one_a_class(tmp_path):
    class Repeated(FormLogits):
        def make_model(self, classnames, clip_model):
            model = super().make_model(classnames, clip_model)
            learner = model.prompt_learner
            learner.token_prefix = learner.token_prefix.repeat(2, 1, 1)  # two prompts a class
            return model

    variant = add_mao(TRAINER_REGISTRY.register()(Repeated) or Repeated)
    with pytest.raises(MAOError, match="Repeated_MAO: its .*token_prefix has 10 rows for 5 classes"):
        trainer_of(variant.__name__, tmp_path)


def test_a_host_that_picks_its_logits_in_model_inference(tmp_path):
    class Scored(FormColumns):
        def model_inference(self, images):
            return self.model(images)[0]

    TRAINER_REGISTRY.register()(Scored)
    add_mao(Scored)
    trainer = trainer_of("Scored_MAO", tmp_path)
    trainer.set_model_mode("eval")
    live = trainer.model
    labeller = PseudoLabeller(host_logits(trainer, frozen_copy(live)))
    expected = live(images())[0].argmax(dim=1)
    assert torch.equal(labeller.label(images()), expected) and trainer.model is live


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("loader", ["number", "none or best", "ignores", "refuses"])
def test_checkpoint_loaders_of_hosts(tmp_path, loader, half):
    """Whatever a loader makes of the epoch, step 2 starts from the prompts of step 1."""
    def load_model(directory, epoch=None):
        path = os.path.join(directory, "prompt_learner", f"model.pth.tar-{epoch}")
        if loader == "refuses":
            raise TypeError("no number, please")
        if loader == "none or best" and epoch is not None:
            raise FileNotFoundError("model-best.pth.tar")
        if loader == "number":
            trainer.model.load_state_dict(load_checkpoint(path)["state_dict"], strict=False)

    trainer = trainer_of("FormLogits_MAO", tmp_path)
    trainer.load_model = load_model
    trainer.save_model(1, str(tmp_path / "base"))
    with torch.no_grad():
        expected = trainer.model.prompt_learner.ctx.clone()
        trainer.model.prompt_learner.ctx.zero_()
        if half:
            trainer.model.prompt_learner.ctx.data = trainer.model.prompt_learner.ctx.data.half()
    trainer.cfg.defrost()
    trainer.cfg.MAO.BASE_DIR = str(tmp_path / "base")
    load_base_prompts(trainer)
    ctx = trainer.model.prompt_learner.ctx
    assert ctx.dtype is (torch.float16 if half else torch.float32)
    torch.testing.assert_close(ctx.float(), expected, rtol=0, atol=1e-3 if half else 0)


@pytest.mark.parametrize("classes", [5, 3])
def test_a_loader_that_leaves_nothing_out(tmp_path, classes, capsys):
    """Step 2 keeps the buffers of its own classes, whether those of step 1 fit or not."""
    def load_model(directory, epoch=None):
        path = os.path.join(directory, "prompt_learner", f"model.pth.tar-{epoch}")
        trainer.model.load_state_dict(load_checkpoint(path)["state_dict"], strict=False)

    trainer = trainer_of("FormLogits_MAO", tmp_path)
    trainer.save_model(1, str(tmp_path / "base"))
    path = tmp_path / "base" / "prompt_learner" / "model.pth.tar-2"
    checkpoint = torch.load(path, weights_only=True)
    suffix = trainer.model.prompt_learner.token_suffix.clone()
    checkpoint["state_dict"]["prompt_learner.token_suffix"] = torch.zeros_like(suffix)[:classes]
    torch.save(checkpoint, path)
    trainer.load_model = load_model
    trainer.cfg.defrost()
    trainer.cfg.MAO.BASE_DIR = str(tmp_path / "base")
    load_base_prompts(trainer)
    assert torch.equal(trainer.model.prompt_learner.token_suffix, suffix)
    assert ("does not take epoch 2" in capsys.readouterr().out) == (classes == 3)
