"""Hosts differ in what they return in training, where they read targets, and how they load: the plug-in finds out."""
import pytest
import torch
from dassl.engine import TRAINER_REGISTRY
from recordings import make_trainer
from small_clip import small_clip_state
from torch import nn
from torch.nn import functional as F

from trainers.coop import CoOp, CoOpPromptLearner
from trainers.mao import MAO, add_mao, base_run
from trainers.mao.errors import MAOError
from trainers.mao.frozen_models import frozen_copy
from trainers.mao.pseudo_labels import PseudoLabeller, host_logits
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


def test_a_host_that_reads_its_labels_from_the_batch_gets_the_targets(tmp_path):
    loss, logits, _ = step_of("FormLogits_MAO", tmp_path)
    torch.testing.assert_close(loss, F.cross_entropy(logits[:, LABELS], torch.arange(3)))


def test_losses_over_all_classes_are_found_out_and_left_alone(tmp_path, capsys):
    loss, logits, trainer = step_of("FormTuple_MAO", tmp_path)
    text = normalize(trainer.model.text_encoder(trainer.model.prompt_learner(), trainer.model.tokenized_prompts))
    torch.testing.assert_close(loss, F.cross_entropy(logits[:, LABELS], torch.arange(3)) + text.abs().mean())
    assert trainer.mao_all_class_losses is True and "only its cross-entropy" in capsys.readouterr().out
    assert len(trainer.model.prompt_learner.token_prefix) == 5


@pytest.mark.parametrize("name", ["FormBias_MAO", "FormBiasTold_MAO"])
def test_a_per_class_tensor_of_unknown_name_is_found_or_can_be_told(tmp_path, name):
    loss, logits, trainer = step_of(name, tmp_path)
    torch.testing.assert_close(loss, F.cross_entropy(logits[:, LABELS], torch.arange(3)))
    assert len(trainer.model.class_bias) == 5


def test_a_per_class_tensor_that_a_host_forgets_to_tell_is_named(tmp_path):
    class Forgetful(FormBias):
        pass

    TRAINER_REGISTRY.register()(Forgetful)
    add_mao(Forgetful, mao_per_class=())
    with pytest.raises(MAOError, match="Forgetful_MAO failed .* one row per class in class_bias, too; .* mao_per_cl"):
        step_of("Forgetful_MAO", tmp_path)


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


def test_a_host_with_several_rows_per_class_is_refused(tmp_path):
    class Repeated(FormLogits):
        def make_model(self, classnames, clip_model):
            model = super().make_model(classnames, clip_model)
            learner = model.prompt_learner
            learner.token_prefix = learner.token_prefix.repeat(2, 1, 1)  # two prompts per class
            return model

    variant = add_mao(TRAINER_REGISTRY.register()(Repeated) or Repeated)
    with pytest.raises(MAOError, match="Repeated_MAO: its .*token_prefix has 10 rows for 5 classes"):
        trainer_of(variant.__name__, tmp_path)


def test_labels_come_from_the_logits_that_model_inference_picks(tmp_path):
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


@pytest.fixture
def started(tmp_path, monkeypatch):
    """A trainer, its checkpoint in step 1's folder, and the paths that are read. Its own loader must not be called."""
    read, load_checkpoint = [], base_run.load_checkpoint
    monkeypatch.setattr(base_run, "load_checkpoint", lambda path: (read.append(path), load_checkpoint(path))[1])
    trainer = trainer_of("FormLogits_MAO", tmp_path)
    trainer.load_model = None
    trainer.save_model(1, str(tmp_path / "base"))
    trainer.cfg.defrost()
    trainer.cfg.MAO.BASE_DIR = str(tmp_path / "base")
    return trainer, tmp_path / "base" / "prompt_learner" / "model.pth.tar-2", read


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_step_two_starts_from_the_prompts_of_step_one_read_once(started, dtype):
    trainer, path, read = started
    ctx = trainer.model.prompt_learner.ctx
    expected = ctx.detach().clone()
    ctx.data = torch.zeros_like(ctx, dtype=dtype)
    base_run.load_base_prompts(trainer.cfg, "CoOp", trainer._models)
    assert ctx.dtype is dtype and read == [str(path)]
    torch.testing.assert_close(ctx.float(), expected, rtol=0, atol=1e-3 if dtype is torch.float16 else 0)


@pytest.mark.parametrize("classes", [5, 3])
def test_step_two_keeps_the_buffers_of_its_own_classes(started, classes):
    """Whether those of step 1, which some hosts save, would fit or not."""
    trainer, path, _ = started
    checkpoint = torch.load(path, weights_only=True)
    suffix = trainer.model.prompt_learner.token_suffix.clone()
    checkpoint["state_dict"]["prompt_learner.token_suffix"] = torch.zeros_like(suffix)[:classes]
    torch.save(checkpoint, path)
    base_run.load_base_prompts(trainer.cfg, "CoOp", trainer._models)
    assert torch.equal(trainer.model.prompt_learner.token_suffix, suffix)
