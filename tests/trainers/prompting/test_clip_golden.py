"""Loading and running a plain CLIP, against recorded features."""
import pytest
import torch
from recordings import Recording, assert_close, recordings, save_tiny_clip, tiny_clip

from trainers.prompting.clip_loading import load_clip
from trainers.prompting.encoders import TextEncoder, embed_tokens, normalize
from trainers.prompting.tokens import tokenize

FILES = recordings("clip_forward*.npz")


def test_golden_recordings_of_clip_are_there():
    assert FILES


def clips():
    return [(path, k) for path in FILES for k in range(len(Recording(path).meta["clips"]))]


@pytest.mark.parametrize("path, k", clips(), ids=lambda value: getattr(value, "stem", value))
def test_golden_clip_forward(path, k, tmp_path):
    record = Recording(path)
    spec = record.meta["clips"][k]
    made = tiny_clip()
    assert made.fingerprint(made.tiny_clip_arrays(**spec)) == str(record.arrays[f"fingerprint_{k}"])
    model = load_clip(str(save_tiny_clip(spec, tmp_path)))

    texts = [str(text) for text in record.arrays["texts"]]
    full = record["tokens"].long()
    tokens = tokenize(texts, full.shape[1])
    assert torch.equal(tokens, full[:, :tokens.shape[1]])
    assert not full[:, tokens.shape[1]:].any()

    with torch.no_grad():
        image = model.encode_image(record[f"images_{k}"])
        text = TextEncoder(model)(embed_tokens(model, tokens), tokens)  # cut to the longest text
        whole = TextEncoder(model)(embed_tokens(model, full), full)  # at full context length
        logits = model.logit_scale.exp() * normalize(image) @ normalize(text).t()
    assert_close(image, record[f"image_features_{k}"], 1e-4, "image features")
    assert_close(text, record[f"text_features_{k}"], 1e-4, "text features, cut")
    assert_close(whole, record[f"text_features_{k}"], 1e-4, "text features, full length")
    assert_close(logits, record[f"logits_per_image_{k}"], 1e-3, "logits")
