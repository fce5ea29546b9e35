"""Hosts with something per class that nobody named: it is found and narrowed, or the host is refused."""
import json

import pytest
import torch
from dassl.engine import TRAINER_REGISTRY, TrainerXU
from recordings import make_trainer
from small_clip import small_clip_state
from torch import nn
from torch.nn import functional as F

from trainers.coop import CoOp, CoOpPromptLearner
from trainers.mao import add_mao
from trainers.mao.errors import MAOError
from trainers.prompting.encoders import TextEncoder, normalize

NAMES = ["cat", "grand piano", "stethoscope", "ice cream van", "bee"]
LABELS = torch.tensor([3, 0, 3, 4])


class ProbeCLIP(nn.Module):
    """As DePT's: a linear probe over the classes beside the prompts; in training it returns a loss alone."""

    def __init__(self, cfg, classnames, clip_model):
        super().__init__()
        self.prompt_learner = CoOpPromptLearner(cfg, classnames, clip_model)
        self.tokenized_prompts = self.prompt_learner.tokenized_prompts
        self.image_encoder, self.text_encoder = clip_model.visual, TextEncoder(clip_model)
        self.logit_scale = clip_model.logit_scale
        self.hidden = nn.Linear(32, 5)  # as wide as there are classes, by chance
        self.back = nn.Linear(5, 32)
        self.probe = nn.Linear(32, len(classnames))

    def heads(self, image):
        features = normalize(self.image_encoder(image))
        text = normalize(self.text_encoder(self.prompt_learner(), self.tokenized_prompts))
        return self.logit_scale.exp() * features @ text.t(), self.probe(features + self.back(self.hidden(features)))

    def forward(self, image, label=None):
        logits, probed = self.heads(image)
        if label is None:
            return logits
        return F.cross_entropy(logits, label) + nn.CrossEntropyLoss()(probed, label)


class UnnamedHost(CoOp):
    model_class = ProbeCLIP

    def make_model(self, classnames, clip_model):
        return self.model_class(self.cfg, classnames, clip_model)

    def learnable_module(self):
        return self.model

    def training_loss(self, image, label):
        return self.model(image, label), torch.eye(len(label))


def variant(host, **attributes):
    """Name of the MAO variant of a host class, registered once."""
    if host.__name__ not in TRAINER_REGISTRY.registered_names():
        TRAINER_REGISTRY.register()(host)
    return add_mao(host, **attributes).__name__


def trainer_of(host, folder, names=NAMES, options=(), **attributes):
    torch.save(small_clip_state(), folder / "clip.pt")
    torch.manual_seed(0)
    options = ["TRAINER.COOP.N_CTX", 4, *options]
    return make_trainer(variant(host, **attributes), names, folder / "clip.pt", options, 32)


def images():
    return torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def loss_of(trainer, **batch):
    losses = []
    trainer.model_backward_and_update = losses.append
    trainer.batch_idx, trainer.num_batches = 0, 2
    trainer.set_model_mode("train")
    trainer.forward_backward({"img": images(), "label": LABELS, **batch})
    return losses[0]


class Probed(UnnamedHost):
    """DePT's form."""


def test_a_linear_probe_learns_the_batch_s_own_classes(tmp_path):
    trainer = trainer_of(Probed, tmp_path)
    loss = loss_of(trainer)
    logits, probed = trainer.model.heads(images())
    expected = sum(F.cross_entropy(head[:, LABELS], torch.arange(4)) for head in (logits, probed))
    torch.testing.assert_close(loss, expected)
    loss.backward()
    touched = trainer.model.probe.weight.grad.abs().sum(dim=1) > 0
    assert touched.tolist() == [True, False, False, True, True]
    assert trainer.model.probe.weight.shape == (5, 32) and trainer.model.hidden.weight.grad.shape == (5, 32)


def test_looking_for_classes_draws_no_random_numbers_and_is_done_once(tmp_path, capsys):
    trainer = trainer_of(Probed, tmp_path)
    build, built = Probed.build_model, []
    Probed.build_model = lambda self: (built.append(self.num_classes), build(self))[1]
    try:
        torch.manual_seed(5)
        capsys.readouterr()
        loss_of(trainer), loss_of(trainer)
    finally:
        del Probed.build_model
    after = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(after, torch.rand(1)) and built == [4] and "learnable" not in capsys.readouterr().out


def test_step_2_is_refused_where_each_base_class_has_learnt_something(tmp_path):
    trainer = trainer_of(Probed, tmp_path)
    with pytest.raises(MAOError, match=r"parameters that each base class has its own of \(weight of Probed_MAO\)"):
        trainer._prepare_new()


class Unbuildable(UnnamedHost):
    def make_model(self, classnames, clip_model):
        if len(classnames) != 5:
            raise ValueError("five classes, please")
        return super().make_model(classnames, clip_model)


def test_a_host_that_cannot_be_told_about_is_refused(tmp_path):
    with pytest.raises(MAOError, match="model.probe.weight.* cannot be built with one class less .*five classes"):
        loss_of(trainer_of(Unbuildable, tmp_path))


class ColumnsCLIP(ProbeCLIP):
    """Returns no matrix of logits in training, but a list of their columns."""

    def forward(self, image):
        logits = self.heads(image)[0]
        return list(logits.unbind(1)) if self.training else logits


class OwnLoss(UnnamedHost):
    """Its cross-entropy is its own arithmetic."""

    model_class = ColumnsCLIP

    def training_loss(self, image, label):
        log = torch.stack(self.model(image), dim=1).log_softmax(dim=1)
        return -log[torch.arange(len(label)), label].mean(), torch.eye(len(label))


class OwnLossTold(OwnLoss):
    """The same, which says so itself."""


def test_a_loss_that_cannot_be_verified_is_refused_unless_the_host_says_so(tmp_path):
    with pytest.raises(MAOError, match="cannot see that the loss of OwnLoss_MAO .* mao_candidate_loss = True"):
        loss_of(trainer_of(OwnLoss, tmp_path))
    trainer = trainer_of(OwnLossTold, tmp_path, mao_candidate_loss=True)
    logits = trainer.model.heads(images())[0]
    torch.testing.assert_close(loss_of(trainer), F.cross_entropy(logits[:, LABELS], torch.arange(4)))


class TeacherCLIP(ProbeCLIP):
    """As PromptKD's: the student gives image features alone."""

    def forward(self, image):
        features = normalize(self.image_encoder(image) + self.prompt_learner.ctx.mean())
        return features, self.logit_scale.exp()


class Distilled(UnnamedHost):
    """Its loss has no labels, and the teacher's features of the classes are an attribute of the trainer."""

    model_class = TeacherCLIP

    def make_model(self, classnames, clip_model):
        self.teacher_texts = normalize(torch.randn(7, 32, generator=torch.Generator().manual_seed(4))[:len(classnames)])
        return super().make_model(classnames, clip_model)

    def distance(self, image, texts):
        features, scale = self.model(image)
        student, teacher = scale * features @ texts.t(), 10 * image.flatten(1)[:, :32] @ texts.t()
        return F.kl_div(student.log_softmax(dim=1), teacher.softmax(dim=1), reduction="sum") / student.numel()

    def training_loss(self, image, label):
        return self.distance(image, self.teacher_texts), torch.eye(len(label))


def test_a_loss_without_labels_is_over_the_candidates(tmp_path):
    trainer = trainer_of(Distilled, tmp_path)
    loss = loss_of(trainer)
    assert trainer.teacher_texts.shape == (5, 32)
    torch.testing.assert_close(loss, trainer.distance(images(), trainer.teacher_texts[LABELS]))


class AllColumnsLoss(UnnamedHost):
    """One of its losses runs over all classes, from a number that cannot be narrowed."""

    def training_loss(self, image, label):
        everything = torch.zeros(len(label), 5) + 0 * self.model.logit_scale
        return self.model(image, label) + F.cross_entropy(everything, label), torch.eye(len(label))


def test_a_cross_entropy_over_all_classes_is_noticed(tmp_path):
    with pytest.raises(MAOError, match="its loss still runs over 5 columns"):
        loss_of(trainer_of(AllColumnsLoss, tmp_path))


class TransposedCLIP(ProbeCLIP):
    """As CoPrompt's: features of hand-written prompts with the classes in their second dimension."""

    def __init__(self, cfg, classnames, clip_model):
        super().__init__(cfg, classnames, clip_model)
        self.ori_embedding = torch.randn(32, len(classnames), generator=torch.Generator().manual_seed(2))

    def forward(self, image, other=None, label=None):
        logits = self.heads(image)[0]
        if label is None:
            return logits
        text = normalize(self.text_encoder(self.prompt_learner(), self.tokenized_prompts))
        return F.cross_entropy(logits, label) + (text.t() - self.ori_embedding).abs().mean() + other.mean()


class TwoViews(UnnamedHost):
    """CoPrompt's form: a batch of two views, and three things from ``parse_batch_train``."""

    model_class = TransposedCLIP

    def parse_batch_train(self, batch):
        first, second = batch["img"]
        return first, second, batch["label"]

    def forward_backward(self, batch):
        image, other, label = self.parse_batch_train(batch)
        self.labels = label
        self.model_backward_and_update(self.model(image, other, label))
        return {}


def test_two_views_and_a_class_dimension_that_is_not_the_first(tmp_path):
    trainer = trainer_of(TwoViews, tmp_path)
    loss = loss_of(trainer, img=[images(), images() + 1])
    model = trainer.model
    logits = model.heads(images())[0][:, LABELS]
    text = normalize(model.text_encoder(model.prompt_learner(), model.tokenized_prompts)).t()
    distance = (text - model.ori_embedding)[:, LABELS].abs().mean()
    torch.testing.assert_close(loss, F.cross_entropy(logits, torch.arange(4)) + distance + (images() + 1).mean())
    assert trainer.labels.tolist() == [0, 1, 2, 3] and model.ori_embedding.shape == (32, 5)


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


class TwoLoaders(TrainerXU):
    """Has no model: it is refused before that."""


def test_a_second_loader_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(MAOError, match="TwoLoaders_MAO learns from a second loader"):
        trainer_of(TwoLoaders, tmp_path)
