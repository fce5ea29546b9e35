"""Features of both towers, compared with those that another package computes."""
import torch

from trainers.prompting.encoders import encode_texts, image_encoder

TEXTS = ["a photo of a cat.", "an extraordinarily long-winded description of a grand piano", "x"]


def images(side=32):
    return torch.randn(3, 3, side, side, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def assert_same_features(model, image_features, text_features, side=32):
    for ours, theirs in ((image_encoder(model)(images(side)), image_features),
                         (encode_texts(model, TEXTS), text_features)):
        assert ours.shape == theirs.shape and theirs.std() > 0.05
        assert (ours - theirs).abs().max() < 1e-5
