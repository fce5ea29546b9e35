"""A linear probe and features of hand-written prompts beside CoOp's prompts; training gives a loss alone."""
import torch
import torch.nn as nn
from dassl.engine import TRAINER_REGISTRY
from dassl.optim import build_lr_scheduler, build_optimizer
from torch.nn import functional as F

from .coop import CoOp, CustomCLIP, load_clip_to_cpu


class ProbedCLIP(CustomCLIP):
    def __init__(self, cfg, classnames, clip_model):
        super().__init__(cfg, classnames, clip_model)
        with torch.no_grad():
            text = self.text_encoder(self.prompt_learner(), self.tokenized_prompts)
        self.ori_embedding = F.normalize(text, dim=-1).t().clone()
        self.linear_probe = nn.Linear(text.shape[1], len(classnames))

    def forward(self, image, augmented=None, label=None):
        image_features = F.normalize(self.image_encoder(image.type(self.dtype)), dim=-1)
        text_features = F.normalize(self.text_encoder(self.prompt_learner(), self.tokenized_prompts), dim=-1)
        logits = self.logit_scale.exp() * image_features @ text_features.t()
        if label is None:
            return logits
        apart = (text_features.t() - self.ori_embedding).abs().mean()
        self.columns = self.linear_probe(image_features).shape[1]
        return F.cross_entropy(logits, label) + F.cross_entropy(self.linear_probe(image_features), label) + apart


@TRAINER_REGISTRY.register()
class Probe(CoOp):
    def build_model(self):
        clip_model = load_clip_to_cpu(self.cfg).float()
        self.model = ProbedCLIP(self.cfg, self.dm.dataset.classnames, clip_model)
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_("prompt_learner" in name or "linear_probe" in name)
        self.model.to(self.device)
        self.optim = build_optimizer(self.model, self.cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, self.cfg.OPTIM)
        self.register_model("probed", self.model, self.optim, self.sched)

    def after_train(self):
        self.final_accuracy = self.test(is_final=True)
        self.close_writer()

    def parse_batch_train(self, batch):
        image, label = super().parse_batch_train(batch)
        return image, image + 0.1, label

    def forward_backward(self, batch):
        image, augmented, label = self.parse_batch_train(batch)
        loss = self.model(image, augmented, label)
        self.model_backward_and_update(loss)
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
        return {"loss": loss.item(), "images": float(len(image)), "columns": float(self.model.columns)}
