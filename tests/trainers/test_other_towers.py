"""The methods train and are tested on a CLIP of another kind than OpenAI's: GELU, and image heads of 80."""
import json

import open_clip
import pytest
import torch
from small_run import call, make_room, words
from transformers import CLIPConfig, CLIPModel

from predict import load_run
from predict.interpret import interpret
from trainers.prompting.tokens import tokenize

DEPTHS = ["TRAINER.MAPLE.PROMPT_DEPTH", 2, "TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT", 2,
          "TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION", 2, "TRAINER.PROMPTSRC.PREC", "fp32", "USE_CUDA", False]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    folder = make_room(tmp_path_factory.mktemp("room"))
    torch.manual_seed(0)
    tower = {"num_hidden_layers": 2, "hidden_act": "gelu"}
    CLIPModel(CLIPConfig(
        projection_dim=32, text_config={**tower, "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 2},
        vision_config={**tower, "hidden_size": 160, "intermediate_size": 240, "num_attention_heads": 2,
                       "image_size": 32, "patch_size": 16})).save_pretrained(folder / "gelu")
    return folder


@pytest.fixture(autouse=True)
def own_cache(room, monkeypatch):
    monkeypatch.setenv("MAO_CACHE", str(room / "cache"))


def run(room, trainer, output, *flags, classes="base", pairs=()):
    done = call(words(room, *flags, output=f"{trainer}/{output}", trainer=trainer, pairs=[
        "MODEL.BACKBONE.NAME", room / "gelu", "DATASET.SUBSAMPLE_CLASSES", classes, *DEPTHS, *pairs]))
    assert done.code == 0, done
    return json.loads((room / trainer / output / "results.jsonl").read_text().splitlines()[-1])


@pytest.mark.parametrize("trainer", ["MaPLe", "PromptSRC"])
def test_backbone(room, trainer):
    run(room, trainer, "base")
    record = run(room, trainer, "new", "--eval-only", "--model-dir", str(room / trainer / "base"), classes="new")
    assert 0 <= record["accuracy"] <= 100
    done = call(words(room, "--eval-only", "--model-dir", str(room / trainer / "base"), output="other", trainer=trainer,
                      pairs=["MODEL.BACKBONE.NAME", room / "clip.pt", "DATASET.SUBSAMPLE_CLASSES", "new", *DEPTHS]))
    assert done.code == 2 and "is of a run with clip" in done.sentences[0]


@pytest.mark.parametrize("trainer", ["CoOp_MAO", "MaPLe_MAO", "PromptSRC_MAO"])
def test_mao(room, trainer):
    run(room, trainer, "base")
    record = run(room, trainer, "new", classes="new", pairs=["MAO.BASE_DIR", room / trainer / "base"])
    assert 0 <= record["accuracy"] <= 100


def test_words_next_to_deep_vectors_are_those_of_the_model_itself(room):
    """Hidden states of the template's words, as transformers computes them."""
    run(room, "MaPLe", "base")
    model = load_run(room / "MaPLe" / "base")
    with torch.no_grad():
        states = CLIPModel.from_pretrained(room / "gelu").text_model(
            tokenize(["a photo of a"], 77), output_hidden_states=True).hidden_states
    deep = [one for one in interpret(model) if one.layer == 2]
    vectors = model.trainer.model.prompt_learner.compound_prompts_text[0].detach()
    for one, vector in zip(deep, vectors, strict=True):
        assert [word.text for word in one.zero_shot] == ["a", "photo", "of", "a"]
        assert [word.distance for word in one.zero_shot] == pytest.approx(
            [(state - vector).norm().item() for state in states[1][0, 1:5]], rel=1e-4)


def test_linear_probe(room):
    record = run(room, "LinearProbe", "base", pairs=["TRAINER.LINEARPROBE.C", 1.0])
    assert record["num_classes"] == 2 and 0 <= record["accuracy"] <= 100


def test_size_of_images(room):
    run(room, "MaPLe", "large", pairs=["INPUT.SIZE", "(48, 48)", "MODEL.CLIP.INTERPOLATE", True])


def test_model_of_open_clip(room):
    tower = {"layers": 2, "width": 64, "mlp_ratio": 2.0}
    (room / "tiny-tower.json").write_text(json.dumps({
        "embed_dim": 32, "text_cfg": {**tower, "heads": 2},
        "vision_cfg": {**tower, "width": 160, "head_width": 80, "image_size": 32, "patch_size": 16}}))
    open_clip.add_model_config(room / "tiny-tower.json")
    torch.save(open_clip.create_model("tiny-tower").state_dict(), room / "tower.pt")
    name = f"open_clip:tiny-tower@{room / 'tower.pt'}"
    run(room, "ZeroshotCLIP", "all", classes="all", pairs=["MODEL.BACKBONE.NAME", name])
