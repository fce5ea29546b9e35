"""Every way to name a CLIP, and every way to get it wrong."""
import io
import os
import time
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from small_clip import SIZES, small_clip, small_clip_state

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
            for name in ("input_resolution", "context_length", "vocab_size"):  # as OpenAI's archives have them
                self.register_buffer(name, state[name])

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
    few = {key: value.half() for key, value in model.state_dict().items() if "num_batches_tracked" not in key}
    assert torch.equal(clip_from_state_dict(few).visual.conv1.weight, few["visual.conv1.weight"].float())


def refused(name, *words):
    start = time.process_time()
    with pytest.raises(UserError) as caught:
        load_clip(str(name))
    message = str(caught.value)
    assert "\n" not in message and caught.value.exit_code == 2
    for word in words:
        assert word in message, message
    assert time.process_time() - start < 60  # milliseconds; what expands without end takes for ever


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
    refused(path, name, "is damaged or")


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


def replaced(key, value):
    return lambda state: {**state, key: value}


@pytest.mark.parametrize("change, words", [
    (lambda state: [1, 2], "no CLIP"), (lambda state: 3, "no CLIP"), (lambda state: torch.ones(3), "no CLIP"),
    (lambda state: {"state_dict": {"ctx": torch.ones(4, 512)}, "epoch": 3}, "no CLIP"),
    (lambda state: {"state_dict": 3}, "no checkpoint of a model"), (lambda state: {}, "no CLIP"),
    (replaced("text_projection", torch.ones(3)), "does not fit the layout"),
    (replaced("text_projection", torch.tensor(3.0)), "does not fit the layout"),
    (replaced("text_projection", 3.0), "does not fit the layout"),
    (replaced("text_projection", torch.ones(64, 0)), "does not fit the layout"),
    (replaced("logit_scale", "hot"), "logit_scale is a str"), (replaced("logit_scale", torch.ones(2)), "logit_scale"),
    (replaced("ln_final.weight", torch.ones(10 ** 6)), "does not fit the layout"),
    (replaced("ln_final.weight", torch.ones(3)), "does not fit the layout"),
    (replaced("ln_final.weight", torch.ones(0)), "does not fit the layout"),
    (replaced("positional_embedding", torch.ones(10 ** 5, 1)), "a context of 100000 tokens"),
    (replaced("visual.positional_embedding", torch.ones(0, 64)), "does not fit the layout"),
    (replaced("visual.conv1.weight", torch.ones(64, 3, 1000, 1000).half()[:, :1]), "does not fit the layout"),
    (replaced("token_embedding.weight", torch.ones(1).expand(10 ** 9, 64)), "cannot read"),
    (lambda state: {**state, **{f"transformer.resblocks.{k}.a": torch.ones(1) for k in range(2000)}}, "2000 layers"),
    (lambda state: {key: value.to(torch.int8) for key, value in state.items()}, "is of type torch.int8"),
    (lambda state: {key: value.to(torch.float8_e5m2) for key, value in state.items()}, "is of type torch.float8_e5m2"),
    (lambda state: {key: value.to(torch.complex64) for key, value in state.items()}, "is of type torch.complex64"),
    (lambda state: {key: value * float("nan") for key, value in state.items()}, "not finite"),
    (replaced("visual.proj", torch.full((64, 32), float("inf"))), "visual.proj holds values that are not finite"),
])
def test_weights_of_wrong_kinds_are_refused(state, change, words, tmp_path):
    torch.save(change(state), tmp_path / "odd.pt")
    refused(tmp_path / "odd.pt", "odd.pt", words)


def npz(path, **arrays):
    np.savez(path, **arrays)


def png(path):
    Image.new("RGB", (64, 64)).save(path, format="png")


@pytest.mark.parametrize("name, write", [
    ("image.pt", png), ("image.npz", png), ("image.safetensors", png),
    ("text.npz", lambda path: path.write_text("hello")), ("text.safetensors", lambda path: path.write_text("hello")),
    ("objects.npz", lambda path: npz(path, text_projection=np.array([{}], dtype=object))),
    ("letters.npz", lambda path: npz(path, text_projection=np.array(["a"]))),
    ("few.npz", lambda path: npz(path, text_projection=np.ones((3, 3)))),
    ("header.safetensors", lambda path: path.write_bytes((2 ** 60).to_bytes(8, "little") + b"{}")),
    ("cut.safetensors", lambda path: path.write_bytes((2).to_bytes(8, "little") + b"{")),
    ("pipe.pt", os.mkfifo),
    ("other.pt", lambda path: torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), str(path))),
])
@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore:.*torch.jit:DeprecationWarning")
def test_files_of_wrong_kinds_are_refused(name, write, tmp_path):
    write(tmp_path / name)
    refused(tmp_path / name, name)


def test_archive_that_grows_is_not_unpacked(tmp_path):
    np.savez_compressed(tmp_path / "clip.npz", text_projection=np.zeros((2 ** 14, 2 ** 12), np.float32))
    refused(tmp_path / "clip.npz", "would unpack to 268,")


def test_flipped_bit_is_noticed(state, tmp_path):
    path = tmp_path / "clip.pt"
    torch.save(state, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused(path, "is damaged (checksum")


def test_sizes_are_checked_without_drawing_random_numbers(state):
    torch.manual_seed(0)
    clip_from_state_dict(state)
    after = torch.rand(1)
    torch.manual_seed(0)
    clip_package.CLIP(**SIZES)
    assert torch.equal(after, torch.rand(1))


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
