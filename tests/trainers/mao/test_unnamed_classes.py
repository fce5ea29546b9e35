"""Hosts with something per class that nobody named: it is found and narrowed, or the host is refused."""
import pytest
import torch
from dassl.engine import TrainerXU
from torch.nn import functional as F
from unnamed_hosts import LABELS, ProbeCLIP, UnnamedHost, images, loss_of, trainer_of

from trainers.mao.errors import MAOError
from trainers.prompting.encoders import normalize


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


class TwoLoaders(TrainerXU):
    """Has no model: it is refused before that."""


def test_a_second_loader_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(MAOError, match="TwoLoaders_MAO learns from a second loader"):
        trainer_of(TwoLoaders, tmp_path)
