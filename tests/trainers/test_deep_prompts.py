"""MaPLe and PromptSRC beyond the recorded numbers."""
import os

import pytest
import torch
from recordings import make_trainer, step
from small_clip import SIZES, small_clip, small_clip_state

from compat.errors import UserError
from trainers.prompting import clip_package, teacher
from trainers.prompting.encoders import ImageEncoder, run_blocks
from trainers.prompting.gaussian_averaging import GaussianAverage, epoch_weights

NAMES = ["cat", "grand_piano", "stethoscope", "ice cream van"]
SMALL = {"MaPLe": ["TRAINER.MAPLE.PROMPT_DEPTH", 2],
         "PromptSRC": ["TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT", 2, "TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION", 2]}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MAO_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def clip_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.pt"
    torch.save(small_clip_state(vision_width=128), path)
    return path


def make(name, clip_file, *extra):
    torch.manual_seed(0)
    return make_trainer(name, NAMES, clip_file, [*SMALL[name.replace("_MAO", "")], *extra], 32)


def batch():
    generator = torch.Generator().manual_seed(1)
    return {"img": torch.randn(4, 3, 32, 32, generator=generator), "label": torch.arange(4)}


def test_towers_without_prompts_are_the_plain_clip():
    clip_model, images = small_clip(), batch()["img"]
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


@pytest.mark.parametrize("name", ["MaPLe", "PromptSRC"])
@pytest.mark.parametrize("precision", ["fp32", "amp", "bf16"])
def test_precisions_train_on_a_cpu(clip_file, name, precision):
    trainer = make(name, clip_file, f"TRAINER.{name.upper()}.PREC", precision)
    frozen = {n: p.clone() for n, p in trainer.model.named_parameters() if not p.requires_grad}
    losses = [step(trainer, batch(), last_of_epoch=False) for _ in range(4)]
    assert losses[-1] < losses[0]
    assert all(p.dtype is torch.float32 for p in trainer.model.parameters() if p.requires_grad)
    assert all(torch.equal(trainer.model.get_parameter(n), p) for n, p in frozen.items())


@pytest.mark.parametrize("name", ["MaPLe", "PromptSRC"])
def test_resnet_is_refused_in_a_sentence(name, tmp_path):
    sizes = {**SIZES, "vision_layers": (1, 1, 1, 1), "vision_patch_size": None}
    torch.save(clip_package.CLIP(**sizes).state_dict(), tmp_path / "resnet.pt")
    with pytest.raises(UserError, match="MaPLe and PromptSRC .* need a ViT"):
        make(name, tmp_path / "resnet.pt")


@pytest.mark.parametrize("name, extra, words", [
    ("MaPLe", ["TRAINER.MAPLE.PROMPT_DEPTH", 3], "PROMPT_DEPTH is 3.*2 layers: give 1 to 2"),
    ("MaPLe", ["TRAINER.MAPLE.PROMPT_DEPTH", 0], "PROMPT_DEPTH is 0"),
    ("PromptSRC", ["TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION", 9], "PROMPT_DEPTH_VISION is 9.*image tower"),
    ("PromptSRC", ["TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT", 0], "PROMPT_DEPTH_TEXT is 0"),
    ("PromptSRC", ["TRAINER.PROMPTSRC.GPA_STD", 0], "GPA_STD is 0"),
])
def test_bad_options(clip_file, name, extra, words):
    with pytest.raises(UserError, match=words):
        make(name, clip_file, *extra)


def test_promptsrc_without_vision_prompts(clip_file):
    trainer = make("PromptSRC", clip_file, "TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION", 0)
    learnable = [n for n, p in trainer.model.named_parameters() if p.requires_grad]
    assert learnable == ["prompt_learner.ctx", "text_encoder.transformer.resblocks.1.VPT_shallow"]
    step(trainer, batch(), last_of_epoch=False)


def test_checkpoint_of_another_depth_is_refused_with_the_keys(clip_file, tmp_path):
    make("MaPLe", clip_file, "TRAINER.MAPLE.PROMPT_DEPTH", 1).save_model(0, str(tmp_path))
    with pytest.raises(UserError, match="compound_prompts_text.0 is missing.*compound_prompt_projections.0.weight"):
        make("MaPLe", clip_file).load_model(str(tmp_path), epoch=1)


@pytest.mark.parametrize("name", ["MaPLe", "PromptSRC"])
def test_whole_model_checkpoint_with_a_scheduler_object_loads(clip_file, tmp_path, name):
    """As upstream saves it: frozen weights and token buffers in the state dict, and a schedule as an object."""
    source, target = make(name, clip_file), make(name, clip_file)
    with torch.no_grad():
        for parameter in source.model.parameters():
            parameter.add_(0.5)  # the frozen ones too, which are not to be loaded
    state = torch.nn.Module.state_dict(source.model)
    state.update({f"module.{key}": value for key, value in list(state.items())[:1]})
    state["prompt_learner.token_suffix"] = torch.zeros(9, 70, 64)  # of other classes
    folder = tmp_path / target.checkpoint_name
    folder.mkdir()
    torch.save({"state_dict": state, "epoch": 5, "optimizer": source.optim.state_dict(), "val_result": None,
                "scheduler": {"successor": torch.optim.lr_scheduler.CosineAnnealingLR(source.optim, 5)}},
               folder / "model.pth.tar-5")
    frozen = {key: p.clone() for key, p in target.model.named_parameters() if not p.requires_grad}
    target.load_model(str(tmp_path), epoch=5)
    for key, parameter in target.model.named_parameters():
        assert torch.equal(parameter, frozen.get(key, source.model.get_parameter(key)))


def test_teacher_is_encoded_once_and_again_for_other_words_or_weights(monkeypatch, tmp_path):
    calls = []
    encode = teacher.encode
    monkeypatch.setattr(teacher, "encode", lambda *a: calls.append(1) or encode(*a))
    first = teacher.mean_text_features(small_clip(), NAMES, ["a {}.", "the {}."])
    again = teacher.mean_text_features(small_clip(), NAMES, ["a {}.", "the {}."])
    assert torch.equal(first, again) and len(calls) == 1
    for clip_model, names, templates in ((small_clip(1), NAMES, ["a {}.", "the {}."]),
                                         (small_clip(), NAMES[:2], ["a {}.", "the {}."]),
                                         (small_clip(), NAMES, ["a {}."])):
        teacher.mean_text_features(clip_model, names, templates)
    assert len(calls) == 4
    for path in teacher.cache_folder().iterdir():
        path.write_bytes(path.read_bytes()[:50])
    assert torch.equal(teacher.mean_text_features(small_clip(), NAMES, ["a {}.", "the {}."]), first)
    assert len(calls) == 5 and not [name for name in os.listdir(teacher.cache_folder()) if name.count(".") > 1]


def test_gaussian_average_survives_a_stop():
    states = [{"ctx": torch.randn(3)} for _ in range(4)]
    whole, part = GaussianAverage(4, 3, 1), GaussianAverage(4, 3, 1)
    for state in states:
        whole.add(state)
    for state in states[:2]:
        part.add(state)
    resumed = GaussianAverage(4, 3, 1)
    resumed.load_state_dict(part.state_dict())
    for state in states[2:]:
        resumed.add(state)
    assert resumed.complete and torch.equal(resumed.sum["ctx"], whole.sum["ctx"])
    assert sum(epoch_weights(10, 15, 1)) == pytest.approx(1) and epoch_weights(10, 15, 1)[-1] > 0.99


def test_mao_restricts_promptsrc_cross_entropy_alone(clip_file):
    plain, mao = make("PromptSRC", clip_file), make("PromptSRC_MAO", clip_file)
    labels = torch.tensor([2, 0, 2, 3])
    losses = []
    for trainer in (plain, mao):
        trainer.model_backward_and_update = losses.append
        trainer.model.load_state_dict(plain.model.state_dict())
        step(trainer, {**batch(), "label": labels}, last_of_epoch=False)
    with torch.no_grad():
        logits = plain.model(batch()["img"], labels)[-1]
    change = (torch.nn.functional.cross_entropy(logits[:, labels], torch.arange(4))
              - torch.nn.functional.cross_entropy(logits, labels))
    torch.testing.assert_close(losses[1] - losses[0], change, rtol=1e-3, atol=1e-3)
    assert not mao.model._forward_hooks
