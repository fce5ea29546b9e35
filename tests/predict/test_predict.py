"""Runs classify images of one's own: what they say is what train.py's evaluation counts."""
import csv
import json
import os
import shutil
import subprocess
import sys
import types

import numpy as np
import pytest
import torch
from paths import REPOSITORY
from PIL import Image
from small_clip import small_clip_state
from small_run import call, make_room, words

import train
from compat.errors import UserError
from predict import load_run
from predict.command import main
from runs.model_facts import MODEL_FILE

COLOURS = ("blue", "green", "red", "white")
SMALL = ["USE_CUDA", False, *(word for node in ("PROMPTSRC", "IVLP") for tower in ("TEXT", "VISION")
                              for word in (f"TRAINER.{node}.PROMPT_DEPTH_{tower}", 2))]  # the CLIP has two layers


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


# On the bundled data

@pytest.fixture(scope="module")
def pictograms(tmp_path_factory, bundled_root):
    """(data root, output folder of a short run of CoOp_MAO with the bundled CLIP)"""
    folder = tmp_path_factory.mktemp("pictograms")
    assert train.main([
        "--root", str(bundled_root), "--seed", "1", "--trainer", "CoOp_MAO", "--output-dir", str(folder / "run"),
        "--dataset-config-file", str(REPOSITORY / "configs/datasets/pictograms.yaml"),
        "--config-file", str(REPOSITORY / "configs/trainers/CoOp_MAO/mini.yaml"), "VERBOSE", "False",
        "DATASET.NUM_SHOTS", "1", "OPTIM.MAX_EPOCH", "1", "DATALOADER.NUM_WORKERS", "0", "MAO.SIMILARITY", "clip",
        "DATASET.SUBSAMPLE_CLASSES", "base"]) == 0
    return bundled_root, folder / "run"


def test_accuracy_of_a_run_on_the_bundled_data(pictograms, tmp_path, capsys):
    data, run = pictograms
    split = json.loads((data / "pictograms" / "split_zhou_Pictograms.json").read_text())["test"]
    names = json.loads((run / MODEL_FILE).read_text())["classnames"]
    assert len(names) == 56
    wanted = {str(data / "pictograms" / "images" / path): name for path, _, name in split if name in names}
    moved = shutil.copytree(run, tmp_path / "moved")  # nothing but the folder is needed
    output = tmp_path / "found.csv"
    assert main(["--model-dir", str(moved), *wanted, "--output", str(output), "--probabilities"]) == 0
    rows = list(csv.DictReader(output.open()))
    record = json.loads((run / "results.jsonl").read_text().splitlines()[-1])
    assert len(rows) == record["total"]
    assert sum(row["label"] == wanted[row["image"]] for row in rows) == record["correct"]
    for row in rows[:50]:
        values = {name: float(row[f"probability of {name}"]) for name in names}
        assert abs(sum(values.values()) - 1) < 1e-3 and values[row["label"]] == max(values.values())
        assert float(row["probability"]) == values[row["label"]]
    assert f"{len(rows):,} images, 56 classes, prompts of epoch 1" in capsys.readouterr().out


def test_other_classes_and_damaged_images(pictograms, tmp_path):
    data, run = pictograms
    folder = tmp_path / "photos" / "deep" / "er"
    folder.mkdir(parents=True)
    image = next((data / "pictograms" / "images").rglob("*.png"))
    shutil.copy(image, folder / "a.PNG")
    (folder / "b.jpg").write_text("no image")
    (folder / "notes.txt").write_text("no image either")
    (tmp_path / "photos" / ".hidden.png").write_text("")
    names = ["snow globe", "ein Schlüssel", "very " * 90 + "long name"]
    (tmp_path / "names.txt").write_text("\n\n".join(names), encoding="utf-8")
    command = ["--model-dir", str(run), str(tmp_path / "photos"), str(folder / "a.PNG"), "--classes",
               str(tmp_path / "names.txt"), "--output", str(tmp_path / "out.jsonl"), "--topk", "9"]
    assert main(command) == 2 and not (tmp_path / "out.jsonl").exists()
    assert main([*command, "--truncate"]) == 0
    good, bad = map(json.loads, (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines())
    assert good["image"] == str(folder / "a.PNG") and "error" not in good
    assert sorted(found["label"] for found in good["predictions"]) == sorted(names)
    assert bad["image"].endswith("b.jpg") and bad["predictions"] == [] and "cannot identify image" in bad["error"]


def test_script_from_elsewhere(pictograms, tmp_path):
    _, run = pictograms
    Image.new("RGB", (70, 90), "red").save(tmp_path / "red.png")
    command = [sys.executable, "-X", "importtime", str(REPOSITORY / "scripts" / "predict.py"), "--model-dir", str(run),
               "red.png"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "predictions.csv").read_text().startswith("image,label,probability,error\nred.png,")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "torch" in imported and "torch._dynamo" not in imported  # its compiler, which optimizers import


# Methods, on a small random CLIP

@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return make_room(tmp_path_factory.mktemp("room"))


def trained(room, trainer, output="run", classes="base", pairs=("INPUT.NORMALIZE_ON_DEVICE", True)):
    folder = f"{trainer}/{output}"
    if not (room / folder / "done").exists():
        done = call(words(room, output=folder, trainer=trainer, pairs=[
            "DATASET.SUBSAMPLE_CLASSES", classes, *SMALL, *pairs]))
        assert done.code == 0, done
    return room / folder


def images_to_test(room):
    return sorted((room / "images" / "test").rglob("*.png"))


def evaluated(room, trainer, folder, classes, monkeypatch):
    """Logits of train.py's own test of a run, in the order of ``images_to_test`` of the classes."""
    kept = []
    import dassl.evaluation.evaluator as evaluator

    process = evaluator.Classification.process
    monkeypatch.setattr(evaluator.Classification, "process", lambda self, logits, label: (
        kept.append(logits.float().cpu()), process(self, logits, label)))
    flags = ["--eval-only", "--model-dir", str(folder)] if folder else []
    done = call(words(room, *flags, output=f"{trainer}/evaluated-{classes}", trainer=trainer, pairs=[
        "DATASET.SUBSAMPLE_CLASSES", classes, *SMALL]))
    assert done.code == 0, done
    return torch.cat(kept)


@pytest.mark.parametrize("trainer", ["CoOp", "CoCoOp", "KgCoOp", "VPT", "IVLP", "MaPLe", "PromptSRC"])
def test_new_classes_by_names_alone(room, trainer, monkeypatch):
    """Open vocabulary: given their names, the classes that were not trained on get the evaluation's logits."""
    folder = trained(room, trainer)
    logits = evaluated(room, trainer, folder, "new", monkeypatch)
    images = [path for path in images_to_test(room) if path.parent.name in COLOURS[2:]]
    model = load_run(folder, ["red", "white"])
    found = model.predict(images, topk=2)
    for row, prediction in zip(logits.softmax(dim=1), found, strict=True):
        assert dict(prediction.classes) == pytest.approx({"red": row[0].item(), "white": row[1].item()}, abs=1e-5)
        assert prediction.label == ("red" if row[0] >= row[1] else "white")
    if trainer == "CoCoOp":
        with pytest.raises(UserError, match="depend on the image"):
            model.features(images)
        return
    arrays = model.features(images)
    scale = model.trainer.model.logit_scale.exp().item()
    again = torch.tensor(scale * arrays["image_features"] @ arrays["text_features"].T)
    assert torch.allclose(again, logits, atol=1e-3) and list(arrays["classnames"]) == ["red", "white"]
    assert np.allclose(np.linalg.norm(arrays["image_features"], axis=1), 1, atol=1e-5)


def test_zero_shot_run(room, monkeypatch):
    logits = evaluated(room, "ZeroshotCLIP", None, "all", monkeypatch)
    model = load_run(room / "ZeroshotCLIP" / "evaluated-all")
    assert model.classnames == list(COLOURS)
    found = model.predict(images_to_test(room), topk=4)
    for row, prediction in zip(logits.softmax(dim=1), found, strict=True):
        assert dict(prediction.classes) == pytest.approx(dict(zip(COLOURS, row.tolist(), strict=True)), abs=1e-5)
    assert model.features(images_to_test(room))["image_features"].shape == (8, 32)


def test_steps_of_mao(room):
    base = trained(room, "CoOp_MAO", "base", pairs=["OPTIM.LR", 0.5])
    new = trained(room, "CoOp_MAO", "new", "new", ["MAO.BASE_DIR", base, "OPTIM.LR", 0.5])
    models = {step: load_run(new, step=step) for step in (None, 1, 2)}
    learned = {step: model.trainer.model.prompt_learner.ctx.detach() for step, model in models.items()}
    of_base = load_run(base).trainer.model.prompt_learner.ctx
    assert all(model.classnames == ["red", "white"] for model in models.values())
    assert torch.equal(learned[None], learned[2]) and torch.equal(learned[1], of_base)
    assert not torch.equal(learned[1], learned[2])
    with pytest.raises(UserError, match="is not of step 2 of MAO"):
        load_run(base, step=2)
    moved = room / "moved"
    shutil.copytree(new, moved)
    with pytest.raises(UserError, match="step 1 of .*moved' is not in .* any more"):
        load_run(moved, step=1)


def test_images_of_pillow(room):
    model = load_run(trained(room, "CoOp"))
    path = images_to_test(room)[0]
    of_path, of_image, absent = model.predict([path, Image.open(path).convert("RGBA"), "absent.png"])
    assert of_path.classes == of_image.classes and of_path.image == str(path) and of_image.image == ""
    assert absent.error == "there is no such file" and absent.label == "" and absent.probability != absent.probability


def test_class_specific_context_has_its_classes_alone(room):
    folder = trained(room, "CoOp", "csc", pairs=["TRAINER.COOP.CSC", True])
    assert load_run(folder).classnames == ["blue", "green"]
    with pytest.raises(UserError, match="a context of its own for each class"):
        load_run(folder, ["red", "white"])


def test_weights_that_moved_or_changed(room, tmp_path, monkeypatch):
    folder = trained(room, "CoOp")
    torch.save(small_clip_state(seed=1), tmp_path / "other.pt")
    with pytest.raises(UserError, match="other.pt' are not those that .* was trained on"):
        load_run(folder, backbone=str(tmp_path / "other.pt"))
    shutil.copy(room / "clip.pt", tmp_path / "moved.pt")
    assert load_run(folder, backbone=str(tmp_path / "moved.pt")).classnames == ["blue", "green"]
    with pytest.raises(UserError, match=r"absent.pt', which .* are not there: say where they are \(--backbone\)"):
        load_run(folder, backbone=str(tmp_path / "absent.pt"))
    monkeypatch.chdir(room)
    relative = trained(room, "CoOp", "relative", pairs=["MODEL.BACKBONE.NAME", "clip.pt"])
    monkeypatch.chdir(tmp_path)
    assert load_run(relative).cfg.MODEL.BACKBONE.NAME == str(room / "clip.pt")


def test_run_of_an_earlier_version(room, tmp_path):
    old = shutil.copytree(trained(room, "CoOp"), tmp_path / "old")
    (old / MODEL_FILE).unlink()
    with pytest.raises(UserError, match="does not say which classes .*--classes"):
        load_run(old)
    assert load_run(old, ["blue", "green"]).classnames == ["blue", "green"]
    for content in ("[]", "{", '{"classnames": 3}', '{"classnames": ["a"], "template": 1}'):
        (old / MODEL_FILE).write_text(content)
        with pytest.raises(UserError, match="model.json' does not say"):
            load_run(old)


@pytest.mark.parametrize("change, sentence", [
    (dict(model="absent"), "there is no folder"), (dict(model="."), "holds no run.json"),
    (dict(images=["absent.jpg"]), "there is no image or folder 'absent.jpg'"),
    (dict(images=["empty"]), "no images in 'empty'"),
    (dict(flags=["--output", "out.xlsx"]), "ends in neither .csv nor .jsonl"),
    (dict(flags=["--features", "out.csv"]), "does not end in .npz"), (dict(flags=["--topk", "0"]), "--topk is 0"),
    (dict(flags=["--epoch", "7"]), "no checkpoint"), (dict(flags=["--classes", "absent"]), "cannot be read"),
    (dict(flags=["--classes", "empty.txt"]), "holds no names"),
    (dict(flags=["--classes", "twice.txt"]), "'cat' is there twice"),
    (dict(flags=["--classes", "bytes.txt"]), "it is not UTF-8"), (dict(flags=["--step", "3"]), "invalid choice"),
    (dict(flags=["--output", "empty/x/out.csv", "--what"]), "unrecognized arguments"),
])
def test_wrong_words(room, tmp_path, monkeypatch, capsys, change, sentence):
    usual = {"model": str(trained(room, "CoOp")), "images": [str(room / "images")], "flags": []}
    change = types.SimpleNamespace(**{**usual, **change})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for name, content in (("empty.txt", b"\n"), ("twice.txt", b"cat\ndog\ncat\n"), ("bytes.txt", b"\xff\xfe\xff")):
        (tmp_path / name).write_bytes(content)
    assert main(["--model-dir", change.model, *change.images, *change.flags]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("error: ") and sentence in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bytes.txt", "empty", "empty.txt", "twice.txt"]


def test_features_file(room, tmp_path):
    output = tmp_path / "f.npz"
    (tmp_path / "bad.png").write_text("")
    images = [str(path) for path in images_to_test(room)]
    assert main(["--model-dir", str(trained(room, "CoOp")), *images, str(tmp_path / "bad.png"), "--batch-size", "3",
                 "--features", str(output), "--output", str(tmp_path / "p.csv")]) == 0
    arrays = np.load(output)
    assert list(arrays["paths"]) == images and arrays["image_features"].shape == (8, 32)
    rows = list(csv.DictReader((tmp_path / "p.csv").open()))
    best = (arrays["image_features"] @ arrays["text_features"].T).argmax(axis=1)
    assert [row["label"] for row in rows] == [*arrays["classnames"][best], ""]
