"""The words next to learned vectors: right distances, in the right layer, for all methods with text prompts."""
import csv
import json
import os
import subprocess
import sys

import pytest
import torch
from paths import REPOSITORY
from small_run import call, make_room, words

from compat.errors import UserError
from predict import load_run
from predict.interpret import interpret
from predict.interpret_command import main
from trainers.prompting.clip_loading import load_clip
from trainers.prompting.encoders import embed_tokens
from trainers.prompting.tokens import token_text, tokenize, tokens_of

SMALL = ["USE_CUDA", False, *(word for node in ("PROMPTSRC", "IVLP") for tower in ("TEXT", "VISION")
                              for word in (f"TRAINER.{node}.PROMPT_DEPTH_{tower}", 2))]  # the CLIP has two layers
TEMPLATE = "a photo of a {}, drawn."
HAND_WRITTEN = ["a", "photo", "of", "a", ",", "drawn", "."]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield make_room(tmp_path_factory.mktemp("room"))


def trained(room, trainer, output="run", classes="base", pairs=()):
    folder = f"{trainer}/{output}"
    if not (room / folder / "done").exists():
        done = call(words(room, output=folder, trainer=trainer, pairs=[
            "DATASET.SUBSAMPLE_CLASSES", classes, "DATASET.TEMPLATE", TEMPLATE, *SMALL, *pairs]))
        assert done.code == 0, done
    return room / folder


def hidden_states(room, text):
    """Input (tokens, width) of each block for a text, as CLIP's own forward pass makes it."""
    clip_model, states = load_clip(str(room / "clip.pt")), []
    for block in clip_model.transformer.resblocks:
        block.register_forward_pre_hook(lambda _, args: states.append(args[0][:, 0]))
    tokens = tokenize([text], 77)
    clip_model.encode_text(torch.nn.functional.pad(tokens, (0, 77 - tokens.shape[1])))
    return states


@pytest.mark.parametrize("trainer", ["CoOp", "KgCoOp", "CoCoOp", "MaPLe", "IVLP", "PromptSRC"])
def test_distances_layer_by_layer(room, trainer):
    folder = trained(room, trainer)
    state = load_run(folder).trainer.model.state_dict()
    learned = {key: value for key, value in state.items()
               if key.endswith("ctx") or "compound_prompts_text" in key or key.startswith("text_encoder")}
    layers = [learned[key] for key in sorted(learned, key=lambda key: not key.endswith("ctx"))]
    assert len(layers) == (1 if trainer in ("CoOp", "KgCoOp", "CoCoOp") else 2)
    found = interpret(load_run(folder), topk=3)
    assert [(one.layer, one.number) for one in found] == [
        (layer, number) for layer, vectors in enumerate(layers, 1) for number in range(1, len(vectors) + 1)]
    clip_model = load_clip(str(room / "clip.pt"))
    table = clip_model.token_embedding.weight
    states = hidden_states(room, TEMPLATE.format("cat"))
    for one in found:
        vector = layers[one.layer - 1][one.number - 1]
        distances = (table - vector).square().sum(dim=1).sqrt()
        assert [word.distance for word in one.nearest] == pytest.approx(sorted(distances.tolist())[:3], rel=1e-4)
        assert all(distances[word.token] == pytest.approx(word.distance, rel=1e-4) for word in one.nearest)
        assert one.median == pytest.approx(distances.median().item(), rel=1e-4)
        if one.layer == 1:
            assert [word.text for word in one.zero_shot] == HAND_WRITTEN
            assert [word.distance for word in one.zero_shot] == pytest.approx(
                [distances[word.token].item() for word in one.zero_shot], rel=1e-4)
        else:
            assert [word.text for word in one.zero_shot] == HAND_WRITTEN[:4]
            assert [word.distance for word in one.zero_shot] == pytest.approx(
                [(states[1][k] - vector).norm().item() for k in range(1, 5)], rel=1e-4)


def test_vectors_that_start_from_words_and_learn_nothing_lie_on_them(room):
    folder = trained(room, "CoOp", "words", pairs=["TRAINER.COOP.CTX_INIT", "a photo of a", "OPTIM.LR", 1e-12])
    found = interpret(load_run(folder), topk=1)
    assert [one.nearest[0].text for one in found] == HAND_WRITTEN[:4]
    assert [one.zero_shot[k].distance for k, one in enumerate(found)] == pytest.approx([0] * 4, abs=1e-5)
    assert all(one.nearest[0].distance < 0.01 * one.median for one in found)


def test_class_specific_context_is_told_class_by_class(room, capsys):
    folder = trained(room, "CoOp", "csc", pairs=["TRAINER.COOP.CSC", True])
    found = interpret(load_run(folder), topk=2)
    assert [(one.classname, one.number) for one in found] == [
        (name, number) for name in ("blue", "green") for number in range(1, 5)]
    assert main(["--model-dir", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "Layer 1, class 'blue'" in out and "Layer 1, class 'green'" in out


def test_step_2_of_mao_and_the_step_before_it(room, tmp_path):
    base = trained(room, "CoOp_MAO", "base", pairs=["OPTIM.LR", 0.5])
    new = trained(room, "CoOp_MAO", "new", "new", ["MAO.BASE_DIR", base, "OPTIM.LR", 0.5])
    files = {}
    for name, words_of_run in (("base", [base]), ("one", [new, "--step", 1]), ("two", [new])):
        files[name] = tmp_path / f"{name}.jsonl"
        assert main(["--output", str(files[name]), "--model-dir", *map(str, words_of_run)]) == 0
    texts = {name: path.read_text() for name, path in files.items()}
    assert texts["base"] == texts["one"] != texts["two"]


def test_files_hold_what_is_printed(room, tmp_path, capsys):
    folder = trained(room, "MaPLe")
    found = interpret(load_run(folder), topk=2)
    rows, lines = tmp_path / "words.csv", tmp_path / "words.jsonl"
    for path in (rows, lines):
        assert main(["--model-dir", str(folder), "--topk", "2", "--output", str(path)]) == 0
    out = capsys.readouterr().out
    assert "MaPLe, prompts of epoch 1" in out and "Layer 2 (hidden states" in out and f"{rows}: 4 vectors" in out
    of_csv = list(csv.DictReader(rows.open(encoding="utf-8")))
    assert [(row["layer"], row["vector"], row["compared_with"], row["rank"], row["token"]) for row in of_csv[:2]] == [
        ("1", "1", "vocabulary", str(rank), str(found[0].nearest[rank - 1].token)) for rank in (1, 2)]
    assert len(of_csv) == 2 * (2 + 7) + 2 * (2 + 4)
    of_json = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    for record, one in zip(of_json, found, strict=True):
        assert record["median_distance"] == pytest.approx(one.median)
        assert [word["text"] for word in record["nearest"]] == [word.text for word in one.nearest]
        assert record["zero_shot"][0]["distance"] == pytest.approx(one.zero_shot[0].distance)
        assert f"{one.nearest[0].text} {one.nearest[0].distance:.3f}" in out


@pytest.mark.parametrize("trainer", ["VPT", "ZeroshotCLIP", "LinearProbe"])
def test_nothing_in_the_text_tower(room, capsys, trainer):
    folder = trained(room, trainer, pairs=["TRAINER.LINEARPROBE.C", 1.0])
    assert main(["--model-dir", str(folder)]) == 2
    assert f"{trainer} learns no vectors in the text tower" in capsys.readouterr().err
    with pytest.raises(UserError, match="such as CoOp or MaPLe"):
        interpret(load_run(folder))


@pytest.mark.parametrize("flags, sentence", [
    (["--topk", "0"], "--topk is 0"), (["--output", "words.txt"], "neither .csv nor .jsonl"),
    (["--epoch", "7"], "no checkpoint"), (["--step", "2"], "is not of step 2 of MAO"), (["more"], "unrecognized")])
def test_wrong_words(room, tmp_path, monkeypatch, capsys, flags, sentence):
    folder = trained(room, "CoOp")
    monkeypatch.chdir(tmp_path)
    assert main(["--model-dir", str(folder), *flags]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("error: ") and sentence in said and not list(tmp_path.iterdir())


def test_the_bundled_clip_has_fewer_words():
    """Rows of zeros, of words that it never saw, are near no vector's side by accident."""
    from predict.clip_words import vocabulary

    clip_model = load_clip("Mini/16")
    known, table = vocabulary(clip_model)
    assert 2000 < len(known) < 3000 and table.any(dim=1).all() and tokens_of("photo")[0] in known
    assert torch.equal(table[known.index(tokens_of("photo")[0])],
                       embed_tokens(clip_model, tokenize(["photo"], 77))[0, 1])


def test_tokens_as_text():
    assert [token_text(token) for token in tokens_of("a snowglobe")] == ["a", "snow…", "globe"]
    assert token_text(49406) == "<|startoftext|>"


def test_a_terminal_without_some_characters(room):
    """A question mark stands for what it cannot show."""
    folder = trained(room, "CoOp", "ascii", pairs=["DATASET.TEMPLATE", "a snowglobé of {}."])
    done = subprocess.run([sys.executable, str(REPOSITORY / "scripts" / "interpret.py"), "--model-dir", str(folder)],
                          capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and b"to 'snow?'" in done.stdout, done.stderr
