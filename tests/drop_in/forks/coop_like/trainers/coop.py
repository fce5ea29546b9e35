import os.path as osp

import torch
import torch.nn as nn
from clip import clip
from dassl.engine import TRAINER_REGISTRY, TrainerX
from dassl.metrics import compute_accuracy
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.utils import load_checkpoint
from torch.nn import functional as F


def load_clip_to_cpu(cfg):
    return clip.build_model(torch.load(cfg.MODEL.BACKBONE.NAME, map_location="cpu"))


class TextEncoder(nn.Module):
    def __init__(self, clip_model):
        super().__init__()
        self.transformer, self.ln_final = clip_model.transformer, clip_model.ln_final
        self.positional_embedding, self.text_projection = clip_model.positional_embedding, clip_model.text_projection
        self.dtype = clip_model.dtype

    def forward(self, prompts, tokenized_prompts):
        hidden = prompts + self.positional_embedding.type(self.dtype)
        hidden = self.ln_final(self.transformer(hidden.transpose(0, 1)).transpose(0, 1)).type(self.dtype)
        ends = tokenized_prompts.argmax(dim=-1)
        return hidden[torch.arange(len(hidden)), ends] @ self.text_projection


class PromptLearner(nn.Module):
    def __init__(self, cfg, classnames, clip_model):
        super().__init__()
        n_ctx, switch = cfg.TRAINER.COOP.N_CTX, cfg.TRAINER.COOP.CTX_INIT
        phrase = "a photo of a" if switch else " ".join(["X"] * n_ctx)
        self.n_cls = len(classnames)
        self.n_ctx = len(phrase.split(" "))
        with torch.no_grad():
            start = clip_model.token_embedding(clip.tokenize(phrase))[0, 1:1 + self.n_ctx].type(clip_model.dtype)
        self.ctx = nn.Parameter(start.clone() if switch else 0.02 * torch.randn_like(start))
        tokens = torch.cat([clip.tokenize(f"{phrase} {name}.") for name in classnames])
        with torch.no_grad():
            embedding = clip_model.token_embedding(tokens).type(clip_model.dtype)
        self.register_buffer("token_prefix", embedding[:, :1])
        self.register_buffer("token_suffix", embedding[:, 1 + self.n_ctx:])
        self.tokenized_prompts = tokens
        self.name_lens = [len(name) for name in classnames]

    def forward(self):
        context = self.ctx.unsqueeze(0).expand(self.n_cls, -1, -1)
        return torch.cat([self.token_prefix, context, self.token_suffix], dim=1)


class CustomCLIP(nn.Module):
    def __init__(self, cfg, classnames, clip_model):
        super().__init__()
        self.prompt_learner = PromptLearner(cfg, classnames, clip_model)
        self.tokenized_prompts = self.prompt_learner.tokenized_prompts
        self.image_encoder = clip_model.visual
        self.text_encoder = TextEncoder(clip_model)
        self.logit_scale = clip_model.logit_scale
        self.dtype = clip_model.dtype

    def forward(self, image):
        image_features = F.normalize(self.image_encoder(image.type(self.dtype)), dim=-1)
        text_features = F.normalize(self.text_encoder(self.prompt_learner(), self.tokenized_prompts), dim=-1)
        return self.logit_scale.exp() * image_features @ text_features.t()


@TRAINER_REGISTRY.register()
class CoOp(TrainerX):
    def check_cfg(self, cfg):
        assert cfg.TRAINER.COOP.PREC in ["fp16", "fp32", "amp"]

    def build_model(self):
        cfg = self.cfg
        clip_model = load_clip_to_cpu(cfg)
        if cfg.TRAINER.COOP.PREC in ("fp32", "amp"):
            clip_model.float()
        self.model = CustomCLIP(cfg, self.dm.dataset.classnames, clip_model)
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_("prompt_learner" in name)
        self.model.to(self.device)
        self.optim = build_optimizer(self.model.prompt_learner, cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, cfg.OPTIM)
        self.register_model("prompt_learner", self.model.prompt_learner, self.optim, self.sched)

    def forward_backward(self, batch):
        image, label = self.parse_batch_train(batch)
        output = self.model(image)
        loss = F.cross_entropy(output, label)
        self.model_backward_and_update(loss)
        summary = {"loss": loss.item(), "acc": compute_accuracy(output, label)[0].item(),
                   "images": float(len(image)), "columns": float(output.shape[1])}
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
        return summary

    def parse_batch_train(self, batch):
        return batch["img"].to(self.device), batch["label"].to(self.device)

    def load_model(self, directory, epoch=None):
        if not directory:
            return
        file = "model-best.pth.tar" if epoch is None else "model.pth.tar-" + str(epoch)
        for name in self.get_model_names():
            path = osp.join(directory, name, file)
            if not osp.exists(path):
                raise FileNotFoundError(path)
            state = load_checkpoint(path)["state_dict"]
            for key in ("token_prefix", "token_suffix"):
                state.pop(key, None)
            self._models[name].load_state_dict(state, strict=False)
