"""Hosts with something per class under a name that the plug-in does not know."""
import torch
from dassl.engine import TRAINER_REGISTRY
from recordings import make_trainer
from small_clip import small_clip_state
from torch import nn
from torch.nn import functional as F

from trainers.coop import CoOp, CoOpPromptLearner
from trainers.mao import add_mao
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
