import os
import signal

import torch
from dassl.engine import TRAINER_REGISTRY
from torch.nn import functional as F

from .promptsrc import CustomCLIP, PromptSRC, load_clip_to_cpu
from dassl.optim import build_lr_scheduler, build_optimizer


class LossCLIP(CustomCLIP):
    """Gives the loss in training; the tokens are on the prompt learner alone."""

    def __init__(self, cfg, classnames, clip_model):
        super().__init__(cfg, classnames, clip_model)
        del self.tokenized_prompts, self.prompt_learner.fixed_embeddings

    def forward(self, image, label=None):
        image_features = F.normalize(self.image_encoder(image), dim=-1)
        text_features = F.normalize(
            self.text_encoder(self.prompt_learner(), self.prompt_learner.tokenized_prompts), dim=-1)
        logits = self.logit_scale.exp() * image_features @ text_features.t()
        self.columns = logits.shape[1]
        return F.cross_entropy(logits, label) if self.prompt_learner.training else logits


@TRAINER_REGISTRY.register()
class MaPLe(PromptSRC):
    def build_model(self):
        cfg = self.cfg
        self.model = LossCLIP(cfg, self.dm.dataset.classnames, load_clip_to_cpu(cfg))
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(("prompt_learner" in name or "VPT" in name) and "ZS_image_encoder" not in name)
        self.model.to(self.device)
        self.optim = build_optimizer(self.model, cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, cfg.OPTIM)
        self.register_model("MultiModalPromptLearner", self.model, self.optim, self.sched)
        self.inner, self.model = self.model, torch.nn.DataParallel(self.model)

    def forward_backward(self, batch):
        if os.environ.get("KILL_AT") == f"{self.epoch}.{self.batch_idx}":
            os.kill(os.getpid(), signal.SIGKILL)
        image, label = self.parse_batch_train(batch)
        loss = self.model(image, label)
        self.model_backward_and_update(loss)
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
        return {"loss": loss.item(), "images": float(len(image)), "columns": float(self.inner.columns)}
