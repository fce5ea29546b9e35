"""MaPLe and PromptSRC beyond the recorded numbers."""
import pytest
import torch
from recordings import make_trainer, step
from small_clip import small_clip_state

from compat.errors import UserError

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
    torch.save(small_clip_state(vision_layers=(1, 1, 1, 1), vision_patch_size=None), tmp_path / "resnet.pt")
    with pytest.raises(UserError, match="MaPLe and PromptSRC .* need a ViT"):
        make(name, tmp_path / "resnet.pt")


@pytest.mark.parametrize("name, extra, words", [
    ("MaPLe", ["TRAINER.MAPLE.PROMPT_DEPTH", 3], "PROMPT_DEPTH is 3.*2 layers: give 1 to 2"),
    ("MaPLe", ["TRAINER.MAPLE.PROMPT_DEPTH", 0], "PROMPT_DEPTH is 0"),
    ("PromptSRC", ["TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION", 9], "PROMPT_DEPTH_VISION is 9.*image tower"),
    ("PromptSRC", ["TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT", 0], "PROMPT_DEPTH_TEXT is 0"),
    ("PromptSRC", ["TRAINER.PROMPTSRC.GPA_STD", 0], "GPA_STD is 0"),
    ("PromptSRC", ["TRAINER.PROMPTSRC.N_CTX_TEXT", 0], "N_CTX_TEXT is 0"),
    ("PromptSRC", ["TRAINER.PROMPTSRC.N_CTX_VISION", 0], "N_CTX_VISION is 0"),
    ("MaPLe", ["TRAINER.MAPLE.N_CTX", 0], "N_CTX is 0"),
    ("MaPLe", ["TRAINER.MAPLE.CTX_INIT", "x"], "'x' have 1 tokens, and 2 context vectors would replace the class name"),
])
def test_bad_options_are_refused(clip_file, name, extra, words):
    with pytest.raises(UserError, match=words):
        make(name, clip_file, *extra)


@pytest.mark.parametrize("average", [
    {"added": 9, "sum": {}}, {"added": 1, "sum": {}}, {"added": 1, "sum": {"prompt_learner.ctx": 3}}, {}])
def test_an_average_of_another_run_is_refused(clip_file, average):
    with pytest.raises((UserError, KeyError, ValueError)):  # those that are none become sentences where a state is read
        make("PromptSRC", clip_file).load_extra_state({"gaussian_average": average})


def test_promptsrc_trains_without_vision_prompts(clip_file):
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
