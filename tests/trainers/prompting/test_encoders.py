"""CLIP's towers: without prompts, with deep ones, and packed prompts against the same prompts one by one."""
import numpy as np
import pytest
import torch
from small_clip import small_clip
from small_coop import NAMES, model_of
from torch.utils._python_dispatch import TorchDispatchMode
from yacs.config import CfgNode

from trainers import maple, promptsrc
from trainers.prompting import encoders, packing
from trainers.prompting.encoders import ImageEncoder, encode_texts, overwrite, run_blocks
from trainers.prompting.independent_prompts import deep_prompts
from trainers.prompting.model import PromptedCLIP
from trainers.prompting.tokens import tokenize

DEEP = {"MAPLE": (maple, maple.MultiModalPromptLearner, maple.MultiModalCLIP, {"N_CTX": 2, "PROMPT_DEPTH": 3}),
        "PROMPTSRC": (promptsrc, promptsrc.VLPromptLearner, promptsrc.VisionLanguageCLIP,
                      {"PROMPT_DEPTH_TEXT": 3, "PROMPT_DEPTH_VISION": 2})}


def deep_model(node, **changes):
    module, learner, model, values = DEEP[node]
    cfg = CfgNode({"TRAINER": CfgNode(), "DATASET": CfgNode()})
    module.extend_cfg(cfg)
    cfg.TRAINER[node].merge_from_list([part for pair in {**values, **changes}.items() for part in pair])
    torch.manual_seed(0)
    clip_model = small_clip(transformer_layers=4, transformer_width=128, transformer_heads=2, vision_width=128)
    options = () if node == "MAPLE" else (cfg.TRAINER[node],)
    return model(learner(cfg, NAMES, clip_model), clip_model, *options)


def deep_prompts_of(model):
    return list(getattr(model.prompt_learner, "compound_prompts_text", deep_prompts(model.text_encoder)))


def plain_features(encoder, prompts, tokens, deep_prompts=()):
    """The text tower as CLIP has it: every prompt by itself, at full length."""
    length = prompts.shape[1]
    x = prompts + encoder.positional_embedding[:length]
    mask = torch.full((length, length), float("-inf"), dtype=x.dtype).triu(1)
    for index, block in enumerate(encoder.transformer.resblocks):
        if 1 <= index <= len(deep_prompts):
            deep = deep_prompts[index - 1].expand(len(x), -1, -1)
            x = torch.cat([x[:, :1], deep, x[:, 1 + deep.shape[1]:]], dim=1)
        y = block.ln_1(x).transpose(0, 1)
        x = x + block.attn(y, y, y, need_weights=False, attn_mask=mask)[0].transpose(0, 1)
        x = x + block.mlp(block.ln_2(x))
    return encoder.ln_final(x[torch.arange(len(x)), tokens.argmax(dim=1)]) @ encoder.text_projection


@pytest.fixture(params=["exact", "powers of two", "several sequences"])
def way(request, monkeypatch):
    """The ways of packing, of which device and number of classes decide elsewhere."""
    if request.param == "powers of two":
        by_device = packing.room
        monkeypatch.setattr(packing, "room", lambda lengths, device: by_device(lengths, torch.device("cuda")))
    if request.param == "several sequences":
        monkeypatch.setattr(encoders, "TOKENS", 8)


def assert_features_and_gradients_agree(model, encode=PromptedCLIP.encode_prompts):
    """Features of all classes and the gradients of a random loss, in double precision, so without rounding."""
    model = model.double()
    for module in model.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.__class__ = torch.nn.LayerNorm  # CLIP's rounds to single precision
    expected = plain_features(model.text_encoder, model.prompt_learner(), model.tokenized_prompts,
                              deep_prompts_of(model))
    found = encode(model)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    weights = torch.randn(found.shape, dtype=found.dtype)
    gradients = []
    for features in (found, expected):
        model.zero_grad()
        (features * weights).sum().backward()
        gradients.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys() and "prompt_learner.ctx" in gradients[0]
    for name, gradient in gradients[1].items():
        torch.testing.assert_close(gradients[0][name], gradient, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("position, csc, prefix", [
    ("end", False, 5), ("middle", False, 3), ("front", False, 1), ("end", True, 1), ("middle", True, 1)])
def test_packed_prompts_have_the_features_and_gradients_of_prompts_one_by_one(position, csc, prefix, way):
    model = model_of(CLASS_TOKEN_POSITION=position, CSC=csc)
    assert packing.shared_prefix(model.prompt_learner.prompts().rows) == prefix
    assert_features_and_gradients_agree(model)


@pytest.mark.parametrize("node", DEEP)
def test_packed_deep_prompts_have_them_too(node, way, tmp_path, monkeypatch):
    monkeypatch.setenv("MAO_CACHE", str(tmp_path))
    monkeypatch.setattr(promptsrc, "teacher_templates", lambda template: ["a {}."])
    model = deep_model(node)
    assert_features_and_gradients_agree(model, type(model).encode_prompts)


def test_prompts_that_come_as_one_tensor_have_them_too(way):
    assert_features_and_gradients_agree(
        model_of(), lambda model: model.text_encoder(model.prompt_learner(), model.tokenized_prompts))


def test_deep_prompts_are_refused_where_prompts_share_nothing():
    model = model_of()
    with pytest.raises(ValueError, match="only 0 are"):
        model.text_encoder(model.prompt_learner(), model.tokenized_prompts, [torch.zeros(4, 64)])


def test_texts_have_the_features_of_the_plain_clip(way):
    clip_model = small_clip()
    texts = [*(f"a photo of {name}, a thing." for name in NAMES), " ".join(["cat"] * 74)]  # up to the last position
    tokens = tokenize(texts, 77)
    expected = clip_model.encode_text(torch.nn.functional.pad(tokens, (0, 77 - tokens.shape[1])))
    torch.testing.assert_close(encode_texts(clip_model, texts), expected, rtol=1e-4, atol=1e-4)


def rows_of(*prompts):
    length = max(map(len, prompts))
    return np.array([[*prompt, *[-1] * (length - len(prompt))] for prompt in prompts])


def test_end_of_text_is_in_no_prefix():
    assert packing.shared_prefix(rows_of((5, 6, 7), (5, 6, 7))) == 2
    assert packing.shared_prefix(rows_of((5, 6), (5, 6, 7))) == 1
    assert packing.shared_prefix(rows_of((1, 2), (3, 4))) == 0


def test_a_sequence_holds_the_prefix_once_and_equal_prompts_once():
    rows = rows_of((1, 2, 3, 9), (1, 2, 9), (1, 2, 3, 9), (1, 2, 4, 9))
    (sequence,), which = packing.pack(rows, torch.device("cpu"), tokens=100)
    assert sequence.rows.tolist() == [1, 2, 9, 3, 9, 4, 9]
    assert sequence.positions.tolist() == [0, 1, 2, 2, 3, 2, 3]
    assert sequence.ends.tolist() == [2, 4, 6] and which.tolist() == [1, 0, 1, 2]


def test_suffixes_in_powers_of_two_repeat_end_of_text():
    sequence = packing.Packing(rows_of((1, 2, 9), (1, 3, 4, 9)), torch.device("meta"))
    assert len(sequence.rows) == 1 + 2 + 4 and [group.length for group in sequence.groups] == [2, 4]


def test_many_prompts_go_in_several_sequences_of_about_one_size():
    rows = np.arange(1, 601).reshape(200, 3)
    sequences, which = packing.pack(rows, torch.device("cpu"), tokens=100)
    assert [len(sequence.rows) for sequence in sequences] == [99, 99, 102, 99, 99, 102]
    ends = torch.cat([sequence.rows[sequence.ends] for sequence in sequences])
    assert torch.equal(ends[which], torch.from_numpy(rows[:, -1]))


def values_kept(model):
    """Values that the graph of the text features keeps, and how often a block is gone through forth and back."""
    kept, calls = [], []
    handle = model.text_encoder.transformer.resblocks[0].mlp.register_forward_hook(lambda *_: calls.append(1))
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()) or tensor, lambda x: x):
        features = model.encode_prompts()
    features.sum().backward()
    handle.remove()
    return sum(kept), len(calls)


def test_several_sequences_leave_no_graph_and_are_encoded_again(monkeypatch):
    model = model_of()
    monkeypatch.setattr(encoders, "TOKENS", 8)
    packings, _ = model.text_encoder._packings(model.prompt_learner.prompts().rows)
    kept, calls = values_kept(model)
    assert len(packings) > 1 and calls == 2 * len(packings)
    model.text_encoder.memory_mb = encoders.NEVER
    all_kept, calls = values_kept(model)
    assert calls == 1 and kept < all_kept / 10


def test_several_sequences_are_encoded_again_in_the_precision_of_the_first_time(monkeypatch):
    gradients = []
    for tokens in (8, 100):
        monkeypatch.setattr(encoders, "TOKENS", tokens)
        model = model_of()
        with torch.autocast("cpu", torch.bfloat16):
            features = model.encode_prompts()
        assert features.dtype is torch.bfloat16
        features.float().square().sum().backward()
        gradients.append(model.prompt_learner.ctx.grad)
    torch.testing.assert_close(*gradients, rtol=0, atol=0.05 * gradients[0].abs().max().item())


def test_a_budget_of_memory_sets_the_length_of_sequences():
    encoder = model_of().text_encoder  # 2 blocks of width 64, 4 bytes a value
    for encoder.memory_mb, tokens in ((encoders.AUTOMATIC, 6144), (3, 3 * 2**20 // (20 * 2 * 64 * 4))):
        assert encoder._tokens() == tokens
    with torch.no_grad():
        assert encoder._tokens() == 6144


def test_a_sequence_is_planned_once_as_long_as_the_classes_are_the_same(monkeypatch):
    calls, pack = [], packing.pack
    monkeypatch.setattr(encoders, "pack", lambda *args: calls.append(1) or pack(*args))
    model = model_of()
    for _ in range(3):
        model.encode_prompts()
    assert len(calls) == 1
    model.prompt_learner.classnames = NAMES[1:3]
    assert len(model.encode_prompts()) == 2 and len(calls) == 2


def test_image_tower_without_prompts_is_the_plain_clip():
    clip_model, images = small_clip(), torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(ImageEncoder(clip_model)(images), clip_model.encode_image(images))


def test_the_last_block_computes_the_read_tokens_alone():
    transformer, sizes = small_clip().transformer, []
    for block in transformer.resblocks:
        block.mlp.register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    run_blocks(transformer, torch.randn(6, 3, 64), lambda module, q, y: module(q, y, y)[0], lambda x: x[[1, 4]])
    assert sizes == [6, 2]


@pytest.mark.parametrize("first", [1, -2])
def test_deep_prompts_overwrite_their_tokens(first):
    x, vectors = torch.randn(6, 3, 64), torch.full((2, 64), 7.0)
    for tokens in (x, x[:, 0]):
        written = overwrite(tokens, vectors, first)
        kept = [k for k in range(6) if k not in (first % 6, first % 6 + 1)]
        assert torch.equal(written[kept], tokens[kept]) and (written[[first % 6, first % 6 + 1]] == 7).all()


def test_both_towers_attend_by_the_fused_kernel():
    """At least one call in each of the four blocks, and no attention of products and softmax."""
    called = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            called.append(function.name())
            return function(*args, **(kwargs or {}))

    model = model_of()
    with Watch():
        model(torch.randn(2, 3, 32, 32)).sum().backward()
    assert sum("scaled_dot_product" in name and "backward" not in name for name in called) >= 4
    assert not any("softmax" in name for name in called)
