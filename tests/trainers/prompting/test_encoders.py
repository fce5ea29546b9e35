"""CLIP's towers without prompts and with deep ones."""
import torch
from small_clip import small_clip

from trainers.prompting.encoders import ImageEncoder, run_blocks


def test_towers_without_prompts_are_the_plain_clip():
    clip_model, images = small_clip(), torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(ImageEncoder(clip_model)(images), clip_model.encode_image(images))


def test_deep_prompts_overwrite_their_tokens_before_each_layer():
    transformer = small_clip().transformer
    seen = []
    for block in transformer.resblocks:
        block.ln_1.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone()))
    deep = [torch.full((2, 64), 7.0)]
    run_blocks(transformer, torch.randn(6, 3, 64), deep_prompts=deep, first=-2)
    assert (seen[1][-2:] == 7).all() and not (seen[1][:-2] == 7).any() and not (seen[0] == 7).any()
