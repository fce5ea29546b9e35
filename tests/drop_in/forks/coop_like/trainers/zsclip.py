import torch
from clip import clip
from dassl.engine import TRAINER_REGISTRY, TrainerX

from trainers.coop import load_clip_to_cpu


@TRAINER_REGISTRY.register()
class ZeroshotCLIP(TrainerX):
    def build_model(self):
        model = load_clip_to_cpu(self.cfg).float().to(self.device)
        tokens = torch.cat([clip.tokenize(f"a photo of a {name}.") for name in self.dm.dataset.classnames])
        with torch.no_grad():
            features = model.encode_text(tokens.to(self.device))
        self.text_features = features / features.norm(dim=-1, keepdim=True)
        self.clip_model = model

    def model_inference(self, image):
        features = self.clip_model.encode_image(image)
        features = features / features.norm(dim=-1, keepdim=True)
        return self.clip_model.logit_scale.exp() * features @ self.text_features.t()
