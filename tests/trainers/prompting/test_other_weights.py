"""CLIPs that are not OpenAI's: open_clip's and Hugging Face's models give the features of their own packages."""
import json
import shutil

import open_clip
import pytest
import torch
from dassl.config import get_cfg_default
from open_clip.factory import resize_pos_embed
from safetensors.torch import save_file
from same_features import TEXTS, assert_same_features, images
from small_clip import small_clip_state

import trainers
from compat.errors import UserError
from trainers.prompting import clip_open_clip
from trainers.prompting.clip_configs import open_clip_details
from trainers.prompting.clip_details import check_details, is_known
from trainers.prompting.clip_digest import weights_digest
from trainers.prompting.clip_files import absolute_name
from trainers.prompting.clip_loading import _build, load_clip
from trainers.prompting.clip_package import CLIP
from trainers.prompting.clip_sizes import sizes_of
from trainers.prompting.configured_clip import configured_clip
from trainers.prompting.encoders import encode_texts, image_encoder

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 4, "layers": 2}  # 16-wide heads
IMAGE = {"width": 160, "head_width": 80, "layers": 2, "patch_size": 16, "image_size": 32}
ARCHITECTURES = {
    "wide-heads": {"embed_dim": 48, "vision_cfg": {**IMAGE, "mlp_ratio": 3.3}, "text_cfg": TEXT},
    "quick": {"embed_dim": 48, "quick_gelu": True, "vision_cfg": IMAGE, "text_cfg": {**TEXT, "mlp_ratio": 2.0}},
    "resnet": {"embed_dim": 48, "text_cfg": TEXT,
               "vision_cfg": {"layers": [1, 1, 1, 1], "width": 32, "head_width": 128, "image_size": 64}},
    "apart": {"embed_dim": 48, "custom_text": True, "vision_cfg": IMAGE, "text_cfg": {**TEXT, "context_length": 32}},
    "narrow": {"embed_dim": 48, "vision_cfg": {**IMAGE, "width": 48, "head_width": 12}, "text_cfg": TEXT},
    "scaled": {"embed_dim": 48, "vision_cfg": {**IMAGE, "ls_init_value": 1e-4}, "text_cfg": TEXT},
    "uncausal": {"embed_dim": 48, "vision_cfg": IMAGE, "text_cfg": {**TEXT, "no_causal_mask": True}},
}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """Folder with the weights of open_clip models of the architectures above, which the package then knows."""
    folder = tmp_path_factory.mktemp("open_clip")
    (folder / "configs").mkdir()
    for name, config in ARCHITECTURES.items():
        (folder / "configs" / f"tiny-{name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder / "configs")
    return folder


def trained(room, name):
    """(a model of the package with random weights, file of a training's checkpoint of it)"""
    torch.manual_seed(len(name))
    model = open_clip.create_model(f"tiny-{name}").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)  # biases and norms are told apart, too
    path = room / f"{name}.pt"
    torch.save({"epoch": 3, "state_dict": {f"module.{key}": value for key, value in model.state_dict().items()}}, path)
    return model, path


@torch.no_grad()
def features_of(model, side=32):
    context = 32 if getattr(model, "context_length", 77) == 32 else 77
    return model.encode_image(images(side)), model.encode_text(open_clip.tokenize(TEXTS, context))


@pytest.mark.parametrize("name", ["wide-heads", "quick", "resnet", "apart", "narrow"])
def test_open_clip_architecture_with_a_file(room, name):
    model, path = trained(room, name)
    side = 64 if name == "resnet" else 32
    ours = load_clip(f"open_clip:tiny-{name}@{path}")
    assert_same_features(ours, *features_of(model, side), side)
    assert not any(parameter.requires_grad for parameter in ours.parameters())
    if name == "apart":
        with pytest.raises(UserError, match="has 42 tokens, and the model takes 32"):
            encode_texts(ours, ["cat " * 40])


@pytest.mark.parametrize("name", ["ViT-H-14", "ViT-g-14", "ViT-bigG-14-quickgelu", "ViT-B-16-plus-240", "RN50x4"])
def test_architectures_of_open_clip_as_the_package_builds_them(name):
    config = open_clip.get_model_config(name)
    details = open_clip_details(config, name)
    with torch.device("meta"):  # without memory
        theirs = open_clip.CLIP(**config)
        sizes = sizes_of(theirs.state_dict())
        ours = _build(sizes, details)
    check_details(details, sizes, name)
    assert ({key: value.shape for key, value in ours.state_dict().items()}
            == {key: value.shape for key, value in theirs.state_dict().items()})
    for one, other in zip(blocks_of(ours), blocks_of(theirs), strict=True):
        assert one.attn.num_heads == other.attn.num_heads
        assert type(one.mlp.gelu).__name__ == type(other.mlp.gelu).__name__


def blocks_of(model):
    towers = [tower.transformer for tower in (model, model.visual) if hasattr(tower, "transformer")]
    return [block for transformer in towers for block in transformer.resblocks]


@pytest.fixture
def tags(room, monkeypatch):
    """The package's table with trained weights of a small model; quick_gelu contradicts the architecture's."""
    model, path = trained(room, "wide-heads")
    table = {"plain": {"file": str(path), "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)},
             "quick": {"file": str(path), "quick_gelu": True}, "absent": {"url": "http://127.0.0.1:9/x.pt"}}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "tiny-wide-heads", table)
    return model


def test_open_clip_tag(tags, room):
    assert_same_features(load_clip("open_clip:tiny-wide-heads/plain"), *features_of(tags))
    quick = open_clip.create_model("tiny-wide-heads", force_quick_gelu=True).eval()
    quick.load_state_dict(tags.state_dict())
    assert_same_features(load_clip("open_clip:tiny/wide-heads/quick"), *features_of(quick))


@pytest.mark.parametrize("name, words", [
    ("open_clip:tiny-wide-heads", "is incomplete: give open_clip:ARCH"), ("open_clip:", "is incomplete"),
    ("open_clip:@x", "there is no file|is incomplete"),
    ("open_clip:tiny-wide-heads@absent.pt", "there is no file 'absent.pt'"),
    ("open_clip:tiny-wide-heads/none", "no weights 'none' of tiny-wide-heads: give one of plain, quick, absent"),
    ("open_clip:ViT-H14/laion2b_s32b_b79k", "did you mean 'ViT-H-14'"),
    ("open_clip:tiny-wide-heads/absent", "cannot be downloaded .*give open_clip:tiny-wide-heads@FILE"),
    ("open_clip:ViT-B-16-SigLIP/webli", "no CLIP of OpenAI's kind .*init_logit_bias"),
    ("open_clip:coca_ViT-B-32/laion2b_s13b_b90k", "no CLIP of OpenAI's kind .*multimodal_cfg"),
    ("open_clip:convnext_base_w/laion2b_s13b_b82k", "timm_model_name is 'convnext_base'"),
    ("open_clip:roberta-ViT-B-32/laion2b_s12b_b32k", "hf_model_name is 'roberta-base'"),
    ("open_clip:EVA02-B-16/merged2b_s8b_b131k", "timm_model_name"),
    ("open_clip:ViT-L-14-CLIPA/datacomp1b", "vision_cfg.no_ln_pre is True"),
])
def test_open_clip_name_that_does_not_work(tags, name, words):
    with pytest.raises(UserError, match=words) as caught:
        load_clip(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name, words", [("scaled", "ls_init_value is 0.0001"), ("uncausal", "no_causal_mask is True")])
def test_open_clip_tower_of_another_kind(room, name, words):
    _, path = trained(room, name)
    with pytest.raises(UserError, match=words):
        load_clip(f"open_clip:tiny-{name}@{path}")


def test_architecture_of_other_weights_is_refused(room):
    _, path = trained(room, "quick")
    with pytest.raises(UserError, match="embed_dim 48, but its configuration says 512"):
        load_clip(f"open_clip:ViT-B-32@{path}")
    torch.save({**small_clip_state(), "token_embedding.weight": torch.zeros(99, 64)}, room / "words.pt")
    with pytest.raises(UserError, match="vocabulary of 99 tokens"):
        load_clip(str(room / "words.pt"))


def test_missing_package_is_said(monkeypatch):
    clip_open_clip._package.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "open_clip", None)
    with pytest.raises(UserError, match="pip install -r requirements-openclip.txt"):
        load_clip("open_clip:ViT-B-32/openai")
    clip_open_clip._package.cache_clear()


def test_folder_of_the_hub_with_a_configuration_of_open_clip(room, tmp_path):
    model, path = trained(room, "wide-heads")
    torch.save(model.state_dict(), tmp_path / "open_clip_pytorch_model.bin")
    config = {"model_cfg": ARCHITECTURES["wide-heads"], "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    (tmp_path / "config.json").write_text("{}")  # a LAION repository has one beside
    for name in (tmp_path, tmp_path / "open_clip_pytorch_model.bin"):
        assert_same_features(load_clip(str(name)), *features_of(model))


# Files without a configuration

@pytest.mark.parametrize("wrap", [
    lambda s: {"model_state_dict": s}, lambda s: {"model": s}, lambda s: {"model": {"state_dict": s}},
    lambda s: {f"module.{key}": value for key, value in s.items()},
    lambda s: {"state_dict": {f"module.clip.{key}": value for key, value in s.items()}},
    lambda s: {**{f"model.clip.{key}": value for key, value in s.items()}, "head.weight": torch.ones(3)},
    lambda s: {**s, "logit_scale": s["logit_scale"].reshape(1)},
])
def test_wrapped_tensors(wrap, tmp_path):
    state = small_clip_state()
    torch.save(wrap(state), tmp_path / "clip.pth")
    model = load_clip(str(tmp_path / "clip.pth"))
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("wrap", [{"model": 3}, {"state_dict": {1: 2}}, {"teacher.visual.conv1.weight": 3}])
def test_wrapped_other_things_are_refused(wrap, tmp_path):
    torch.save(wrap, tmp_path / "clip.pth")
    with pytest.raises(UserError, match="clip.pth"):
        load_clip(str(tmp_path / "clip.pth"))


def test_unknown_heads_and_activation_have_to_be_given(room, tmp_path):
    model, _ = trained(room, "wide-heads")
    save_file(model.state_dict(), tmp_path / "bare.safetensors")
    path = str(tmp_path / "bare.safetensors")
    for given, missing in (({}, "give MODEL.CLIP.HEADS and MODEL.CLIP.ACTIVATION"),
                           ({"heads": (2, 4)}, "give MODEL.CLIP.ACTIVATION"),
                           ({"activation": "gelu"}, "give MODEL.CLIP.HEADS,")):
        with pytest.raises(UserError, match=missing):
            load_clip(path, **given)
    assert_same_features(load_clip(path, (2, 4), "gelu"), *features_of(model))
    with pytest.raises(UserError, match="160 wide, which 3 heads cannot share: correct MODEL.CLIP.HEADS"):
        load_clip(path, (3, 4), "gelu")


def test_keys_that_contradict_a_configuration(room):
    _, path = trained(room, "quick")
    name = f"open_clip:tiny-quick@{path}"
    load_clip(name, (2, 4), "quick_gelu")
    with pytest.raises(UserError, match="MODEL.CLIP.ACTIVATION is 'gelu', but the configuration"):
        load_clip(name, activation="gelu")
    with pytest.raises(UserError, match=r"MODEL.CLIP.HEADS is \(4, 4\), but"):
        load_clip(name, heads=(4, 4))


@pytest.mark.parametrize("known, sizes", [
    (True, dict(embed_dim=512, image_resolution=224, vision_layers=12, vision_width=768, vision_patch_size=16,
                transformer_width=512, transformer_heads=8, transformer_layers=12)),
    (True, dict(embed_dim=768, image_resolution=336, vision_layers=24, vision_width=1024, vision_patch_size=14,
                transformer_width=768, transformer_heads=12, transformer_layers=12)),
    (True, dict(embed_dim=640, image_resolution=288, vision_layers=(4, 6, 10, 6), vision_width=80,
                vision_patch_size=None, transformer_width=640, transformer_heads=10, transformer_layers=12)),
    (False, dict(embed_dim=1024, image_resolution=224, vision_layers=32, vision_width=1280, vision_patch_size=14,
                 transformer_width=1024, transformer_heads=16, transformer_layers=24)),
])
def test_sizes_of_openai(known, sizes):
    with torch.device("meta"):
        state = CLIP(**sizes, context_length=77, vocab_size=49408).state_dict()
    found = sizes_of(state)
    assert all(found[key] == value for key, value in sizes.items() if key != "transformer_heads")
    assert is_known(found) is known
    state["transformer.resblocks.0.mlp.c_fc.weight"] = torch.empty(7, 3, device="meta")
    assert not is_known(sizes_of(state))


# What a config adds

def config_of(name, **keys):
    cfg = get_cfg_default()
    trainers.extend_cfg(cfg)
    values = {"MODEL.BACKBONE.NAME": name, "INPUT.SIZE": (32, 32), "INPUT.TRANSFORMS": ("normalize",),
              **{key.replace("__", "."): value for key, value in keys.items()}}
    cfg.merge_from_list([part for pair in values.items() for part in pair])
    return cfg


def test_position_embeddings_are_interpolated(room):
    model, path = trained(room, "wide-heads")
    name = f"open_clip:tiny-wide-heads@{path}"
    with pytest.raises(UserError, match=r"takes 32x32 images: .*or MODEL.CLIP.INTERPOLATE True"):
        configured_clip(config_of(name, INPUT__SIZE=(80, 80)))
    larger = open_clip.create_model("tiny-wide-heads", force_image_size=80).eval()
    state = model.state_dict()
    resize_pos_embed(state, larger)
    larger.load_state_dict(state)
    ours = configured_clip(config_of(name, INPUT__SIZE=(80, 80), MODEL__CLIP__INTERPOLATE=True))
    assert_same_features(ours, *features_of(larger, 80), 80)
    same = configured_clip(config_of(name, MODEL__CLIP__INTERPOLATE=True))
    assert_same_features(same, *features_of(model))
    oblong = configured_clip(config_of(name, INPUT__SIZE=(48, 32), MODEL__CLIP__INTERPOLATE=True))
    assert image_encoder(oblong)(torch.zeros(1, 3, 48, 32)).shape == (1, 48)
    with pytest.raises(UserError, match=r"whole patches of 16x16: set INPUT.SIZE '\(80, 32\)'"):
        configured_clip(config_of(name, INPUT__SIZE=(81, 32), MODEL__CLIP__INTERPOLATE=True))


def test_position_embeddings_of_a_resnet_are_interpolated(room):
    _, path = trained(room, "resnet")
    name = f"open_clip:tiny-resnet@{path}"
    larger = configured_clip(config_of(name, INPUT__SIZE=(96, 64), MODEL__CLIP__INTERPOLATE=True))
    positions, former = (clip.visual.attnpool.positional_embedding for clip in (larger, load_clip(name)))
    assert positions.shape[0] == 7 and torch.equal(positions[0], former[0])
    assert torch.allclose(positions[1:].mean(dim=0), former[1:].mean(dim=0), atol=1e-2)
    assert larger.visual(torch.ones(1, 3, 96, 64)).shape == (1, 48)


def test_normalisation_of_the_weights_is_asked_for(tags):
    with pytest.raises(UserError, match=r"trained with \[0.5, 0.5, 0.5\]: set INPUT.PIXEL_MEAN '\[0.5, 0.5, 0.5\]'"):
        configured_clip(config_of("open_clip:tiny-wide-heads/plain"))
    half = [0.5] * 3
    configured_clip(config_of("open_clip:tiny-wide-heads/plain", INPUT__PIXEL_MEAN=half, INPUT__PIXEL_STD=half))
    configured_clip(config_of("open_clip:tiny-wide-heads/plain", INPUT__TRANSFORMS=()))


def test_digests_tell_weights_apart(room, hugging_face, tmp_path, monkeypatch):
    _, path = trained(room, "wide-heads")
    names = ["open_clip:ViT-B-32/openai", "open_clip:ViT-B-32/laion2b_s34b_b79k", f"open_clip:ViT-B-32@{path}",
             f"open_clip:ViT-B-16@{path}", str(path), str(hugging_face[1]), "ViT-B/16", "Mini/16"]
    digests = [weights_digest(name) for name in names]
    assert len(set(digests)) == len(names) and all(len(digest) == 64 for digest in digests)
    copy = shutil.copytree(hugging_face[1], tmp_path / "copy")
    assert weights_digest(str(copy)) == digests[5]
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "logit_scale_init_value": 1.0}))
    assert weights_digest(str(copy)) not in ("", digests[5])
    monkeypatch.chdir(room)
    assert absolute_name(path.name) == str(path) and absolute_name("ViT-B/16") == "ViT-B/16"
    assert absolute_name(f"open_clip:ViT-B-32@{path.name}") == f"open_clip:ViT-B-32@{path}"
    absent = ["open_clip:ViT-B-32", "open_clip:ViT-B-32@absent.pt", "absent"]
    assert [weights_digest(name) for name in absent] == [""] * 3
