import copy
import os.path as osp

import torch
import torch.nn as nn
from clip import clip
from dassl.engine import TRAINER_REGISTRY, TrainerX
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.utils import load_checkpoint
from torch.nn import functional as F


def load_clip_to_cpu(cfg, zero_shot=False):
    vision = cfg.TRAINER.PROMPTSRC.N_CTX_VISION
    details = {"trainer": "IVLP", "vision_depth": 0 if zero_shot else 1, "language_depth": 0 if zero_shot else 1,
               "vision_ctx": 0 if zero_shot else vision, "language_ctx": cfg.TRAINER.PROMPTSRC.N_CTX_TEXT}
    return clip.build_model(torch.load(cfg.MODEL.BACKBONE.NAME, map_location="cpu"), details)


class TextEncoder(nn.Module):
    def __init__(self, clip_model):
        super().__init__()
        self.transformer, self.ln_final = clip_model.transformer, clip_model.ln_final
        self.positional_embedding, self.text_projection = clip_model.positional_embedding, clip_model.text_projection

    def forward(self, prompts, tokenized_prompts):
        hidden = self.ln_final(self.transformer(prompts + self.positional_embedding))
        return hidden[torch.arange(len(hidden)), tokenized_prompts.argmax(dim=-1)] @ self.text_projection


class VLPromptLearner(nn.Module):
    def __init__(self, cfg, classnames, clip_model):
        super().__init__()
        phrase = cfg.TRAINER.PROMPTSRC.CTX_INIT.replace("_", " ")
        n_ctx = cfg.TRAINER.PROMPTSRC.N_CTX_TEXT
        with torch.no_grad():
            self.ctx = nn.Parameter(clip_model.token_embedding(clip.tokenize(phrase))[0, 1:1 + n_ctx].clone())
            teacher = load_clip_to_cpu(cfg, zero_shot=True)
            tokens = torch.cat([clip.tokenize(f"a photo of a {name}.") for name in classnames])
            embedding = clip_model.token_embedding(tokens)
            self.fixed_embeddings = TextEncoder(teacher)(embedding, tokens)
        self.ZS_image_encoder = teacher.visual
        self.n_cls, self.n_ctx = len(classnames), n_ctx
        self.register_buffer("token_prefix", embedding[:, :1])
        self.register_buffer("token_suffix", embedding[:, 1 + n_ctx:])
        self.tokenized_prompts = tokens
        self.name_lens = [1] * len(classnames)

    def forward(self):
        return torch.cat([self.token_prefix, self.ctx.expand(self.n_cls, -1, -1), self.token_suffix], dim=1)


class CustomCLIP(nn.Module):
    def __init__(self, cfg, classnames, clip_model):
        super().__init__()
        self.prompt_learner = VLPromptLearner(cfg, classnames, clip_model)
        self.tokenized_prompts = self.prompt_learner.tokenized_prompts
        self.image_encoder = clip_model.visual
        self.text_encoder = TextEncoder(clip_model)
        self.logit_scale = clip_model.logit_scale

    def forward(self, image, label=None):
        image_features = F.normalize(self.image_encoder(image), dim=-1)
        text_features = F.normalize(self.text_encoder(self.prompt_learner(), self.tokenized_prompts), dim=-1)
        logits = self.logit_scale.exp() * image_features @ text_features.t()
        if not self.prompt_learner.training:
            return logits
        fixed = F.normalize(self.prompt_learner.fixed_embeddings, dim=-1)
        with torch.no_grad():
            zero_shot = F.normalize(self.prompt_learner.ZS_image_encoder(image), dim=-1)
            zero_shot_logits = self.logit_scale.exp() * zero_shot @ fixed.t()
        return (F.cross_entropy(logits, label), text_features, fixed, zero_shot, image_features, zero_shot_logits,
                logits)


@TRAINER_REGISTRY.register()
class PromptSRC(TrainerX):
    def check_cfg(self, cfg):
        assert cfg.TRAINER.PROMPTSRC.PREC in ["fp16", "fp32", "amp"]

    def build_model(self):
        cfg = self.cfg
        self.model = CustomCLIP(cfg, self.dm.dataset.classnames, load_clip_to_cpu(cfg))
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(("prompt_learner" in name or "VPT" in name) and "ZS_image_encoder" not in name)
        self.model.to(self.device)
        self.optim = build_optimizer(self.model, cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, cfg.OPTIM)
        self.register_model("VLPromptLearner", self.model, self.optim, self.sched)
        self.average = None

    def forward_backward(self, batch):
        image, label = self.parse_batch_train(batch)
        ce, text, fixed, zero_shot, features, zero_shot_logits, logits = self.model(image, label)
        text_loss = F.l1_loss(text, fixed) * self.cfg.TRAINER.PROMPTSRC.TEXT_LOSS_WEIGHT
        image_loss = F.l1_loss(features, zero_shot) * self.cfg.TRAINER.PROMPTSRC.IMAGE_LOSS_WEIGHT
        kl = F.kl_div(logits.log_softmax(1), zero_shot_logits.log_softmax(1), reduction="sum", log_target=True)
        loss = ce + text_loss + image_loss + kl / logits.numel()
        self.model_backward_and_update(loss)
        summary = {"loss": loss.item(), "images": float(len(image)), "columns": float(logits.shape[1]),
                   "apart": abs(ce.item() - F.cross_entropy(logits, label).item())}
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
            state = copy.deepcopy(self.model.state_dict())
            self.average = state
        return summary

    def parse_batch_train(self, batch):
        return batch["img"].to(self.device), batch["label"].to(self.device)

    def load_model(self, directory, epoch=None):
        if not directory:
            return
        file = "model-best.pth.tar" if epoch is None or epoch < 0 else "model.pth.tar-" + str(epoch)
        for name in self.get_model_names():
            path = osp.join(directory, name, file)
            if not osp.exists(path):
                raise FileNotFoundError(path)
            state = load_checkpoint(path)["state_dict"]
            for key in ("prompt_learner.token_prefix", "prompt_learner.token_suffix"):
                state.pop(key, None)
            self._models[name].load_state_dict(state, strict=False)
