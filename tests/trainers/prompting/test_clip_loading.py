"""Every way to name a CLIP, and every way to get it wrong."""
import io
import zipfile

import pytest
import torch
from safetensors.torch import save_file
from small_clip import small_clip, small_clip_state

from compat.errors import UserError
from trainers.prompting import clip_files, clip_loading, clip_package
from trainers.prompting.clip_loading import clip_from_state_dict, image_resolution, load_clip


@pytest.fixture(scope="module")
def state():
    return small_clip_state()


def assert_same_weights(model, state):
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s, "epoch": 3}], ids=["plain", "wrapped"])
def test_state_dict_file_loads(state, wrap, tmp_path):
    torch.save(wrap(state), tmp_path / "clip.pt")
    model = load_clip(str(tmp_path / "clip.pt"))
    assert_same_weights(model, state)
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    assert image_resolution(model) == 32


def test_safetensors_file_loads(state, tmp_path):
    save_file({key: value.contiguous() for key, value in state.items()}, tmp_path / "clip.safetensors")
    assert_same_weights(load_clip(str(tmp_path / "clip.safetensors")), state)


def test_jit_archive_loads(state, tmp_path):
    class Holder(torch.nn.Module):
        def __init__(self, clip):
            super().__init__()
            self.text_projection, self.logit_scale = clip.text_projection, clip.logit_scale
            self.positional_embedding, self.token_embedding = clip.positional_embedding, clip.token_embedding
            self.transformer, self.ln_final, self.visual = clip.transformer, clip.ln_final, clip.visual

        def forward(self, image):
            return self.visual(image)

    traced = torch.jit.trace(Holder(small_clip()), torch.zeros(1, 3, 32, 32), check_trace=False)
    traced.save(str(tmp_path / "clip.pt"))
    assert_same_weights(load_clip(str(tmp_path / "clip.pt")), state)


def test_fp32_weights_are_not_rounded(state, tmp_path):
    fine = {**state, "text_projection": state["text_projection"] + 1e-6}
    torch.save(fine, tmp_path / "clip.pt")
    assert torch.equal(load_clip(str(tmp_path / "clip.pt")).text_projection, fine["text_projection"])


def test_sizes_of_a_resnet_follow_from_its_shapes():
    model = clip_package.CLIP(embed_dim=32, image_resolution=32, vision_layers=(1, 2, 1, 1), vision_width=64,
                              vision_patch_size=None, context_length=16, vocab_size=100, transformer_width=64,
                              transformer_heads=1, transformer_layers=1)
    loaded = clip_from_state_dict(model.state_dict())
    assert image_resolution(loaded) == 32
    assert_same_weights(loaded, model.state_dict())


def refused(name, *words):
    with pytest.raises(UserError) as caught:
        load_clip(str(name))
    message = str(caught.value)
    assert "\n" not in message and caught.value.exit_code == 2
    for word in words:
        assert word in message, message


def test_unknown_name_suggests_the_nearest():
    refused("ViT-B/61", "ViT-B/61", "did you mean 'ViT-B/16'", "Mini/16")


def test_missing_file_is_named(tmp_path):
    refused(tmp_path / "absent.pt", "absent.pt", "no such file")


def test_folder_is_refused(tmp_path):
    refused(tmp_path, "is a folder")


def test_empty_file_is_refused(tmp_path):
    (tmp_path / "clip.pt").touch()
    refused(tmp_path / "clip.pt", "empty file", "fetch it again")


@pytest.mark.parametrize("name", ["clip.pt", "clip.safetensors"])
def test_truncated_file_is_refused(state, name, tmp_path):
    path = tmp_path / name
    if name.endswith("pt"):
        torch.save(state, path)
    else:
        save_file({key: value.contiguous() for key, value in state.items()}, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(path, name, "damaged or cut short")


def test_text_and_zip_are_refused(tmp_path):
    (tmp_path / "a.pt").write_text("<html>not found</html>")
    refused(tmp_path / "a.pt", "a.pt")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("readme.txt", "hello")
    (tmp_path / "b.pt").write_bytes(packed.getvalue())
    refused(tmp_path / "b.pt", "b.pt")


def test_pickle_with_code_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"text_projection": Evil()}, tmp_path / "evil.pt")
    refused(tmp_path / "evil.pt", "evil.pt")
    assert not (tmp_path / "ran").exists()


def test_weights_of_another_model_are_refused(tmp_path):
    torch.save(torch.nn.Linear(3, 3).state_dict(), tmp_path / "linear.pt")
    refused(tmp_path / "linear.pt", "no CLIP in OpenAI's layout")


def test_clip_with_further_layers_is_refused(state, tmp_path):
    torch.save({**state, "visual.extra.weight": torch.zeros(3)}, tmp_path / "odd.pt")
    refused(tmp_path / "odd.pt", "visual.extra.weight")


def test_failed_download_says_what_to_do(monkeypatch, tmp_path):
    def no_network(url, root):
        raise OSError("no route to host")

    monkeypatch.setattr(clip_files.openai_clip, "_download", no_network)
    refused("ViT-B/16", "ViT-B/16", "no route to host", "Mini/16")


def test_clip_package_that_was_changed_for_prompts_loads_a_plain_clip(state, tmp_path, monkeypatch):
    """The clip folders of MaPLe, PromptSRC and their forks, which a copied backbone meets there."""
    seen = []

    class PromptedPackageCLIP(clip_package.CLIP):
        def __init__(self, *args, design_details, **sizes):
            seen.append(design_details)
            super().__init__(*args, **sizes)

    monkeypatch.setattr(clip_loading, "CLIP", PromptedPackageCLIP)
    torch.save(state, tmp_path / "clip.pt")
    assert_same_weights(load_clip(str(tmp_path / "clip.pt")), state)
    assert seen[0]["vision_depth"] == seen[0]["language_depth"] == 0


def test_bundled_weights_that_were_not_copied_are_missed_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(clip_files.BUNDLED, "Mini/16", tmp_path / "mini16.npz")
    with pytest.raises(UserError, match="'Mini/16' is not part of this copy"):
        load_clip("Mini/16")
