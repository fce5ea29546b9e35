"""CLIPs of Hugging Face: folders and files give the features of transformers; what is another kind is refused."""
import json
import shutil

import open_clip
import pytest
import torch
from same_features import TEXTS, assert_same_features, images
from transformers import CLIPConfig

from compat.errors import UserError
from trainers.prompting.clip_configs import hugging_face_details
from trainers.prompting.clip_digest import weights_digest
from trainers.prompting.clip_loading import load_clip


@torch.no_grad()
def hugging_face_features(model):
    tokens = open_clip.tokenize(TEXTS)
    image = model.visual_projection(model.vision_model(pixel_values=images()).pooler_output)
    return image, model.text_projection(model.text_model(input_ids=tokens).pooler_output)


def test_hugging_face_folder_and_file(hugging_face):
    model, folder = hugging_face
    for name in (folder, folder / "model.safetensors"):
        assert_same_features(load_clip(str(name)), *hugging_face_features(model))


def test_hugging_face_pickle_and_parts(hugging_face, tmp_path):
    model, folder = hugging_face
    shutil.copy(folder / "config.json", tmp_path)
    torch.save({**model.state_dict(), "text_model.embeddings.position_ids": torch.arange(77)[None]},
               tmp_path / "pytorch_model.bin")
    assert_same_features(load_clip(str(tmp_path)), *hugging_face_features(model))
    (tmp_path / "pytorch_model.bin").unlink()
    model.save_pretrained(tmp_path, max_shard_size="1MB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    assert_same_features(load_clip(str(tmp_path)), *hugging_face_features(model))
    whole = weights_digest(str(tmp_path))
    next(tmp_path.glob("model-*.safetensors")).unlink()
    with pytest.raises(UserError, match="is missing: fetch it again"):
        load_clip(str(tmp_path))
    assert whole and not weights_digest(str(tmp_path))


def test_hugging_face_values_that_are_left_out():
    """Configurations of older versions hold what differs from the defaults."""
    left_out, whole = ({"model_type": "clip"}, CLIPConfig().to_dict())
    assert hugging_face_details(left_out, {}, "x") == hugging_face_details(whole, {}, "x")


@pytest.mark.parametrize("changes, words", [
    ({"model_type": "siglip"}, "of the kind 'siglip', not clip"), ({"model_type": None}, "of the kind None"),
    ({"vision_config": {"hidden_act": "silu"}}, "hidden_act 'silu'"),
    ({"projection_dim": 512}, "embed_dim 48, but its configuration says 512"),
    ({"vision_config_dict": {"num_attention_heads": 7}}, "160 wide, which 7 heads cannot share"),
    ({"text_config": {"layer_norm_eps": 1e-6}}, "layer_norm_eps 1e-06"),
    ({"text_config": {"eos_token_id": 5}}, "ends texts with token 5"),
    ({"text_config": 3}, "configuration of .* is damaged"), ({"text_config": {"hidden_act": []}}, "is damaged"),
    ({"vision_config": {"num_attention_heads": "two"}}, "does not fit the layout"),
])
def test_hugging_face_model_of_another_kind(hugging_face, changes, words, tmp_path):
    _, folder = hugging_face
    config = json.loads((folder / "config.json").read_text())
    for key, value in changes.items():
        config[key] = {**config.get(key, {}), **value} if isinstance(value, dict) else value
    (tmp_path / "config.json").write_text(json.dumps(config))
    shutil.copy(folder / "model.safetensors", tmp_path)
    with pytest.raises(UserError, match=words):
        load_clip(str(tmp_path))


@pytest.mark.parametrize("content", ["[1]", "{", "\xff"])
def test_damaged_configuration(hugging_face, content, tmp_path):
    shutil.copy(hugging_face[1] / "model.safetensors", tmp_path)
    (tmp_path / "config.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match="config.json' is no configuration of a CLIP"):
        load_clip(str(tmp_path))
